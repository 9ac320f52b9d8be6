"""Trading sessions of an exchange calendar, looked up for whole indexes at once."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from ohlcvml._checks import check_value, optional, string
from ohlcvml._time import nanoseconds, utc_days
from ohlcvml.bars.market._contracts import Contract, contract
from ohlcvml.bars.market._schedule import MARKETS, Schedule, calendar_names, schedule, sessions_of
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.typing import BoolArray, IntArray

_DAY = 24 * 3600 * 1_000_000_000


@dataclass(frozen=True)
class Sessions:
    """Sessions of a product: number, date, open, close, and whether a bar lies inside.

    A session runs from the product's open, often on the evening before its date, to its close,
    early closes and product holidays included. A bar belongs to the session whose open is the
    latest at or before its stamp, so a bar printed during the daily halt belongs to the session
    that has just ended and is not ``inside``. The calendar is public knowledge, so nothing here
    looks ahead. Methods take a ``DatetimeIndex`` (a naive one is read as UTC) or a MultiIndex
    whose last level is time.

    Parameters
    ----------
    calendar : str or None, default=None
        Name in pandas_market_calendars, as in ``contract("MES").calendar``; ``"fx"`` for days of
        spot currencies and CFDs, rolled at 17:00 New York time from Sunday to Friday; ``"crypto"``
        for days of UTC. With None nothing is known of sessions: one session numbered 0, UTC dates,
        no open and no close (NaT), every bar inside. An index that is not of dates (as sktime's
        generic tests use) is treated so whatever the calendar, with NaT as its date.

    Notes
    -----
    The first look-up in a calendar reads its schedule from 1970 on (about 0.3 s), later ones use
    the stored one. Sessions are numbered from the first of 1970, so that the number of a bar does
    not depend on what other bars there are.

    Source: pandas_market_calendars (MIT; exchange_calendars closes CME at 17:00 and misses the
    halt), corrected where real bars or notices of the exchange show it wrong, about holidays, half
    days and the close of 16:15 in Chicago until September 2015. ``docs/bars.md`` lists the
    corrections.

    Examples
    --------
    Black Friday 2024: the session opened at 17:00 in Chicago on Thursday and closed at 12:15.

    >>> import pandas as pd
    >>> from ohlcvml.bars import Sessions
    >>> sessions = Sessions("CME_Equity")
    >>> stamps = pd.DatetimeIndex(["2024-11-29 18:14", "2024-11-29 18:15"], tz="UTC")
    >>> sessions.date(stamps)[0], sessions.close(stamps)[0]
    (Timestamp('2024-11-29 00:00:00'), Timestamp('2024-11-29 18:15:00+0000', tz='UTC'))
    >>> sessions.inside(stamps).tolist()
    [True, False]
    """

    calendar: str | None = None

    def __post_init__(self) -> None:
        check_value(
            "Sessions",
            "calendar",
            optional(string()),
            self.calendar,
            "From a contract: Sessions.of(contract).",
        )
        if self.calendar in MARKETS:
            object.__setattr__(self, "calendar", MARKETS[self.calendar])
        if self.calendar is not None and self.calendar not in calendar_names():
            near = get_close_matches(self.calendar, calendar_names(), n=3, cutoff=0.5)
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            raise ParameterError(
                "Sessions: parameter 'calendar' must be a name known to pandas_market_calendars; "
                f"got {self.calendar!r}.{hint} "
                "'fx' and 'crypto' are markets without an exchange; "
                "pandas_market_calendars.get_calendar_names() lists all others."
            )

    @classmethod
    def of(cls, source: Sessions | Contract | str | None) -> Sessions:
        """Sessions of a contract, its symbol, the market "fx" or "crypto", or of nothing at all."""
        if isinstance(source, Sessions):
            return source
        if isinstance(source, str) and source in MARKETS:
            return cls(source)
        if isinstance(source, str):
            source = contract(source)
        if isinstance(source, Contract):
            return cls(source.calendar)
        check_value("Sessions.of", "source", optional(string()), source, "A Contract will do, too.")
        return cls(None)

    def number(self, index: pd.Index) -> IntArray:
        """Session counter of each bar, shape (n,), int64, consecutive and never decreasing."""
        found = self._find(index)
        if found is None:
            return np.zeros(len(index), dtype=np.int64)
        table, at, _ = found
        return at - table.before

    def date(self, index: pd.Index) -> pd.DatetimeIndex:
        """Date of the session of each bar, shape (n,), naive midnights."""
        stamps = _stamps(index)
        if stamps is None:
            return pd.DatetimeIndex(np.full(len(index), "NaT", dtype="datetime64[ns]"))
        if self.calendar is None:
            days = stamps.astype("datetime64[ns]").astype("datetime64[D]")
            return pd.DatetimeIndex(days.astype("datetime64[ns]"))
        table, at, _ = self.look_up(stamps)
        return pd.DatetimeIndex(table.date[at])

    def open(self, index: pd.Index) -> pd.DatetimeIndex:
        """Nominal open of the session of each bar, shape (n,), UTC; NaT where unknown."""
        found = self._find(index)
        return _nat(len(index)) if found is None else _utc(found[0].open[found[1]])

    def close(self, index: pd.Index) -> pd.DatetimeIndex:
        """Nominal close of the session of each bar, shape (n,), UTC; NaT where unknown.

        For a bar outside the nominal session this is the close before it.
        """
        found = self._find(index)
        return _nat(len(index)) if found is None else _utc(found[0].close[found[1]])

    def next_open(self, index: pd.Index) -> pd.DatetimeIndex:
        """Nominal open of the session after that of each bar, shape (n,), UTC; NaT if unknown."""
        found = self._find(index)
        return _nat(len(index)) if found is None else _utc(found[0].open[found[1] + 1])

    def inside(self, index: pd.Index) -> BoolArray:
        """Whether each bar's stamp lies in its session's trading hours, shape (n,).

        The open is inside, the close and a break within the session are not.
        """
        found = self._find(index)
        if found is None:
            return np.ones(len(index), dtype=np.bool_)
        table, at, stamps = found
        halted = (stamps >= table.break_start[at]) & (stamps < table.break_end[at])
        return np.asarray((stamps < table.close[at]) & ~halted, dtype=np.bool_)

    @property
    def per_year(self) -> float:
        """Sessions a year by the calendar (mean of 2010 to 2019), 252 without a calendar."""
        if self.calendar is None:
            return 252.0
        dates = schedule(self.calendar, 2010, 2020).date
        start, stop = np.datetime64("2010-01-01"), np.datetime64("2020-01-01")
        return float(((dates >= start) & (dates < stop)).sum()) / 10.0

    def per_year_of(self, index: pd.Index) -> float:
        """As ``per_year``; without a calendar, UTC dates a year by the days that these bars have.

        365 where at least one date in twenty is a Saturday (one in seven is, for a market that
        never closes), 313 where as many are Sundays (a market that opens on Sunday evening has six
        dates a week), else 252.
        """
        stamps = _stamps(index)
        if self.calendar is not None or stamps is None or len(stamps) == 0:
            return self.per_year
        weekday = np.unique(utc_days(stamps)) % 7  # day 0 was a Thursday
        saturdays, sundays = (float(np.mean(weekday == day)) for day in (2, 3))
        return 365.0 if saturdays >= 0.05 else 313.0 if sundays >= 0.05 else 252.0

    def _find(self, index: pd.Index) -> tuple[Schedule, IntArray, IntArray] | None:
        if self.calendar is None:
            return None
        stamps = _stamps(index)
        return None if stamps is None else self.look_up(stamps)

    def look_up(self, stamps: IntArray) -> tuple[Schedule, IntArray, IntArray]:
        """Schedule, row of the session of each stamp, and the stamps."""
        assert self.calendar is not None
        return *sessions_of(self.calendar, stamps), stamps


def _stamps(index: pd.Index) -> IntArray | None:
    """Nanoseconds UTC of a time index; None if it holds no dates."""
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if not isinstance(time, pd.DatetimeIndex):
        return None
    if time.hasnans:
        raise DataError(
            f"Sessions: the index must not hold NaT; {np.count_nonzero(time.isna())} of "
            f"{len(time)} stamps do. Drop unresolved rows first."
        )
    return nanoseconds(time)


def _utc(stamps: IntArray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(stamps.astype("datetime64[ns]"), tz="UTC")


def _nat(n: int) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.full(n, "NaT", dtype="datetime64[ns]"), tz="UTC")
