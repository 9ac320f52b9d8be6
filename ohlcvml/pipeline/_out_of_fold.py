"""The one fold loop: every model fitted on purged training rows and asked about the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ohlcvml._checks import check_value, one_of
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.pipeline._fold import Fold, FoldWork
from ohlcvml.pipeline._out_of_fold_table import OutOfFold
from ohlcvml.samples import Samples
from ohlcvml.typing import IntArray


def out_of_fold(
    model: Any,
    samples: Samples,
    cv: Any,
    *,
    labeller: Any = None,
    backend: str | None = None,
    backend_params: dict[str, Any] | None = None,
    on_fold: Callable[[Fold], Any] | None = None,
    error: str = "raise",
    progress: bool = False,
) -> OutOfFold:
    """Fit a model on the training rows of each fold, and ask it once about the test rows.

    Cross-validation, stacking, calibration and thresholds all stand on this loop. The leading
    steps of a pipeline that learn nothing run once over all bars; everything that learns is fitted
    anew on each fold's training rows. Test rows that overlap the training rows raise.

    Parameters
    ----------
    model : bar classifier or BarPipeline
        Cloned for each fold.
    samples : Samples
    cv : splitter of ohlcvml.splits, or list of (training rows, test rows)
    labeller : labeller or None, default=None
        One that learns: it is refitted on each fold's training stretches, and labels anew. The
        labels of ``samples`` are taken otherwise.
    backend, backend_params
        Fan folds out by ``sktime.utils.parallel.parallelize`` ("loky", "joblib", "dask", "ray").
    on_fold : callable or None, default=None
        Called with each :class:`Fold` as it ends, in the order of the folds; with a backend, once
        all have ended. What it raises ends the loop, which is how a trial is pruned.
    error : {"raise", "record"}, default="raise"
        "record": a fold that fails is kept by its error in ``failures``, and loses no other.
    progress : bool, default=False
        Show a progress bar.

    Returns
    -------
    OutOfFold

    Raises
    ------
    LeakageError
        Test rows overlap training rows.
    DataError
        There is no fold, or with ``error="record"`` every one failed.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LogisticClassifier
    >>> from ohlcvml.pipeline import out_of_fold
    >>> from ohlcvml.samples import Samples
    >>> from ohlcvml.splits import WalkForward
    >>> bars = simulate_bars(2000, seed=0).bars
    >>> labeller = TripleBarrierLabeller(horizon=20, cost_adjustment=None)
    >>> samples = Samples(bars, labeller.fit_transform(bars))
    >>> found = out_of_fold(ReturnFeatures() * LogisticClassifier(), samples, WalkForward(3))
    >>> found
    OutOfFold(3 folds, 1,474 rows; 492 rows never tested)
    >>> found.table[["fold", "label", "p_up"]].shape
    (1474, 3)
    """
    check_value("out_of_fold", "error", one_of("raise", "record"), error)
    splits = _splits(cv, samples)
    relabel = None
    if labeller is not None and not labeller.get_tag("fit_is_empty"):
        if not hasattr(cv, "split"):
            raise ParameterError(
                "out_of_fold: parameter 'cv' must be a splitter where the labeller learns, because "
                f"its new labels are purged anew; got {type(cv).__name__}."
            )
        relabel = labeller, cv
    work = FoldWork(model, samples, splits, relabel, error == "record")
    folds = []
    for fold in _folds(work, len(splits), progress, backend, backend_params):
        folds.append(fold)
        if on_fold is not None:
            on_fold(fold)
    if all(fold.error is not None for fold in folds):
        raise DataError(
            f"out_of_fold: each of the {len(folds)} folds failed; the first with {folds[0].error}. "
            "Mend the model or the data; error='raise' shows the whole trace."
        )
    return OutOfFold.of(folds, samples, _paths(splits, len(samples)))


def _splits(cv: Any, samples: Samples) -> list[tuple[Any, Any]]:
    if hasattr(cv, "split"):
        splits = list(cv.split(samples))
    elif isinstance(cv, (list, tuple)) and all(len(pair) == 2 for pair in cv):
        splits = [(_positions(train, samples), _positions(test, samples)) for train, test in cv]
    else:
        raise ParameterError(
            f"out_of_fold: parameter 'cv' must be a splitter, or a list of (training rows, test "
            f"rows); got {cv!r}. Use WalkForward(n_splits=5), or PurgedKFold, from ohlcvml.splits."
        )
    if not splits:
        raise DataError("out_of_fold: 'cv' gave no fold. Use a splitter with at least one.")
    return splits


def _positions(rows: Any, samples: Samples) -> IntArray:
    """Rows of a list, which nobody has checked yet."""
    found = np.asarray(rows)
    whole = found.ndim == 1 and found.dtype.kind in "iu" and len(found) > 0
    if not whole or found.min() < 0 or found.max() >= len(samples):
        raise ParameterError(
            f"out_of_fold: parameter 'cv' must list positions from 0 to {len(samples) - 1}, at "
            f"least one for each part; got {found.dtype} of shape {found.shape}. Of a mask, take "
            "np.flatnonzero(mask)."
        )
    return found.astype(np.int64)


def _paths(splits: list[tuple[Any, Any]], n_rows: int) -> list[IntArray] | None:
    """For each fold, which time its rows are tested for; None where every row is tested once.

    The k-th test of a row belongs to path k: with combinatorial splits these are the paths of
    ``CombinatorialPurgedCV.paths()``.
    """
    times = np.zeros(n_rows, dtype=np.int64)
    paths = []
    for _, test in splits:
        paths.append(times[test])
        times[test] += 1
    return paths if times.max(initial=0) > 1 else None


def _folds(
    work: FoldWork, count: int, progress: bool, backend: str | None, backend_params: Any
) -> Iterator[Fold]:
    if backend is not None and backend != "None":
        from sktime.utils.parallel import parallelize

        yield from parallelize(
            _run_one,
            range(count),
            {"work": work},
            backend=backend,
            backend_params=backend_params or {},
        )
    elif not progress:
        yield from map(work, range(count))
    else:
        from rich.progress import track

        yield from map(work, track(range(count), description="Folds"))


def _run_one(number: int, meta: dict[str, Any]) -> Fold:
    fold: Fold = meta["work"](number)
    return fold
