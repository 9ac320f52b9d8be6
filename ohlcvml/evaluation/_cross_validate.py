"""Cross-validation of a model on bars: the same purge, costs and scores for every model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
    prediction_intervals,
    score_predictions,
)
from ohlcvml.evaluation._fold_means import fold_means
from ohlcvml.evaluation._intervals import with_sharpe
from ohlcvml.evaluation._paths import median_path, trade_paths
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
from ohlcvml.pipeline import BaseBarClassifier, OutOfFold, check_steps, out_of_fold
from ohlcvml.registry import adapter_for
from ohlcvml.samples import Samples
from ohlcvml.splits import inner_holdout
from ohlcvml.typing import Bars, IntArray, Labels

_OPTIONS = [
    "rows",
    "execution",
    "regime",
    "exposure",
    "allow_unsafe",
    "allow_raw_prices",
    "progress",
    "backend",
    "backend_params",
]
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
    allow_unsafe: bool = False,
    allow_raw_prices: bool = False,
    progress: bool = False,
    backend: str | None = None,
    backend_params: dict[str, Any] | None = None,
    **unknown: Any,
) -> CrossValidation:
    """Fit and score a model on the folds of a purged splitter.

    The loop is that of :func:`~ohlcvml.pipeline.out_of_fold`: a model is fitted on each fold's
    training rows and asked once about its test rows. Scores are per fold; the out-of-fold rows are
    traded once, positions closed at each fold's end. With several symbols nothing is traded:
    contracts and capital differ.

    Parameters
    ----------
    model : bar classifier, BarPipeline, or a scikit-learn search over one
        Cloned for each fold. A search chooses anew in each fold's training rows.
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
    allow_unsafe : bool, default=False
        Let steps through that may see the future (:func:`~ohlcvml.pipeline.check_steps`); the
        result is marked.
    allow_raw_prices : bool, default=False
        Let a model learn from raw prices, without a feature step before it.
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
    LeakageError
        If a step of the model sees the future, or may.
    ParameterError
        Something is not what it must be, or the model would learn from raw prices; nothing has been
        fitted then.
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
    if hasattr(model, "get_params") and not isinstance(model, type):
        model = adapter_for(model)
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
    samples = Samples(bars, table, rows)
    checks = check_steps(
        model, samples, allow_unsafe=allow_unsafe, allow_raw_prices=allow_raw_prices
    )
    again: dict[str, Any] = {
        "labeller": labeller,
        "progress": progress,
        "backend": backend,
        "backend_params": backend_params,
    }
    found = out_of_fold(model, samples, cv, **again)
    thresholds = {}
    if exposure is not None:
        inner = out_of_fold(model, samples, _InnerSplits(cv), **again)
        expected = inner.signal["expected_return"]
        thresholds = {
            fold: equal_exposure(
                expected.iloc[inner.of_fold(fold)], exposure, one_sided=samples.spec.kind == "meta"
            )
            for fold in inner.folds.index
        }
    answers = found.table
    results = [_score(found, answers, fold, trading, thresholds) for fold in found.folds.index]
    result = _collect(found, answers, results, samples, table, cv, model, trading)
    return replace(result, notes=[*result.notes, *checks.notes], unsafe_steps=checks.unsafe)


class _InnerSplits:
    """Within each fold's training rows: rows to fit on, and later ones to set a threshold on."""

    def __init__(self, cv: Any) -> None:
        self._cv = cv

    def split(self, samples: Samples) -> Iterator[tuple[IntArray, IntArray]]:
        for train, _ in self._cv.split(samples):
            parts = inner_holdout(samples[train], 0.3, who="cross_validate(exposure=...)")
            yield train[parts.fit], train[parts.later]


@dataclass(frozen=True)
class _Scored:
    scores: dict[str, float]
    baselines: pd.DataFrame
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


def _score(
    found: OutOfFold,
    answers: pd.DataFrame,
    fold: int,
    trading: Trading,
    thresholds: dict[int, float],
) -> _Scored:
    at = found.of_fold(fold)
    labels = found.labels.iloc[at]  # each fold brings its own
    table = answers.iloc[at]
    classes = found.class_shares.columns
    shares = found.class_shares.loc[fold].to_numpy(dtype=np.float64)
    scores, trades = score_predictions(table, labels, classes, shares, trading)
    baselines = baseline_scores(table, labels, classes, shares, trading, trades)
    if fold in thresholds:
        baselines.loc["equal_exposure"] = pd.Series(
            exposure_scores(table, labels, thresholds[fold], trading)
        )
    return _Scored(scores, baselines, classification_by_regime(table, classes, shares, trading))


def _collect(
    found: OutOfFold,
    answers: pd.DataFrame,
    results: list[_Scored],
    samples: Samples,
    table: Labels,
    cv: Any,
    model: Any,
    trading: Trading,
) -> CrossValidation:
    scores = pd.DataFrame([result.scores for result in results], index=found.folds.index)
    folds = pd.concat([found.folds, scores], axis=1)
    predictions = answers.drop(columns="path", errors="ignore")
    baselines = fold_means([result.baselines for result in results])
    paths = trade_paths(found.labels, answers, trading, found.path)
    run = median_path(paths)
    two_sided = bool(getattr(cv, "two_sided", True))
    report = cv.report(samples) if hasattr(cv, "report") else None
    return CrossValidation(
        folds=folds,
        predictions=predictions,
        baselines=baselines,
        backtest=run,
        two_sided=two_sided,
        unused=_unused(samples, table, folds),
        out_of_fold=found,
        notes=[
            *_notes(report, model, samples, two_sided),
            *pretraining_notes(model, predictions.index.get_level_values(-1).min()),
            *trading.notes,
        ],
        split_report=report,
        regime_scores=_by_regime(results, run),
        intervals=with_sharpe(
            prediction_intervals(
                predictions,
                samples,
                found.class_shares.columns,
                {fold: shares.to_numpy(float) for fold, shares in found.class_shares.iterrows()},
            ),
            run,
        ),
        paths=paths,
    )


def _by_regime(results: list[_Scored], run: Backtest | None) -> pd.DataFrame | None:
    tables = [result.by_regime for result in results if result.by_regime is not None]
    if not tables:
        return None
    return join_regimes(fold_means(tables), run)


def _unused(samples: Samples, table: Labels, folds: pd.DataFrame) -> dict[str, int]:
    """Rows that were neither trained on nor scored, by reason."""
    unused = {key: int(count) for key, count in table.attrs.get("unused", {}).items() if count}
    held_out = int((~table["censored"]).sum()) - len(samples)
    if held_out > 0:
        unused["held_out"] = held_out
    missing = int(folds["rows_missing"].sum())
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
