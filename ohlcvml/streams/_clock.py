"""Time and session of bars as inputs of kernels: the same integers for a table and for one bar."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds, span_nanoseconds
from ohlcvml.bars import positive_size
from ohlcvml.bars.market import N_FACTS, OPEN, Sessions, session_facts
from ohlcvml.exceptions import DataError
from ohlcvml.streams.kernels import compiled
from ohlcvml.typing import IntArray

DAY = 24 * 3600 * 1_000_000_000
STRAYS = 3  # so many bars in a row that are too close show that the bars are finer than declared
NO_TIME = -(2**63)  # stands for the time of rows that have none, as in sktime's generic series

SESSION_INPUTS = ("session", "session_open", "session_close")


def is_clock(name: str) -> bool:
    """Whether an input is a time: ``time@{bar size}`` or ``session...@{calendar}``."""
    return name.partition("@")[0] in ("time", "session_facts", *SESSION_INPUTS) and "@" in name


def spacing(name: str, who: str) -> int:
    """Least distance of bars that an input ``time@{bar size}`` allows, in nanoseconds."""
    size = positive_size(name.partition("@")[2], who, "bar_size")
    return span_nanoseconds(size)


def stamps_of(index: pd.Index) -> IntArray:
    """Stamps in nanoseconds since 1970 UTC; ``NO_TIME`` throughout where there are no dates.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.streams import stamps_of
    >>> stamps_of(pd.DatetimeIndex(["1970-01-01 00:00:01"], tz="UTC"))
    array([1000000000])
    """
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if not isinstance(time, pd.DatetimeIndex):
        return np.full(len(time), NO_TIME, dtype=np.int64)
    return np.ascontiguousarray(nanoseconds(time, nat="keep"))


def check_spacing(stamps: IntArray, starts: IntArray, least: int, who: str) -> None:
    """Raise if ``STRAYS`` bars of a symbol in a row follow less than ``least`` nanoseconds apart.

    Fewer are strays, which real files have.
    """
    if len(stamps) == 0 or stamps[0] == NO_TIME:
        return
    at = _first_too_close(stamps, starts, least)
    if at >= 0:
        raise DataError(too_close(who, int(stamps[at]), int(stamps[at] - stamps[at - 1]), least))


@compiled
def _first_too_close(stamps, starts, least):  # type: ignore[no-untyped-def]
    """Row of the last of the first ``STRAYS`` in a row that are too close; -1 for none."""
    for k in range(starts.shape[0] - 1):
        close = 0
        for t in range(starts[k] + 1, starts[k + 1]):
            close = close + 1 if stamps[t] - stamps[t - 1] < least else 0
            if close == STRAYS:
                return t
    return -1


def too_close(who: str, stamp: int, distance: int, least: int) -> str:
    """Message for bars finer than the parameter ``bar_size``."""
    return (
        f"{who}: bars must be at least bar_size={_text(least)} apart; {STRAYS} in a row are not, "
        f"and the one stamped {pd.Timestamp(stamp, unit='ns', tz='UTC')} follows after "
        f"{_text(distance)}. "
        "Pass the size of your bars as bar_size."
    )


def _text(nanoseconds: int) -> str:
    return str(pd.Timedelta(nanoseconds, unit="ns"))


class SessionClock:
    """Session number, open and close of stamps; the UTC day where there is no calendar.

    As for :class:`~ohlcvml.bars.Sessions`, a bar belongs to the session whose open is the latest
    at or before its stamp. Numbers are consecutive.
    """

    def __init__(self, calendar: str) -> None:
        self._sessions = Sessions(calendar or None)
        self._next_open = NO_TIME  # of the session last looked up for a single stamp
        self._last: tuple[int, int, int] = (NO_TIME, NO_TIME, NO_TIME)

    def table(self, stamps: IntArray) -> dict[str, IntArray]:
        """Columns ``session``, ``session_open``, ``session_close`` of many stamps."""
        if len(stamps) == 0 or stamps[0] == NO_TIME:
            return {name: np.full(len(stamps), NO_TIME, dtype=np.int64) for name in SESSION_INPUTS}
        if self._sessions.calendar is None:
            number = stamps // DAY
            return dict(
                zip(SESSION_INPUTS, (number, number * DAY, (number + 1) * DAY), strict=True)
            )
        schedule, at, _ = self._sessions.look_up(stamps)
        number = at - schedule.before
        return dict(
            zip(SESSION_INPUTS, (number, schedule.open[at], schedule.close[at]), strict=True)
        )

    def one(self, stamp: int) -> tuple[int, int, int]:
        """Session number, open and close of one stamp; looked up once a session."""
        number, opened, _ = self._last
        if number == NO_TIME or not opened <= stamp < self._next_open:
            self._look_up(stamp)
        return self._last

    def _look_up(self, stamp: int) -> None:
        found: Any = self.table(np.array([stamp], dtype=np.int64))
        number, opened, close = (int(found[name][0]) for name in SESSION_INPUTS)
        self._last = (number, opened, close)
        if self._sessions.calendar is None:
            self._next_open = close
        elif stamp != NO_TIME:
            schedule, at, _ = self._sessions.look_up(np.array([stamp], dtype=np.int64))
            self._next_open = int(schedule.open[at[0] + 1])


class SessionFacts:
    """What is known in advance of sessions: see ``ohlcvml.bars.market._ahead.session_facts``.

    The input ``session_facts@{calendar}@{symbol}`` is one row for each session that the stamps may
    meet, however many bars there are; row 0 is session ``facts[0, NUMBER]``. In a stream it is the
    row of the bar's session alone.
    """

    def __init__(self, argument: str) -> None:
        self._calendar, _, self._symbol = argument.partition("@")
        self._opens = self._next_open = NO_TIME  # of the session last looked up for one stamp
        self._row = np.full(N_FACTS, NO_TIME, dtype=np.int64)

    def table(self, stamps: IntArray) -> IntArray:
        """Facts of the sessions from the earliest stamp to the latest."""
        if len(stamps) == 0 or stamps[0] == NO_TIME:
            return np.full((1, N_FACTS), NO_TIME, dtype=np.int64)
        facts, first, last = self._find(int(stamps.min()), int(stamps.max()))
        return np.ascontiguousarray(facts[first : last + 1])

    def one(self, stamp: int) -> IntArray:
        """Facts of the session of one stamp; looked up once a session."""
        if self._opens == NO_TIME or not self._opens <= stamp < self._next_open:
            if stamp == NO_TIME:
                return np.full(N_FACTS, NO_TIME, dtype=np.int64)
            facts, at, _ = self._find(stamp, stamp)
            self._row, self._opens = facts[at], int(facts[at, OPEN])
            self._next_open = int(facts[at + 1, OPEN])
        return self._row

    def _find(self, earliest: int, latest: int) -> tuple[IntArray, int, int]:
        years = [pd.Timestamp(stamp).year for stamp in (earliest, latest)]
        facts = session_facts(self._calendar or None, self._symbol or None, *years)
        opens = facts[:, OPEN]
        first, last = np.searchsorted(opens, [earliest, latest], side="right") - 1
        return facts, int(first), int(last)
