"""A table and its roles to arrays: UTC stamps, prices, volume, with every doubt an error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ohlcvml.bars.read._columns import Roles
from ohlcvml.bars.read._instants import Options, read_times
from ohlcvml.bars.read._repeats import check_repeats
from ohlcvml.bars.read._table import RawTable
from ohlcvml.bars.read._text import column_name
from ohlcvml.exceptions import DataError
from ohlcvml.typing import FloatArray, IntArray


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
    time, note = read_times(table, roles.times, options, groups, day)
    used = {*roles.prices, *roles.volumes, *(c for entry in roles.times for c in entry)}
    used |= set() if roles.symbols is None else {roles.symbols}
    check_repeats(table, roles.times[0], used, time, groups, roles.chosen)
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
