"""Where a foundation model's weights are, and which weights they are."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ohlcvml._requires import require
from ohlcvml.exceptions import DataError, ParameterError

CONFIG, WEIGHTS = "config.json", "model.safetensors"
FILES = (CONFIG, WEIGHTS)
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class KnownWeights:
    """What is known of one set of weights on the hub.

    Attributes
    ----------
    revision : str
        Commit that ``revision=None`` stands for.
    licence : str
        SPDX licence of the weights.
    training_data_cutoff : str
        ISO date after which no training datum lies, by a source named in docs/foundation.md.
    """

    revision: str
    licence: str
    training_data_cutoff: str


def find_weights(
    model_name: str,
    revision: str | None,
    who: str,
    parameter: str = "model_name",
    required: tuple[str, ...] = FILES,
) -> Path:
    """Return the local folder that holds the weights, fetching them from the hub if need be.

    Parameters
    ----------
    model_name : str
        A folder with ``config.json`` and ``model.safetensors``; a folder as the hub's cache lays
        it out (``refs/`` and ``snapshots/``), where ``revision`` chooses the snapshot; or a hub id.
    revision : str or None
        Commit, branch or tag; None is ``main``.
    who, parameter : str
        Estimator and its parameter, for the messages.
    required : tuple of str
        Files without which there is no model.

    Raises
    ------
    ParameterError
        The name is neither a folder nor a hub id, or a plain folder is asked for a revision.
    DataError
        The weights are not here and cannot be fetched.
    """
    folder = Path(model_name).expanduser()
    if folder.is_dir():
        found = _snapshot(folder, revision, who, parameter)
    elif HUB_ID.fullmatch(model_name):
        found = _from_hub(model_name, revision, who, parameter, required)
    else:
        raise ParameterError(
            f"{who}: parameter {parameter!r} must be a folder with {' and '.join(FILES)}, or a hub "
            f"id such as 'amazon/chronos-bolt-small'; got {model_name!r}, which is no folder here."
        )
    absent = [name for name in required if not (found / name).is_file()]
    if absent:
        raise DataError(
            f"{who}: {' and '.join(absent)} missing in the folder of parameter {parameter!r}, "
            f"{found}. Weights are read from safetensors only; fetch the whole repository again."
        )
    return found


def _snapshot(folder: Path, revision: str | None, who: str, parameter: str) -> Path:
    """A plain folder is its own snapshot; one of the hub's cache holds several."""
    snapshots = folder / "snapshots"
    if not snapshots.is_dir():
        if revision is not None:
            raise ParameterError(
                f"{who}: parameter 'revision' must be None where {parameter!r} is a plain folder, "
                f"which has no revisions; got {revision!r}. Name a hub id, or a folder of the "
                "hub's cache with its snapshots."
            )
        return folder
    name = revision or "main"
    reference = folder / "refs" / name
    commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else name
    if Path(commit).name != commit or not (snapshots / commit).is_dir():
        held = sorted(p.name for p in snapshots.iterdir())
        raise DataError(
            f"{who}: revision {name!r} is not in {folder}; it holds {', '.join(held) or 'none'}."
        )
    return snapshots / commit


def _from_hub(
    model_name: str, revision: str | None, who: str, parameter: str, required: tuple[str, ...]
) -> Path:
    """The hub's own client decides between its cache and the network; it heeds HF_HUB_OFFLINE."""
    snapshot_download = require("huggingface_hub", extra="foundation", who=who).snapshot_download
    options: dict[str, Any] = {"revision": revision, "allow_patterns": list(FILES)}
    try:  # what is here is taken as it is: no request, and no silent change of weights
        found = Path(snapshot_download(model_name, local_files_only=True, **options))
        if all((found / name).is_file() for name in required):
            return found
    except Exception:
        pass
    try:
        return Path(snapshot_download(model_name, **options))
    except Exception as error:
        offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
        reason = "HF_HUB_OFFLINE is set" if offline else f"{type(error).__name__}: {error}"
        at = f" --revision {revision}" if revision else ""
        raise DataError(
            f"{who}: the weights {model_name!r}{f' at {revision}' if revision else ''} are not on "
            f"this machine and could not be fetched ({reason.splitlines()[0]}). With a network "
            f"run 'hf download {model_name}{at}' once, or copy the files {' and '.join(FILES)} "
            f"here and give their folder as {parameter!r}."
        ) from error


def weights_digest(folder: Path) -> str:
    """SHA-256 of the files that make the model: the same weights have it wherever they lie."""
    digest = hashlib.sha256()
    for name in FILES:
        path = (folder / name).resolve()
        if not path.is_file():
            continue
        digest.update(_file_digest(path, path.stat().st_mtime_ns, path.stat().st_size))
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _file_digest(path: Path, modified: int, size: int) -> bytes:  # noqa: ARG001 - part of the key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Build a network without a word, and without a draw from torch's generators.

    The libraries fill a network with random numbers before they read its weights.
    """
    import torch

    try:
        from transformers.utils import logging
    except ImportError:  # Kronos and TimesFM do without
        logging = None
    bars = logging is not None and logging.is_progress_bar_enabled()
    if bars:
        logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]), redirect_stdout(io.StringIO()):
            yield
    finally:
        if bars:
            logging.enable_progress_bar()
