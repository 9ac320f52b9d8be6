"""The manifest: what a bundle is, for people and for the checks made on loading."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd

import ohlcvml
from ohlcvml._folder import Kind
from ohlcvml._folder import parse_json as strict
from ohlcvml._identity import bars_identity, digest
from ohlcvml.bars import OHLCV, bar_size, check_bars, time_index
from ohlcvml.bundle._allowed import path_of
from ohlcvml.exceptions import BundleError
from ohlcvml.labels import LabelSpec
from ohlcvml.registry import OWN_TAGS
from ohlcvml.typing import Bars, Labels

BUNDLE = Kind("bundle", BundleError)
MANIFEST = BUNDLE.manifest
FORMAT = "ohlcvml.bundle"
# 2: labels carry a LabelSpec, hashes are those of _identity, classes stand where they live now.
SCHEMA_VERSION = 2
PACKAGES = (
    "numba",
    "numpy",
    "pandas",
    "safetensors",
    "scikit-base",
    "scikit-learn",
    "scipy",
    "skops",
    "sktime",
)
NOT_NUMERIC = frozenset({"safetensors", "skops"})  # they store numbers and compute none


def data_fingerprint(bars: Bars) -> dict[str, Any]:
    """Return what identifies a table of bars.

    Parameters
    ----------
    bars : pd.DataFrame
        Bars; columns besides OHLCV do not enter.

    Returns
    -------
    dict
        ``sha256`` of symbols, stamps (int64 ns, UTC) and OHLCV values, ``rows``,
        ``first`` and ``last`` stamp, ``bar_size`` (ISO duration, None if irregular), and
        ``symbols`` where there are several.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.bundle import data_fingerprint
    >>> data_fingerprint(simulate_bars(100, seed=0).bars)["rows"]
    100
    """
    check_bars(bars, "data_fingerprint")
    time = time_index(bars.index, "data_fingerprint")
    found: dict[str, Any] = {}
    if isinstance(bars.index, pd.MultiIndex):
        found["symbols"] = sorted({str(symbol) for symbol in bars.index.unique(level=0)})
    return found | {
        "sha256": bars_identity(bars, OHLCV),
        "rows": len(bars),
        "first": time.min().isoformat(),
        "last": time.max().isoformat(),
        "bar_size": _bar_size(bars),
    }


def _bar_size(bars: Bars) -> str | None:
    size = bar_size(bars)
    return None if size is None else size.isoformat()


def input_schema(bars: Bars) -> dict[str, Any]:
    """Ordered columns of the bars with their kinds, and their size; hashed."""
    columns = [
        {"name": str(name), "kind": bars[name].dtype.kind, "dtype": str(bars[name].dtype)}
        for name in bars.columns
    ]
    content = {"columns": columns, "bar_size": _bar_size(bars)}
    return {**content, "sha256": digest(content)}


def feature_schema(model: Any) -> dict[str, Any]:
    """Ordered columns that reach the innermost classifier, hashed."""
    while hasattr(model, "classifier_"):
        model = model.classifier_
    names = getattr(model, "feature_names_", None)
    columns = None if names is None else [str(name) for name in names]
    return {"columns": columns, "sha256": digest(columns)}


def label_summary(labels: Labels) -> dict[str, Any]:
    """Counts of a labels table, and what was assumed in making it."""
    counts = labels["label"].value_counts().sort_index()
    return {
        "rows": len(labels),
        "counts": {str(int(label)): int(count) for label, count in counts.items()},  # type: ignore[call-overload]
        "censored": int(labels["censored"].sum()) if "censored" in labels.columns else 0,
        "spec": json.loads(LabelSpec.of(labels, "bundle.save").to_json()),
    }


def tags_of(model: Any) -> dict[str, Any]:
    """Return the object type and our own tags."""
    names = ["object_type", *sorted(OWN_TAGS)]
    return {name: describe(model.get_tag(name, None, raise_error=False)) for name in names}


def describe(value: Any) -> Any:
    """Return something readable for the manifest; the exact value stands in model.json."""
    if value is None or isinstance(value, (bool, int, str)):
        return value if type(value) in (bool, int, str, type(None)) else str(value)
    if isinstance(value, (float, np.generic)):
        return plain(value, "describe") if np.asarray(value).dtype.kind in "biuf" else str(value)
    if isinstance(value, (list, tuple)):
        return [describe(item) for item in value]
    if isinstance(value, dict):
        return {str(key): describe(item) for key, item in value.items()}
    if hasattr(value, "get_params") and not isinstance(value, type):
        parameters = value.get_params(deep=False)
        return {
            "class": path_of(type(value)) or _name(value),
            "parameters": {name: describe(item) for name, item in sorted(parameters.items())},
        }
    if is_dataclass(value) and not isinstance(value, type):
        return {name: describe(item) for name, item in asdict(value).items()}
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}, {value.dtype}"
    # The default text of an object is its address, which differs from run to run.
    return _name(value) if " at 0x" in str(value) else str(value)[:200]


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def plain(value: Any, path: str) -> Any:
    """Return ``value`` as strict JSON: NaN becomes null, infinities their names.

    Raises
    ------
    BundleError
        It is neither a number, a string, None nor a mapping or sequence of these.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (int, np.bool_)):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {str(key): plain(item, f"{path}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{path}[{i}]") for i, item in enumerate(value)]
    raise BundleError(
        f"save: {path} is {_name(value)}; it must be made of numbers, strings, lists and dicts. "
        "For a table pass table.to_dict()."
    )


def dump_json(content: Any) -> bytes:
    """Return ``content`` as strict JSON with sorted keys."""
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


def parse_json(raw: bytes, name: str) -> dict[str, Any]:
    """Parse strict JSON: one object, no NaN, no key twice."""
    return strict(raw, name, BUNDLE)


def environment(packages: Iterable[str] = ()) -> dict[str, Any]:
    """Versions and machine, as far as they can move the last bits of a prediction.

    Parameters
    ----------
    packages : iterable of str
        Distributions to name beside those that every model needs.

    Returns
    -------
    dict
        ``versions``, ``system``, ``machine`` and ``openblas``.

    Examples
    --------
    >>> from ohlcvml.bundle import environment
    >>> sorted(environment())
    ['machine', 'openblas', 'system', 'versions']
    """
    import scipy.linalg  # noqa: F401  loads scipy's OpenBLAS, so that the list is always whole
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    blas = {
        f"{info['version']} {info.get('architecture', '')} x{info['num_threads']}"
        for info in threadpool_info()
        if info["internal_api"] == "openblas"
    }
    versions = {name: _version(name) for name in sorted({*PACKAGES, *packages})}
    return {
        "versions": {
            "ohlcvml": ohlcvml.__version__,
            "python": platform.python_version(),
            **versions,
        },
        "system": platform.system(),
        "machine": platform.machine(),
        "openblas": sorted(blas),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def environment_differences(then: dict[str, Any]) -> list[str]:
    """List what differs between here and the environment ``then`` of a bundle."""
    versions = then["versions"]
    now = environment(set(versions) - {"ohlcvml", "python"})
    found = [
        f"{name} {versions[name]} then, {now['versions'][name]} here"
        for name in sorted(versions)
        if name not in NOT_NUMERIC and versions[name] != now["versions"][name]
    ]
    return found + [
        f"{name} {then[name]} then, {now[name]} here"
        for name in ("system", "machine", "openblas")
        if then[name] != now[name]
    ]
