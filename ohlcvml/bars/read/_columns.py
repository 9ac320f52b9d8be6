"""Which column is what: names of the trade, headerless layouts, the caller's own mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from ohlcvml.bars._names import COLUMN_NAMES, all_named, named, plain
from ohlcvml.bars.read._table import RawTable
from ohlcvml.bars.read._text import header_names
from ohlcvml.bars.read._times import CLOCK, DAY, FULL, find_times, holds_times, unread_dates
from ohlcvml.exceptions import DataError, ParameterError

Column: TypeAlias = str | int
ColumnMap: TypeAlias = Mapping[str, Column | tuple[Column, Column] | None]

_PRICES = ("open", "high", "low", "close")
_ROLES = ("time", *_PRICES, "volume", "symbol")


@dataclass(frozen=True)
class Roles:
    """Columns of one symbol's bars, by position.

    ``times`` holds one entry for each candidate time column; an entry is one column or a pair
    (date, time of day). ``volumes`` is in order of preference.
    """

    times: tuple[tuple[int, ...], ...]
    prices: tuple[int, ...]
    volumes: tuple[int, ...]
    symbols: int | None = None
    symbol: str | None = None
    named: bool = True  # False: prices were placed by position, which the values must confirm
    chosen: bool = False  # whether the caller named the time column


def check_columns(columns: ColumnMap | None) -> ColumnMap:
    """Return the caller's mapping, or raise ParameterError."""
    if columns is None:
        return {}
    fine = isinstance(columns, Mapping) and all(
        role in _ROLES
        and (
            _is_column(value)
            or (value is None and role in ("volume", "symbol"))
            or (
                role == "time"
                and isinstance(value, tuple)
                and len(value) == 2
                and all(map(_is_column, value))
            )
        )
        for role, value in columns.items()
    )
    if not fine:
        raise ParameterError(
            f"read_bars: parameter 'columns' must map some of {', '.join(_ROLES)} to a column's "
            "name or position (from 0), 'time' also to a pair (date, time of day), 'volume' and "
            f"'symbol' also to None; got {columns!r}."
        )
    return columns


def _is_column(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, int) and not isinstance(value, bool) and value >= 0
    )


def find_keep(table: RawTable, keep: tuple[str, ...]) -> dict[str, int]:
    """Positions of the further columns asked for, under the names the file gives them."""
    found: dict[str, int] = {}
    for name in keep:
        hits = {
            i for row in table.headers for i, cell in enumerate(row) if plain(cell) == plain(name)
        }
        exact = {i for row in table.headers for i, cell in enumerate(row) if cell == name}
        best = sorted(exact or hits)
        if len(best) != 1:
            listed = ", ".join(repr(c) for row in table.headers for c in row if c) or "no names"
            raise DataError(
                f"read_bars: {table.source}: keep={name!r} fits {len(best)} columns of {listed}. "
                "Pass a name that the file has once."
            )
        cells = [row[best[0]] for row in table.headers]
        title = next(cell for cell in cells if plain(cell) == plain(name))
        if title in (*_PRICES, "volume"):
            raise ParameterError(
                f"read_bars: parameter 'keep' names further columns; {title!r} is always read."
            )
        found[title] = best[0]
    return found


def find_roles(table: RawTable, columns: ColumnMap) -> list[Roles]:
    """Roles of the columns, one entry a symbol (several where symbols stand side by side)."""
    names = _plain_names(table)
    placed = {role: _place(table, role, value) for role, value in columns.items()}
    if not names:
        return [_by_position(table, placed)]
    prices: list[list[int]] = []
    for role in _PRICES:
        prices.append(placed[role] if role in placed else all_named(names, role))
    missing = [role for role, found in zip(_PRICES, prices, strict=True) if not found]
    if missing:
        listed = ", ".join(repr(name) for name in header_names(table.headers) if name)
        raise DataError(
            f"read_bars: {table.source}: no column for {', '.join(missing)} among {listed}. "
            f"Pass columns={{'{missing[0]}': 'name in the file', ...}}."
        )
    symbols = _symbol_column(names, placed)
    volume_role = _volumes(table, names, placed, columns)
    taken = {*volume_role, *(i for found in prices for i in found)}
    if symbols is not None:
        taken.add(symbols)
    times = (tuple(placed["time"]),) if "time" in placed else find_times(table, names, taken)
    base = Roles(times, (), (), symbols, chosen="time" in placed)
    if all(len(found) == 1 for found in prices):
        return [
            replace(
                base,
                prices=tuple(found[0] for found in prices),
                volumes=tuple(volume_role),
                symbol=_side_symbol(table, prices[0][0]),
            )
        ]
    return _side_by_side(table, base, prices, volume_role)


