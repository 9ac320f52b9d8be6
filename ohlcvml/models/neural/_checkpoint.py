"""State of a training run on disk, to go on from with the same bits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ohlcvml.exceptions import DataError

__all__ = ["fingerprint", "read_checkpoint", "write_checkpoint"]


def fingerprint(parts: Iterable[Any]) -> str:
    """Hash of arrays and plain values: a run is gone on with only if it is the same run."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()


def write_checkpoint(path: str, state: dict[str, Any]) -> None:
    """Replace the file at once, so that a crash leaves the last whole one."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + ".part")
    torch.save(state, unfinished)
    os.replace(unfinished, target)


def read_checkpoint(path: str, wanted: str, who: str) -> dict[str, Any] | None:
    """State of the same run, or None if there is no file; tensors and plain values only."""
    if not Path(path).exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises types of its own for damaged files
        raise DataError(
            f"{who}: the checkpoint {path} cannot be read: {error}. Delete it to start anew."
        ) from error
    if not isinstance(state, dict) or state.get("fingerprint") != wanted:
        raise DataError(
            f"{who}: the checkpoint {path} is of another run (data, network, options or seed "
            "differ). Delete it, or give training__checkpoint another name."
        )
    return state
