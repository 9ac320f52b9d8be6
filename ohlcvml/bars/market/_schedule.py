"""Schedules of exchange calendars as arrays, with the library's known errors put right."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars.market._corrections import corrected
from ohlcvml.typing import IntArray

# Calendars of markets without an exchange: FX and CFDs roll at 17:00 New York time, crypto at
# midnight UTC.
MARKETS = {"fx": "FX", "crypto": "24/7"}
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


def sessions_of(calendar: str, stamps: IntArray) -> tuple[Schedule, IntArray]:
    """Schedule of a calendar, and the row of the session that each stamp belongs to.

    Parameters
    ----------
    calendar : str
    stamps : int64 array of shape (n,)
        Nanoseconds UTC. One belongs to the session whose open is the latest at or before it.
    """
    if len(stamps) == 0:
        return schedule(calendar, FIRST_YEAR, FIRST_YEAR), stamps.copy()
    ends = pd.DatetimeIndex(np.array([stamps.min(), stamps.max()], dtype="datetime64[ns]"))
    table = schedule(calendar, int(ends[0].year), int(ends[1].year))
    return table, np.searchsorted(table.open, stamps, side="right").astype(np.int64) - 1


def schedule(calendar: str, first_year: int, last_year: int) -> Schedule:
    """Sessions of a calendar that stamps of some years may meet, from 1970 on or earlier."""
    # A year of margin holds the session before the first bar and the one after the last; whole
    # decades keep the number of stored schedules small.
    first = min(FIRST_YEAR - 1, first_year - 1)
    last = (max(FIRST_YEAR, last_year) + 2) // 10 * 10 + 9
    return _schedule(calendar, first, last)


@lru_cache(maxsize=32)
def _schedule(calendar: str, first_year: int, last_year: int) -> Schedule:
    import pandas_market_calendars as mcal

    source = mcal.get_calendar(calendar)
    table = source.schedule(
        f"{first_year}-01-01", f"{last_year}-12-31", tz="UTC", market_times="all"
    )
    table = corrected(table, type(source).__name__)
    table = table[table["market_close"] > table["market_open"]]
    opens, closes = nanoseconds(table["market_open"]), nanoseconds(table["market_close"])
    if "break_start" in table:
        # Breaks of zero length (CME since 2021) and breaks beyond an early close vanish here.
        starts = np.minimum(nanoseconds(table["break_start"].fillna(table["market_close"])), closes)
        ends = np.minimum(nanoseconds(table["break_end"].fillna(table["market_close"])), closes)
    else:
        starts = ends = closes
    dates = pd.DatetimeIndex(table.index)
    before = int(np.count_nonzero(np.asarray(dates.year) < FIRST_YEAR))
    return Schedule(opens, closes, starts, ends, dates.to_numpy().astype("datetime64[ns]"), before)