def _plain_names(table: RawTable) -> list[str]:
    """One plain name a column, empty if the file has no header line with names.

    Time columns may be named on another header line than the prices (yfinance).
    """
    if not table.headers:
        return []
    best = header_names(table.headers)
    names = [plain(cell) for cell in best]
    known = {name for role in _PRICES for group in COLUMN_NAMES[role] for name in group}
    if len(table.headers) > 1 and not any(name in known for name in names):
        return []  # a preamble, not a header
    for row in table.headers:
        for i, cell in enumerate(row):
            if row is not best and plain(cell) in ("date", "datetime", "time", "timestamp"):
                names[i] = plain(cell)
    return names


def _place(table: RawTable, role: str, value: Column | tuple[Column, Column] | None) -> list[int]:
    if value is None:
        return []
    wanted = value if isinstance(value, tuple) else (value,)
    found: list[int] = []
    for column in wanted:
        if isinstance(column, int):
            hits = [column] if column < table.width else []
        else:
            exact = {i for row in table.headers for i, cell in enumerate(row) if cell == column}
            alike = {
                i
                for row in table.headers
                for i, cell in enumerate(row)
                if plain(cell) == plain(column)
            }
            hits = sorted(exact or alike)
        if len(hits) != 1:
            listed = ", ".join(repr(c) for row in table.headers for c in row if c) or "no names"
            raise DataError(
                f"read_bars: {table.source}: columns={{{role!r}: {column!r}}} fits {len(hits)} "
                f"columns; the file has {table.width} columns ({listed}). Pass a position from 0."
            )
        found += hits
    return found


def _symbol_column(names: list[str], placed: dict[str, list[int]]) -> int | None:
    found = placed["symbol"] if "symbol" in placed else named(names, "symbol")
    return found[0] if found else None


def _volumes(
    table: RawTable, names: list[str], placed: dict[str, list[int]], columns: ColumnMap
) -> list[int]:
    if "volume" in columns:
        return placed["volume"]
    found = [i for group in COLUMN_NAMES["volume"] for i, name in enumerate(names) if name in group]
    unsure = [i for i, name in enumerate(names) if re.search(r"vol(?!at)", name)]
    if not found and unsure:
        listed = ", ".join(repr(header_names(table.headers)[i]) for i in unsure)
        raise DataError(
            f"read_bars: {table.source}: which column is the volume is undecidable: {listed}. "
            "Pass columns={'volume': 'name in the file'}, or {'volume': None} for none."
        )
    return found


def _by_position(table: RawTable, placed: dict[str, list[int]]) -> Roles:
    """Headerless: [symbol,] time or date and time, open, high, low, close[, volume, ...]."""
    at, symbol = 0, None
    first = table.sample(0)
    words = bool(first) and all(re.search(r"[A-Za-z]", cell) for cell in first)
    if table.width > 6 and words and holds_times(table, 0, "time") is None:
        symbol, at = 0, 1
    if "time" in placed:
        time = tuple(placed["time"])
        after = max(time) + 1
    else:
        time = _first_times(table, at)
        after = at + len(time)
    prices = [
        placed[role] or [0] if role in placed else [after + i] for i, role in enumerate(_PRICES)
    ]
    volume = placed["volume"] if "volume" in placed else [after + 4][: table.width - after - 4]
    flat = tuple(found[0] for found in prices)
    if max(flat) >= table.width:
        raise DataError(
            f"read_bars: {table.source}: no header and only {table.width} columns; bars need a "
            "time, open, high, low and close. Pass columns={'open': position, ...} if it has them."
        )
    if "symbol" in placed:
        symbol = placed["symbol"][0] if placed["symbol"] else None
    named = all(role in placed for role in _PRICES)
    return Roles((time,), flat, tuple(volume), symbol, named=named, chosen="time" in placed)


