"""One fold: a model fitted on its training rows, asked once about its test rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.pipeline._answer import Answer
from ohlcvml.pipeline._steps import fit_step
from ohlcvml.pipeline._training_record import purged_intervals
from ohlcvml.samples import Samples
from ohlcvml.typing import FloatArray, IntArray, Labels


@dataclass(frozen=True, eq=False)
class Fold:
    """What one fold of a cross-validation gave.

    Parameters
    ----------
    number : int
        Place of the fold among the splitter's, from 0.
    rows : int64 array of shape (n,)
        Positions of the test rows in the samples that were split.
    labels : pd.DataFrame of n rows
        Labels of the test rows: those of a labeller fitted on this fold's training rows, where the
        labeller learns.
    signal : pd.DataFrame of n rows
        What ``predict_signal`` says of the test rows.
    answer : Answer of n rows
    report : dict
        ``train_rows``, ``test_rows``, ``test_first``, ``test_last``, ``train_without_history``,
        ``fit_seconds``, ``predict_seconds``.
    class_shares : float64 array of shape (n_classes,)
        Shares of the classes among the training rows.
    training_intervals : int64 array of shape (m, 2)
        What the training rows occupy, their purge zones included.
    tested_intervals : int64 array of shape (m, 2)
        The same of the test rows.
    error : str or None
        What went wrong; the fold then has no labels, signal or answer.
    """

    number: int
    rows: IntArray
    labels: Labels | None = None
    signal: pd.DataFrame | None = None
    answer: Answer | None = None
    report: dict[str, Any] | None = None
    class_shares: FloatArray | None = None
    training_intervals: IntArray | None = None
    tested_intervals: IntArray | None = None
    error: str | None = None

    def __repr__(self) -> str:
        told = self.error or f"{(self.report or {}).get('train_rows')} training rows"
        return f"Fold({self.number}: {len(self.rows)} test rows, {told})"


class FoldWork:
    """Fits and asks a clone of the model for one fold after another; can be sent to a worker."""

    def __init__(
        self,
        model: Any,
        samples: Samples,
        splits: list[tuple[Any, Any]],
        relabel: tuple[Any, Any] | None,
        record: bool,
    ) -> None:
        self._model, self._samples, self._splits = model, samples, splits
        self._relabel, self._record = relabel, record

    def __call__(self, number: int) -> Fold:
        rows = np.asarray(self._splits[number][1], dtype=np.int64)
        if not self._record:
            return self._fold(number)
        try:
            return self._fold(number)
        except Exception as error:
            return Fold(number, rows, error=f"{type(error).__name__}: {error}")

    def _fold(self, number: int) -> Fold:
        samples, (train, test) = self._samples, self._splits[number]
        rows = np.asarray(test, dtype=np.int64)
        if self._relabel is not None:
            labeller, cv = self._relabel
            samples = _relabelled(labeller, samples, train)
            train, test = list(cv.split(samples))[number]
            rows = self._samples.index.get_indexer(samples.index[test]).astype(np.int64)
        return _ask(self._model.clone(), samples[train], samples[test], number, rows)


def _ask(model: Any, train: Samples, test: Samples, number: int, rows: IntArray) -> Fold:
    started = time.perf_counter()
    model.fit(train)
    fitted = time.perf_counter()
    answer = model.answer(test)
    signal = model._signal_of(answer, test)
    asked = time.perf_counter()
    stamps = test.index.get_level_values(-1)
    report = {
        "train_rows": len(train),
        "test_rows": len(test),
        "test_first": stamps.min(),
        "test_last": stamps.max(),
        "train_without_history": model.fit_report_.get("without_history", 0),
        "fit_seconds": fitted - started,
        "predict_seconds": asked - fitted,
    }
    return Fold(
        number,
        rows,
        test.labels.iloc[test.rows],
        signal,
        answer,
        report,
        model.class_shares_,
        purged_intervals(train),
        purged_intervals(test),
    )


def _relabelled(labeller: Any, samples: Samples, train: Any) -> Samples:
    """A labeller that learns sees the training stretches alone, then labels every bar anew."""
    fitted = fit_step(labeller, samples.bars, samples[train], {})
    again = Samples(samples.bars, fitted.transform(samples.bars), features=samples.features)
    return again[again.index.isin(samples.index)]
