"""Text to stamps: every common way to write a date and time, parsed as arrays of digits.

Cells are grouped by their *shape*, the text with each digit replaced by 0. A shape is matched once
and its digits are then read for all of its rows together, so a file costs a few array operations
per shape, and a cell whose shape is unknown is found, not guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from ohlcvml.exceptions import DataError
from ohlcvml.typing import IntArray

BAD, NAIVE, DATE, AWARE, EPOCH = range(5)  # a DATE is naive and has no time of day

_MINUTE = 60_000_000_000
_LAST = 8_800_000_000_000_000_000  # ns, in 2248: later stamps are damage, and would overflow
_ZERO = ord("0")
_BLOCK = 1 << 18  # rows parsed at a time: bounds the memory of the digit matrices
_MAX_SHAPES = 2000
_SHORTEST, _LONGEST = 8, 64  # signs of a stamp

_DATES = (
    r"(?P<year>0000)(?P<sep>[-/.])(?P<month>00?)(?P=sep)(?P<day>00?)",
    r"(?P<year>0000)(?P<month>00)(?P<day>00)",
    r"(?P<first>00?)(?P<sep>[-/.])(?P<second>00?)(?P=sep)(?P<year>0000)",
    r"(?P<day>00?)[- ]?(?P<name>[A-Za-z]{3,9})\.?[-, ]*(?P<year>0000)",
    r"(?P<name>[A-Za-z]{3,9})\.?[- ]+(?P<day>00?),? +(?P<year>0000)",
)
_COLONS = (
    r"(?:[T_ ]|, ?| +)(?P<hour>00?):(?P<minute>00)"
    r"(?::(?P<sec>00)(?:[.,:](?P<fraction>0{1,9}))?)?(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_COMPACT = r"(?:[T_ ]| +|)(?P<hour>00)(?P<minute>00)(?:(?P<sec>00)(?:\.?(?P<fraction>0{1,9}))?)?"
_ZONE = (
    r"(?: ?(?P<utc>Z|UTC|GMT)| ?(?:UTC|GMT)?(?P<sign>[+-])(?P<zone_hour>00):?(?P<zone_minute>00)?"
    r"| (?P<zone>[A-Za-z]+(?:/[A-Za-z_-]+)+))?"
)
_PATTERNS = [re.compile(f"{day}(?:(?:{t}){_ZONE})?") for day in _DATES for t in (_COLONS, _COMPACT)]
# Digits only: 9-10 seconds, 13 ms, 15-16 us, 18-19 ns; 8, 12, 14 and 17 digits are calendar dates.
_EPOCHS = (
    (re.compile(r"(?P<number>0{9,10})(?:\.(?P<fraction>0{1,9}))?"), 1_000_000_000),
    (re.compile(r"(?P<number>0{13})(?:\.0*)?"), 1_000_000),
    (re.compile(r"(?P<number>0{15,16})(?:\.0*)?"), 1_000),
    (re.compile(r"(?P<number>0{18,19})(?:\.0*)?"), 1),
)
_BUDDHIST = 543  # years that the Buddhist era of Thailand is ahead
_PLAIN_DATE = re.compile(
    r"(?:(?:1[789]|2[0125])\d\d|24[4-9]\d|26[0-3]\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
)
_OF_DAY = re.compile(r"\d{1,6}|\d{1,2}:\d{2}(?::\d{2}(?:[.,:]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december", "sept",
)  # fmt: skip


@dataclass(frozen=True)
class Stamps:
    """Parsed time column.

    Parameters
    ----------
    time : int64 array of shape (n,)
        Nanoseconds since 1970-01-01 00:00: of the wall clock where ``kind`` is NAIVE or DATE, of
        UTC where it is AWARE or EPOCH, undefined where it is BAD.
    kind : uint8 array of shape (n,)
    zones : tuple of str
        Names of zones written beside the stamps ("US/Eastern"); such stamps are NAIVE.
    offset : int64 array of shape (n,) or None
        Nanoseconds that the wall clock beside each stamp is ahead of UTC, where stamps say it.
    buddhist : bool
        Whether years were written in the Buddhist era, 543 ahead; ``time`` is of ours.
    """

    time: IntArray
    kind: np.ndarray
    zones: tuple[str, ...] = ()
    offset: IntArray | None = None
    buddhist: bool = False


@lru_cache(maxsize=4096)
def _layout(shape: str) -> tuple[dict[str, slice], int, str] | None:
    """Where the numbers stand in a shape, the unit in ns if it is an epoch, the zone's name."""
    for pattern, unit in _EPOCHS:
        match = pattern.fullmatch(shape)
        if match:
            return _spans(match), unit, ""
    for pattern in _PATTERNS:
        match = pattern.fullmatch(shape)
        if match and (match.groupdict().get("name") is None or _month(match["name"])):
            return _spans(match), 0, match["zone"] or ""
    return None


