"""Tables as parquet and a description, exactly: types, time zones, categories and names."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ohlcvml.exceptions import DataError

MAX_BYTES = 8 << 30  # of one table when unpacked; a crafted file is refused before it fills memory
_NO_TIME = np.iinfo(np.int64).min

Column = dict[str, Any]  # how one column is stored


def pack_columns(columns: list[Any]) -> tuple[bytes, list[Column]]:
    """Return the columns as parquet, named c0, c1, … or as they are, and their descriptions.

    Parameters
    ----------
    columns : list of (name, pd.Series or pd.Index)
        All of one length.
    """
    described, arrays, names = [], [], []
    for k, (name, values) in enumerate(columns):
        array, column = _pack(values, name)
        arrays.append(array)
        described.append(column)
        names.append(name if isinstance(name, str) else f"c{k}")
    if len(set(names)) < len(names):
        names = [f"c{k}" for k in range(len(names))]
    for name, column in zip(names, described, strict=True):
        column["stored"] = name
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays, names=names), buffer, compression="zstd")
    return buffer.getvalue(), described


def _pack(values: Any, name: Any) -> tuple[pa.Array, Column]:
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes = values.cat.codes if isinstance(values, pd.Series) else values.codes
        kinds, column = _pack(dtype.categories, name)
        column = {"categories": kinds.to_pylist(), "of": column, "ordered": bool(dtype.ordered)}
        return pa.array(np.asarray(codes, dtype=np.int32)), {"kind": "category", **column}
    if isinstance(dtype, (pd.DatetimeTZDtype, np.dtype)) and dtype.kind in "mM":
        return _pack_time(pd.Index(values), dtype)
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return pa.array(np.ascontiguousarray(values)), {"kind": "number", "dtype": dtype.str}
    if isinstance(dtype, pd.StringDtype):
        return pa.array(list(values), pa.string(), from_pandas=True), {"kind": "text"}
    if pd.api.types.is_object_dtype(dtype):
        try:
            texts = [json.dumps(_plain(value), allow_nan=False) for value in values]
        except (TypeError, ValueError) as error:
            raise DataError(
                f"save: column {name!r} holds values that JSON cannot: {error}. Make it text or "
                "numbers first."
            ) from error
        return pa.array(texts, pa.string()), {"kind": "object"}
    raise DataError(f"save: column {name!r} is of type {dtype}, which is not supported.")


def _pack_time(index: Any, dtype: Any) -> tuple[pa.Array, Column]:
    ticks = np.asarray(index.asi8)
    span = dtype.kind == "m"
    unit = str(index.unit)
    array = pa.array(ticks, mask=ticks == _NO_TIME)
    if span:
        return array, {"kind": "span", "unit": unit}
    tz = None if index.tz is None else str(index.tz)
    fine = "ms" if unit == "s" else unit  # parquet has no seconds
    if unit == "s":
        array = pa.array(ticks * 1000, mask=ticks == _NO_TIME)
    stamps = array.cast(pa.timestamp(fine, None if tz is None else "UTC"))
    return stamps, {"kind": "time", "unit": unit, "tz": tz}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def unpack_columns(raw: bytes, described: list[Column], rows: int) -> list[Any]:
    """Return the arrays that :func:`pack_columns` described."""
    file = pq.ParquetFile(io.BytesIO(raw))
    meta = file.metadata
    size = sum(meta.row_group(k).total_byte_size for k in range(meta.num_row_groups))
    names = [column["stored"] for column in described]
    if (
        meta.num_rows != (rows if names else 0)
        or file.schema_arrow.names != names
        or size > MAX_BYTES
    ):
        raise ValueError(
            f"{meta.num_rows} rows of {file.schema_arrow.names}, described as {rows} of {names}"
        )
    table = file.read()
    return [
        _unpack(table.column(k), column, table.schema.field(k).type)
        for k, column in enumerate(described)
    ]


def _unpack(stored: pa.ChunkedArray, column: Column, kind: pa.DataType) -> Any:
    what = column["kind"]
    if what == "number":
        dtype = np.dtype(column["dtype"])
        if dtype.kind not in "biuf" or kind != pa.from_numpy_dtype(dtype) or stored.null_count:
            raise ValueError(f"a column of {kind}, described as {dtype}")
        return _numbers(stored).astype(dtype, copy=False)
    if what == "category":
        listed = _category_array(column)
        kinds = _unpack(pa.chunked_array([listed]), column["of"], listed.type)
        return pd.Categorical.from_codes(
            _numbers(stored.cast(pa.int32())), pd.Index(kinds), ordered=bool(column["ordered"])
        )
    if what in ("time", "span"):
        return _unpack_time(stored, column)
    texts = stored.cast(pa.string()).to_pylist()
    if what == "text":
        return pd.array(texts, dtype="str")
    if what == "object":
        values = np.empty(len(texts), dtype=object)
        values[:] = [json.loads(text) for text in texts]
        return values
    raise ValueError(f"a column of kind {what!r}")


def _category_array(column: Column) -> pa.Array:
    of = column["of"]
    if of["kind"] == "number":
        return pa.array(column["categories"], pa.from_numpy_dtype(np.dtype(of["dtype"])))
    return pa.array(column["categories"], pa.string())


def _numbers(stored: pa.ChunkedArray) -> npt.NDArray[Any]:
    # A copy, so that it can be written to.
    return np.array(stored.to_numpy())


def _unpack_time(stored: pa.ChunkedArray, column: Column) -> Any:
    unit = column["unit"]
    if unit not in ("s", "ms", "us", "ns"):
        raise ValueError(f"a unit of time called {unit!r}")
    ticks = stored.cast(pa.int64()).fill_null(_NO_TIME).to_numpy()
    if column["kind"] == "span":
        return pd.TimedeltaIndex(np.array(ticks).view(f"m8[{unit}]")).array
    fine = "ms" if unit == "s" else unit
    stamps = pd.DatetimeIndex(np.array(ticks).view(f"M8[{fine}]")).as_unit(unit)
    if column["tz"] is not None:
        stamps = stamps.tz_localize("UTC").tz_convert(column["tz"])
    return stamps.array


def pack_index(index: pd.Index) -> tuple[bytes | None, dict[str, Any]]:
    """Return an index as parquet (None where its description is enough) and its description."""
    names = [None if name is None else name for name in index.names]
    if any(name is not None and not isinstance(name, str) for name in names):
        raise DataError(f"save: the levels of an index must be named by text; got {names}.")
    if isinstance(index, pd.RangeIndex):
        return None, {"names": names, "range": [index.start, index.stop, index.step]}
    levels = [(f"level {k}", index.get_level_values(k)) for k in range(index.nlevels)]
    raw, described = pack_columns(levels)
    freq = getattr(index, "freqstr", None)
    return raw, {"names": names, "rows": len(index), "levels": described, "freq": freq}


def unpack_index(raw: bytes | None, described: dict[str, Any]) -> pd.Index:
    """Return the index that :func:`pack_index` described."""
    names = described["names"]
    if "range" in described:
        start, stop, step = map(int, described["range"])
        return pd.RangeIndex(start, stop, step, name=names[0])
    if raw is None:
        raise ValueError("an index without its file")
    levels = unpack_columns(raw, described["levels"], int(described["rows"]))
    if len(names) > 1:
        return pd.MultiIndex.from_arrays(levels, names=names)
    index = pd.Index(levels[0], name=names[0])
    if described["freq"] is not None:
        index = pd.DatetimeIndex(index, freq=described["freq"])
    return index
