"""Results as a folder of parquet and JSON, and back; no pickle."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, Self, Union, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa

from ohlcvml._checks import boolean, check_value
from ohlcvml._folder import Kind, check_sums, parse_json, read_files, write_files
from ohlcvml._saved_tables import (
    pack_columns,
    pack_index,
    unpack_columns,
    unpack_index,
)
from ohlcvml.exceptions import DataError

FORMAT = "ohlcvml.result"
SCHEMA_VERSION = 1
RESULT = Kind("saved result", DataError, "result.json")

_results: dict[str, type[SavedResult]] = {}
_plain: dict[str, Any] = {}


def saves_as_dict(cls: Any) -> None:
    """Let results hold objects of a class with ``to_dict`` and ``from_dict``."""
    _plain[cls.__name__] = cls


class SavedResult:
    """A frozen dataclass that can be written to a folder and read again."""

    def __init_subclass__(cls) -> None:
        _results[cls.__name__] = cls

    def saved_fields(self) -> dict[str, Any]:
        """What is stored, by field; a class with private state says it here."""
        return {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write the result to a folder of parquet tables and ``result.json``.

        Written beside its place, read back, and only then put there, whole.

        Parameters
        ----------
        folder : str or Path
            A name that ends in ``.zip`` gives a single file.
        overwrite : bool, default=False
            Replace a saved result that stands there; never anything else.

        Returns
        -------
        Path
            ``folder``.

        Raises
        ------
        DataError
            The place is taken, or a table holds something that is not numbers, text or times.
        """
        check_value(f"{type(self).__name__}.save", "overwrite", boolean(), overwrite)
        path, writer = Path(folder), _Writer()
        content = {
            "format": FORMAT,
            "schema_version": SCHEMA_VERSION,
            "kind": type(self).__name__,
            "fields": {
                name: writer.encode(value, name) for name, value in self.saved_fields().items()
            },
        }
        text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        files = {RESULT.manifest: text.encode(), **writer.files}
        write_files(path, files, RESULT, overwrite=overwrite, check=type(self).load)
        return path

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        folder : str or Path

        Raises
        ------
        DataError
            It is not a saved result, one of another class or version, or it is damaged.
        """
        path = Path(folder)
        files = read_files(path, RESULT)
        problems = check_sums(files, RESULT)
        if problems:
            raise DataError(f"load: {path} is damaged: {'; '.join(problems)}. Save it again.")
        content = parse_json(files[RESULT.manifest], RESULT.manifest, RESULT)
        version = content.get("schema_version")
        if content.get("format") != FORMAT or version != SCHEMA_VERSION:
            raise DataError(
                f"load: {path} must be a saved result of schema version {SCHEMA_VERSION}; got "
                f"format {content.get('format')!r}, version {version!r}. Make the result again."
            )
        if content.get("kind") != cls.__name__:
            raise DataError(
                f"load: {path} holds a {content.get('kind')!r}, not a {cls.__name__}. Use the "
                "load of that class."
            )
        reader = _Reader(files)
        try:
            result = reader.build(cls, content["fields"])
        except DataError:
            raise
        except (
            ArithmeticError,
            AssertionError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
            pa.ArrowException,
        ) as error:
            # Well-formed files, but not those we write.
            raise DataError(
                f"load: {path} is not a {cls.__name__} as ohlcvml writes it: {error!r}."
            ) from error
        unused = set(files) - reader.used - {RESULT.manifest, "SHA256SUMS"}
        if unused:
            raise DataError(f"load: {path} holds files it does not use: {sorted(unused)}.")
        return result


class _Writer:
    """Values as JSON; tables go to files beside it, an index that several share once."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._indexes: list[tuple[pd.Index, dict[str, Any]]] = []

    def encode(self, value: Any, path: str) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"is": "float", "value": repr(value)}
        if isinstance(value, (list, tuple)):
            items = [self.encode(item, f"{path}.{k}") for k, item in enumerate(value)]
            return items if isinstance(value, list) else {"is": "tuple", "items": items}
        if isinstance(value, dict):
            items = [
                [self.encode(key, path), self.encode(item, f"{path}.{key}")]
                for key, item in value.items()
            ]
            return {"is": "dict", "items": items}
        return self._encode_object(value, path)

    def _encode_object(self, value: Any, path: str) -> Any:
        name = type(value).__name__
        if isinstance(value, SavedResult):
            parts = value.saved_fields().items()
            inner = {key: self.encode(item, f"{path}.{key}") for key, item in parts}
            return {"is": "result", "kind": name, "fields": inner}
        if name in _plain:
            return {"is": "object", "kind": name, "fields": self.encode(value.to_dict(), path)}
        if isinstance(value, pd.Timestamp):
            return {"is": "time", "value": self._table(pd.Series([value]), path)}
        if isinstance(value, pd.Timedelta):
            return {"is": "span", "value": value.isoformat()}
        if isinstance(value, np.ndarray):
            return self._array(value, path)
        if isinstance(value, (pd.Series, pd.DataFrame)):
            return self._table(value, path)
        raise DataError(f"save: {path} is a {type(value).__module__}.{name}, which has no form.")

    def _array(self, value: Any, path: str) -> Any:
        raw, described = pack_columns([("values", pd.Series(value.reshape(-1)))])
        file = self._put(raw, path)
        return {
            "is": "array",
            "file": file,
            "shape": list(value.shape),
            "columns": described,
        }

    def _table(self, value: pd.Series | pd.DataFrame, path: str) -> Any:
        series = isinstance(value, pd.Series)
        frame = value.to_frame("values") if isinstance(value, pd.Series) else value
        raw, described = pack_columns([(c, frame.iloc[:, k]) for k, c in enumerate(frame.columns)])
        return {
            "is": "series" if series else "table",
            "file": self._put(raw, path),
            "columns": described,
            "names": [self.encode(c, path) for c in ([value.name] if series else frame.columns)],
            "names_of": None if series else frame.columns.name,
            "rows": len(frame),
            "index": self._index(frame.index, path),
            "attrs": self.encode(dict(value.attrs), f"{path}.attrs"),
        }

    def _index(self, index: pd.Index, path: str) -> dict[str, Any]:
        for known, described in self._indexes:
            if known is index or (known.identical(index) and _freq(known) == _freq(index)):
                return described
        raw, described = pack_index(index)
        described["file"] = None if raw is None else self._put(raw, f"{path}.index")
        self._indexes.append((index, described))
        return described

    def _put(self, raw: bytes, path: str) -> str:
        name = "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "_" for c in path)
        name = name.lower().strip("._") or "table"
        stem, k = name, 1
        while f"{name}.parquet" in self.files:
            name, k = f"{stem}_{k}", k + 1
        self.files[f"{name}.parquet"] = raw
        return f"{name}.parquet"


