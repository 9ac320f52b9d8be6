"""What is known of sessions in advance: the next holiday, end of month and expiry."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml.bars.market._expiry import expiries
from ohlcvml.bars.market._schedule import schedule
from ohlcvml.typing import BoolArray, IntArray

# Columns of the facts.
NUMBER, OPEN, WEEKDAY, CLOSED_DAYS, HOLIDAY, MONTH_END, EXPIRY = range(7)
N_FACTS = 7
FAR = 1 << 30  # sessions to what does not come

_DAY = 24 * 3600 * 1_000_000_000
_HOUR = _DAY // 24
_NEIGHBOURS = 21  # sessions whose usual length a short one is compared with

Dates = npt.NDArray[np.datetime64]


@lru_cache(maxsize=32)
def session_facts(
    calendar: str | None, symbol: str | None, first_year: int, last_year: int
) -> IntArray:
    """What is known in advance of each session, for stamps of some years.

    Closures and early closes that no rule foretells (mourning, storms, attacks) are not among what
    lies ahead: a table that knew them would look ahead.

    Parameters
    ----------
    calendar : str or None
        Name in pandas_market_calendars; None: days in UTC.
    symbol : str or None
        Root symbol of a contract whose expiries count.
    first_year, last_year : int
        Of the stamps; at least one year on either side comes along.

    Returns
    -------
    int64 array of shape (n_sessions, 7)
        Number as :class:`Sessions` counts (days since 1970 without a calendar), open in nanoseconds
        since 1970, weekday of the date (Monday is 0), days without a session that follow; sessions
        until the next that closes early or precedes a holiday, the last of the month, the last not
        after an expiry (0: this one is; ``FAR``: none).
    """
    if calendar is None:
        first, stop = f"{first_year - 1:04d}-01-01", f"{last_year + 2:04d}-01-01"
        date: Dates = np.arange(first, stop, dtype="datetime64[D]")
        number = date.astype(np.int64)
        opens, length = number * _DAY, np.full(len(date), _DAY)
        surprises = date[:0]
    else:
        table = schedule(calendar, first_year, last_year)
        date = table.date.astype("datetime64[D]")
        number = np.arange(len(date)) - table.before
        opens, length = table.open, table.close - table.open
        surprises = _surprises(calendar)
    facts = np.full((len(date), N_FACTS), FAR, dtype=np.int64)
    facts[:, NUMBER], facts[:, OPEN] = number, opens
    facts[:, WEEKDAY] = (date.astype(np.int64) + 3) % 7
    facts[:, CLOSED_DAYS] = _closed_days(date, surprises)
    irregular = _short(date, length, surprises) | _before_holiday(date, surprises)
    facts[:, HOLIDAY] = _until(np.flatnonzero(irregular), len(date))
    month = date.astype("datetime64[M]")
    facts[:, MONTH_END] = _until(np.flatnonzero(np.r_[month[1:] != month[:-1], True]), len(date))
    if symbol is not None:
        days = expiries(symbol, _year(date[0]) - 1, _year(date[-1]) + 1)
        last = np.searchsorted(date, days, side="right") - 1
        facts[:, EXPIRY] = _until(last[last >= 0], len(date))
    facts.flags.writeable = False
    return facts


def _year(date: Any) -> int:
    return int(date.astype("datetime64[Y]").astype(np.int64)) + 1970


def _until(events: IntArray, count: int) -> IntArray:
    """Distance from each position to the next event at or after it."""
    events = np.append(events, count + FAR)
    position = np.arange(count, dtype=np.int64)
    distance = events[np.searchsorted(events, position)] - position
    return np.minimum(distance, FAR)


def _closed_days(date: Dates, surprises: Dates) -> IntArray:
    """Calendar days after each session's date without one, up to the first that was a surprise."""
    closed = np.zeros(len(date), dtype=np.int64)
    closed[:-1] = np.maximum(np.diff(date).astype(np.int64) - 1, 0)
    for day in np.setdiff1d(surprises, date):
        at = int(np.searchsorted(date, day)) - 1
        if 0 <= at < len(date) - 1:
            closed[at] = min(closed[at], int((day - date[at]).astype(np.int64)) - 1)
    return closed


def _short(date: Dates, length: IntArray, surprises: Dates) -> BoolArray:
    """Sessions at least an hour shorter than is usual at their time."""
    hours = pd.Series(length / _HOUR)
    usual = hours.rolling(_NEIGHBOURS, center=True, min_periods=1).median()
    return np.asarray(hours <= usual - 1.0, dtype=np.bool_) & ~np.isin(date, surprises)


def _before_holiday(date: Dates, surprises: Dates) -> BoolArray:
    """Sessions followed by a day without one that is no rest day of every week."""
    weekday = (date.astype(np.int64) + 3) % 7
    count = np.bincount(weekday, minlength=7)
    working = count > count.max() / 2
    missed = np.zeros(len(date), dtype=np.int64)
    missed[:-1] = np.busday_count(date[:-1] + 1, date[1:], weekmask=working)
    for day in np.setdiff1d(surprises, date):
        at = int(np.searchsorted(date, day)) - 1
        if 0 <= at < len(date) - 1 and working[(day.astype(np.int64) + 3) % 7]:
            missed[at] -= 1
    return missed > 0


@lru_cache(maxsize=32)
def _surprises(calendar: str) -> Dates:
    """Days on which the market closed for a reason that no rule foretells."""
    import pandas_market_calendars as mcal

    days = [
        pd.Timestamp(day).tz_localize(None) for day in mcal.get_calendar(calendar).adhoc_holidays
    ]
    # Good Fridays are listed so where the market trades on some of them.
    easter, two_days = pd.offsets.Easter(), pd.Timedelta(days=2)
    dates = {day.date() for day in days if not easter.is_on_offset(day + two_days)}
    return np.array(sorted(dates), dtype="datetime64[D]")
