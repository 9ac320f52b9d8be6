"""Tables of bars and predictions as named arrays and a JSON description, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.exceptions import BundleError


def pack_frame(frame: pd.DataFrame, name: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Put the columns and index of ``frame`` into ``arrays``; return what describes them.

    Parameters
    ----------
    frame : pd.DataFrame
        Numeric columns named by str or int; index of times, or of (symbol, time).
    name : str
        Prefix of the keys in ``arrays``.
    arrays : dict of str to ndarray
        Receives the arrays.
    """
    columns: list[str | int] = []
    for k, column in enumerate(frame.columns):
        values = frame.iloc[:, k].to_numpy()
        if values.dtype.kind not in "biuf" or not isinstance(column, (str, int, np.integer)):
            raise BundleError(
                f"save: column {column!r} of the {name} is {values.dtype}; golden rows hold "
                "numbers only. Leave the column out of 'bars'."
            )
        arrays[f"{name}.c{k:04d}"] = np.ascontiguousarray(values)
        columns.append(column if isinstance(column, str) else int(column))
    index = frame.index
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if not isinstance(time, pd.DatetimeIndex) or index.nlevels > 2:
        raise BundleError(
            f"save: the {name} must be indexed by time or by (symbol, time); got {index.names}."
        )
    arrays[f"{name}.time"] = np.array(time.asi8)
    described: dict[str, Any] = {
        "columns": columns,
        "names": [None if level is None else str(level) for level in index.names],
        "unit": time.unit,
        "tz": None if time.tz is None else str(time.tz),
    }
    if isinstance(index, pd.MultiIndex):
        symbols = [str(symbol) for symbol in index.get_level_values(0)]
        described["symbols"] = sorted(set(symbols))
        codes = {symbol: k for k, symbol in enumerate(described["symbols"])}
        arrays[f"{name}.symbol"] = np.array([codes[symbol] for symbol in symbols], dtype=np.int64)
    return described


def unpack_frame(
    described: dict[str, Any], name: str, arrays: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Return the table that :func:`pack_frame` described."""
    stamps = arrays[f"{name}.time"].astype(np.int64).view(f"M8[{described['unit']}]")
    time = pd.DatetimeIndex(stamps, name=described["names"][-1])
    if described["tz"] is not None:
        time = time.tz_localize("UTC").tz_convert(described["tz"])
    index: pd.Index = time
    if "symbols" in described:
        codes = arrays[f"{name}.symbol"]
        symbols = [described["symbols"][code] for code in codes]
        index = pd.MultiIndex.from_arrays([symbols, time], names=described["names"])
    columns = {
        label: arrays[f"{name}.c{k:04d}"].copy() for k, label in enumerate(described["columns"])
    }
    return pd.DataFrame(columns, index=index, columns=described["columns"])
