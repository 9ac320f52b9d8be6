"""Cross-validation of a model on bars: the same purge, costs and scores for every model."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.bars import Contract, Costs
from ohlcvml.evaluation._backtest_exposure import equal_exposure
from ohlcvml.evaluation._backtest_result import Backtest
from ohlcvml.evaluation._evaluate import (
    Trading,
    baseline_scores,
    classification_by_regime,
    exposure_scores,
    join_regimes,
    predictions_table,
    score_predictions,
)
from ohlcvml.exceptions import DataError, LeakageError
from ohlcvml.pipeline import BarPipeline, BaseBarClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout
from ohlcvml.typing import Bars, IntArray, Labels

__all__ = ["CrossValidation", "cross_validate"]


@dataclass(frozen=True)
class CrossValidation:
    """Scores per fold, the out-of-fold table and what was left out on the way.

    Attributes
    ----------
    folds : pd.DataFrame
        One row per fold: rows, bars and seconds, then every score.
    predictions : pd.DataFrame
        One row per test row and fold: fold, label, end, ret, cost, net_ret and the signal.
    baselines : pd.DataFrame
        Fold means of the scores of ``no_skill`` and ``buy_and_hold`` on the same rows and, if
        asked for, of the model at equal exposure.
    backtest : Backtest or None
        One run over the out-of-fold rows, closed at each fold's end; None where rows are tested
        more than once (combinatorial splits).
    two_sided : bool
        Training rows lie after test rows as well: fit for selection and dispersion, not for a
        headline score.
    unused : dict
        Rows that were not used, by reason.
    training_intervals : list of int64 arrays of shape (n, 2)
        Per fold, the label intervals its model was fitted on.
    notes : list of str
    regime_scores : pd.DataFrame or None
        By regime, index (column, regime): fold means of the classification scores, and trading
        scores of the out-of-fold run.
    """

    folds: pd.DataFrame
    predictions: pd.DataFrame
    baselines: pd.DataFrame
    backtest: Backtest | None
    two_sided: bool
    unused: dict[str, int]
    training_intervals: list[IntArray]
    notes: list[str]
    regime_scores: pd.DataFrame | None = None

    def summary(self) -> pd.DataFrame:
        """Mean, standard deviation, least and greatest value of each score over the folds."""
        scores = self.folds.select_dtypes("number")
        return scores.agg(["mean", "std", "min", "max"]).T

    def usable_for(self, later: Samples) -> pd.DataFrame:
        """Return the out-of-fold table for use before ``later``, or refuse.

        Raises
        ------
        LeakageError
            If a fold's model was fitted on, or the table holds, anything that is not over before
            the first of the later rows: an outer fold builds a table of its own.
        """
        first = later.index.get_level_values(-1).min()
        ends = [intervals[:, 1].max() for intervals in self.training_intervals if len(intervals)]
        last = max(pd.Timestamp(int(max(ends)), tz="UTC"), self.predictions["end"].max())
        if last >= first:
            raise LeakageError(
                f"CrossValidation.usable_for: the table's models and rows reach {last}, the rows "
                f"to be served begin at {first}. Build an out-of-fold table inside the training "
                "rows of the outer fold."
            )
        return self.predictions


def cross_validate(
    model: BaseBarClassifier,
    bars: Bars,
    labels: Labels | Any,
    cv: Any,
    *,
    rows: IntArray | None = None,
    contract: str | Contract | None = None,
    costs: Costs | None = None,
    execution: str = "average_active",
    regime: str | pd.Series | None = None,
    exposure: float | None = None,
    progress: bool = False,
    backend: str | None = None,
    backend_params: dict[str, Any] | None = None,
    **options: Any,
) -> CrossValidation:
    """Fit and score a model on the folds of a purged splitter.

    The leading steps of a pipeline that learn nothing run once over all bars; everything that
    learns is fitted anew on each fold's training rows. Scores are per fold; the out-of-fold rows
    are traded once, positions closed at each fold's end.

    Parameters
    ----------
    model : bar classifier or BarPipeline
        Cloned for each fold.
    bars : pd.DataFrame
    labels : labels table or labeller
        A labeller is refitted on each fold's training bars.
    cv : splitter of ohlcvml.splits
    rows : int array or None, default=None
        Rows of the labels table to use (a held-out test set stays out); all usable by default.
    contract, costs, execution, **options
        As for :func:`~ohlcvml.evaluation.backtest`.
    regime : str, pd.Series or None, default=None
        Regime per bar (or the name of a column of ``bars``): trading scores for each as well.
    exposure : float or None, default=None
        Also trade this share of the rows, those with the largest |expected return|. The threshold
        is set on out-of-fold rows inside each fold's training rows, by one more fit.
    progress : bool, default=False
        Show a progress bar.
    backend, backend_params
        Fan folds out by ``sktime.utils.parallel.parallelize`` ("loky", "joblib", "dask", "ray").

    Returns
    -------
    CrossValidation

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.evaluation import cross_validate
    >>> from ohlcvml.features import OHLCVFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LogisticClassifier
    >>> from ohlcvml.splits import WalkForward
    >>> bars = simulate_bars(3000, seed=0).bars
    >>> labeller = TripleBarrierLabeller(horizon=20, cost_adjustment=None)
    >>> model = OHLCVFeatures() * LogisticClassifier()
    >>> result = cross_validate(model, bars, labeller, WalkForward(n_splits=3))
    >>> len(result.folds), result.two_sided
    (3, False)
    """
    if isinstance(regime, str):
        regime = bars[regime]
    if regime is not None:
        options["regime"] = regime
    trading = Trading(contract, costs, execution, options)
    prefix, rest = model.stateless_prefix() if isinstance(model, BarPipeline) else ([], model)
    features = bars
    for step in prefix:
        features = step.clone().fit(features).transform(features)
    table, labeller = _label(labels, bars)
    samples = Samples(bars, table, rows, features if prefix else None)
    splits = list(cv.split(samples))

    def run(fold: int) -> _Fold:
        train, test = splits[fold]
        if labeller is None or labeller.get_tag("fit_is_empty"):
            return _fit_fold(rest, samples[train], samples[test], trading, exposure, fold)
        again = _relabelled(labeller, samples, train)
        train, test = list(cv.split(again))[fold]
        return _fit_fold(rest, again[train], again[test], trading, exposure, fold)

    results = _run_folds(run, len(splits), progress, backend, backend_params)
    return _collect(results, samples, table, cv, model, trading)


@dataclass(frozen=True)
class _Fold:
    row: dict[str, Any]
    predictions: pd.DataFrame
    baselines: pd.DataFrame
    test: Samples
    shares: Any
    classes: Any
    training_intervals: IntArray
    by_regime: pd.DataFrame | None


def _label(labels: Any, bars: Bars) -> tuple[Labels, Any]:
    if isinstance(labels, pd.DataFrame):
        return labels, None
    if hasattr(labels, "fit_transform") and hasattr(labels, "get_tag"):
        return labels.clone().fit_transform(bars), labels
    raise DataError(
        "cross_validate: 'labels' must be a labels table or a labeller; got "
        f"{type(labels).__name__}. Use TripleBarrierLabeller(...) or its fit_transform(bars)."
    )


def _relabelled(labeller: Any, samples: Samples, train: IntArray) -> Samples:
    """A labeller that learns sees the bars up to its last training label, then labels anew."""
    reach = int(samples[train].end_pos.max()) + 1
    fitted = labeller.clone().fit(samples.bars.iloc[:reach])
    table = fitted.transform(samples.bars)
    again = Samples(samples.bars, table, features=samples.features)
    return again[again.index.isin(samples.index)]


def _fit_fold(
    rest: Any, train: Samples, test: Samples, trading: Trading, exposure: float | None, fold: int
) -> _Fold:
    started = time.perf_counter()
    fitted = rest.clone().fit(train)
    fit_seconds = time.perf_counter() - started
    started = time.perf_counter()
    table = predictions_table(fitted, test)
    predict_seconds = time.perf_counter() - started
    shares = fitted.class_shares_
    scores, trades = score_predictions(table, test, fitted.classes_, shares, trading)
    row = {
        "fold": fold,
        "train_rows": len(train),
        "test_rows": len(test),
        "test_first": test.index[0],
        "test_last": test.index[-1],
        "train_without_history": fitted.fit_report_.get("without_history", 0),
        "fit_seconds": fit_seconds,
        "predict_seconds": predict_seconds,
        **scores,
    }
    table.insert(0, "fold", fold)
    baselines = baseline_scores(table, test, fitted.classes_, shares, trading, trades)
    if exposure is not None:
        threshold = _exposure_threshold(rest, train, exposure)
        baselines.loc["equal_exposure"] = pd.Series(
            exposure_scores(table, test, threshold, trading)
        )
    by_regime = classification_by_regime(table, fitted.classes_, shares, trading)
    intervals = fitted.training_intervals_
    return _Fold(row, table, baselines, test, shares, fitted.classes_, intervals, by_regime)


def _exposure_threshold(rest: Any, train: Samples, share: float) -> float:
    inner, later = next(iter(PurgedHoldout(validation=0.0, test=0.3).split(train)))
    signal = rest.clone().fit(train[inner]).predict_signal(train[later])
    return equal_exposure(signal["expected_return"], share)


def _run_folds(
    run: Any, count: int, progress: bool, backend: str | None, backend_params: Any
) -> list[_Fold]:
    if backend is not None and backend != "None":
        from sktime.utils.parallel import parallelize

        results = parallelize(
            lambda fold, meta: run(fold),  # noqa: ARG005 - parallelize passes it
            range(count),
            {},
            backend=backend,
            backend_params=backend_params or {},
        )
        return list(results)
    if not progress:
        return [run(fold) for fold in range(count)]
    from rich.progress import track

    return [run(fold) for fold in track(range(count), description="Folds")]


def _collect(
    results: list[_Fold],
    samples: Samples,
    table: Labels,
    cv: Any,
    model: Any,
    trading: Trading,
) -> CrossValidation:
    folds = pd.DataFrame([fold.row for fold in results]).set_index("fold")
    predictions = pd.concat([fold.predictions for fold in results])
    baselines = pd.concat([fold.baselines for fold in results]).groupby(level=0, sort=False).mean()
    tested = np.concatenate([fold.test.rows for fold in results])
    run = None
    if len(np.unique(tested)) == len(tested) and results[0].test.labels is table:
        pooled = predictions.iloc[np.argsort(tested, kind="stable")]
        order = np.sort(tested)
        view = Samples(samples.bars, table, order)
        _, run = score_predictions(
            pooled, view, results[0].classes, results[0].shares, trading, pooled["fold"].to_numpy()
        )
    two_sided = bool(getattr(cv, "two_sided", True))
    return CrossValidation(
        folds=folds,
        predictions=predictions,
        baselines=baselines,
        backtest=run,
        two_sided=two_sided,
        unused=_unused(samples, table, results),
        training_intervals=[fold.training_intervals for fold in results],
        notes=_notes(cv, model, two_sided),
        regime_scores=_by_regime(results, run),
    )


def _by_regime(results: list[_Fold], run: Backtest | None) -> pd.DataFrame | None:
    tables = [fold.by_regime for fold in results if fold.by_regime is not None]
    if not tables:
        return None
    means = pd.concat(tables).groupby(level=[0, 1]).mean()
    return join_regimes(means, run)


def _unused(samples: Samples, table: Labels, results: list[_Fold]) -> dict[str, int]:
    """Rows that were neither trained on nor scored, by reason."""
    unused = {key: int(count) for key, count in table.attrs.get("unused", {}).items() if count}
    held_out = int((~table["censored"]).sum()) - len(samples)
    if held_out > 0:
        unused["held_out"] = held_out
    missing = sum(int(fold.row["rows_missing"]) for fold in results)
    if missing:
        unused["test_without_history"] = missing
    return unused


def _notes(cv: Any, model: Any, two_sided: bool) -> list[str]:
    notes = []
    if two_sided:
        notes.append(
            "two-sided: training rows lie after test rows; use for selection and dispersion, not "
            "as a headline score"
        )
        if model.lookback is not None:
            notes.append(f"features and windows reach {model.lookback} bars back from a test row")
    if getattr(cv, "allow_missing_ends", False):
        notes.append("purging was given up for rows without label ends (allow_missing_ends=True)")
    return notes
