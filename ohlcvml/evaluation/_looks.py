"""Counting the looks at an untouched test set: a second one is no longer untouched."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from ohlcvml._home import data_folder
from ohlcvml._identity import rows_identity
from ohlcvml.samples import Samples

__all__ = ["count_look", "data_folder", "rows_fingerprint"]


def rows_fingerprint(samples: Samples) -> str:
    """SHA-256 of the stamps, ends and labels of these rows, and of the closes that they span.

    The same rows of the same market have the same fingerprint whatever the model.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.evaluation import rows_fingerprint
    >>> from ohlcvml.labels import FixedHorizonLabeller
    >>> from ohlcvml.samples import Samples
    >>> bars = simulate_bars(200, seed=0).bars
    >>> labeller = FixedHorizonLabeller(horizon=5, cost_adjustment=None)
    >>> samples = Samples(bars, labeller.fit_transform(bars))
    >>> rows_fingerprint(samples[50:]) == rows_fingerprint(samples[50:].with_features(bars * 2))
    True
    >>> rows_fingerprint(samples[50:]) == rows_fingerprint(samples[51:])
    False
    """
    return rows_identity(samples)


def count_look(fingerprint: str, model: str) -> int | None:
    """Record one look at a test set and return how many there have been, this one included.

    Parameters
    ----------
    fingerprint : str
        From :func:`rows_fingerprint`.
    model : str
        What was looked at it with, for the record.

    Returns
    -------
    int or None
        None where the folder cannot be written: looks are then not counted.

    Examples
    --------
    >>> import os, tempfile
    >>> from unittest.mock import patch
    >>> from ohlcvml.evaluation import count_look
    >>> with (
    ...     tempfile.TemporaryDirectory() as folder,
    ...     patch.dict(os.environ, OHLCVML_HOME=folder),
    ... ):
    ...     [count_look(rows, "model") for rows in ("these", "these", "others")]
    [1, 2, 1]
    """
    record = data_folder() / "looks.jsonl"
    entry = {"rows": fingerprint, "model": model, "at": datetime.now(UTC).isoformat()}
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        with record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        lines = record.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return sum(_rows_of(line) == fingerprint for line in lines)


def _rows_of(line: str) -> str | None:
    """Fingerprint of a record; None for a line that a crash or an editor has damaged."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry.get("rows") if isinstance(entry, dict) else None
