"""The bars contract as arrays: columns, symbols, and how large a bar is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars._names import OHLCV, REMEDY, has_bar_columns
from ohlcvml.exceptions import DataError
from ohlcvml.typing import FloatArray, IntArray


class PriceArrays(NamedTuple):
    """Contiguous float64 columns of a table of bars, each of shape (n_bars,)."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


def symbol_starts(index: pd.Index) -> IntArray:
    """Row numbers at which each symbol starts, followed by the number of rows.

    A single series gives ``[0, n]``. Symbols must be contiguous.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.bars import symbol_starts
    >>> symbol_starts(pd.MultiIndex.from_product([["ES", "NQ"], [1, 2, 3]])).tolist()
    [0, 3, 6]
    """
    n = len(index)
    if not isinstance(index, pd.MultiIndex) or n == 0:
        return np.array([0, n], dtype=np.int64)
    change = np.zeros(n, dtype=bool)
    for level in range(index.nlevels - 1):
        codes = np.asarray(index.codes[level])
        change[1:] |= codes[1:] != codes[:-1]
    starts = np.r_[0, np.flatnonzero(change), n].astype(np.int64)
    symbols = index[starts[:-1]].droplevel(-1)
    if symbols.has_duplicates:
        raise DataError(
            "bars: the rows of one symbol must stand together; "
            f"{symbols[symbols.duplicated()][0]!r} is interrupted by another. {REMEDY}"
        )
    return starts


def price_arrays(table: pd.DataFrame | pd.Series, who: str) -> PriceArrays:
    """Return the OHLCV columns of a table that has passed the door, as contiguous float64 arrays.

    A table taken as one price gives its first column as open, high, low and close at once, and NaN
    as volume.

    Examples
    --------
    >>> from ohlcvml.bars import price_arrays, simulate_bars
    >>> price_arrays(simulate_bars(3, seed=0).bars, "example").close.shape
    (3,)
    """
    frame = table.to_frame() if isinstance(table, pd.Series) else table
    if isinstance(table, pd.Series) or not has_bar_columns(frame.columns, who, one_price=True):
        price = np.ascontiguousarray(frame.iloc[:, 0].to_numpy(dtype=np.float64))
        return PriceArrays(price, price, price, price, np.full(len(price), np.nan))
    return PriceArrays(
        *(np.ascontiguousarray(frame[name].to_numpy(dtype=np.float64)) for name in OHLCV)
    )


def bar_size(bars: pd.DataFrame | pd.Index) -> pd.Timedelta | None:
    """Most frequent distance between neighbouring stamps, or None for irregular bars.

    Bars are irregular (event bars) when fewer than half of the distances equal the most frequent.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.bars import bar_size
    >>> bar_size(pd.date_range("2025-01-02", periods=5, freq="5min", tz="UTC"))
    Timedelta('0 days 00:05:00')
    """
    index = bars if isinstance(bars, pd.Index) else bars.index
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if not isinstance(time, pd.DatetimeIndex) or len(time) < 2:
        return None
    return frequent_size(np.diff(nanoseconds(time, nat="keep")))


def frequent_size(step: IntArray) -> pd.Timedelta | None:
    """Most frequent of some distances in nanoseconds, if at least half of them are it."""
    step = step[step > 0]  # a new symbol starts again at the beginning
    if len(step) == 0:
        return None
    sizes, counts = np.unique(step, return_counts=True)
    best = int(counts.argmax())
    return pd.Timedelta(int(sizes[best]), "ns") if 2 * counts[best] >= len(step) else None
