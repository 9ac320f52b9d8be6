"""Schedules of exchange calendars as arrays, with the library's known errors put right."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml.typing import BoolArray, IntArray

__all__ = ["FIRST_YEAR", "Schedule", "calendar_names", "schedule"]

FIRST_YEAR = 1970  # session 0 is the first of that year, whatever the data, so numbers never move


class Schedule(NamedTuple):
    """Sessions of a calendar as int64 nanoseconds UTC, each of shape (n_sessions,)."""

    open: IntArray
    close: IntArray
    break_start: IntArray
    break_end: IntArray
    date: npt.NDArray[np.datetime64]
    before: int  # sessions before FIRST_YEAR


@lru_cache(maxsize=1)
def calendar_names() -> tuple[str, ...]:
    """Names that pandas_market_calendars knows, sorted."""
    import pandas_market_calendars as mcal

    return tuple(sorted(mcal.get_calendar_names()))


@lru_cache(maxsize=32)
def schedule(calendar: str, first_year: int, last_year: int) -> Schedule:
    """Sessions of a calendar from the first day of one year to the last of another."""
    import pandas_market_calendars as mcal

    source = mcal.get_calendar(calendar)
    table = source.schedule(
        f"{first_year}-01-01", f"{last_year}-12-31", tz="UTC", market_times="all"
    )
    table = _amended(table, type(source).__name__)
    table = table[table["market_close"] > table["market_open"]]
    opens, closes = _nanoseconds(table["market_open"]), _nanoseconds(table["market_close"])
    if "break_start" in table:
        # Breaks of zero length (CME since 2021) and breaks beyond an early close vanish here.
        starts = np.minimum(
            _nanoseconds(table["break_start"].fillna(table["market_close"])), closes
        )
        ends = np.minimum(_nanoseconds(table["break_end"].fillna(table["market_close"])), closes)
    else:
        starts = ends = closes
    dates = pd.DatetimeIndex(table.index)
    before = int(np.count_nonzero(np.asarray(dates.year) < FIRST_YEAR))
    return Schedule(opens, closes, starts, ends, dates.to_numpy().astype("datetime64[ns]"), before)


def _nanoseconds(column: pd.Series) -> IntArray:
    return np.asarray(pd.DatetimeIndex(column).as_unit("ns").asi8, dtype=np.int64)


def _amended(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Correct errors of pandas_market_calendars 5.5 that real bars of these products show.

    A correction finds nothing to do where a later version has put the error right.
    """
    if kind == "CMEEquityExchangeCalendar":
        # Where the stock market closes at 13:00 New York time, index futures trade to 13:15.
        table = _move_close(table, _half_days(table), "12:00", "12:15")
        closed = pd.DatetimeIndex(["2024-03-29", "2025-04-18"])  # Good Fridays without data
        table = table.drop(index=closed, errors="ignore")
        table = _add_day_of_mourning(table)
    if kind == "CMEGlobexEnergyAndMetalsExchangeCalendar":
        date = pd.DatetimeIndex(table.index)
        labor_day = (date.month == 9) & (date.dayofweek == 0) & (date.day <= 7)
        table = _move_close(table, labor_day & (date.year >= 2022), "12:00", "13:30")
    return table


def _half_days(table: pd.DataFrame) -> BoolArray:
    """Eves of Independence Day and Christmas unless kept as the holiday, Black Friday."""
    date = pd.DatetimeIndex(table.index)
    eve = ((date.month == 7) & (date.day == 3)) | ((date.month == 12) & (date.day == 24))
    friday = np.asarray(date.dayofweek == 4)
    return np.asarray((eve & ~friday) | ((date.month == 11) & friday), dtype=np.bool_)


def _move_close(table: pd.DataFrame, days: BoolArray, old: str, new: str) -> pd.DataFrame:
    """Move the close of those days that close at ``old`` Chicago time to ``new``."""
    close = pd.DatetimeIndex(table["market_close"])
    local = close[days].tz_convert("America/Chicago")
    moved = days.copy()
    moved[days] = np.asarray(local.strftime("%H:%M") == old)
    table = table.copy()
    shift = pd.Timedelta(f"{new}:00") - pd.Timedelta(f"{old}:00")
    table.loc[moved, "market_close"] += shift
    return table


def _add_day_of_mourning(table: pd.DataFrame) -> pd.DataFrame:
    """9 January 2025 (state funeral): index futures traded until 8:30 in Chicago."""
    day = pd.Timestamp("2025-01-09")
    if day in table.index or not table.index[0] < day < table.index[-1]:
        return table
    open_ = pd.Timestamp("2025-01-08 17:00", tz="America/Chicago").tz_convert("UTC")
    close = pd.Timestamp("2025-01-09 08:30", tz="America/Chicago").tz_convert("UTC")
    row = {name: open_ if name == "market_open" else close for name in table.columns}
    return pd.concat([table, pd.DataFrame(row, index=[day]).astype(table.dtypes)]).sort_index()