def _first_times(table: RawTable, at: int) -> tuple[int, ...]:
    """Time columns that stand first: a stamp, or a date and a time of day in either order."""
    first = holds_times(table, at, "time")
    second = holds_times(table, at + 1, "time") if at + 1 < table.width else None
    if first == CLOCK and second == DAY and ":" in table.sample(at)[0]:
        return (at + 1, at)
    if first == DAY and (second == CLOCK and ":" in "".join(table.sample(at + 1)[:1])):
        return (at, at + 1)
    if first == DAY and at + 1 < table.width and _compact_times(table, at + 1):
        return (at, at + 1)
    if first in (FULL, DAY):
        return (at,)
    cell = next(iter(table.sample(at)), "")
    raise DataError(
        f"read_bars: {table.source}: no header, and the first column holds no date or epoch "
        f"({cell!r}). Pass columns={{'time': 0, 'open': 1, ...}} with positions from 0; Lean "
        "files need the date in their name (20131007_gc_minute_trade_201312.csv)."
        + unread_dates(table, [at])
    )


def _compact_times(table: RawTable, column: int) -> bool:
    """Whether every cell is HHMM or HHMMSS with its leading zeros: no price looks like that."""
    cells = table.sample(column)
    clock = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?")
    return all(clock.fullmatch(cell) for cell in cells) and any(c.startswith("0") for c in cells)


def _side_symbol(table: RawTable, column: int) -> str | None:
    """Symbol on another header line over the open column (yfinance), if there is one."""
    best = header_names(table.headers)
    for row in table.headers:
        if row is not best and row[column] and plain(row[0]) in ("ticker", "symbol", "tickers"):
            return row[column]
    return None


def _side_by_side(
    table: RawTable, base: Roles, prices: list[list[int]], volumes: list[int]
) -> list[Roles]:
    """Several symbols in one wide table: a header line tells their columns apart."""
    best = header_names(table.headers)
    for row in table.headers:
        if row is best:
            continue
        keys = [row[i] for i in prices[0]]
        if len(set(keys)) == len(keys) and all(keys):
            every = [[[i for i in found if row[i] == key] for found in prices] for key in keys]
            if all(len(hits) == 1 for one in every for hits in one):
                return [
                    replace(
                        base,
                        prices=tuple(hits[0] for hits in one),
                        volumes=tuple(i for i in volumes if row[i] == key),
                        symbol=key,
                    )
                    for key, one in zip(keys, every, strict=True)
                ]
    raise DataError(_twice(table, prices))


def _twice(table: RawTable, prices: list[list[int]]) -> str:
    """Message for several columns of one price: all four to pass, for each set there is."""
    double = [role for role, found in zip(_PRICES, prices, strict=True) if len(found) > 1]
    names = header_names(table.headers)
    said = {
        role: ", ".join(f"{names[i]!r} at {i}" for i in found)
        for role, found in zip(_PRICES, prices, strict=True)
        if len(found) > 1
    }
    n_sets = max(map(len, prices))
    sets = [[found[min(k, len(found) - 1)] for found in prices] for k in range(n_sets)]
    choices = [
        f"columns={{{', '.join(f'{r!r}: {i}' for r, i in zip(_PRICES, one, strict=True))}}}"
        for one in sets[:3]
    ]
    return (
        f"read_bars: {table.source}: several columns for {', '.join(double)} ("
        f"{'; '.join(f'{role}: {columns}' for role, columns in said.items())}, counted from 0). "
        f"Pass all four of the set that is meant: {' or '.join(choices)}."
    )
