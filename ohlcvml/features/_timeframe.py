"""Features of coarser bars, held until the next coarse bar is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import Rule, check_parameters, duration, instance_of, optional
from ohlcvml._time import span_nanoseconds
from ohlcvml.bars import OHLCV
from ohlcvml.bars.market import Contract, Sessions
from ohlcvml.exceptions import ParameterError
from ohlcvml.streams import (
    DAY,
    NO_TIME,
    BarRow,
    BaseFeature,
    Channels,
    Column,
    Node,
    check_unique,
    is_ours,
    warm_up,
)
from ohlcvml.streams.kernels import compiled, entry_of
from ohlcvml.typing import Bars, FloatArray, IntArray

# Positions in the clock of a coarse bar in the making: its start, whether it has bars, whether its
# first bar was seen, whether any bar was seen at all, coarse bars complete so far.
_START, _OPEN, _WHOLE, _SEEN, _COUNT = 0, 1, 2, 3, 4


@compiled
def _emit(clock, partial, starts, coarse):  # type: ignore[no-untyped-def]
    if clock[_OPEN] and clock[_WHOLE]:
        n = clock[_COUNT]
        starts[n] = clock[_START]
        for k in range(5):
            coarse[k, n] = partial[k]
        clock[_COUNT] = n + 1
    clock[_OPEN] = 0


@compiled
def _aggregate(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    """Complete coarse bars go to ``coarse``, and how many there are after each row to ``done``."""
    time, open_, high, low, close, volume, session_open, session_close = inputs
    size, bar_size = params
    clock, partial = state
    starts, coarse, done = out
    for t in range(first, last):
        stamp = time[t]
        if not np.isnan(close[t]) and stamp != NO_TIME:
            if stamp >= session_close[t]:  # outside the session, whose bars are all over
                _emit(clock, partial, starts, coarse)
            else:
                opened = session_open[t]
                start = opened + (stamp - opened) // size * size
                if clock[_OPEN] and start != clock[_START]:
                    _emit(clock, partial, starts, coarse)
                # A stray bar lies in a span that is known to be over.
                stray = not clock[_OPEN] and clock[_SEEN] and start == clock[_START]
                if not stray:
                    if clock[_OPEN]:
                        partial[1] = max(partial[1], high[t])
                        partial[2] = min(partial[2], low[t])
                        partial[4] += volume[t]
                    else:
                        # What precedes the first bar ever seen is unknown, unless it opens the span
                        clock[_WHOLE] = 1 if clock[_SEEN] or stamp == start else 0
                        clock[_START], clock[_OPEN] = start, 1
                        partial[0], partial[1], partial[2] = open_[t], high[t], low[t]
                        partial[4] = volume[t]
                    partial[3] = close[t]
                    if stamp + bar_size >= min(start + size, session_close[t]):
                        _emit(clock, partial, starts, coarse)
            clock[_SEEN] = 1
        done[t] = clock[_COUNT]


@compiled
def _hold(close, done, first, last, before, coarse, out):  # type: ignore[no-untyped-def]
    for k in range(out.shape[0]):
        for t in range(first, last):
            known = done[t] > before and not np.isnan(close[t])
            out[k, t] = coarse[k, done[t] - 1] if known else np.nan


class _TimeframeNode:
    """Coarse bars made of the bars pushed, and a stream of features over them."""

    def __init__(self, whole: TimeframeFeatures, source: BarRow, out: FloatArray) -> None:
        self._inputs = tuple(source[name] for name in whole._inputs)
        feature = whole.features
        self._source, self._out = source, out
        self._clock, self._partial = np.zeros(5, dtype=np.int64), np.zeros(5)
        # One bar may complete two: the one before, and the one it belongs to.
        self._starts, self._coarse = np.zeros(2, dtype=np.int64), np.zeros((5, 2))
        self._done = np.zeros(1, dtype=np.int64)
        self._bar = BarRow(type(feature).__name__)
        self._row = np.full(len(out), np.nan)
        self._node = feature._node(self._bar, self._row)
        arrays = (self._clock, self._partial), (self._starts, self._coarse, self._done)
        self._arguments = (self._inputs, 0, 1, whole._nanoseconds(), *arrays)
        self._entry: Callable[..., None] | None = None
        own = {"clock": self._clock, "partial": self._partial, "row": self._row}
        self.state = own | {f"features.{key}": v for key, v in self._node.state.items()}

    def advance(self) -> None:
        self._clock[_COUNT] = 0
        if self._entry is None:
            self._entry = entry_of(_aggregate, self._arguments)
        self._entry(*self._arguments)
        self._bar.plain = self._source.plain
        for n in range(self._clock[_COUNT]):
            self._bar.read(self._coarse[:, n], self._starts[n : n + 1].view("M8[ns]")[0])
            self._node.advance()
        missing = isnan(self._inputs[4][0]) or self._inputs[0][0] == NO_TIME
        self._out[:] = np.nan if missing else self._row

    def compile(self) -> None:
        inputs, first, _, *rest = self._arguments
        _aggregate(inputs, first, first, *rest)
        table = self._row.reshape(-1, 1)
        _hold(self._inputs[4], self._done, 0, 0, 0, table, table)
        self._node.compile()


class TimeframeFeatures(BaseFeature):
    """Features of coarser bars, joined to each bar by the time they are known.

    Row t sees the coarse bars that are complete when bar t is complete. The coarse bar that holds
    bar t is among them only where bar t is its last. Coarse bars are counted from the session's
    open and end at its close at the latest, as :func:`ohlcvml.bars.resample` makes them; bars after
    the nominal close belong to none, nor do bars that come after the last bar of their span. A
    coarse bar whose beginning was not seen is left out. Until the next coarse bar is complete, the
    values of the last one are held.

    Parameters
    ----------
    features : BaseFeature
        What to compute of the coarse bars; one that has nothing to learn (scale afterwards).
    timeframe : str or pd.Timedelta, default="15min"
        Size of the coarse bars, a multiple of ``bar_size``, at most one day. One day is a session.
    contract : str, Contract or None, default=None
        Sessions to count from; None counts from midnight UTC.
    bar_size : str or pd.Timedelta, default="1min"
        Size of the bars; bars of another size raise.

    Attributes
    ----------
    feature_names : list of str
        ``{name}_{timeframe}``.
    lookback : int or None
        A bound: (lookback of the features + 2) times the bars a coarse bar can hold.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, TimeframeFeatures
    >>> hourly = TimeframeFeatures(MomentumFeatures(rsi_windows=(5,)), timeframe="1h")
    >>> table = hourly.fit_transform(simulate_bars(600, seed=0).bars)
    >>> list(table)[0], table["rsi_5_1h"].nunique()
    ('rsi_5_1h', 5)
    """

    _parameter_rules = {
        "features": Rule("a feature of ohlcvml that learns nothing", is_ours),
        "timeframe": duration(),
        "contract": optional(instance_of(str, Contract)),
        "bar_size": duration(),
    }
    _kernel = staticmethod(_aggregate)
    lookback_is_bound = True

    def __init__(
        self,
        features: BaseFeature,
        timeframe: str | pd.Timedelta = "15min",
        contract: str | Contract | None = None,
        bar_size: str | pd.Timedelta = "1min",
    ) -> None:
        self.features = features
        self.timeframe = timeframe
        self.contract = contract
        self.bar_size = bar_size
        super().__init__()

    def __post_init__(self) -> None:
        check_parameters(self)
        who = type(self).__name__
        size, own = self._nanoseconds()
        if size <= own or size % own or size > DAY:
            raise ParameterError(
                f"{who}: parameter 'timeframe' must be a multiple of bar_size={self.bar_size}, "
                f"above it and at most a day; got {self.timeframe!r}. Pass the size of your bars "
                "as bar_size."
            )
        if not self.features.get_tag("fit_is_empty"):
            raise ParameterError(
                f"{who}: parameter 'features' must be a feature of ohlcvml that learns nothing; "
                f"got {type(self.features).__name__}. Scale afterwards: "
                "TimeframeFeatures(features) * scaler."
            )
        check_unique(who, self.feature_names)

    def _columns(self) -> list[Column]:
        label = _label(self._nanoseconds()[0])
        return [
            replace(
                column, name=f"{column.name}_{label}", formula=f"of {label} bars: {column.formula}"
            )
            for column in self.features._columns()
        ]

    @property
    def lookback(self) -> int | None:
        """Bars that the coarse bars a row depends on can hold."""
        size, bar_size = self._nanoseconds()
        inner = self.features.lookback
        return None if inner is None else (inner + 2) * int(-(-size // bar_size))

    @property
    def _inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        calendar = Sessions.of(self.contract).calendar or ""
        prices = ("open", "high", "low", "close", "any_volume")
        clocks = (f"session_open@{calendar}", f"session_close@{calendar}")
        return (f"time@{self.bar_size}", *prices, *clocks)

    def _nanoseconds(self) -> tuple[int, int]:
        return span_nanoseconds(self.timeframe), span_nanoseconds(self.bar_size)

    def _leaves(self) -> list[BaseFeature]:
        return [self, *self.features._leaves()]

    def _write(self, X: Bars, channels: Channels, out: FloatArray) -> None:
        warm_up([self])
        inputs = tuple(channels[name] for name in self._inputs)
        close, bounds = inputs[4], channels.starts
        starts, coarse = np.empty(len(X), dtype=np.int64), np.empty((5, len(X)))
        done = np.empty(len(X), dtype=np.int64)
        ends = np.zeros(len(bounds), dtype=np.int64)  # of each symbol's coarse bars
        for k, (first, last) in enumerate(pairwise(bounds)):
            clock = np.zeros(5, dtype=np.int64)
            clock[_COUNT] = ends[k]
            target = (starts, coarse, done)
            _aggregate(inputs, first, last, self._nanoseconds(), (clock, np.zeros(5)), target)
            ends[k + 1] = clock[_COUNT]
        table = _coarse_bars(X.index, bounds, ends, starts, coarse)
        values = np.empty((len(out), len(table)))
        if len(table):
            inner = Channels(table, type(self.features).__name__)
            inner.plain = channels.plain
            self.features._write(table, inner, values)
        for k, (first, last) in enumerate(pairwise(bounds)):
            _hold(close, done, first, last, ends[k], values, out)

    def _node(self, source: BarRow, out: FloatArray) -> Node:
        return _TimeframeNode(self, source, out)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        from ohlcvml.features._returns import ReturnFeatures
        from ohlcvml.features._volatility import VolatilityFeatures

        volatility = VolatilityFeatures(atr_windows=(2,), parkinson_windows=(2,))
        return [
            {"features": ReturnFeatures(lags=(1, 2)), "timeframe": "5min"},
            {"features": volatility, "timeframe": "7min", "contract": "ES", "bar_size": "30s"},
        ]


def _coarse_bars(
    index: pd.Index, bounds: IntArray, ends: IntArray, starts: IntArray, coarse: FloatArray
) -> pd.DataFrame:
    n = int(ends[-1])
    time: pd.Index = pd.DatetimeIndex(starts[:n].view("M8[ns]"), tz="UTC", name="time")
    if isinstance(index, pd.MultiIndex):
        row = np.repeat(bounds[:-1], np.diff(ends))
        levels = [index.get_level_values(i)[row] for i in range(index.nlevels - 1)]
        time = pd.MultiIndex.from_arrays([*levels, time], names=[*index.names[:-1], "time"])
    return pd.DataFrame(coarse[:, :n].T, index=time, columns=list(OHLCV), copy=False)


def _label(size: int) -> str:
    """Name of a size in its largest whole unit: 5min, 1h, 1d."""
    for unit, name in ((DAY, "d"), (DAY // 24, "h"), (DAY // 1440, "min")):
        if size % unit == 0:
            return f"{size // unit}{name}"
    return f"{size // 1_000_000_000}s" if size % 1_000_000_000 == 0 else f"{size}ns"
