"""Labels of one's own, as the user gives them: read into arrays on the bar index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError
from ohlcvml.labels._market import Market
from ohlcvml.labels._side import primary_side
from ohlcvml.typing import Bars, FloatArray, IntArray

WHO = "labels_from"


def read_given(
    bars: Bars, market: Market, label: Any, end: Any, side: Any, weight: Any, exit_price: Any
) -> dict[str, Any]:
    """Return what the user gave, as arrays of one length with positions on the bar index."""
    rows = label.index if isinstance(label, pd.Series) else market.index
    values = _each(label, rows, "label", bars)
    start = market.index.get_indexer(rows).astype(np.int64)
    if (start < 0).any():
        at = rows[start < 0][0]
        raise DataError(
            f"{WHO}: 'label' must stand on stamps of 'bars'; {at} is none of the "
            f"{len(market.index)}. Give a Series on (a part of) bars.index."
        )
    stamps = _each(end, rows, "end", bars)
    there = ~pd.isna(stamps)
    last = np.full(len(rows), -1, dtype=np.int64)
    last[there] = _positions(market.index, rows[there], pd.Index(stamps[there]))
    told: dict[str, Any] = {
        "label": values,
        "start": start,
        "last": last,
        "weight": np.ones(len(rows)),
        "price": np.full(len(rows), np.nan),
    }
    if weight is not None:
        told["weight"] = numbers(_each(weight, rows, "weight", bars), "weight")
    if exit_price is not None:
        told["price"] = numbers(_each(exit_price, rows, "exit_price", bars), "exit_price")
    if side is not None:
        if isinstance(side, (str, int)):
            told["side"] = primary_side(bars, side, WHO)[start]
        else:
            sides = pd.DataFrame({"side": _each(side, rows, "side", bars)})
            told["side"] = primary_side(sides, "side", WHO)
    bad = there & (last <= start)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        what = "is not a bar of 'bars'" if last[at] < 0 else "does not lie after its label"
        raise DataError(
            f"{WHO}: 'end' must be the stamp of a bar after the label's; {stamps[at]}, the end of "
            f"{rows[at]}, {what} ({int(bad.sum())} such rows). Give stamps of bars.index."
        )
    return told


def _each(given: Any, rows: pd.Index, name: str, bars: Bars) -> Any:
    """One value for each label: a Series on its index, or an array of its length."""
    if isinstance(given, pd.Series) and not given.index.equals(rows):
        raise DataError(
            f"{WHO}: {name!r} must stand on the index of 'label'; got {len(given)} rows on "
            f"another index. Use {name}.reindex(label.index)."
        )
    values = given if isinstance(given, pd.Index) else pd.Series(given).array
    if len(values) != len(rows):
        raise DataError(
            f"{WHO}: {name!r} must have one value for each of the {len(rows)} labels; got "
            f"{len(values)} beside {len(bars)} bars. Give a Series on a part of bars.index."
        )
    return values


def numbers(values: Any, name: str) -> FloatArray:
    column = pd.Series(values)
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise DataError(
            f"{WHO}: {name!r} must hold numbers; got {column.dtype}. Convert it with pd.to_numeric."
        )
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _positions(index: pd.Index, rows: pd.Index, stamps: pd.Index) -> IntArray:
    if isinstance(index, pd.MultiIndex):
        levels = [rows.get_level_values(k) for k in range(index.nlevels - 1)]
        stamps = pd.MultiIndex.from_arrays([*levels, stamps], names=index.names)
    return index.get_indexer(stamps).astype(np.int64)
