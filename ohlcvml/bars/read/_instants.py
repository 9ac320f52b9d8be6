"""Time columns of a table to UTC: parsed, set against each other, on the clock that they show."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ohlcvml._time import nanoseconds
from ohlcvml.bars._names import plain
from ohlcvml.bars.read._clock import Clock, local_to_utc, parse_clock, utc_to_local
from ohlcvml.bars.read._stamps import AWARE, BAD, DATE, EPOCH, NAIVE, Stamps, parse_stamps
from ohlcvml.bars.read._table import RawTable
from ohlcvml.bars.read._text import column_name
from ohlcvml.exceptions import DataError
from ohlcvml.typing import IntArray

_DAY = 86_400_000_000_000
_HOURS = re.compile(r"hours?|hr|stunde|hora|heure|ora|godzina|час|时|時|小时")


@dataclass(frozen=True)
class Options:
    """What the caller asked for, checked."""

    clock: Clock | None
    dayfirst: bool | None
    ambiguous: str
    epoch: str
    keep: tuple[str, ...]


def read_times(
    table: RawTable,
    entries: tuple[tuple[int, ...], ...],
    options: Options,
    groups: IntArray,
    day: int | None,
) -> tuple[IntArray, str]:
    if day is not None:
        millis = table.numbers(entries[0][0])
        bad = np.flatnonzero(~((millis >= 0) & (millis < 86_400_000) & (millis % 1 == 0)))
        _refuse(table, entries[0], bad, "milliseconds since midnight")
        stamps = Stamps(
            day + millis.astype(np.int64) * 1_000_000, np.full(len(table), NAIVE, dtype=np.uint8)
        )
        return _to_utc(table, entries[0], stamps, options, groups)
    parsed = [_stamps(table, entry, options) for entry in entries]
    kinds = [DATE if _only_dates(stamps) else int(stamps.kind[0]) for stamps in parsed]
    # epochs and offsets are exact, wall clocks are not, and dates are least
    best = min(range(len(kinds)), key=lambda i: (EPOCH, AWARE, NAIVE, DATE).index(kinds[i]))
    if kinds[best] == EPOCH and {NAIVE, DATE} & set(kinds):
        # tz is the clock of the other column
        utc, note = _to_utc(
            table, entries[best], parsed[best], replace(options, clock=None), groups
        )
    else:
        utc, note = _to_utc(table, entries[best], parsed[best], options, groups)
    for other in range(len(entries)):
        if other != best:
            pair = (entries[best], entries[other])
            _check_agreement(table, pair, parsed[best], parsed[other], utc, options)
    if parsed[best].buddhist:
        note += "; years of the Buddhist era"
    return utc, note


def _only_dates(stamps: Stamps) -> bool:
    """Whether all stamps are dates: none has a time of day, or all say midnight on a wall clock."""
    naive = np.isin(stamps.kind, (NAIVE, DATE))
    return bool((naive & (stamps.time % _DAY == 0)).all())


def _stamps(table: RawTable, entry: tuple[int, ...], options: Options) -> Stamps:
    if len(entry) == 1:
        stamps = _column_stamps(table, entry[0], options)
    else:
        date = _column_stamps(table, entry[0], options)
        clock = parse_stamps(_times_of_day(table, entry[1]), None, table.source)
        midnight = np.isin(date.kind, (NAIVE, DATE)) & (date.time % _DAY == 0)
        kind = np.where(midnight & (clock.kind != BAD), clock.kind, BAD).astype(np.uint8)
        stamps = Stamps(date.time + clock.time, kind, clock.zones, buddhist=date.buddhist)
    bad = np.flatnonzero(stamps.kind == BAD)
    _refuse(table, entry, bad, "stamps (a four-digit year, a valid date and time)")
    kinds = np.where(stamps.kind == DATE, NAIVE, stamps.kind)
    present, counts = np.unique(kinds, return_counts=True)
    if len(present) > 1:
        rare = np.flatnonzero(kinds == present[counts.argmin()])
        raise DataError(
            f"read_bars: {table.source}: column {_entry_name(table, entry)} mixes stamps with "
            f"and without a UTC offset, or epochs with dates: {len(rare)} of {len(kinds)} rows "
            f"differ from the rest ({table.where(rare[:6])}). Write one format."
        )
    return stamps


def _refuse(table: RawTable, entry: tuple[int, ...], bad: IntArray, what: str) -> None:
    if len(bad):
        cell = " ".join(str(table.text(column)[int(bad[0])].as_py() or "") for column in entry)
        raise DataError(
            f"read_bars: {table.source}: {len(bad)} cells of column {_entry_name(table, entry)} "
            f"are not {what}: {table.where(bad[:6])}; the first reads {cell!r}. Mend or remove "
            "the rows."
        )


def _entry_name(table: RawTable, entry: tuple[int, ...]) -> str:
    return " and ".join(column_name(table.headers, column) for column in entry)


def _column_stamps(table: RawTable, column: int, options: Options) -> Stamps:
    typed = table.typed(column)
    if typed is None or typed.dtype.kind != "M":
        label = f"{table.source}: column {column_name(table.headers, column)}"
        return parse_stamps(table.text(column), options.dayfirst, label)
    index = pd.DatetimeIndex(typed)
    kind = AWARE if index.tz is not None else NAIVE
    try:
        time = nanoseconds(index, nat="keep").copy()
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(
            f"read_bars: {table.source}: stamps outside the years 1678 to 2261 ({error}). Mend "
            "the time column."
        ) from error
    offset = None
    if index.tz is not None:
        offset = nanoseconds(index.tz_localize(None), nat="keep") - time
    return Stamps(time, np.where(index.isna(), BAD, kind).astype(np.uint8), offset=offset)


def _times_of_day(table: RawTable, column: int) -> pa.Array:
    """Times of day as full stamps of 1970-01-01; digits alone are hours, HHMM or HHMMSS."""
    cells = table.text(column)
    digits = pc.fill_null(pc.match_substring_regex(cells, r"^\d{1,6}$"), False)
    if pc.any(digits).as_py():
        longest = pc.max(pc.utf8_length(pc.filter(cells, digits))).as_py()
        names = [plain(row[column]) for row in table.headers]
        if longest <= 2 and not any(map(_HOURS.fullmatch, names)):
            raise DataError(
                f"read_bars: {table.source}: whether the numbers in column "
                f"{column_name(table.headers, column)} are hours or minutes is undecidable (the "
                f"first reads {cells[0].as_py()!r}). Call the column 'hour' or write HH:MM."
            )
        if longest <= 2:
            padded = pc.binary_join_element_wise(pc.utf8_lpad(cells, 2, "0"), "00", "")
        else:
            padded = pc.utf8_lpad(cells, 4 if longest <= 4 else 6, "0")
        cells = pc.if_else(digits, padded, cells)
    return pc.binary_join_element_wise("1970-01-01", cells, " ")


def _to_utc(
    table: RawTable,
    entry: tuple[int, ...],
    stamps: Stamps,
    options: Options,
    groups: IntArray,
) -> tuple[IntArray, str]:
    kind, clock = int(stamps.kind[0]), options.clock
    name = _entry_name(table, entry)
    if kind == AWARE:
        return stamps.time, "UTC offsets in the file"
    if kind == EPOCH and options.epoch == "utc":
        if clock is not None and not clock.is_utc:
            raise DataError(
                f"read_bars: {table.source}: column {name} counts from 1970 in UTC, which "
                f"tz={clock.name!r} contradicts. Leave 'tz' out, or pass epoch='wall' if the "
                "exporter counted on the wall clock of 'tz' (as MetaTrader's Python API does)."
            )
        return stamps.time, "epoch, UTC"
    stated = _stated_clock(table, entry, stamps)
    if stated is not None and clock is not None and not _same_clock(stated, clock, stamps):
        raise DataError(
            f"read_bars: {table.source}: column {name} states the clock {stated.name!r}, "
            f"which tz={clock.name!r} contradicts. Leave 'tz' out or mend the file."
        )
    clock = clock or stated
    if clock is None:
        first = pd.Timestamp(int(stamps.time[0]))
        raise DataError(
            f"read_bars: {table.source}: column {name} has no time zone (first stamp {first}). "
            "Pass 'tz': 'UTC', the exchange's or vendor's zone such as 'America/New_York' "
            "(HistData, FirstRate), or a broker's clock such as 'America/New_York+7h' or "
            "'Europe/Athens' (MetaTrader)."
        )
    utc, note = local_to_utc(
        stamps.time,
        clock,
        ambiguous=options.ambiguous,
        groups=groups,
        where=table.where,
        source=table.source,
    )
    return utc, "; ".join(part for part in (clock.name, note) if part)


def _same_clock(one: Clock, two: Clock, stamps: Stamps) -> bool:
    """Whether two clocks show the same over the file: US/Eastern is America/New_York."""
    return np.array_equal(utc_to_local(stamps.time, one), utc_to_local(stamps.time, two))


def _stated_clock(table: RawTable, entry: tuple[int, ...], stamps: Stamps) -> Clock | None:
    """The clock that the file itself names: beside each stamp, or in the column's name."""
    if len(stamps.zones) > 1:
        raise DataError(
            f"read_bars: {table.source}: the stamps name several zones "
            f"({', '.join(stamps.zones)}). Write one zone."
        )
    if stamps.zones:
        return parse_clock(stamps.zones[0])
    for name in (row[column].lower() for row in table.headers for column in entry):
        found = re.search(r"(?:^|[^a-z])(?:utc|gmt)(?P<ahead> ?[+-]?\d.*)?(?:$|[^a-z])", name)
        ahead = (found["ahead"] or "").strip(" )]") if found else ""
        offset = re.fullmatch(r"([+-])(\d{1,2})(?::?(\d\d))?", ahead)
        if offset:
            sign, hours, minutes = offset.groups()
            return parse_clock(f"UTC{sign}{hours}h" + (f"{minutes}m" if minutes else ""))
        if found and not ahead:
            return parse_clock("UTC")
    return None


