"""A table and its roles to arrays: UTC stamps, prices, volume, with every doubt an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ohlcvml._time import nanoseconds
from ohlcvml.bars.read._clock import Clock, local_to_utc, parse_clock, utc_to_local
from ohlcvml.bars.read._columns import Roles
from ohlcvml.bars.read._stamps import AWARE, BAD, DATE, EPOCH, NAIVE, Stamps, parse_stamps
from ohlcvml.bars.read._table import RawTable
from ohlcvml.bars.read._text import column_name
from ohlcvml.exceptions import DataError
from ohlcvml.typing import FloatArray, IntArray

_DAY = 86_400_000_000_000


@dataclass(frozen=True)
class Options:
    """What the caller asked for, checked."""

    clock: Clock | None
    dayfirst: bool | None
    ambiguous: str
    epoch: str
    keep: tuple[str, ...]


@dataclass(frozen=True)
class Series:
    """Rows of one table in file order.

    Parameters
    ----------
    time : int64 array of shape (n,)
        UTC nanoseconds.
    values : list of five float64 arrays of shape (n,)
        Open, high, low, close, volume.
    symbols : object array of shape (n,) or None
        The symbol column.
    symbol : str or None
        The one symbol of all rows, where the file names it.
    note : str
        What was decided about the clock.
    extra : dict of str to pd.Series
        Columns asked for in ``keep``.
    """

    time: IntArray
    values: list[FloatArray]
    symbols: np.ndarray | None
    symbol: str | None
    note: str
    extra: dict[str, pd.Series]


def read_series(
    table: RawTable, roles: Roles, options: Options, keep: dict[str, int], day: int | None
) -> Series:
    """Read the columns of one symbol (or of one symbol column) from a table.

    ``day`` is given for Lean files: nanoseconds of the date in the file's name; their first column
    then counts milliseconds since midnight.
    """
    wanted = {column for entry in roles.times for column in entry}
    wanted |= {*roles.prices, *roles.volumes, *keep.values()}
    if roles.symbols is not None:
        wanted.add(roles.symbols)
    table.load(sorted(wanted))
    if len(table) == 0:
        raise DataError(f"read_bars: {table.source}: the file has no rows. Fetch it again.")
    prices = [table.numbers(column) for column in roles.prices]
    volume = _volume(table, roles)
    if not roles.named:
        _check_order(table, prices, volume)
    symbols = None
    if roles.symbols is not None:
        symbols = np.array(table.text(roles.symbols).to_pylist(), dtype=object)
        blank = np.flatnonzero([not symbol for symbol in symbols])
        if len(blank):
            raise DataError(
                f"read_bars: {table.source}: {len(blank)} rows have no symbol: "
                f"{table.where(blank[:6])}. Mend them or pass columns={{'symbol': None}}."
            )
    groups = np.zeros(len(table), dtype=np.int64)
    if symbols is not None:
        groups = pd.factorize(symbols)[0].astype(np.int64)
    time, note = _time(table, roles.times, options, groups, day)
    extra = {name: _extra(table, column) for name, column in keep.items()}
    return Series(time, [*prices, volume], symbols, roles.symbol, note, extra)


def _volume(table: RawTable, roles: Roles) -> FloatArray:
    """First preferred volume column with any trade in it, else the first one, else NaN."""
    first: FloatArray | None = None
    for column in roles.volumes:
        values = table.numbers(column)
        total = column_name(table.headers, column).lower().startswith("'cum")
        if total and len(values) > 2 and (np.diff(values) >= 0).all():
            raise DataError(
                f"read_bars: {table.source}: column {column_name(table.headers, column)} only "
                "grows, it is a running total and not the volume of each bar. Pass "
                "columns={'volume': None} or another column."
            )
        if np.nansum(values) > 0:
            return values
        first = values if first is None else first
    return np.full(len(table), np.nan) if first is None else first


def _check_order(table: RawTable, prices: list[FloatArray], volume: FloatArray) -> None:
    """Headerless columns were placed by position: most rows must look like bars."""
    opened, high, low, close = prices
    with np.errstate(invalid="ignore"):
        top, bottom = np.fmax(opened, close), np.fmin(opened, close)
        fine = (high >= top) & (low <= bottom)
        price_like = (volume >= low) & (volume <= high)
    known = ~np.isnan(opened + high + low + close)
    if fine[known].mean() < 0.9 if known.any() else True:
        raise DataError(
            f"read_bars: {table.source}: no header, and the columns after the time are not "
            f"open, high, low, close in this order ({int((~fine).sum())} of {len(table)} rows "
            "break low <= open, close <= high). Pass columns={'time': 0, 'open': 1, ...} with "
            "positions from 0."
        )
    if price_like.mean() > 0.5:
        raise DataError(
            f"read_bars: {table.source}: no header, and the column after the close looks like a "
            "price, not a volume. Pass columns={'volume': position from 0} or {'volume': None}."
        )


def _extra(table: RawTable, column: int) -> pd.Series:
    typed = table.typed(column)
    if typed is not None:
        return typed.reset_index(drop=True)
    try:
        return pd.Series(table.numbers(column))
    except DataError:
        return pd.Series(table.text(column).to_pylist(), dtype=object)


# ---------------------------------------------------------------------------------------------
# Time


def _time(
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
    kinds = [int(stamps.kind[0]) for stamps in parsed]
    best = kinds.index(max(kinds))  # epochs and offsets are exact, wall clocks are not
    if kinds[best] == EPOCH and {NAIVE, DATE} & set(kinds):
        # tz is the clock of the other column
        utc, note = _to_utc(
            table, entries[best], parsed[best], replace(options, clock=None), groups
        )
    else:
        utc, note = _to_utc(table, entries[best], parsed[best], options, groups)
    for other in range(len(entries)):
        if other != best:
            _check_agreement(table, (entries[best], entries[other]), parsed[other], utc, options)
    return utc, note


def _stamps(table: RawTable, entry: tuple[int, ...], options: Options) -> Stamps:
    if len(entry) == 1:
        stamps = _column_stamps(table, entry[0], options)
    else:
        date = _column_stamps(table, entry[0], options)
        clock = parse_stamps(_times_of_day(table.text(entry[1])), None, table.source)
        midnight = np.isin(date.kind, (NAIVE, DATE)) & (date.time % _DAY == 0)
        kind = np.where(midnight & (clock.kind != BAD), clock.kind, BAD).astype(np.uint8)
        stamps = Stamps(date.time + clock.time, kind, clock.zones)
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
    return Stamps(time, np.where(index.isna(), BAD, kind).astype(np.uint8))


def _times_of_day(cells: pa.Array) -> pa.Array:
    """Times of day as full stamps of 1970-01-01; digits alone are HHMM or HHMMSS."""
    digits = pc.fill_null(pc.match_substring_regex(cells, r"^\d{1,6}$"), False)
    if pc.any(digits).as_py():
        longest = pc.max(pc.utf8_length(pc.filter(cells, digits))).as_py()
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
    names = [row[column] for row in table.headers for column in entry]
    if any(re.search(r"(?:^|[^a-z])(?:utc|gmt)(?:$|[^a-z])", name.lower()) for name in names):
        return parse_clock("UTC")
    return None


def _check_agreement(
    table: RawTable,
    entries: tuple[tuple[int, ...], tuple[int, ...]],
    other: Stamps,
    utc: IntArray,
    options: Options,
) -> None:
    """Raise unless the other time column tells the same time, or the same date.

    A column without a zone or ``tz`` is compared as UTC: it may agree, but nothing else is known.
    """
    expected = utc
    if other.kind[0] in (NAIVE, DATE):
        clock = options.clock or _stated_clock(table, entries[1], other)
        expected = utc if clock is None else utc_to_local(utc, clock)
    if (other.kind == DATE).all():
        expected = expected // _DAY * _DAY
    rows = np.flatnonzero(other.time != expected)
    if len(rows):
        one, two = (_entry_name(table, entry) for entry in entries)
        raise DataError(
            f"read_bars: {table.source}: the time columns {one} and {two} disagree in "
            f"{len(rows)} rows ({table.where(rows[:6])}). Pass columns={{'time': {one}}} to read "
            "one of them, or 'tz' if one is a local time."
        )
