"""Cross-validation of a model on bars: the same purge, costs and scores for every model."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import check_value, optional, real
from ohlcvml.evaluation._cross_validation import CrossValidation
from ohlcvml.evaluation._evaluate import (
    baseline_scores,
    check_model,
    classification_by_regime,
    exposure_scores,
    join_regimes,
    predictions_table,
    score_predictions,
)
from ohlcvml.evaluation._pretraining import pretraining_notes
from ohlcvml.evaluation.backtest import (
    Backtest,
    Execution,
    Trading,
    check_execution,
    equal_exposure,
    open_trading,
    refuse_unknown,
)
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.pipeline import BarPipeline, BaseBarClassifier, fit_step
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout
from ohlcvml.typing import Bars, IntArray, Labels

__all__ = ["cross_validate"]

_OPTIONS = ["rows", "execution", "regime", "exposure", "progress", "backend", "backend_params"]
_SHARE = optional(real(0.0, 1.0, open_low=True))


def cross_validate(
    model: BaseBarClassifier,
    bars: Bars,
    labels: Labels | Any,
    cv: Any,
    *,
    rows: IntArray | None = None,
    execution: Execution | None = None,
    regime: str | pd.Series | pd.DataFrame | None = None,
    exposure: float | None = None,
    progress: bool = False,
    backend: str | None = None,
    backend_params: dict[str, Any] | None = None,
    **unknown: Any,
) -> CrossValidation:
    """Fit and score a model on the folds of a purged splitter.

    The leading steps of a pipeline that learn nothing run once over all bars; everything that
    learns is fitted anew on each fold's training rows. Scores are per fold; the out-of-fold rows
    are traded once, positions closed at each fold's end. With several symbols nothing is traded:
    contracts and capital differ.

    Parameters
    ----------
    model : bar classifier or BarPipeline
        Cloned for each fold.
    bars : pd.DataFrame
    labels : labels table or labeller
        A labeller that learns is refitted on each fold's training stretches, and labels anew.
    cv : splitter of ohlcvml.splits
    rows : int array or None, default=None
        Rows of the labels table to use (a held-out test set stays out); all usable by default.
    execution : Execution or None, default=None
        How signals become trades, the same for every model you compare; contract and costs are
        the labels' own unless given. Checked before the first fit.
    regime : str, pd.Series, pd.DataFrame or None, default=None
        Regime per bar (or the name of a column of ``bars``): trading scores for each as well.
    exposure : float or None, default=None
        Also trade this share of the rows, those with the largest |expected return|. The threshold
        is set on out-of-fold rows inside each fold's training rows, by one more fit.
    progress : bool, default=False
        Show a progress bar.
    backend, backend_params
        Fan folds out by ``sktime.utils.parallel.parallelize`` ("loky", "joblib", "dask", "ray").
    **unknown
        Refused: a name that is none of the above is an error that says where it belongs.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ParameterError
        Something is not what it must be; nothing has been fitted then.
    DataError
        Labels or execution do not belong to these bars; nothing has been fitted then.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.evaluation import cross_validate
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LogisticClassifier
    >>> from ohlcvml.splits import WalkForward
    >>> bars = simulate_bars(3000, seed=0).bars
    >>> labeller = TripleBarrierLabeller(horizon=20, cost_adjustment=None)
    >>> model = (ReturnFeatures() + MomentumFeatures()) * LogisticClassifier()
    >>> result = cross_validate(model, bars, labeller, WalkForward(n_splits=3))
    >>> len(result.folds), result.two_sided
    (3, False)
    """
    refuse_unknown("cross_validate", unknown, _OPTIONS)
    check_model("cross_validate", model)
    if not hasattr(cv, "split"):
        raise ParameterError(
            f"cross_validate: parameter 'cv' must be a splitter; got {cv!r}. Use "
            "WalkForward(n_splits=5), or PurgedKFold, from ohlcvml.splits."
        )
    check_value("cross_validate", "exposure", _SHARE, exposure)
    check_execution("cross_validate", execution)
    table, labeller = _label(labels, bars)
    trading = open_trading("cross_validate", bars, table, execution, regime)
    prefix, rest = model.stateless_prefix() if isinstance(model, BarPipeline) else ([], model)
    features = bars
    for step in prefix:
        features = step.clone().fit(features).transform(features)
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
    """A labeller that learns sees the training stretches alone, then labels every bar anew."""
    fitted = fit_step(labeller, samples.bars, samples[train], {})
    again = Samples(samples.bars, fitted.transform(samples.bars), features=samples.features)
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
    run = _trade_once(results, samples, predictions, trading)
    two_sided = bool(getattr(cv, "two_sided", True))
    report = cv.report(samples) if hasattr(cv, "report") else None
    return CrossValidation(
        folds=folds,
        predictions=predictions,
        baselines=baselines,
        backtest=run,
        two_sided=two_sided,
        unused=_unused(samples, table, results),
        training_intervals=[fold.training_intervals for fold in results],
        notes=[
            *_notes(report, model, samples, two_sided),
            *pretraining_notes(model, predictions.index.get_level_values(-1).min()),
            *trading.notes,
        ],
        split_report=report,
        regime_scores=_by_regime(results, run),
    )


def _trade_once(
    results: list[_Fold], samples: Samples, predictions: pd.DataFrame, trading: Trading
) -> Backtest | None:
    """One run over all tested rows, if each is tested once; each fold brings its own labels."""
    labels = pd.concat([fold.test.labels.iloc[fold.test.rows] for fold in results])
    if not labels.index.is_unique:
        return None
    order = np.argsort(samples.bars.index.get_indexer(labels.index), kind="stable")
    labels = labels.iloc[order]
    labels = samples.spec.attach(labels)
    pooled, first = predictions.iloc[order], results[0]
    _, run = score_predictions(
        pooled,
        Samples(samples.bars, labels),
        first.classes,
        first.shares,
        trading,
        pooled["fold"].to_numpy(),
    )
    return run


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


def _notes(report: pd.DataFrame | None, model: Any, samples: Samples, two_sided: bool) -> list[str]:
    notes = []
    if two_sided:
        notes.append(
            "two-sided: training rows lie after test rows; use for selection and dispersion, not "
            "as a headline score"
        )
        if model.lookback is not None:
            notes.append(f"features and windows reach {model.lookback} bars back from a test row")
    if report is None:
        notes.append("the splitter does not say what it purged")
    elif report.attrs["allow_missing_ends"]:
        notes.append(
            f"purging was given up for {report.attrs['n_missing_ends']} rows without label ends "
            "(allow_missing_ends=True)"
        )
    if isinstance(samples.bars.index, pd.MultiIndex):
        notes.append("several symbols: nothing was traded; cross-validate bars.xs(symbol) for P&L")
    return notes
