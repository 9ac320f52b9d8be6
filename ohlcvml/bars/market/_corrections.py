"""Where the calendars of pandas_market_calendars 5.5 differ from what was traded.

Each correction is data: whose sessions, which days, the close in Chicago, and how we know. A row
finds nothing to do where a later version of the library has put the error right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from ohlcvml.typing import BoolArray

Days = Callable[[pd.DatetimeIndex], BoolArray]


class Correction(NamedTuple):
    """One error of a calendar, put right.

    Attributes
    ----------
    group : str
        Class of the calendar, which all calendars of a product group share.
    days : tuple of str, or callable
        Dates; a session that is missing there is added. Or which of the dates of all sessions.
    close : str or None
        Close in Chicago; None: no session.
    source : str
        How we know.
    was : str or None
        Only sessions that the library closes at this time in Chicago.
    """

    group: str
    days: tuple[str, ...] | Days
    close: str | None
    source: str
    was: str | None = None


def _half_days(date: pd.DatetimeIndex) -> BoolArray:
    """Eves of Independence Day and Christmas unless kept as the holiday, Black Friday."""
    eve = ((date.month == 7) & (date.day == 3)) | ((date.month == 12) & (date.day == 24))
    friday = np.asarray(date.dayofweek == 4)
    return np.asarray((eve & ~friday) | ((date.month == 11) & friday), dtype=np.bool_)


def _christmas_eve(date: pd.DatetimeIndex) -> BoolArray:
    eve = (date.month == 12) & (date.day == 24) & (date.dayofweek < 4)
    return np.asarray(eve & (date.year >= 2013), dtype=np.bool_)


def _labor_day(date: pd.DatetimeIndex) -> BoolArray:
    first_monday = (date.month == 9) & (date.dayofweek == 0) & (date.day <= 7)
    return np.asarray(first_monday & (date.year >= 2022), dtype=np.bool_)


def _juneteenth(date: pd.DatetimeIndex) -> BoolArray:
    """19 June or, where that is at a weekend, the weekday next to it; kept since 2022."""
    weekday, day = date.dayofweek, date.day
    kept = (day == 19) | ((day == 18) & (weekday == 4)) | ((day == 20) & (weekday == 0))
    return np.asarray(kept & (date.month == 6) & (date.year >= 2022), dtype=np.bool_)


def _sunday(date: pd.DatetimeIndex) -> BoolArray:
    return np.asarray(date.dayofweek == 6, dtype=np.bool_)


def _between(first: str, last: str) -> Days:
    start, stop = pd.Timestamp(first), pd.Timestamp(last)

    def days(date: pd.DatetimeIndex) -> BoolArray:
        return np.asarray((date >= start) & (date <= stop), dtype=np.bool_)

    return days


_EQUITY = "CMEEquityExchangeCalendar"
_METALS = "CMEGlobexEnergyAndMetalsExchangeCalendar"  # and energy
_RATES = "CMEBondExchangeCalendar"
_FOREX = "ForexExchangeCalendar"

# Bars: real one-minute to one-hour bars of these products end there.
CORRECTIONS: tuple[Correction, ...] = (
    # Where the stock market closes at 13:00 New York time, index futures trade to 13:15.
    Correction(_EQUITY, _half_days, "12:15", "bars of ES and MES 2019 to 2025", was="12:00"),
    Correction(_EQUITY, ("2024-03-29", "2025-04-18"), None, "no bars of MES and ES"),
    Correction(_EQUITY, ("2025-01-09",), "08:30", "bars of ES; CME notice of 30 December 2024"),
    Correction(_METALS, _labor_day, "13:30", "bars of MGC 2022 to 2024", was="12:00"),
    Correction(
        _METALS,
        _christmas_eve,
        "12:45",
        "bars of MGC 2018 to 2020; the schedules of 2013 and 2026 say the same",
        was="16:00",
    ),
    Correction(_METALS, ("2024-11-29",), "13:45", "a bar of MGC at 13:00; so published for 2026"),
    Correction(_RATES, _juneteenth, "12:00", "bars of ZN 2026; CME schedules", was="16:00"),
    Correction(
        _RATES,
        ("2021-04-02", "2023-04-07", "2026-04-03"),
        "10:15",
        "Good Friday with payrolls: CME schedule of 2021, bars of ZN 2026",
    ),
    Correction(_RATES, ("2025-01-09",), "12:15", "CME notice of 30 December 2024"),
    # The daily close moved from 16:15 to 16:00 on 21 September 2015. Last, so that early closes
    # of those years stay as they are.
    Correction(
        _EQUITY,
        _between("2012-11-19", "2015-09-18"),
        "16:15",
        "dollar bars of ES 2015; CME notices of November 2012 and September 2015",
        was="16:00",
    ),
    Correction(
        _METALS,
        _between("2007-01-01", "2015-09-18"),
        "16:15",
        "bars of GC 2013; CME notices of August 2007 and September 2015",
        was="16:00",
    ),
    Correction(_FOREX, _sunday, None, "a session from Saturday to Sunday evening has no bars"),
)


def corrected(table: pd.DataFrame, group: str) -> pd.DataFrame:
    """Sessions of a calendar of this group with its errors put right.

    Parameters
    ----------
    table : pd.DataFrame
        As pandas_market_calendars gives it, in UTC, indexed by date.
    group : str
        Name of the calendar's class.
    """
    for correction in CORRECTIONS:
        if correction.group == group and len(table):
            table = _apply(table, correction)
    return table


def _apply(table: pd.DataFrame, correction: Correction) -> pd.DataFrame:
    date = pd.DatetimeIndex(table.index)
    if isinstance(correction.days, tuple):
        named = pd.DatetimeIndex(correction.days)
        named = named[(named > date[0]) & (named < date[-1])]
        if correction.close is not None:
            table = _with_sessions(table, named.difference(date))
        chosen = np.asarray(table.index.isin(named))
    else:
        chosen = correction.days(date)
    close = pd.DatetimeIndex(table["market_close"]).tz_convert("America/Chicago")
    if correction.was is not None:
        chosen = chosen & np.asarray(close.strftime("%H:%M") == correction.was)
    if correction.close is None:
        return table[~chosen]
    table = table.copy()
    moved = _chicago(pd.DatetimeIndex(table.index[chosen]), correction.close)
    table.loc[chosen, "market_close"] = moved.astype(table["market_close"].dtype)
    return table


def _with_sessions(table: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Add sessions from 17:00 in Chicago on the evening before; the close is set later."""
    if not len(days):
        return table
    opens = _chicago(days - pd.Timedelta(days=1), "17:00")
    rows = pd.DataFrame(dict.fromkeys(table.columns, opens), index=days).astype(table.dtypes)
    return pd.concat([table, rows]).sort_index()  # with a break of no length, at the open


def _chicago(days: pd.DatetimeIndex, clock: str) -> pd.DatetimeIndex:
    local = days + pd.Timedelta(f"{clock}:00")
    return local.tz_localize("America/Chicago").tz_convert("UTC")
