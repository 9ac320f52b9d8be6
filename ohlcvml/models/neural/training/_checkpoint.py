"""State of a training run on disk, to go on from with the same bits.

A safetensors file: tensors by number, and everything else as JSON in its metadata.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ohlcvml.exceptions import DataError


def write_checkpoint(path: str, state: dict[str, Any]) -> None:
    """Replace the file at once, so that a crash leaves the last whole one."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + ".part")
    tensors: dict[str, Tensor] = {}
    tree = json.dumps(_plain(state, tensors))
    save_file(tensors, unfinished, {"state": tree})
    os.replace(unfinished, target)


def read_checkpoint(path: str, wanted: str, who: str) -> dict[str, Any] | None:
    """State of the same run, or None if there is no file."""
    if not Path(path).exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state: dict[str, Any] = _state(json.loads(file.metadata()["state"]), tensors)
    except Exception as error:  # safetensors raises types of its own for damaged files
        raise DataError(
            f"{who}: the checkpoint {path} cannot be read: {error}. Delete it to start anew."
        ) from error
    if state.get("fingerprint") != wanted:
        raise DataError(
            f"{who}: the checkpoint {path} is of another run (data, network, options or seed "
            "differ). Delete it, or give training__checkpoint another name."
        )
    return state


def _plain(value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON of a tree of dicts (with keys of any plain type), sequences, tensors and numbers."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        # A copy: safetensors refuses tensors that share memory.
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _plain(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_plain(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_plain(item, tensors) for item in value]
    return value


def _state(node: Any, tensors: dict[str, Tensor]) -> Any:
    """The tree that :func:`_plain` wrote."""
    if isinstance(node, list):
        return [_state(item, tensors) for item in node]
    if not isinstance(node, dict):
        return node
    ((kind, inside),) = node.items()
    if kind == "tensor":
        return tensors[inside]
    if kind == "tuple":
        return tuple(_state(item, tensors) for item in inside)
    return {key: _state(item, tensors) for key, item in inside}
