"""One codec for every model: Python objects to plain JSON nodes, arrays and native parts, and back.

An estimator is its class path, its parameters and its state, where the state is all of
``__dict__`` except the parameters and ``fit_time_``. Nothing is executed by decoding but the
constructors of classes on the allow-list (:mod:`ohlcvml.bundle._allowed`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from enum import Enum
from typing import Any

import numpy as np

from ohlcvml.bundle import _native
from ohlcvml.bundle._allowed import class_at, path_of
from ohlcvml.exceptions import BundleError, ParameterError

# Deeper than any honest model; keeps a crafted file from exhausting the interpreter's stack.
MAX_DEPTH = 150
MAX_INT_BITS = 4096
MAX_STRING_BYTES = 1 << 30
# fit_time_ differs between equal fits; the other is scikit-learn's handle on a running search.
NOT_STATE = frozenset({"fit_time_", "_parent_callback_ctx"})
REMEDY = (
    "A bundle holds numbers, strings, tuples, lists, dicts, numeric, datetime and string arrays, "
    "registered estimators, boosters and scikit-learn objects. Keep such values in the attribute, "
    "or pass your own class to ohlcvml.bundle.allow_class."
)

Node = Any  # None, bool, int, float, str or a dict with the key "type"


class Encoder:
    """Turns objects into JSON nodes; arrays and native parts are collected on the side.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Numeric arrays by key, in the order met.
    parts : dict of str to bytes
        Native files (boosters, scikit-learn objects, network weights) by file name.
    packages : set of str
        Distributions that are needed to read the parts.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.parts: dict[str, bytes] = {}
        self.packages: set[str] = set()
        self._nodes: dict[int, dict[str, Any]] = {}  # id(object) -> node, for shared objects
        self._open: dict[int, str] = {}  # id(object) -> path, while its inside is being encoded
        self._alive: list[Any] = []  # ids are unique only while the objects live
        self._shared = 0

    def encode(self, value: Any, path: str = "$") -> Node:
        """Return the node of ``value``; ``path`` is where it stands, for the message."""
        if value is None or type(value) in (bool, str):
            return value
        if type(value) is int:
            if value.bit_length() > MAX_INT_BITS:
                raise self._refusal(path, value, f"an integer of {value.bit_length()} bits")
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"type": "float", "value": repr(value)}
        if type(value) is date:
            return {"type": "date", "value": value.isoformat()}
        if isinstance(value, np.generic):
            return self._scalar(value, path)
        if isinstance(value, Enum):
            return {"type": "enum", "class": self._path(value, path), "name": value.name}
        return self._object(value, path)

    def _object(self, value: Any, path: str) -> Node:
        """Encode something that can be shared or contain other things."""
        known = self._nodes.get(id(value))
        if known is not None:
            if "id" not in known:
                known["id"] = self._shared
                self._shared += 1
            return {"type": "ref", "id": known["id"]}
        if id(value) in self._open:
            raise BundleError(
                f"save: {path} refers back to {self._open[id(value)]}, which contains it. A "
                "bundle holds no cycles; store a name or a copy instead."
            )
        if len(self._open) > MAX_DEPTH:
            raise BundleError(f"save: {path} is nested deeper than {MAX_DEPTH} levels.")
        self._open[id(value)] = path
        node = self._inside(value, path)
        del self._open[id(value)]
        if type(value) is not tuple:  # two equal tuples cannot be told apart by use
            self._nodes[id(value)] = node
            self._alive.append(value)
        return node

    def _inside(self, value: Any, path: str) -> dict[str, Any]:
        if type(value) is np.ndarray:
            return self._array(value, path)
        if type(value) in (list, tuple):
            items = [self.encode(item, f"{path}[{i}]") for i, item in enumerate(value)]
            return {"type": type(value).__name__, "items": items}
        if type(value) is dict:
            return {
                "type": "dict",
                "items": [
                    [self._key(key, path), self.encode(item, f"{path}[{key!r}]")]
                    for key, item in value.items()
                ],
            }
        kind = _native.kind_of(value)
        if kind == "network":
            return self._network(value, path)
        if kind is not None:
            return self._part(kind, value, path)
        if hasattr(value, "get_params") and hasattr(value, "get_tags"):
            return self._estimator(value, path)
        if hasattr(type(value), "__dataclass_fields__"):
            kept = [f.name for f in fields(value) if f.metadata.get("bundle", True)]
            inside = {name: getattr(value, name) for name in kept}
            return {
                "type": "dataclass",
                "class": self._path(value, path),
                "fields": {k: self.encode(v, f"{path}.{k}") for k, v in sorted(inside.items())},
            }
        raise self._refusal(path, value)

    def _estimator(self, value: Any, path: str) -> dict[str, Any]:
        cls = self._path(value, path)
        parameters = value.get_params(deep=False)
        left_out = NOT_STATE | set(parameters)
        state = {k: v for k, v in vars(value).items() if k not in left_out}
        # Sorted, so that the bytes do not depend on the order in which attributes were set.
        return {
            "type": "estimator",
            "class": cls,
            "parameters": {k: self.encode(v, f"{path}.{k}") for k, v in sorted(parameters.items())},
            "state": {k: self.encode(v, f"{path}.{k}") for k, v in sorted(state.items())},
        }

    def _part(self, kind: str, value: Any, path: str) -> dict[str, Any]:
        raw, extra = _native.dump(kind, value, path)
        name = f"part-{len(self.parts):03d}{_native.SUFFIX[kind]}"
        self.parts[name] = raw
        self.packages.add(_native.PACKAGE[kind])
        return {"type": kind, "file": name, "extra": self.encode(extra, path)}

    def _network(self, value: Any, path: str) -> dict[str, Any]:
        cls = self._path(value, path)
        node = self._part("network", value, path)
        config = self.encode(value.config, f"{path}.config")
        return {**node, "class": cls, "config": config}

    def _array(self, value: np.ndarray, path: str) -> dict[str, Any]:
        kind = value.dtype.kind
        if kind == "U" or (kind == "O" and all(type(item) is str for item in value.flat)):
            items = [str(item) for item in value.flat]
            return {
                "type": "strings",
                "dtype": value.dtype.str,
                "shape": list(value.shape),
                "items": items,
            }
        if kind not in "biufMm" or value.dtype.itemsize > 8:
            raise self._refusal(path, value, f"an array of dtype {value.dtype}")
        key = f"a{len(self.arrays):05d}"
        # Column-major stays column-major: a matrix product sums in another order otherwise.
        column_major = value.ndim > 1 and value.flags.f_contiguous and not value.flags.c_contiguous
        plain = value.astype("<i8" if kind in "Mm" else value.dtype.newbyteorder("<"))
        self.arrays[key] = np.array(plain.T if column_major else plain, order="C")
        order = "F" if column_major else "C"
        return {"type": "array", "key": key, "dtype": value.dtype.str, "order": order}

    def _scalar(self, value: np.generic, path: str) -> dict[str, Any]:
        kind, dtype = value.dtype.kind, value.dtype
        if kind not in "biufMmU" or (kind == "f" and dtype.itemsize > 8):
            raise self._refusal(path, value)
        plain = int(value.astype("i8")) if kind in "Mm" else value.item()
        name = "str" if kind == "U" else dtype.str
        return {"type": "scalar", "dtype": name, "value": self.encode(plain, path)}

    def _key(self, key: Any, path: str) -> Node:
        if isinstance(key, (str, int, float, bool, type(None), tuple, np.generic, Enum, date)):
            return self.encode(key, f"{path}[{key!r}]")
        raise self._refusal(f"{path}[{key!r}]", key, f"a dict key of type {type(key).__name__}")

    def _path(self, value: Any, path: str) -> str:
        cls = path_of(type(value))
        if cls is None:
            raise self._refusal(path, value)
        return cls

    def _refusal(self, path: str, value: Any, what: str | None = None) -> BundleError:
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        return BundleError(f"save: {path} is {what or name}, which a bundle cannot hold. {REMEDY}")


