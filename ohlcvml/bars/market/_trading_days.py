"""The trading day of each bar, by market."""

from __future__ import annotations

import pandas as pd

from ohlcvml.bars.market._contracts import Contract
from ohlcvml.bars.market._schedule import MARKETS
from ohlcvml.bars.market._sessions import Sessions
from ohlcvml.exceptions import DataError, ParameterError


def trading_days(index: pd.Index, market: Contract | Sessions | str) -> pd.DatetimeIndex:
    """Return the trading day of each bar: the unit in which daily P&L is counted.

    ``Sessions.of(market).per_year`` says how many of these days a year has, so that what is counted
    and what is annualised are the same unit. The calendar is public knowledge: nothing looks ahead.

    Parameters
    ----------
    index : pd.DatetimeIndex or pd.MultiIndex
        Stamps of bars, tz-aware; of a MultiIndex the last level. In any order.
    market : Contract, symbol, Sessions, "fx" or "crypto"
        A contract has the sessions of its exchange, which open on the evening before. ``"fx"``
        (spot currencies and CFDs) rolls the day at 17:00 New York time, Monday's begins on Sunday
        and there are no holidays. ``"crypto"`` has the days of UTC.

    Returns
    -------
    pd.DatetimeIndex of shape (n,)
        Naive midnights. A bar outside the nominal hours belongs to the day that has just ended.

    Raises
    ------
    ParameterError
        ``market`` is None, unknown, or a contract without a calendar.
    DataError
        ``index`` holds no stamps, stamps without a time zone, or NaT.

    Examples
    --------
    Sunday evening belongs to Monday, for a future and for spot currencies:

    >>> import pandas as pd
    >>> from ohlcvml.bars import trading_days
    >>> sunday = pd.DatetimeIndex(["2024-01-07 23:30"], tz="UTC")
    >>> [str(trading_days(sunday, market).date[0]) for market in ("6E", "fx", "crypto")]
    ['2024-01-08', '2024-01-08', '2024-01-07']
    """
    remedy = (
        f"Pass a Contract, its symbol, or one of {', '.join(map(repr, MARKETS))} where no exchange "
        "sets the hours."
    )
    if not isinstance(market, (Contract, Sessions, str)):
        raise ParameterError(
            f"trading_days: parameter 'market' must name a market; got {market!r}. {remedy}"
        )
    sessions = Sessions.of(market)
    if sessions.calendar is None:
        raise ParameterError(
            f"trading_days: parameter 'market' must have a calendar; got {market!r}, which has "
            f"none. {remedy}"
        )
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if not isinstance(time, pd.DatetimeIndex) or time.tz is None:
        zone = " without a time zone" if isinstance(time, pd.DatetimeIndex) else ""
        raise DataError(
            "trading_days: 'index' must be a tz-aware DatetimeIndex, or a MultiIndex whose last "
            f"level is one; got a {type(time).__name__}{zone}. Read the bars with "
            "read_bars(path, tz=...), or use index.tz_localize(...)."
        )
    return sessions.date(time)
