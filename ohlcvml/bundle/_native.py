"""Boosters, scikit-learn objects and networks as bytes in their own exact formats.

LightGBM as text, XGBoost as UBJSON, scikit-learn through skops with a fixed trust list, torch
modules as configuration and safetensors. Each package is imported only when such an object is met.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from ohlcvml._requires import require
from ohlcvml.bundle._allowed import SKOPS_TRUSTED
from ohlcvml.bundle._trees import check_trees
from ohlcvml.exceptions import BundleError, MissingDependencyError

PARTS = ("lightgbm", "sklearn", "xgboost")
SUFFIX = {
    "lightgbm": ".txt",
    "network": ".safetensors",
    "sklearn": ".skops",
    "xgboost": ".ubj",
}
PACKAGE = {
    "lightgbm": "lightgbm",
    "network": "torch",
    "sklearn": "scikit-learn",
    "xgboost": "xgboost",
}
EXTRA = {"xgboost": "boosting", "torch": "neural"}

_BASES = {
    "lightgbm.basic.Booster": "lightgbm",
    "xgboost.core.Booster": "xgboost",
    "torch.nn.modules.module.Module": "network",
}


def kind_of(value: Any) -> str | None:
    """Name the native format of ``value``, by its type; None if it has none.

    Goes by names, so that asking does not import a booster or torch.
    """
    for base in type(value).__mro__:
        kind = _BASES.get(f"{base.__module__}.{base.__qualname__}")
        if kind is not None:
            return kind
    if hasattr(value, "get_tags"):  # an sktime object, which may inherit from scikit-learn too
        return None
    # Only packages whose classes skops knows; it refuses the others by name.
    sklearn = any(base.__module__.startswith("sklearn.") for base in type(value).__mro__)
    return "sklearn" if sklearn else None


def dump(kind: str, value: Any, path: str) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes of ``value`` and what its format does not keep."""
    if kind == "lightgbm":
        # All trees: the model must be the same object, not the one early stopping would cut.
        text = value.model_to_string(num_iteration=-1)
        extra = {"best_iteration": int(value.best_iteration)}
        return text.encode(), extra
    if kind == "xgboost":
        return bytes(value.save_raw(raw_format="ubj")), {}
    if kind == "sklearn":
        return _dump_sklearn(value, path), {}
    return _dump_network(value, path)


def load(kind: str, raw: bytes, extra: dict[str, Any], path: str) -> Any:
    """Return the object of ``raw``."""
    try:
        if kind == "lightgbm":
            lightgbm = _import("lightgbm", path)
            booster = lightgbm.Booster(model_str=raw.decode())
            booster.best_iteration = int(extra["best_iteration"])
            return booster
        if kind == "xgboost":
            booster = _import("xgboost", path).Booster()
            booster.load_model(bytearray(raw))
            return booster
        return _load_sklearn(raw)
    except (BundleError, MissingDependencyError):
        raise
    except Exception as error:  # the packages raise types of their own for a damaged file
        raise BundleError(
            f"load: {path} cannot be read by {PACKAGE[kind]}: {type(error).__name__}: {error}"
        ) from error


def _import(package: str, path: str) -> Any:
    return require(package, extra=EXTRA.get(package), who=f"load: {path}")


def _dump_sklearn(value: Any, path: str) -> bytes:
    import skops.io

    try:
        raw = skops.io.dumps(value)
        untrusted = set(skops.io.get_untrusted_types(data=raw)) - set(SKOPS_TRUSTED)
    except Exception as error:
        raise BundleError(
            f"save: {path} ({type(value).__qualname__}) cannot be written by skops: "
            f"{type(error).__name__}: {error}"
        ) from error
    if untrusted:
        raise BundleError(
            f"save: {path} ({type(value).__qualname__}) contains types that a bundle does not "
            f"trust: {', '.join(sorted(untrusted))}. Use another estimator, or ohlcvml's own "
            "classifier of that family where there is one (boosters have one each)."
        )
    return _canonical(raw)