def _spans(match: re.Match[str]) -> dict[str, slice]:
    return {k: slice(*match.span(k)) for k, v in match.groupdict().items() if v is not None}


def _month(name: str) -> int:
    name = name.lower()
    return _MONTHS.index(name[:3]) + 1 if name in _MONTHS or name in _LONG else 0


def is_stamp(cell: str) -> int:
    """Kind of a single cell, judged by its shape (BAD if it is no stamp).

    Eight digits alone must be a plausible date: a count or a price may have eight digits too.
    """
    cell = cell.strip()
    if not _SHORTEST <= len(cell) <= _LONGEST:
        return BAD
    found = _layout(re.sub(r"[0-9]", "0", cell))
    if found is None or (len(cell) == 8 and cell.isdigit() and not _PLAIN_DATE.fullmatch(cell)):
        return BAD
    spans, unit, _ = found
    if unit:
        return EPOCH
    if "sign" in spans or "utc" in spans:
        return AWARE
    return NAIVE if "hour" in spans else DATE


def is_time_of_day(cell: str) -> bool:
    """Whether a cell may be a time of day: with colons, or digits alone (hours, HHMM, HHMMSS)."""
    return bool(_OF_DAY.fullmatch(cell))


def parse_stamps(text: pa.Array, dayfirst: bool | None, label: str) -> Stamps:
    """Parse a column of stamps.

    Parameters
    ----------
    text : pyarrow string array of shape (n,)
        Trimmed cells.
    dayfirst : bool or None
        Order of 03/04/2024; None decides from the column if some number exceeds 12.
    label : str
        Name of file and column, for messages.

    Raises
    ------
    DataError
        The order of day and month is undecidable or contradicts itself or ``dayfirst``. Cells
        that are no stamps do not raise: their ``kind`` is BAD.
    """
    n = len(text)
    fields = _Fields(n)
    for start in range(0, n, _BLOCK):
        _parse_block(text.slice(start, _BLOCK), start, fields)
    asks = np.flatnonzero(fields.asks)
    if len(asks):
        first, second = fields.month[asks], fields.day[asks]
        if _day_is_first(first, second, text.take(pa.array(asks)), dayfirst, label):
            fields.month[asks], fields.day[asks] = second, first
    thai = _all_buddhist(fields)
    if thai:
        fields.year -= np.where(fields.kind == EPOCH, 0, _BUDDHIST).astype(np.int32)
    day, valid = _days(*(part.astype(np.int64) for part in (fields.year, fields.month, fields.day)))
    kind = np.where(valid, fields.kind, BAD).astype(np.uint8)
    time = day * (1440 * _MINUTE) + fields.clock
    aware = bool((kind == AWARE).any())
    offset = fields.ahead.astype(np.int64) * _MINUTE if aware else None
    return Stamps(time, kind, tuple(sorted(fields.zones)), offset, thai)


def _all_buddhist(fields: _Fields) -> bool:
    """Whether every year is one of 1900 to 2100 in the Buddhist era; one alone is damage."""
    years = fields.year[(fields.kind != BAD) & (fields.kind != EPOCH)] - _BUDDHIST
    return len(years) > 0 and bool(((years >= 1900) & (years <= 2100)).all())


class _Fields:
    """Numbers read so far, one entry a row; an epoch is day 1970-01-01 plus its nanoseconds."""

    def __init__(self, n: int) -> None:
        self.year = np.full(n, 1970, dtype=np.int32)
        self.month = np.ones(n, dtype=np.int32)
        self.day = np.ones(n, dtype=np.int32)
        self.clock = np.zeros(n, dtype=np.int64)
        self.kind = np.zeros(n, dtype=np.uint8)
        self.ahead = np.zeros(n, dtype=np.int16)  # minutes that the wall clock is ahead of UTC
        self.asks = np.zeros(n, dtype=bool)  # month holds the first number, day the second
        self.zones: set[str] = set()


def _parse_block(text: pa.Array, start: int, fields: _Fields) -> None:
    cells = text.cast(pa.large_string())
    _, offset_buffer, data_buffer = cells.buffers()
    if data_buffer is None:
        return
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[cells.offset :][: len(cells) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8)
    lengths = np.diff(offsets)
    shapes_seen = 0
    for length in np.unique(lengths):
        if not _SHORTEST <= length <= _LONGEST:
            continue
        rows = np.flatnonzero(lengths == length)
        chars = data[offsets[rows][:, None] + np.arange(length)]
        shapes = np.where((chars >= _ZERO) & (chars <= _ZERO + 9), _ZERO, chars)
        left = np.arange(len(rows))
        while len(left) and shapes_seen < _MAX_SHAPES:
            shapes_seen += 1
            shape = shapes[left[0]]
            same = (shapes[left] == shape).all(axis=1)
            found = _layout(shape.tobytes().decode("latin-1"))
            if found is not None:
                chosen = left[same]
                _fill(fields, start + rows[chosen], chars[chosen], found)
            left = left[~same]