def _check_agreement(
    table: RawTable,
    entries: tuple[tuple[int, ...], tuple[int, ...]],
    best: Stamps,
    other: Stamps,
    utc: IntArray,
    options: Options,
) -> None:
    """Raise unless the other time column tells the same time, or the same date.

    A column without a zone is compared on its own clock or on ``tz``; without either as UTC, and on
    the wall clock of the offsets beside it.
    """
    walls = [utc]
    if other.kind[0] in (NAIVE, DATE):
        clock = _stated_clock(table, entries[1], other) or options.clock
        walls = [utc if clock is None else utc_to_local(utc, clock)]
        if best.offset is not None:
            walls += [utc + best.offset, utc]
    if _only_dates(other):
        walls = [wall // _DAY * _DAY for wall in walls]
    apart = min((np.flatnonzero(other.time != wall) for wall in walls), key=len)
    if len(apart):
        one, two = (_entry_name(table, entry) for entry in entries)
        raise DataError(
            f"read_bars: {table.source}: the time columns {one} and {two} disagree in "
            f"{len(apart)} rows ({table.where(apart[:6])}). Pass columns={{'time': "
            f"{entry_argument(table, entries[0])}}} to read one of them, or 'tz' if one is a local "
            "time."
        )


def entry_argument(table: RawTable, entry: tuple[int, ...]) -> str:
    """What to pass as ``columns={'time': ...}`` for an entry: names, or positions without names."""
    names = [column_name(table.headers, column) for column in entry]
    if any(name.startswith("number ") for name in names):
        names = [str(column) for column in entry]
    return names[0] if len(names) == 1 else f"({', '.join(names)})"
