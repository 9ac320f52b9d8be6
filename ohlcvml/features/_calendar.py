"""Time of day and week, holidays, ends of month and expiries: all known in advance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import instance_of, optional
from ohlcvml._elementary import cosine, cosines, sine, sines
from ohlcvml.bars.market import (
    CLOSED_DAYS,
    EXPIRY,
    HOLIDAY,
    MONTH_END,
    NUMBER,
    OPEN,
    WEEKDAY,
    Contract,
    Sessions,
    rule_of,
)
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import DAY, NO_TIME, BaseFeature, Column
from ohlcvml.streams.kernels import compiled, inlined

_HORIZON = 2  # sessions: told farther ahead, a column says which week it is
_LONGEST_CLOSURE = 4  # days
_TURN = 2.0 * math.pi / DAY


@inlined
def _proximity(sessions):  # type: ignore[no-untyped-def]
    """1 for the session itself, 0 from the horizon on."""
    return 1.0 - min(sessions, _HORIZON) / _HORIZON


@inlined
def _step(since, facts, row, week, closures, expiry, out, t):  # type: ignore[no-untyped-def]
    angle = (since % DAY) * _TURN
    out[0, t], out[1, t] = sine(angle), cosine(angle)
    day = facts[row, WEEKDAY]
    out[2, t], out[3, t] = week[0, day], week[1, day]
    out[4, t] = _proximity(facts[row, MONTH_END])
    if closures:
        out[5, t] = min(facts[row, CLOSED_DAYS], _LONGEST_CLOSURE)
        out[6, t] = _proximity(facts[row, HOLIDAY])
    if expiry:
        out[out.shape[0] - 1, t] = _proximity(facts[row, EXPIRY])


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]  # noqa: ARG001
    time, session, facts = inputs
    week, closures, expiry = params
    for t in range(first, last):
        if time[t] == NO_TIME:
            out[:, t] = np.nan
        else:
            row = session[t] - facts[0, NUMBER]
            _step(time[t] - facts[row, OPEN], facts, row, week, closures, expiry, out, t)


class CalendarFeatures(BaseFeature):
    """Time of day and week as points on a circle; month end, holidays and expiry ahead.

    Row t sees its own stamp and the calendar, which is public: closures that no rule foretells
    (mourning, storms) are not told in advance. With a contract, time of day counts from the
    session's open, which moves with the exchange's clocks, and the day is the session's date;
    without, both are UTC. ``describe()`` says what the columns mean.

    Month end, holiday and expiry are told one session ahead and no more, so that no column says
    which week it is. Prices are not looked at. Rows without dates are NaN.

    Parameters
    ----------
    contract : str, Contract or None, default=None
        Its calendar gives the sessions and holidays, its symbol, where it comes with the package,
        the expiries. Columns that need what is not known are left out.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        0.

    Examples
    --------
    Black Friday 2024 closes early, a weekend follows, and it is the last session of its month.

    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import CalendarFeatures
    >>> bars = simulate_bars(600, seed=0, start="2024-11-29 15:00").bars
    >>> CalendarFeatures("ES").fit_transform(bars).iloc[0, 4:].tolist()
    [1.0, 2.0, 1.0, 0.0]
    >>> CalendarFeatures("ES").feature_names[4:]
    ['month_end_proximity', 'closed_days_ahead', 'holiday_proximity', 'expiry_proximity']
    """

    _parameter_rules = {"contract": optional(instance_of(str, Contract))}
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(self, contract: str | Contract | None = None) -> None:
        self.contract = contract
        super().__init__()

    def _known(self) -> tuple[str, str]:
        """Calendar, and symbol where its expiries are known; empty where not."""
        symbol = self.contract.symbol if isinstance(self.contract, Contract) else self.contract
        calendar = Sessions.of(self.contract).calendar or ""
        return calendar, symbol if symbol is not None and rule_of(symbol) else ""

    @property
    def _inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        calendar, symbol = self._known()
        return ("time@1ns", f"session@{calendar}", f"session_facts@{calendar}@{symbol}")

    def _column_values(self) -> dict[str, Any]:
        opening = "the session's open" if self._known()[0] else "midnight UTC"
        return {"open": opening, "horizon": _HORIZON, "longest_closure": _LONGEST_CLOSURE}

    def _columns(self) -> list[Column]:
        calendar, symbol = self._known()
        needs = {
            "closed_days_ahead": calendar, "holiday_proximity": calendar, "expiry_proximity": symbol
        }  # fmt: skip
        return [column for column in super()._columns() if needs.get(column.name, "none") != ""]

    @property
    def lookback(self) -> int:
        """0: a row depends on its own stamp only."""
        return 0

    def _kernel_params(self) -> tuple[Any, ...]:
        angle = np.asarray(2.0 * np.pi * np.arange(7) / 7.0, dtype=np.float64)
        calendar, symbol = self._known()
        return (np.stack([sines(angle), cosines(angle)]), bool(calendar), bool(symbol))

    def _initial_state(self) -> dict[str, Any]:
        return {}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{}, {"contract": "MES"}]