def _fill(
    fields: _Fields,
    rows: IntArray,
    chars: np.ndarray,
    found: tuple[dict[str, slice], int, str],
) -> None:
    spans, unit, zone = found

    def number(name: str, default: int = 0) -> IntArray:
        if name not in spans:
            return np.full(len(rows), default, dtype=np.int64)
        digits = chars[:, spans[name]].astype(np.int64) - _ZERO
        return digits @ (10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64))

    fraction = number("fraction")
    if "fraction" in spans:
        fraction *= 10 ** (9 - (spans["fraction"].stop - spans["fraction"].start))
    if unit:
        count = number("number")
        fits = (count >= 0) & (count < _LAST // unit)  # a 19-digit count may wrap to below zero
        fields.clock[rows] = np.where(fits, count, 0) * unit + fraction
        fields.kind[rows] = np.where(fits, EPOCH, BAD)
        return
    hour, minute, second = number("hour"), number("minute"), number("sec")
    valid = (minute < 60) & (second < 60)
    if "half" in spans:
        valid &= (hour >= 1) & (hour <= 12)
        afternoon = (chars[:, spans["half"].start] | 32) == ord("p")
        hour = hour % 12 + 12 * afternoon
    valid &= hour < 24
    clock = (hour * 60 + minute) * _MINUTE + second * (_MINUTE // 60) + fraction
    aware = "sign" in spans or "utc" in spans
    if "sign" in spans:
        ahead = number("zone_hour") * 60 + number("zone_minute")
        minus = chars[:, spans["sign"].start] == ord("-")
        valid &= ahead < 24 * 60
        ahead = np.where(minus, -ahead, ahead)
        clock -= ahead * _MINUTE
        fields.ahead[rows] = ahead
    if zone:
        fields.zones.add(zone)
    fields.year[rows] = number("year")
    if "name" in spans:
        name = chars[0, spans["name"]].tobytes().decode("latin-1")
        fields.month[rows] = _month(name)
    else:
        fields.month[rows] = number("first") if "first" in spans else number("month")
    fields.day[rows] = number("second") if "second" in spans else number("day")
    fields.asks[rows] = "first" in spans
    fields.clock[rows] = clock
    kind = AWARE if aware else NAIVE if "hour" in spans else DATE
    fields.kind[rows] = np.where(valid, kind, BAD)


def _day_is_first(
    first: np.ndarray, second: np.ndarray, cells: pa.Array, dayfirst: bool | None, label: str
) -> bool:
    """Order of 03/04/2024; a cell in which neither number can be a month proves nothing."""
    days = np.flatnonzero((first > 12) & (second <= 12))
    months = np.flatnonzero((second > 12) & (first <= 12))
    as_day, as_month = len(days) > 0, len(months) > 0
    if as_day and as_month:
        raise DataError(
            f"read_bars: {label}: {len(days)} dates only make sense with the day first "
            f"({cells[int(days[0])].as_py()!r}) and {len(months)} with the month first "
            f"({cells[int(months[0])].as_py()!r}). Write one format."
        )
    open_rows = (first <= 12) & (second <= 12) & (first != second)
    if dayfirst is None and not (as_day or as_month) and open_rows.any():
        raise DataError(
            f"read_bars: {label}: the order of day and month is undecidable, no number exceeds "
            f"12 (first date {cells[0].as_py()!r}). Pass dayfirst=True (03/04 is 3 April) or "
            "dayfirst=False (03/04 is 4 March)."
        )
    decided = as_day if as_day or as_month else bool(dayfirst)
    if dayfirst is not None and bool(dayfirst) != decided:
        order = "day first" if decided else "month first"
        raise DataError(
            f"read_bars: {label}: dayfirst={dayfirst} contradicts the dates, which only make "
            f"sense with the {order}. Leave 'dayfirst' out."
        )
    return decided


def _days(year: IntArray, month: IntArray, day: IntArray) -> tuple[IntArray, np.ndarray]:
    """Days since 1970-01-01 and whether the date exists (years 1700-2250 fit into ns)."""
    valid = (year >= 1700) & (year <= 2250) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("M8[M]")
    start = months.astype("M8[D]").astype(np.int64)
    stop = (months + 1).astype("M8[D]").astype(np.int64)
    valid &= day <= stop - start
    return start + np.where(valid, day - 1, 0), valid
