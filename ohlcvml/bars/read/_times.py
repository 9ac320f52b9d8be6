"""Which columns are the time of a bar: told by what they hold, then by what they are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from ohlcvml.bars.read._stamps import BAD, EPOCH, is_stamp, is_time_of_day
from ohlcvml.bars.read._table import RawTable
from ohlcvml.bars.read._text import header_names
from ohlcvml.exceptions import DataError

_NAMED = re.compile(
    r"(?:(?:open|start|begin|bar|candle|kline|gmt|utc|local|unix|epoch|window)?"
    r"(?:date|time|datetime|timestamp|stamp|ts|dt)|t|unix|epoch|index|unnamed0|day"
    r"|(?:window|bar)start|tsevent|dtyyyymmdd|datetimestamp|level[01]|"
    r"|hours?|hr|datum|uhrzeit|zeit|stunde|fecha|hora|dia|heure|jour|data|ora|giorno|tijd|czas"
    r"|godzina|дата|время|час|日期|时间|時間|日付|時刻|日時|小时)"
    r"(?:utc|gmt|local|ms|s|us|ns|est|et|ct)?"
)
# Times of another event than the bar's open, and lengths of time.
_OTHER = re.compile(
    r"close|(?<!cal)(?<!kal)end|exit|last|known|settle|expir|recei|recv|updat|creat|publish|download"
    r"|insert|ingest|modif|report|high|low|durat|length|interval|period|frame"
)
_COUNTERS = ("", "index", "unnamed0", "level0")  # as tables call their row numbers
FULL, DAY, CLOCK = "full", "day", "clock"


@dataclass(frozen=True)
class _Column:
    """A column that holds times: which, whether its name says so, and of what kind."""

    at: int
    named: bool
    kind: str


def holds_times(table: RawTable, column: int, name: str) -> str | None:
    """Kind of times in a column: FULL stamps, DAY (no time of day), CLOCK, or None.

    Digits alone prove a time only where the column is called one, or they run with the rows.
    """
    if _OTHER.search(name):
        return None
    cells = [cell for cell in table.sample(column) if cell]
    if not cells:
        return None
    named = bool(_NAMED.fullmatch(name))
    digits = all(re.fullmatch(r"\d+(?:\.\d*)?", cell) for cell in cells)
    kinds = [is_stamp(cell) for cell in cells]
    if sum(kind != BAD for kind in kinds) * 2 > len(cells):
        if digits and not named and not _runs(cells, kinds):
            return None
        return DAY if all(map(_without_time, cells)) else FULL
    if all(map(is_time_of_day, cells)):
        counted = digits and (not named or name in _COUNTERS)
        return None if counted else CLOCK
    return None


def _runs(cells: list[str], kinds: list[int]) -> bool:
    """Whether stamps of digits alone run with the rows, as counts and volumes do not."""
    if BAD in kinds or len(set(cells)) < 3 or len({len(cell) for cell in cells}) > 1:
        return False
    if EPOCH in kinds and not all("1" <= cell[0] <= "4" for cell in cells):
        return False  # before 2001 or after 2128
    pairs = list(pairwise(map(float, cells)))
    return all(a <= b for a, b in pairs) or all(a >= b for a, b in pairs)


def _without_time(cell: str) -> bool:
    """Whether a stamp is a date, or a date written with midnight and no offset."""
    if re.search(r"[T ]00:00(?::00(?:\.0+)?)?$", cell):
        return True
    return ":" not in cell and len(cell) <= 20 and len(re.sub(r"\D", "", cell)) <= 8


def find_times(table: RawTable, names: list[str], taken: set[int]) -> tuple[tuple[int, ...], ...]:
    """Time columns of a table with names, as entries of one column or of (date, time of day).

    Columns whose name says that they are times come first; others count where no such column tells
    the time of day. Several entries must agree, which reading them checks.

    Parameters
    ----------
    names : list of str
        Plain names, one a column.
    taken : set of int
        Columns that are something else.

    Raises
    ------
    DataError
        No column holds times.
    """
    columns = [
        _Column(i, bool(_NAMED.fullmatch(names[i])), kind)
        for i in range(table.width)
        if i not in taken and (kind := holds_times(table, i, names[i])) is not None
    ]
    full, days, clocks = ([c for c in columns if c.kind == kind] for kind in (FULL, DAY, CLOCK))
    own = [c for c in full if c.named]
    dates = [c for c in days if c.named] or days
    hours = [c for c in clocks if c.named] or clocks
    pairs = _pairs(dates, hours) if dates and hours else []
    singles = [(c.at,) for c in dates if all(c.at != pair[0] for pair in pairs)]
    if own:
        dated = [*pairs, *singles] if any(c.named for c in dates) else []
        return (*((c.at,) for c in own), *dated)
    if pairs:
        sure = dates[0].named and hours[0].named
        others = [] if sure else [(c.at,) for c in full]
        return (*others, *pairs, *singles)
    if full and not _daily(table, dates, full):
        return (*((c.at,) for c in full), *(singles if any(c.named for c in dates) else []))
    if dates:
        return tuple(singles)
    listed = ", ".join(repr(name) for name in header_names(table.headers))
    raise DataError(
        f"read_bars: {table.source}: no time column among {listed}. Pass "
        "columns={'time': 'name in the file'}, or ('date column', 'time column')."
        + unread_dates(table, [i for i in range(table.width) if i not in taken])
    )


def _pairs(dates: list[_Column], hours: list[_Column]) -> list[tuple[int, int]]:
    """Each time of day with its date: the n-th with the n-th, or all with the first."""
    if len(dates) == len(hours):
        return [(d.at, h.at) for d, h in zip(dates, hours, strict=True)]
    return [(dates[0].at, h.at) for h in hours]


def _daily(table: RawTable, dates: list[_Column], full: list[_Column]) -> bool:
    """Whether a column called a date tells rows apart and the full stamps are no times of it."""
    if not dates or not dates[0].named:
        return False
    days = table.sample(dates[0].at)
    if len(set(days)) < len(days):
        return False
    stamps = [table.sample(c.at) for c in full]
    start = [re.sub(r"\D", "", day)[:8] for day in days]
    return not any(
        all(re.sub(r"\D", "", cell).startswith(day) for cell, day in zip(cells, start, strict=True))
        for cells in stamps
    )


_SHORT = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}(?:\D.*)?")
_CENTURY = re.compile(r"1[0-4]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")


def unread_dates(table: RawTable, columns: list[int]) -> str:
    """How to read dates that have no four-digit year; empty where no column holds such."""
    for column in columns:
        cells = [cell for cell in table.sample(column) if cell][:50]
        name = next((row[column] for row in table.headers if row[column]), "time")
        if any(_SHORT.fullmatch(cell) for cell in cells):
            return (
                f" Column {name!r} holds two-digit years, which are not read: the century and the "
                "order of day, month and year are not told. Bring the table into memory, write "
                f"table[{name!r}] = pd.to_datetime(table[{name!r}], format='%d/%m/%y') with the "
                "format of the file, and pass it to ohlcvml.bars.as_bars."
            )
        if cells and all(_CENTURY.fullmatch(cell) for cell in cells):
            first = int(cells[0])
            return (
                f" Column {name!r} holds seven digits: {cells[0]} is {first + 19_000_000} in "
                f"CYYMMDD and {first + 19_110_000} in years of Taiwan. Bring the table into "
                f"memory, add 19_000_000 or 19_110_000 to table[{name!r}], and pass it to "
                "ohlcvml.bars.as_bars."
            )
    return ""
