"""One identity: canonical JSON and SHA-256 of configurations, of tables and of evaluation rows."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.exceptions import ParameterError

# These may change how fast a result comes, never the result, so they are no part of an identity.
# Beside each: values that every machine can try, to test that they change nothing. A device and
# the number of windows computed at once are not tried: the last digits may differ.
RESOURCE_PARAMETERS: dict[str, tuple[Any, ...]] = {
    "n_jobs": (1, 2),
    "verbose": (False, True),
    "progress": (),
    "backend": (None, "threading"),
    "backend_params": (),
    "device": (),
    "cache": (False, True),
    "checkpoint": (),
    "inference_batch_size": (),
}

KEY_BYTES = 16
_PLAIN_TIMES = (pd.Timestamp, pd.Timedelta, datetime, date, timedelta, np.datetime64)


def configuration(value: Any, who: str = "configuration") -> Any:
    """Return what ``value`` is made of, as content of canonical JSON.

    An estimator is its class and its constructor parameters, nested ones alike; what it learnt is
    no part of it, nor are the resource parameters. Lists and tuples are the same. Arrays and
    tables are their content. A function or class is its import path, with its source, or the
    version of its package where it has none.

    Raises
    ------
    ParameterError
        A value has no content that can be told: a lambda, a function made inside another, an
        open generator. The message names where it stands.
    """
    if value is None or (isinstance(value, (bool, int, str)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        return configuration(value.item(), who)
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, Mapping):
        pairs = [
            [configuration(key, who), configuration(item, f"{who}[{key!r}]")]
            for key, item in value.items()
        ]
        return {"map": sorted(pairs, key=lambda pair: canonical_json(pair[0]))}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted((configuration(v, who) for v in value), key=canonical_json)}
    if hasattr(value, "get_params") and not isinstance(value, type):
        return _estimator(value, who)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {"class": _path(type(value)), "fields": configuration(value._asdict(), who)}
    if isinstance(value, (list, tuple, range)):
        return [configuration(item, f"{who}[{i}]") for i, item in enumerate(value)]
    return _other(value, who)


def _estimator(value: Any, who: str) -> Any:
    inside = f"{who}.{type(value).__name__}" if who else type(value).__name__
    parameters = {
        name: configuration(item, f"{inside}({name})")
        for name, item in sorted(value.get_params(deep=False).items())
        if name not in RESOURCE_PARAMETERS
    }
    return {"class": _path(type(value)), "parameters": parameters}


def _other(value: Any, who: str) -> Any:
    if isinstance(value, Enum):
        return {"enum": _path(type(value)), "name": value.name}
    if is_dataclass(value) and not isinstance(value, type):
        told = {
            item.name: configuration(getattr(value, item.name), f"{who}.{item.name}")
            for item in fields(value)
            if item.name not in RESOURCE_PARAMETERS
        }
        return {"class": _path(type(value)), "fields": told}
    if isinstance(value, np.ndarray):
        return {"array": _array_digest(value), "shape": list(value.shape)}
    if isinstance(value, pd.DataFrame):
        return {"table": bars_identity(value)}
    if isinstance(value, pd.Series):
        named = value.rename("" if value.name is None else str(value.name))
        return {"series": bars_identity(named.to_frame())}
    if isinstance(value, pd.Index):
        return {"index": bars_identity(pd.DataFrame(index=value))}
    if isinstance(value, (*_PLAIN_TIMES, np.timedelta64, PurePath)):
        return {type(value).__name__: str(value)}
    if isinstance(value, functools.partial):
        parts = (value.func, list(value.args), dict(value.keywords))
        return {"partial": configuration(parts, who)}
    if callable(value):
        return _callable(value, who)
    raise ParameterError(
        f"{who}: {type(value).__module__}.{type(value).__qualname__} has no identity that can be "
        "written down, so two runs could not be told apart. Use numbers, strings, estimators, "
        "arrays, tables, or functions that can be imported; for randomness give an integer seed."
    )


def _callable(value: Any, who: str) -> Any:
    known = (FunctionType, BuiltinFunctionType, np.ufunc, type)
    target = inspect.unwrap(value) if isinstance(value, FunctionType) else value
    path = _path(target) if isinstance(target, known) else ""
    if not path or "<" in path:  # <lambda>, <locals>
        raise ParameterError(
            f"{who}: {value!r} cannot be imported by its name, so what it does cannot be told from "
            "run to run. Define it with def at the top of a module, not as a lambda or inside "
            "another function."
        )
    try:
        source = inspect.getsource(target)
    except (OSError, TypeError):
        return {"callable": path, "package": _package_version(path)}
    return {"callable": path, "source": hashlib.sha256(source.encode()).hexdigest()}


def _path(value: Any) -> str:
    module = getattr(value, "__module__", None) or "numpy"  # ufuncs have none
    return f"{module}.{getattr(value, '__qualname__', getattr(value, '__name__', ''))}"


def _package_version(path: str) -> str:
    top = path.partition(".")[0]
    for name in packages_distributions().get(top, [top]):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return top


def canonical_json(content: Any) -> str:
    """JSON with sorted keys and no spaces; equal content, equal text.

    Examples
    --------
    >>> from ohlcvml._identity import canonical_json
    >>> canonical_json({"b": 1, "a": [1.5, None]})
    '{"a":[1.5,null],"b":1}'
    """
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True
    )


def digest(value: Any, who: str = "digest") -> str:
    """SHA-256 of what ``value`` is made of, in hexadecimal; see :func:`configuration`.

    Examples
    --------
    >>> from ohlcvml._identity import digest
    >>> from ohlcvml.features import ReturnFeatures
    >>> one = ReturnFeatures(lags=(1, 5))
    >>> digest(one) == digest(one.clone()), digest(one) == digest(ReturnFeatures(lags=(1, 6)))
    (True, False)
    """
    return hashlib.sha256(canonical_json(configuration(value, who)).encode()).hexdigest()


def bars_identity(table: pd.DataFrame, columns: Sequence[str] | None = None) -> str:
    """SHA-256 of a table's index and columns: names, types and every value, in order.

    Stamps count as nanoseconds since the epoch, whatever the unit or time zone of the index.

    Parameters
    ----------
    table : pd.DataFrame
    columns : sequence of str or None, default=None
        Columns that count; all by default.
    """
    hashed = hashlib.sha256()
    _add_index(hashed, table.index)
    for name in table.columns if columns is None else columns:
        hashed.update(canonical_json(str(name)).encode())
        _add_values(hashed, table[name])
    return hashed.hexdigest()


def rows_identity(samples: Any) -> str:
    """SHA-256 of evaluation rows: stamps, ends and labels of the very rows, and their market.

    The market is the closes from the first decision to the last label's end. Features do not
    enter: whatever the model, the same rows have the same identity.
    """
    hashed = hashlib.sha256()
    _add_index(hashed, samples.index)
    _add_index(hashed, pd.Index(samples.end))
    _add_values(hashed, pd.Series(np.asarray(samples.y, dtype=np.int64)))
    if len(samples):
        first, last = int(samples.pos.min()), int(samples.end_pos.max())
        spanned = samples.bars.iloc[first : last + 1]
        price = "close" if "close" in spanned.columns else spanned.columns[0]
        hashed.update(bars_identity(spanned, [price]).encode())
    return hashed.hexdigest()


def row_keys(*arrays: Any) -> list[bytes]:
    """Sixteen bytes for each row: equal content in every array, equal key; shapes (n, ...)."""
    parts = [np.ascontiguousarray(array) for array in arrays]
    kinds = canonical_json([[part.dtype.str, list(part.shape[1:])] for part in parts]).encode()
    keys = []
    for row in range(len(parts[0])):
        hashed = hashlib.sha256(kinds)
        for part in parts:
            hashed.update(part[row].tobytes())
        keys.append(hashed.digest()[:KEY_BYTES])
    return keys


def _add_index(hashed: Any, index: pd.Index) -> None:
    if isinstance(index, pd.MultiIndex):
        for k in range(index.nlevels):
            _add_values(hashed, pd.Series(index.get_level_values(k)))
    else:
        _add_values(hashed, pd.Series(index))


def _add_values(hashed: Any, column: pd.Series) -> None:
    """Type, length and content of a column."""
    if isinstance(column.dtype, (pd.DatetimeTZDtype, np.dtypes.DateTime64DType)):
        kind = "utc" if isinstance(column.dtype, pd.DatetimeTZDtype) else "naive"
        values: Any = nanoseconds(pd.DatetimeIndex(column), nat="keep")
    elif isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        kind, values = column.dtype.str, column.to_numpy()
    else:
        codes, found = pd.factorize(column, use_na_sentinel=True)
        kind, values = canonical_json([str(item) for item in found]), codes.astype("<i8")
    hashed.update(f"{kind}:{len(column)}:".encode())
    hashed.update(np.ascontiguousarray(values).view(np.uint8).data)


def _array_digest(array: Any) -> str:
    if array.dtype.kind == "O":
        return digest(array.tolist(), "array")
    hashed = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()