def _load_sklearn(raw: bytes) -> Any:
    import skops.io

    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        # skops unpacks members whole, so only what is as large as it looks is let through.
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise BundleError("load: a .skops file of the bundle is compressed; ours never are.")
    value = skops.io.loads(raw, trusted=list(SKOPS_TRUSTED))
    if kind_of(value) != "sklearn":  # skops trusts functions and types too; we ask for objects
        raise BundleError(f"load: a .skops file of the bundle holds {value!r}.")
    check_trees(value)
    return value


def _canonical(raw: bytes) -> bytes:
    """Rewrite a skops file so that equal objects give equal bytes.

    skops names things by memory address and stamps the time of writing. Addresses become numbers
    in order of appearance; those of plain values, where sharing means nothing, are left out.
    """
    source = zipfile.ZipFile(io.BytesIO(raw))
    schema = json.loads(source.read("schema.json"))
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}

    def renumber(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                renumber(item)
        if not isinstance(node, dict):
            return
        if node.get("__loader__") in ("JsonNode", "TypeNode"):
            node.pop("__id__", None)
        elif isinstance(node.get("__id__"), int):
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
        if isinstance(node.get("file"), str) and "__loader__" in node:
            stem, dot, suffix = node["file"].rpartition(".")
            name = names.setdefault(node["file"], f"{len(names) + 1}{dot}{suffix}")
            node["file"] = name if stem else node["file"]
        for item in node.values():
            renumber(item)

    renumber(schema)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for old, new in names.items():
            archive.writestr(zipfile.ZipInfo(new), source.read(old))
        archive.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema))
    return target.getvalue()


def _dump_network(value: Any, path: str) -> tuple[bytes, dict[str, Any]]:
    import safetensors.torch
    import torch

    config = getattr(value, "config", None)
    if type(config) is not dict:
        raise BundleError(
            f"save: {path} ({type(value).__qualname__}) has no dict 'config' of its constructor "
            "arguments. Set self.config = {...} in its __init__."
        )
    state = value.state_dict()
    for name, tensor in state.items():
        if not isinstance(tensor, torch.Tensor):
            raise BundleError(f"save: {path}.{name} is {type(tensor)}, not a tensor.")
    # A copy of each: safetensors refuses tensors that share memory (tied weights).
    copies = {k: v.detach().cpu().contiguous().clone() for k, v in state.items()}
    rebuilt = _build(type(value), config, path).state_dict()
    if _shapes(rebuilt) != _shapes(state):
        raise BundleError(
            f"save: {path}.config does not rebuild {type(value).__qualname__}: its tensors have "
            "other names, shapes or types than the network's. Store every argument in 'config'."
        )
    return safetensors.torch.save(copies), {"training": bool(value.training)}


def load_network(cls: type, config: Any, raw: bytes, extra: dict[str, Any], path: str) -> Any:
    """Build ``cls(**config)`` and give it the tensors of ``raw``."""
    tensors = _import("safetensors.torch", path)
    try:
        state = tensors.load(raw)
        network = _build(cls, config, path)
        if _shapes(network.state_dict()) != _shapes(state):
            raise BundleError(f"load: {path}: the tensors do not fit {cls.__qualname__}.")
        network.load_state_dict(state, strict=True)
        return network.train(bool(extra["training"]))
    except BundleError:
        raise
    except Exception as error:  # safetensors and torch raise types of their own
        raise BundleError(
            f"load: {path} cannot be read: {type(error).__name__}: {error}"
        ) from error


def _build(cls: type, config: dict[str, Any], path: str) -> Any:
    """Construct a network; the weights drawn are thrown away, so the caller's seed is kept."""
    torch = _import("torch", path)
    with torch.random.fork_rng(devices=[]):
        return cls(**config)


def _shapes(state: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in state.items()}
