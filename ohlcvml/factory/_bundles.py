"""The bundle of a run, and by what its model is known again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ohlcvml.bundle import load, save
from ohlcvml.exceptions import BundleError
from ohlcvml.factory._report import TrainingReport
from ohlcvml.pipeline import BaseBarClassifier
from ohlcvml.typing import Bars, Labels

_LAST_BARS = 2_000
# Where files lie and how fast they are made is no part of what a bundle says of its run.
_NOT_TOLD = frozenset({"data", "create_bundle", "plot", "overwrite", "n_jobs", "run_dir", "no_run"})


def answers_of(model: BaseBarClassifier, bars: Bars) -> str:
    """SHA-256 of the probabilities of the last bars, given the history that the model needs."""
    needed = _LAST_BARS + (model.lookback or 0)
    proba = model.predict_proba(bars.tail(needed)).to_numpy()[-_LAST_BARS:]
    return hashlib.sha256(np.ascontiguousarray(proba).tobytes()).hexdigest()


def write_bundle(
    model: BaseBarClassifier,
    path: str | Path,
    report: TrainingReport,
    bars: Bars,
    labels: Labels,
    labeller: Any,
    overwrite: bool,
) -> Path:
    """Write the bundle of a run, read it back and compare every answer."""
    told = report.settings
    scores = {
        **report.scores,
        "test_rows": report.test_rows,
        "settings": {key: value for key, value in told.items() if key not in _NOT_TOLD},
    }
    written = save(
        model,
        path,
        bars=bars,
        labels=labels,
        execution=report.told.execution,
        scores=scores,
        labeller=labeller,
        overwrite=overwrite,
    )
    before, after = model.predict_proba(bars), load(written).predict_proba(bars)
    if not np.array_equal(before.to_numpy(), after.to_numpy(), equal_nan=True):
        raise BundleError(f"train: the reloaded bundle {written} answers otherwise than the model.")
    return written
