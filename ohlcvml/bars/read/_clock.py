"""Wall clocks to UTC: named zones, broker clocks, hours that occur twice or never."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars._door import UTC_NAMES, is_utc
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.typing import BoolArray, IntArray

_HOUR = 3_600_000_000_000
_SHIFT = re.compile(r"(?P<zone>.+?)(?P<sign>[+-])(?P<hours>\d{1,2})h(?:(?P<minutes>[0-5]?\d)m?)?")


@dataclass(frozen=True)
class Clock:
    """A zone's wall clock, and how far the vendor's clock runs ahead of it.

    Parameters
    ----------
    name : str
        As the caller wrote it.
    zone : datetime.tzinfo
    shift : int
        Nanoseconds that the vendor's clock is ahead of the zone's wall time.
    """

    name: str
    zone: dt.tzinfo
    shift: int = 0

    @property
    def is_utc(self) -> bool:
        """Whether the clock shows UTC."""
        return self.shift == 0 and is_utc(self.zone)


def parse_clock(tz: str | dt.tzinfo) -> Clock:
    """Read a zone name, a ``tzinfo`` or a zone with hours added.

    Parameters
    ----------
    tz : str or datetime.tzinfo
        ``"UTC"``, an IANA name, or ``"<zone>+7h"``, ``"<zone>-3h30m"``: the zone's wall time plus
        that many hours, as brokers run their servers.

    Examples
    --------
    >>> from ohlcvml.bars.read._clock import parse_clock
    >>> parse_clock("America/New_York+7h").shift // 3_600_000_000_000
    7
    """
    if isinstance(tz, dt.tzinfo):
        return Clock(str(tz), tz)
    if not isinstance(tz, str):
        raise ParameterError(_clock_message(tz))
    text = tz.strip()
    match = _SHIFT.fullmatch(text)
    shift = 0
    if match:
        minutes = 60 * int(match["hours"]) + int(match["minutes"] or 0)
        shift = (minutes if match["sign"] == "+" else -minutes) * (_HOUR // 60)
        text = match["zone"].strip()
    try:
        zone = ZoneInfo("UTC" if text in UTC_NAMES else text)
    except (KeyError, ValueError, OSError) as error:  # unknown, malformed, a folder of zones
        raise ParameterError(_clock_message(tz)) from error
    return Clock(tz, zone, shift)


def _clock_message(tz: object) -> str:
    return (
        "read_bars: parameter 'tz' must be 'UTC', an IANA zone such as 'America/New_York', or a "
        f"zone with hours added such as 'America/New_York+7h' or 'UTC+2h'; got {tz!r}."
    )


def utc_to_local(utc: IntArray, clock: Clock) -> IntArray:
    """What the clock shows at UTC instants; both int64 nanoseconds of shape (n,)."""
    local = pd.DatetimeIndex(utc.view("M8[ns]"), tz="UTC").tz_convert(clock.zone).tz_localize(None)
    return nanoseconds(local, nat="keep") + clock.shift


def local_to_utc(
    wall: IntArray,
    clock: Clock,
    *,
    ambiguous: str,
    groups: IntArray,
    where: Callable[[IntArray], str],
    source: str,
) -> tuple[IntArray, str]:
    """Convert wall-clock stamps to UTC.

    Parameters
    ----------
    wall : int64 array of shape (n,)
        Nanoseconds since 1970-01-01 00:00 on the vendor's clock, in file order.
    clock : Clock
    ambiguous : {"raise", "infer", "earlier", "later"}
        What to do with wall times that occur twice.
    groups : int64 array of shape (n,)
        Symbol number of each row: the order of rows means something only within a symbol.
    where : callable
        Turns row numbers into the words "line 5, 7" for messages.
    source : str
        Name of the file, for messages.

    Returns
    -------
    utc : int64 array of shape (n,)
        Nanoseconds since 1970-01-01 00:00 UTC.
    note : str
        What was decided about wall times that occur twice; empty if there were none.

    Raises
    ------
    DataError
        Wall times that the clock skips, or that occur twice and are not decided.
    """
    local = pd.DatetimeIndex((wall - clock.shift).view("M8[ns]"))
    n = len(local)

    def localize(earlier: BoolArray) -> IntArray:
        zoned = local.tz_localize(clock.zone, ambiguous=earlier, nonexistent="NaT")
        return nanoseconds(zoned, nat="keep")

    early = localize(np.ones(n, dtype=bool))
    missing = np.flatnonzero(early == np.iinfo(np.int64).min)
    if len(missing):
        raise DataError(
            f"read_bars: {source}: {len(missing)} stamps do not exist on the clock "
            f"{clock.name!r}, which is put forward there: {_examples(wall, missing, where)}. The "
            "file follows another clock: pass the right 'tz' ('UTC', another zone, a broker "
            "clock such as 'America/New_York+7h' or a fixed offset such as 'UTC+2h')."
        )
    late = localize(np.zeros(n, dtype=bool))
    twice = late != early
    if not twice.any():
        return early, ""
    total = int(twice.sum())
    if ambiguous in ("earlier", "later"):
        chosen = early if ambiguous == "earlier" else late
        return chosen, f"{total} stamps that occur twice on {clock.name!r} read as the {ambiguous}"
    second, open_rows = _order_decides(wall, late - early, groups)
    if ambiguous == "raise" or len(open_rows):
        rows = np.flatnonzero(twice) if ambiguous == "raise" else open_rows
        verdict = (
            f"the order of the rows leaves {len(open_rows)} of them undecided"
            if len(open_rows)
            else "the order of the rows decides all of them: pass ambiguous='infer'"
        )
        raise DataError(
            f"read_bars: {source}: {len(rows)} stamps occur twice on the clock {clock.name!r}, "
            f"which is put back there: {_examples(wall, rows, where)}; {verdict}. Pass "
            "ambiguous='earlier' or 'later' to read undecided stamps as the first or second "
            "occurrence, or another 'tz' if the file follows another clock."
        )
    utc = np.where(second, late, early)
    n_second = int(second.sum())
    note = (
        f"{total} stamps that occur twice on {clock.name!r} decided by the order of the rows: "
        f"{total - n_second} earlier, {n_second} later"
    )
    return utc, note


def _examples(wall: IntArray, rows: IntArray, where: Callable[[IntArray], str]) -> str:
    first = rows[:3]
    stamps = ", ".join(str(pd.Timestamp(int(wall[row]))) for row in first)
    return f"{stamps}{' ...' if len(rows) > 3 else ''} ({where(first)})"


def _order_decides(wall: IntArray, fold: IntArray, groups: IntArray) -> tuple[BoolArray, IntArray]:
    """Tell first from second occurrences where the clock visibly runs back once.

    A stretch of repeated wall times is decided when it steps back exactly once and by at least half
    of the fold: what follows is the second occurrence. Smaller steps may be plain disorder. For
    bars as long as the fold it is two equal stamps with no neighbour nearer than the fold.

    Returns the rows that are second occurrences (mask) and the undecided row numbers.
    """
    order = np.argsort(groups, kind="stable")
    wall, fold, groups = wall[order], fold[order], groups[order]
    rows = np.flatnonzero(fold)
    apart = np.abs(np.diff(wall[rows])) > 2 * fold[rows[1:]]
    cuts = (np.diff(rows) > 1) | (np.diff(groups[rows]) != 0) | apart
    second = np.zeros(len(wall), dtype=bool)
    undecided: list[IntArray] = []
    for run in np.split(rows, np.flatnonzero(cuts) + 1):
        steps = np.diff(wall[run])
        back = np.flatnonzero(steps <= 0)
        if len(back) == 1 and -2 * steps[back[0]] >= fold[run[0]]:
            second[run[back[0] + 1 :]] = True
        elif len(run) == 2 and len(back) == 1 and steps[0] == 0 and _alone(wall, run, fold, groups):
            second[run[1]] = True
        else:
            undecided.append(order[run])
    mask = np.zeros(len(wall), dtype=bool)
    mask[order[second]] = True
    return mask, np.sort(np.concatenate([*undecided, np.empty(0, dtype=np.int64)])).astype(np.int64)


def _alone(wall: IntArray, run: IntArray, fold: IntArray, groups: IntArray) -> bool:
    for row, neighbour in ((run[0], run[0] - 1), (run[1], run[1] + 1)):
        inside = 0 <= neighbour < len(wall) and groups[neighbour] == groups[row]
        if inside and abs(wall[neighbour] - wall[row]) < fold[row]:
            return False
    return True
