"""A clock that repeats while another column tells the rows apart is not the clock of the bars."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ohlcvml._time import DAY
from ohlcvml.bars._names import plain
from ohlcvml.bars.read._instants import entry_argument
from ohlcvml.bars.read._table import RawTable
from ohlcvml.bars.read._text import column_name, header_names
from ohlcvml.bars.read._times import holds_times
from ohlcvml.exceptions import DataError
from ohlcvml.typing import IntArray


def check_repeats(
    table: RawTable,
    entry: tuple[int, ...],
    used: set[int],
    time: IntArray,
    groups: IntArray,
    chosen: bool,
) -> None:
    """Raise where stamps repeat within a symbol and a column that is not read tells them apart.

    A column of times counts however few stamps repeat. Any other counts where most rows share
    their stamp: numbers that run with the rows of a stamp, or values that come back under other
    stamps, such as the number of a bar, an hour or a contract. Copies of rows, a counter of all
    rows and measures tell nothing.

    Parameters
    ----------
    entry : tuple of int
        The time column, or the date and the time of day.
    used : set of int
        Columns that are read.
    time, groups : int64 array of shape (n,)
        UTC nanoseconds and number of the symbol.
    chosen : bool
        Whether the caller named the time column: then only a clock that most rows share is
        doubted.
    """
    key = pd.MultiIndex.from_arrays([groups, time])
    again = key.duplicated(keep=False)
    share = float(again.mean())
    if share == 0 or (chosen and share <= 0.5):
        return
    rows = np.flatnonzero(again)
    stamp = key[rows].factorize()[0].astype(np.int64)
    names = [plain(cell) for cell in header_names(table.headers)] if table.headers else []
    free = [i for i in range(table.width) if i not in used]
    timed = [i for i in free if holds_times(table, i, names[i] if names else "") is not None]
    others = [i for i in free if i not in timed] if share > 0.5 else []
    for column in (*timed, *others):
        table.load([column])
        cells = np.array(table.text(column).to_pylist(), dtype=object)
        if _tells_apart(cells, rows, stamp, len(time), column in timed):
            _refuse(table, entry, column, time, rows)


def _tells_apart(cells: np.ndarray, rows: IntArray, stamp: IntArray, n: int, timed: bool) -> bool:
    """Whether no two of the ``rows`` that share a stamp have the same cell, and not by chance."""
    value = pd.factorize(cells[rows])[0]
    if (value < 0).any() or pd.MultiIndex.from_arrays([stamp, value]).has_duplicates:
        return False
    if timed:
        return True
    numbers = pd.to_numeric(pd.Series(cells), errors="coerce").to_numpy(dtype=np.float64)
    step = np.diff(numbers)
    if n > 2 and (step == 1).all():
        return False  # a counter of rows
    whole = bool((numbers[rows] % 1 == 0).all())
    order = np.argsort(stamp, kind="stable")
    same = np.diff(stamp[order]) == 0
    within = np.diff(numbers[rows][order])[same]
    deep = len(rows) > 2.5 * len(np.unique(stamp))  # pairs run up or down by chance
    if (whole or deep) and len(within) and ((within > 0).all() or (within < 0).all()):
        return True
    text = bool(np.isnan(numbers[rows]).all())
    return (whole or text) and 2 * (int(value.max()) + 1) <= len(rows)


def _refuse(
    table: RawTable, entry: tuple[int, ...], column: int, time: IntArray, rows: IntArray
) -> None:
    name = column_name(table.headers, column)
    other = entry_argument(table, (column,))
    clock = " and ".join(column_name(table.headers, i) for i in entry)
    remedy = [f"columns={{'time': {other}}} if it is the time"]
    if len(entry) == 1 and (time % DAY == time[0] % DAY).all():
        remedy.append(f"columns={{'time': {entry_argument(table, (entry[0], column))}}} for both")
    remedy.append(f"columns={{'symbol': {other}}} if it parts series")
    raise DataError(
        f"read_bars: {table.source}: {len(rows):,} of {len(time):,} rows have a stamp of column "
        f"{clock} that other rows have, too: stamps repeat, and column {name} tells them apart "
        f"({table.where(rows[:4])}). Pass {', '.join(remedy)}, or write date and time of day in "
        "one column."
    )
