"""When each bar is known: the moment from which it may inform anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import check_value, duration
from ohlcvml._time import nanoseconds, span_nanoseconds
from ohlcvml.bars._door import check_bars, time_index
from ohlcvml.bars._frame import bar_size as frequent_distance
from ohlcvml.bars.market import Contract, Sessions
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, IntArray


def known_at(
    bars: Bars,
    *,
    sessions: Sessions | Contract | str | None = None,
    bar_size: str | pd.Timedelta | None = None,
) -> pd.DatetimeIndex:
    """Moment at which each bar is complete and may be used.

    A bar stamped t (its open) with size d is known at t + d, capped at the close of its session.
    The cap applies only where no other session opens before t + d: a bar that reaches into the
    next session is not over at the close, and capping it would be look-ahead. Where the bars
    carry a column ``known``, it is the answer.

    Parameters
    ----------
    bars : pd.DataFrame
        Bars with a UTC time index, or a MultiIndex whose last level is time.
    sessions : Sessions, Contract or symbol, optional
        Sessions that cap the last bar of each; without, nothing is capped.
    bar_size : str or pd.Timedelta, optional
        Size d of the bars; by default the most frequent distance between their stamps. Give it
        where there are few bars or many gaps.

    Returns
    -------
    pd.DatetimeIndex
        Shape (n_bars,), UTC, nanoseconds, in the order of the rows.

    Raises
    ------
    DataError
        If the table is not bars, or of another size than ``bar_size``; if the bars are irregular
        and have no column ``known``, or if that column is naive, holds
        NaT or lies before the stamps.

    Examples
    --------
    On Christmas Eve 2024 the last hourly bar is over when the exchange closes, at 18:15 UTC.

    >>> import pandas as pd
    >>> from ohlcvml.bars import known_at
    >>> time = pd.date_range("2024-12-24 16:00", periods=3, freq="h", tz="UTC", name="time")
    >>> bars = pd.DataFrame(1.0, time, ["open", "high", "low", "close", "volume"])
    >>> known_at(bars).strftime("%H:%M").tolist()
    ['17:00', '18:00', '19:00']
    >>> known_at(bars, sessions="MES").strftime("%H:%M").tolist()
    ['17:00', '18:00', '18:15']
    """
    told = () if bar_size is None else (positive_size(bar_size, "known_at", "bar_size"),)
    check_bars(bars, "known_at", bar_sizes=told)
    nanoseconds = known_nanoseconds(bars, Sessions.of(sessions), bar_size, "known_at")
    return pd.DatetimeIndex(nanoseconds.astype("datetime64[ns]"), tz="UTC", name="known")


def known_nanoseconds(
    bars: Bars, sessions: Sessions, bar_size: str | pd.Timedelta | None, who: str
) -> IntArray:
    """As :func:`known_at`, in nanoseconds since 1970."""
    time = time_index(bars.index, who)
    if "known" in bars.columns:
        return _known_column(bars["known"], time, who)
    size = positive_size(bar_size, who, "bar_size") if bar_size else frequent_distance(bars)
    if size is None:
        raise DataError(
            f"{who}: irregular bars must carry a tz-aware column 'known' (when each bar was "
            f"complete); got columns {list(map(str, bars.columns))} and no most frequent distance "
            f"between the {len(time)} stamps. Add the column, or pass bar_size= if the bars are "
            "regular but few."
        )
    start = nanoseconds(time)
    end = start + span_nanoseconds(size)
    if sessions.calendar is None or len(end) == 0:
        return end
    last_instant = pd.DatetimeIndex((end - 1).astype("datetime64[ns]"), tz="UTC")
    close = nanoseconds(sessions.close(last_instant))
    return np.where(close > start, np.minimum(end, close), end)


def _known_column(column: pd.Series, time: pd.DatetimeIndex, who: str) -> IntArray:
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        raise DataError(
            f"{who}: column 'known' must be tz-aware datetimes; got dtype {column.dtype}. Use "
            "bars['known'].dt.tz_localize(zone)."
        )
    if column.isna().any():
        raise DataError(
            f"{who}: column 'known' must not hold NaT; {np.count_nonzero(column.isna())} of "
            f"{len(column)} rows do."
        )
    known = nanoseconds(column)
    early = known < nanoseconds(time)
    if early.any():
        row = int(np.flatnonzero(early)[0])
        raise DataError(
            f"{who}: column 'known' must not lie before the bar's stamp; row {row} is stamped "
            f"{time[row]} and known at {column.iloc[row]}. The stamp is the bar's open."
        )
    return known


def positive_size(size: Any, who: str, name: str) -> pd.Timedelta:
    """Read a span of time above zero; raise :class:`ParameterError` for anything else.

    Examples
    --------
    >>> from ohlcvml.bars import positive_size
    >>> positive_size("5min", "resample", "size")
    Timedelta('0 days 00:05:00')
    """
    check_value(who, name, duration(), size)
    return pd.Timedelta(size)
