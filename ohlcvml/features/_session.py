"""Where a bar stands in its session and against the session before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import boolean, duration, instance_of, integer, optional
from ohlcvml._time import span_nanoseconds
from ohlcvml.bars.market import Contract, Sessions
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import DAY, NO_TIME, BaseFeature, Column
from ohlcvml.streams.kernels import compiled, inlined, settling, smooth, true_range

_MINUTE = DAY // 1440
# State of this session: prices, the range of its first minutes, volume, and volume times (price -
# open); the anchor at the open keeps the digits of the latter.
_OPEN, _HIGH, _LOW, _FIRST_HIGH, _FIRST_LOW, _VOLUME, _MONEY = 0, 1, 2, 3, 4, 5, 6
# Of the session before: open, high, low as above, and its last close.
_CLOSE = 3
# Counters: session, whether its start was seen, and that of the one before; bars of the session,
# bars of its first minutes, all bars.
_SESSION, _SEEN, _SEEN_BEFORE, _BARS, _FIRST_BARS, _COUNT = 0, 1, 2, 3, 4, 5


@inlined
def _enter(open_, session, at_open, now, before, last_close, marks):  # type: ignore[no-untyped-def]
    """Begin a session: what was this session becomes the one before."""
    marks[_SEEN_BEFORE] = marks[_SEEN]
    before[_OPEN], before[_HIGH], before[_LOW] = now[_OPEN], now[_HIGH], now[_LOW]
    before[_CLOSE] = last_close
    # Without a bar before, it is the start only if it stands at the session's open.
    marks[_SEEN] = 1 if marks[_COUNT] > 0 or at_open else 0
    marks[_SESSION], marks[_BARS], marks[_FIRST_BARS] = session, 0, 0
    now[_OPEN], now[_HIGH], now[_LOW] = open_, -np.inf, np.inf
    now[_FIRST_HIGH], now[_FIRST_LOW] = -np.inf, np.inf
    now[_VOLUME], now[_MONEY] = 0.0, 0.0


@inlined
def _step(  # type: ignore[no-untyped-def]
    open_, high, low, close, volume, since, length, session, bar_size, opening, edge, atr_window,
    now, before, scale, marks, out, t,
):  # fmt: skip
    # since: nanoseconds from the open to the stamp; scale: previous close, average true range
    if marks[_COUNT] == 0 or session != marks[_SESSION]:
        _enter(open_, session, since == 0, now, before, scale[0], marks)
    if marks[_COUNT] > 0:
        span = true_range(high, low, scale[0])
        scale[1] = smooth(scale[1], span, marks[_COUNT], atr_window, 1.0 / atr_window)
    scale[0] = close
    marks[_COUNT] += 1
    marks[_BARS] += 1
    now[_HIGH], now[_LOW] = max(now[_HIGH], high), min(now[_LOW], low)
    if since < opening:
        marks[_FIRST_BARS] += 1
        now[_FIRST_HIGH] = max(now[_FIRST_HIGH], high)
        now[_FIRST_LOW] = min(now[_FIRST_LOW], low)
    if volume >= 0:
        now[_VOLUME] += volume
        now[_MONEY] += volume * ((high + low + close) / 3.0 - now[_OPEN])
    vwap = now[_OPEN] + now[_MONEY] / now[_VOLUME] if now[_VOLUME] > 0 else close

    elapsed = since + bar_size  # what has passed when the bar is known
    out[0, t] = min(elapsed / length, 1.0)
    out[1, t] = min(elapsed, edge) / _MINUTE
    out[2, t] = max(min(length - elapsed, edge), 0) / _MINUTE
    out[3:, t] = np.nan
    seen, settled = marks[_SEEN] == 1, marks[_COUNT] > atr_window and scale[1] > 0
    unit = 1.0 / scale[1] if settled else np.nan
    if seen:
        root = unit / math.sqrt(marks[_BARS])
        reach = now[_HIGH] - now[_LOW]
        out[3, t] = (close - now[_OPEN]) * root
        out[4, t] = reach * root
        out[5, t] = (close - now[_LOW]) / reach if reach > 0 else 0.5
        first = now[_FIRST_HIGH] - now[_FIRST_LOW] if marks[_FIRST_BARS] > 0 else 0.0
        out[6, t] = (close - now[_FIRST_LOW]) / first if first > 0 else 0.5
        if out.shape[0] > 11:
            out[11, t] = (close - vwap) * unit
    if seen and marks[_SEEN_BEFORE] == 1:
        reach = before[_HIGH] - before[_LOW]
        share = 1.0 / reach if reach > 0 else np.nan
        out[7, t] = (now[_OPEN] - before[_CLOSE]) * share
        out[8, t] = (before[_CLOSE] - before[_OPEN]) * share
        out[9, t] = (close - before[_HIGH]) * unit
        out[10, t] = (close - before[_LOW]) * unit


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    open_, high, low, close, volume, time, session, opened, closed = inputs
    bar_size, opening, edge, atr_window = params
    now, before, scale, marks = state
    for t in range(first, last):
        if np.isnan(close[t]) or time[t] == NO_TIME:
            out[:, t] = np.nan
        else:
            _step(
                open_[t], high[t], low[t], close[t], volume[t],
                time[t] - opened[t], closed[t] - opened[t], session[t],
                bar_size, opening, edge, atr_window, now, before, scale, marks, out, t,
            )  # fmt: skip


class SessionFeatures(BaseFeature):
    """Time, return, range and VWAP of the session so far, and the session before.

    Row t uses rows up to and including t of this session and the one before (the last that has
    bars), and the calendar, which is public; time counts to the moment at which bar t is known.
    ``describe()`` says what the columns mean. What needs the start of a session is NaN until one
    was seen: a bar of another session before it, or a first bar stamped at the open itself.

    A bar outside the nominal session belongs to the one that has ended. A bar with a missing price
    gives NaN and is passed over, as is a missing volume for the VWAP. Rows without dates are NaN.

    Parameters
    ----------
    contract : str, Contract or None, default=None
        Its calendar gives the sessions; None: days in UTC.
    bar_size : str or pd.Timedelta, default="1min"
        Size of the bars; bars of another size raise. Says when a bar is known.
    volume : bool, default=True
        Whether to give ``session_vwap_distance``; False for instruments without volume.
    opening_minutes : int, default=30
        Bars stamped in so many first minutes make the opening range.
    edge_minutes : int, default=60
        Minutes from the open and to the close count up to this many.
    atr_window : int, default=14
        Window of the average true range, in bars.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        A bound: bars that two sessions of 24 hours hold; bars that stand outside every session, at
        weekends or on holidays, come on top.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import SessionFeatures
    >>> bars = simulate_bars(3000, seed=0, start="2024-01-02 17:00", sessions=True).bars
    >>> table = SessionFeatures("ES").fit_transform(bars)
    >>> table["session_range_position"].first_valid_index()
    Timestamp('2024-01-02 23:00:00+0000', tz='UTC')
    >>> table["minutes_to_close"].loc["2024-01-03 20:58":"2024-01-03 21:00"].tolist()
    [60.0, 60.0, 59.0]
    """

    _parameter_rules = {
        "contract": optional(instance_of(str, Contract)),
        "bar_size": duration(),
        "volume": boolean(),
        "opening_minutes": integer(1),
        "edge_minutes": integer(1),
        "atr_window": integer(1),
    }
    _kernel = staticmethod(_run)
    _column_table = COLUMNS
    lookback_is_bound = True

    def __init__(
        self,
        contract: str | Contract | None = None,
        bar_size: str | pd.Timedelta = "1min",
        volume: bool = True,
        opening_minutes: int = 30,
        edge_minutes: int = 60,
        atr_window: int = 14,
    ) -> None:
        self.contract = contract
        self.bar_size = bar_size
        self.volume = volume
        self.opening_minutes = opening_minutes
        self.edge_minutes = edge_minutes
        self.atr_window = atr_window
        super().__init__()

    @property
    def _inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        calendar = Sessions.of(self.contract).calendar or ""
        volume = "volume" if self.volume else "any_volume"  # the latter is not used
        clocks = (f"{name}@{calendar}" for name in ("session", "session_open", "session_close"))
        return ("open", "high", "low", "close", volume, f"time@{self.bar_size}", *clocks)

    def _columns(self) -> list[Column]:
        return super()._columns()[: None if self.volume else -1]

    @property
    def lookback(self) -> int:
        """Bars that two sessions of 24 hours hold, or that the ATR needs to settle."""
        settled = self.atr_window + settling(1 / self.atr_window, self.lookback_tolerance)
        return int(max(2 * -(-DAY // self._bar_size()), settled))

    def _bar_size(self) -> int:
        return span_nanoseconds(self.bar_size)

    def _kernel_params(self) -> tuple[Any, ...]:
        opening, edge = self.opening_minutes * _MINUTE, self.edge_minutes * _MINUTE
        return (self._bar_size(), int(opening), int(edge), int(self.atr_window))

    def _initial_state(self) -> dict[str, Any]:
        return {
            "now": np.zeros(7),
            "before": np.zeros(4),
            "scale": np.zeros(2),
            "marks": np.zeros(6, dtype=np.int64),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"contract": "ES", "atr_window": 3},
            {
                "bar_size": "30s",
                "volume": False,
                "opening_minutes": 5,
                "edge_minutes": 20,
                "atr_window": 2,
            },
        ]
