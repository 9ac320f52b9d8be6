"""Features that several parts, folds or trials share, computed once per table of bars."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property, partial
from threading import Lock, RLock
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
from skbase.base import BaseObject
from sktime.transformations.series.func_transform import FunctionTransformer

from ohlcvml._identity import bars_identity, digest
from ohlcvml.exceptions import ParameterError
from ohlcvml.samples import FeatureTable
from ohlcvml.typing import Features

CELL = 12  # bytes: a float64 of the table and the float32 of the matrix that models are given
LIMIT = "OHLCVML_MEMO_BYTES"
SETTLED = {"builtins", "math", "numpy", "ohlcvml", "pandas", "scipy", "skbase", "sklearn", "sktime"}


class _SharedTable(FeatureTable):
    """A table that many hold: neither its columns nor its numbers can be changed through it."""

    def __init__(self, features: Features) -> None:
        self._kept = features

    @property
    def features(self) -> Features:  # type: ignore[override]
        """A table of its own on the same numbers: to write to it copies them."""
        return self._kept.copy(deep=False)

    @cached_property
    def values(self) -> Any:
        """As of the base, not to be written to."""
        values = FeatureTable(self._kept).values
        values.flags.writeable = False
        return values


class FeatureMemo:
    """Keeps the output of stateless steps by the content of what went in.

    The key is the content hash of the bars and the configuration hashes of the steps. So bars that
    were changed in place have another key, and a clone of a step has the same one. The entry used
    longest ago is removed first. What is kept cannot be changed through a table handed out: to
    write to one copies it, or raises. Only steps of ohlcvml are kept, and sktime's
    ``FunctionTransformer`` of functions that can be imported and use nothing of their module but
    modules and classes of numpy, pandas, scipy, scikit-learn, sktime and ohlcvml; the key holds
    the function's source.

    Samples are kept, as folds and trials come back to them. Of tables of bars that a fitted model
    is asked about, only those of the latest table are kept, so that serving does not grow.

    There is one, :data:`feature_memo`, for each process.

    Parameters
    ----------
    limit : int, default=2 GiB
        Bytes to hold at most; 0 keeps nothing. ``feature_memo`` reads it from the environment
        variable ``OHLCVML_MEMO_BYTES``, which worker processes inherit.

    Attributes
    ----------
    size : int
        Bytes held.

    Examples
    --------
    >>> from ohlcvml.pipeline import feature_memo
    >>> feature_memo.limit == 2 * 1024**3
    True
    >>> feature_memo.clear()
    >>> feature_memo.size
    0
    """

    def __init__(self, limit: int = 2 * 1024**3) -> None:
        self.limit = limit
        self.size = 0
        self._tables: OrderedDict[str, FeatureTable] = OrderedDict()
        self._passing: set[str] = set()  # keys of the latest table of bars asked about
        self._passing_of = ""
        self._lock = RLock()
        self._busy: dict[str, Lock] = {}
        self._bypass = ContextVar("bypass", default=False)

    def clear(self) -> None:
        """Forget every table."""
        with self._lock:
            self._tables.clear()
            self._passing.clear()
            self.size = 0

    @contextmanager
    def bypassed(self) -> Iterator[None]:
        """Compute everything anew within: for checks that must trust nothing that was kept."""
        before = self._bypass.set(True)
        try:
            yield
        finally:
            self._bypass.reset(before)

    @property
    def active(self) -> bool:
        """Whether anything is kept, in this thread and now."""
        return self.limit > 0 and not self._bypass.get()

    def get(self, key: str, compute: Callable[[], Features], source: str | None) -> FeatureTable:
        """The table of ``key``, computed if it is not held.

        ``source`` is the content hash of a passing table of bars; None for Samples.
        """
        with self._lock:
            busy = self._busy.setdefault(key, Lock())
        with busy:  # two threads that need the same table compute it once
            with self._lock:
                if key in self._tables:
                    self._busy.pop(key, None)
                    self._tables.move_to_end(key)
                    if source is None:
                        self._passing.discard(key)
                    return self._tables[key]
            try:
                table = _SharedTable(compute())
            finally:
                self._busy.pop(key, None)
            with self._lock:
                self._keep(key, table, source)
        return table

    def _keep(self, key: str, table: FeatureTable, source: str | None) -> None:
        if source is not None:
            if source != self._passing_of:
                for old in self._passing:
                    self._drop(old)
                self._passing, self._passing_of = set(), source
            self._passing.add(key)
        size = _bytes(table)
        if size > self.limit or not _is_read_only(table):
            return
        self._tables[key] = table
        self.size += size
        while self.size > self.limit:
            self._drop(next(iter(self._tables)))

    def _drop(self, key: str) -> None:
        table = self._tables.pop(key, None)
        self.size -= 0 if table is None else _bytes(table)


feature_memo = FeatureMemo(int(os.environ.get(LIMIT, 2 * 1024**3)))


class FeatureRun:
    """One walk of a table through steps; leading stateless steps come from the memo."""

    def __init__(self, table: Features | FeatureTable, passing: bool) -> None:
        """``passing``: a table of bars that may not come again, as in serving."""
        self.shared = table if isinstance(table, FeatureTable) else FeatureTable(table)
        self._passing = passing
        self._source: str | None = None  # content hash of what went in
        self._key: str | None = ""  # None once a step depends on more than what went in

    @property
    def table(self) -> Features:
        """What the last step gave."""
        return self.shared.features

    def apply(self, step: Any) -> None:
        """Go through a fitted step."""
        own = step_key(step) if self._key is not None and feature_memo.active else None
        table = self.table
        if own is None:
            self._key = None
            self.shared = FeatureTable(step.transform(table))
            return
        if self._source is None:
            self._source = bars_identity(table)
        self._key = hashlib.sha256(f"{self._key or self._source} {own}".encode()).hexdigest()
        source = self._source if self._passing else None
        self.shared = feature_memo.get(
            self._key, lambda: _own(step.transform(table), table), source
        )


def step_key(step: Any) -> str | None:
    """Configuration hash of a stateless step, or None where its output may not be kept."""
    if not step.get_tag("fit_is_empty", False, raise_error=False) or not _may_be_kept(step):
        return None
    try:
        return digest(step)
    except ParameterError:  # a generator of random numbers: nothing tells one from another
        return None


def _may_be_kept(value: Any) -> bool:
    """Whether all that a step is made of is ours, plain, or a function by its source alone."""
    if isinstance(value, (list, tuple)):
        return all(map(_may_be_kept, value))
    if isinstance(value, dict):
        return all(map(_may_be_kept, value.values()))
    if isinstance(value, FunctionType):
        return "<" not in value.__qualname__ and by_source_alone(value)
    if isinstance(value, partial):
        return _may_be_kept([value.func, *value.args, *value.keywords.values()])
    if isinstance(value, BaseObject):
        known = is_of_ohlcvml(value) or type(value) is FunctionTransformer
        return known and all(map(_may_be_kept, value.get_params(deep=False).values()))
    # The estimators of others may change between versions of code that no key tells apart.
    return not hasattr(value, "get_params") or isinstance(value, type)


def is_of_ohlcvml(value: Any) -> bool:
    """Whether the class itself is ours; a subclass made elsewhere is not."""
    return type(value).__module__.partition(".")[0] == "ohlcvml"


def by_source_alone(value: FunctionType | type) -> bool:
    """Whether the source of a function or class tells all that it does.

    It does where it uses nothing of its module, or of a function around it, but modules and classes
    of :data:`SETTLED` packages: a number, a helper or another module's attribute may be changed.
    """
    if isinstance(value, type):
        own = (vars(base) for base in value.__mro__ if not _settled(base))
        return all(
            by_source_alone(item)
            for names in own
            for item in names.values()
            if isinstance(item, FunctionType)
        )
    if value.__module__ == "__main__" or "<" in value.__qualname__.replace("<locals>", ""):
        return False
    given = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    around = inspect.getclosurevars(value).nonlocals
    used = [value.__globals__[name] for name in _names(value.__code__) & set(value.__globals__)]
    return (
        all(isinstance(item, (bool, int, float, str, type(None))) for item in given)
        and all(name == "__class__" for name in around)
        and all(map(_settled, used))
    )


def _names(code: CodeType) -> set[str]:
    """Names that a function uses, and the functions inside it."""
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _settled(value: Any) -> bool:
    """Whether a module or class is of a package that nobody changes while a program runs."""
    if not isinstance(value, (ModuleType, type)):
        return False
    name = value.__name__ if isinstance(value, ModuleType) else value.__module__
    return name.partition(".")[0] in SETTLED


def _bytes(table: FeatureTable) -> int:
    rows, columns = table.features.shape
    return CELL * rows * columns


def _own(found: Features, given: Features) -> Features:
    """What was found, not to be written to, and not a view on what was given."""
    if (found.dtypes != "float64").any():
        return found  # of several blocks: given once, not kept
    values = found.to_numpy()
    if any(np.may_share_memory(values, given.iloc[:, k].to_numpy()) for k in range(given.shape[1])):
        values = values.copy()
    values = values.view()
    values.flags.writeable = False
    return pd.DataFrame(values, index=found.index, columns=found.columns, copy=False)


def _is_read_only(table: FeatureTable) -> bool:
    return bool((table.features.dtypes == "float64").all())
