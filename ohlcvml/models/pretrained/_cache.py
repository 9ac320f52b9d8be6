"""Forecasts kept on disk: a window is forecast once, whatever fold or call asks for it.

A folder holds the forecasts of one model with one set of weights and one set of settings, in files
of rows: ``keys``, the digests of the windows, and ``values``. Files are only ever added, each
written whole and then renamed, so several processes may share a folder. It can be deleted at will.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ohlcvml._identity import KEY_BYTES, digest
from ohlcvml.typing import BoolArray

# One bar at a time is serving: it never asks twice, and a file a bar would fill the folder.
LEAST_ROWS = 16


class ForecastCache:
    """Rows of float32 numbers by the digest of what they were computed from.

    Parameters
    ----------
    folder : Path
        Made when first written to. Where it cannot be written or a file cannot be read, the
        forecasts are computed again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: list[Path] = []
        self._rows: dict[bytes, tuple[int, int]] = {}  # key -> number of its file, row in it

    def read(self, keys: list[bytes], shape: tuple[int, ...]) -> tuple[BoolArray, Any]:
        """Return which keys are known, shape (n,), and their rows, shape (n, *shape)."""
        self._look()
        known = np.zeros(len(keys), dtype=bool)
        values = np.full((len(keys), *shape), np.nan, dtype=np.float32)
        by_file: dict[int, list[tuple[int, int]]] = {}
        for at, key in enumerate(keys):
            if key in self._rows:
                file, row = self._rows[key]
                by_file.setdefault(file, []).append((at, row))
        for file, pairs in by_file.items():
            stored = _stored(self._files[file], "values")
            if stored is None or stored.shape[1:] != shape:
                continue
            at, rows = np.array(pairs).T
            values[at], known[at] = stored[rows], True
        return known, values

    def write(self, keys: list[bytes], values: Any) -> None:
        """Add rows; few rows are not worth a file."""
        if len(keys) < LEAST_ROWS:
            return
        table = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), KEY_BYTES)
        rows = np.ascontiguousarray(values, dtype=np.float32)
        name = digest(table)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self.folder, suffix=".part")
            os.close(handle)
            save_file({"keys": table.copy(), "values": rows}, draft)
            os.replace(draft, self.folder / f"{name}.safetensors")
        except OSError:
            return

    def _look(self) -> None:
        """Learn of the files that came since the last look."""
        for path in sorted(self.folder.glob("*.safetensors")):
            if path in self._files:
                continue
            keys = _stored(path, "keys")
            if keys is None or keys.ndim != 2 or keys.shape[1] != KEY_BYTES:
                continue
            self._files.append(path)
            file = len(self._files) - 1
            for row, key in enumerate(keys):
                self._rows.setdefault(key.tobytes(), (file, row))


def _stored(path: Path, name: str) -> Any:
    """One array of a file, or None where it is damaged or gone."""
    try:
        with safe_open(path, framework="numpy") as file:
            return file.get_tensor(name)
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