def _freq(index: pd.Index) -> Any:
    return getattr(index, "freqstr", None)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is what a field is declared to hold, as far as its outermost type."""
    parts = get_args(hint)
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    kind = origin or hint
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is Any or not isinstance(kind, type):
        return True
    if not isinstance(value, kind):
        return False
    inner = parts[-1:] if kind in (list, dict) else ()
    held: Any = value
    items = held.values() if kind is dict else held
    return all(_fits(item, part) for part in inner for item in items)


class _Reader:
    """Values from JSON and the files beside it."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.used: set[str] = set()
        self._indexes: dict[str, pd.Index] = {}
        self._kinds: dict[str, Callable[[dict[str, Any]], Any]] = {
            "float": lambda v: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[v["value"]],
            "tuple": lambda v: tuple(self.decode(item) for item in v["items"]),
            "dict": lambda v: {self.decode(k): self.decode(item) for k, item in v["items"]},
            "result": lambda v: self.build(_results[v["kind"]], v["fields"]),
            "object": lambda v: _plain[v["kind"]].from_dict(self.decode(v["fields"])),
            "time": lambda v: self.decode(v["value"]).iloc[0],
            "span": lambda v: pd.Timedelta(v["value"]),
            "array": self._array,
            "series": self._table,
            "table": self._table,
        }

    def decode(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        return self._kinds[value["is"]](value) if isinstance(value, dict) else value

    def build(self, cls: type[Any], given: dict[str, Any]) -> Any:
        known = {item.name for item in fields(cls)}
        if set(given) != known:
            raise ValueError(f"fields {sorted(given)} for {sorted(known)}")
        found = {name: self.decode(value) for name, value in given.items()}
        hints = get_type_hints(cls)
        for name, value in found.items():
            if not _fits(value, hints[name]):
                raise ValueError(f"field {name!r} is a {type(value).__name__}")
        return cls(**found)

    def _raw(self, name: str) -> bytes:
        self.used.add(name)
        return self.files[name]

    def _array(self, value: dict[str, Any]) -> Any:
        shape = [int(n) for n in value["shape"]]
        raw = self._raw(value["file"])
        return unpack_columns(raw, value["columns"], math.prod(shape))[0].reshape(shape)

    def _table(self, value: dict[str, Any]) -> pd.Series | pd.DataFrame:
        index = self._index(value["index"])
        arrays = unpack_columns(self._raw(value["file"]), value["columns"], int(value["rows"]))
        names = [self.decode(name) for name in value["names"]]
        found: pd.Series | pd.DataFrame
        if value["is"] == "series":
            (array,) = arrays
            found = pd.Series(array, index=index, name=names[0], copy=False)
        else:
            data = dict(enumerate(arrays))
            found = pd.DataFrame(data, index=index, copy=False)
            found.columns = pd.Index(names, name=value["names_of"])
        found.attrs = self.decode(value["attrs"])
        return found

    def _index(self, value: dict[str, Any]) -> pd.Index:
        file = value["file"]
        if file is None:
            return unpack_index(None, value)
        if file not in self._indexes:
            self._indexes[file] = unpack_index(self._raw(file), value)
        return self._indexes[file]