class Decoder:
    """Turns nodes back into objects. Anything unexpected is a :class:`BundleError`.

    Parameters
    ----------
    arrays : dict of str to ndarray
        The arrays of the bundle.
    parts : dict of str to bytes
        The native files of the bundle.
    """

    def __init__(self, arrays: dict[str, np.ndarray], parts: dict[str, bytes]) -> None:
        self._arrays = arrays
        self._parts = parts
        self.parts_used: set[str] = set()
        self._shared: dict[int, Any] = {}
        self._depth = 0
        self._readers: dict[str, Callable[[dict[str, Any], str], Any]] = {
            "array": self._array,
            "dataclass": self._dataclass,
            "date": lambda node, _: date.fromisoformat(node["value"]),
            "dict": self._dict,
            "enum": lambda node, _: class_at(node["class"], "enum")[node["name"]],  # type: ignore[index]
            "estimator": self._estimator,
            "float": lambda node, _: float(node["value"]),
            "list": self._items,
            "network": self._network,
            "ref": lambda node, _: self._shared[node["id"]],
            "scalar": self._scalar,
            "strings": self._strings,
            "tuple": lambda node, path: tuple(self._items(node, path)),
            **dict.fromkeys(_native.PARTS, self._part),
        }

    def decode(self, node: Node, path: str = "$") -> Any:
        """Return the object of ``node``."""
        if node is None or type(node) in (bool, int, float, str):
            return node
        self._depth += 1
        try:
            if self._depth > 2 * MAX_DEPTH:
                raise BundleError(f"load: {path} is nested too deeply.")
            value = self._readers[node["type"]](node, path)
        except (
            KeyError,
            IndexError,
            TypeError,
            ValueError,
            AttributeError,
            OverflowError,
        ) as error:
            if isinstance(error, BundleError):
                raise
            raise BundleError(
                f"load: {path} cannot be read: {type(error).__name__}: {error}. The bundle was "
                "changed by hand or written by another version."
            ) from error
        self._depth -= 1
        if "id" in node and node["type"] != "ref":
            self._shared[node["id"]] = value
        return value

    def _items(self, node: dict[str, Any], path: str) -> list[Any]:
        return [self.decode(item, f"{path}[{i}]") for i, item in enumerate(node["items"])]

    def _dict(self, node: dict[str, Any], path: str) -> dict[Any, Any]:
        pairs = []
        for key, item in node["items"]:
            name = self.decode(key, f"{path}.key")
            pairs.append((name, self.decode(item, f"{path}[{name!r}]")))
        return dict(pairs)

    def _estimator(self, node: dict[str, Any], path: str) -> Any:
        cls = class_at(node["class"], "estimator")
        parameters = self._named(node["parameters"], path)
        state = self._named(node["state"], path)
        try:
            value = cls(**parameters)
        except (ParameterError, TypeError) as error:
            raise BundleError(
                f"load: {path} cannot be built: {error} Its parameters have changed since the "
                "bundle was written; load it with the versions in its manifest."
            ) from error
        for name in set(vars(value)) - set(parameters) - set(state) - NOT_STATE:
            del vars(value)[name]
        vars(value).update(state)
        return value

    def _named(self, nodes: dict[str, Any], path: str) -> dict[str, Any]:
        for name in nodes:
            if not name.isidentifier() or name.startswith("__"):
                raise BundleError(f"load: {path} has an attribute called {name!r}.")
        return {name: self.decode(node, f"{path}.{name}") for name, node in nodes.items()}

    def _dataclass(self, node: dict[str, Any], path: str) -> Any:
        return class_at(node["class"], "dataclass")(**self._named(node["fields"], path))

    def _part(self, node: dict[str, Any], path: str) -> Any:
        extra = self.decode(node["extra"], path)
        return _native.load(node["type"], self._file(node), extra, path)

    def _file(self, node: dict[str, Any]) -> bytes:
        self.parts_used.add(node["file"])
        return self._parts[node["file"]]

    def _network(self, node: dict[str, Any], path: str) -> Any:
        cls = class_at(node["class"], "network")
        extra = self.decode(node["extra"], path)
        config = self.decode(node["config"], f"{path}.config")
        return _native.load_network(cls, config, self._file(node), extra, path)

    def _array(self, node: dict[str, Any], path: str) -> np.ndarray:
        stored, dtype = self._arrays[node["key"]], np.dtype(node["dtype"])
        if dtype.kind not in "biufMm":
            raise BundleError(f"load: {path} is an array of dtype {dtype}.")
        stored = stored.T if node["order"] == "F" else stored
        # A copy: what safetensors returns is read-only and may be unaligned.
        return stored.astype(dtype, order=node["order"], copy=True)

    def _strings(self, node: dict[str, Any], path: str) -> np.ndarray:
        dtype = np.dtype(node["dtype"])
        items = node["items"]
        if dtype.kind not in "UO" or not all(type(item) is str for item in items):
            raise BundleError(f"load: {path} is not an array of strings.")
        if dtype.itemsize * len(items) > MAX_STRING_BYTES:
            raise BundleError(f"load: {path} would need {dtype.itemsize * len(items):,} bytes.")
        flat = np.empty(len(items), dtype=dtype)
        flat[:] = items
        return flat.reshape(node["shape"])

    def _scalar(self, node: dict[str, Any], path: str) -> Any:
        value = self.decode(node["value"], path)
        if node["dtype"] == "str":
            return np.str_(value)
        dtype = np.dtype(node["dtype"])
        if dtype.kind not in "biufMm":
            raise BundleError(f"load: {path} is a number of dtype {dtype}.")
        stored = np.int64(value) if dtype.kind in "Mm" else value
        scalar: Any = np.asarray(stored).astype(dtype)[()]
        return scalar


def class_paths(node: Node) -> set[tuple[str, str]]:
    """Return every (class path, kind) that stands in ``node``."""
    found: set[tuple[str, str]] = set()
    todo = [node]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            if "class" in item and "type" in item:
                found.add((str(item["class"]), str(item["type"])))
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return found
