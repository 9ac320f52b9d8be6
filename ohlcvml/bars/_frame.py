"""The bars contract: what a table of bars is, how large a bar is, and when it is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, FloatArray, IntArray

__all__ = ["OHLCV", "PriceArrays", "bar_size", "check_bars", "price_arrays", "symbol_starts"]

OHLCV: tuple[str, ...] = ("open", "high", "low", "close", "volume")


class PriceArrays(NamedTuple):
    """Contiguous float64 columns of a table of bars, each of shape (n_bars,)."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


def check_bars(bars: Bars, who: str) -> None:
    """Raise :class:`DataError` unless ``bars`` satisfies the bars contract.

    Parameters
    ----------
    bars : pd.DataFrame
        Columns open, high, low, close, volume (more are allowed); index a tz-aware UTC
        ``DatetimeIndex``, strictly increasing, or a MultiIndex (symbol, time) of such.
    who : str
        Name of the caller, for the message.

    Examples
    --------
    >>> from ohlcvml.bars import check_bars, simulate_bars
    >>> bars = simulate_bars(100, seed=0).bars
    >>> check_bars(bars, "example")
    >>> check_bars(bars.drop(columns="volume"), "example")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ohlcvml.exceptions.DataError: example: 'bars' must have columns open, high, low, close, volume;
    volume missing from ['open', 'high', 'low', 'close']. ...
    """
    if not isinstance(bars, pd.DataFrame):
        raise DataError(
            f"{who}: 'bars' must be a DataFrame with columns {', '.join(OHLCV)}; "
            f"got {type(bars).__name__}. Read a file with ohlcvml.bars.read_bars."
        )
    if len(bars) == 0:
        raise DataError(f"{who}: 'bars' must not be empty; got 0 rows.")
    missing = [name for name in OHLCV if name not in bars.columns]
    if missing:
        raise DataError(
            f"{who}: 'bars' must have columns {', '.join(OHLCV)}; {', '.join(missing)} missing "
            f"from {list(map(str, bars.columns))}. Rename the columns or use "
            "ohlcvml.bars.read_bars; give volume as NaN where there is none."
        )
    time = time_index(bars.index, who)
    starts = symbol_starts(bars.index)
    stamps = time.asi8
    back = stamps[1:] <= stamps[:-1]
    back[starts[1:-1] - 1] = False
    unknown = [i for i in starts[:-1] if i < len(back) and stamps[i] == pd.NaT.value]
    back[unknown] = True  # NaT is the smallest number: it comes after nothing
    if back.any():
        at = int(np.flatnonzero(back)[0]) + 1
        raise DataError(
            f"{who}: the time index of 'bars' must be strictly increasing within a symbol; row "
            f"{at} ({time[at]}) does not come after row {at - 1} ({time[at - 1]}). Look at it "
            "with ohlcvml.bars.validate_bars(bars), mend it with policy='repair'."
        )


def time_index(index: pd.Index, who: str) -> pd.DatetimeIndex:
    """Return the time level of a bars index; raise unless it is tz-aware UTC.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars, time_index
    >>> str(time_index(simulate_bars(3, seed=0).bars.index, "example").tz)
    'UTC'
    """
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if not isinstance(time, pd.DatetimeIndex) or str(time.tz) != "UTC":
        got = f"{type(time).__name__} with tz={getattr(time, 'tz', None)}"
        raise DataError(
            f"{who}: the index of 'bars' must be a UTC DatetimeIndex; got {got}. Use "
            "ohlcvml.bars.read_bars(path, tz=...) or index.tz_localize(zone).tz_convert('UTC')."
        )
    return time


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
            f"{symbols[symbols.duplicated()][0]!r} is interrupted by another. Use sort_index()."
        )
    return starts


def price_arrays(table: pd.DataFrame | pd.Series, who: str) -> PriceArrays:
    """Return the OHLCV columns as contiguous float64 arrays.

    A table with no OHLCV column name is taken as a price: its first column is open, high, low and
    close at once and volume is NaN, as sktime's generic series need. One with some names but not
    all raises.

    Examples
    --------
    >>> from ohlcvml.bars import price_arrays, simulate_bars
    >>> price_arrays(simulate_bars(3, seed=0).bars, "example").close.shape
    (3,)
    """
    frame = table.to_frame() if isinstance(table, pd.Series) else table
    present = [name for name in OHLCV if name in frame.columns]
    if not present:
        price = np.ascontiguousarray(frame.iloc[:, 0].to_numpy(dtype=np.float64))
        return PriceArrays(price, price, price, price, np.full(len(price), np.nan))
    if len(present) < len(OHLCV):
        missing = [name for name in OHLCV if name not in present]
        raise DataError(
            f"{who}: bars must have all of the columns {', '.join(OHLCV)} or none of them; "
            f"{', '.join(missing)} missing. Give volume as NaN where there is none."
        )
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
    step = np.diff(time.as_unit("ns").asi8)
    step = step[step > 0]  # a new symbol starts again at the beginning
    if len(step) == 0:
        return None
    sizes, counts = np.unique(step, return_counts=True)
    best = int(counts.argmax())
    return pd.Timedelta(int(sizes[best]), "ns") if 2 * counts[best] >= len(step) else None
