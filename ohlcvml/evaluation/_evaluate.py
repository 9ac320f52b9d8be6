"""Scoring a fitted model on rows it has never seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._card import Card, Shown
from ohlcvml._saved import SavedResult
from ohlcvml.evaluation._headline import score_card, span_text
from ohlcvml.evaluation._intervals import bar_numbers, score_intervals, with_sharpe
from ohlcvml.evaluation._pretraining import pretraining_notes
from ohlcvml.evaluation._scores import classification_scores
from ohlcvml.evaluation.backtest import (
    Backtest,
    Execution,
    Trading,
    hold,
    named_regimes,
    open_trading,
    refuse_unknown,
    sides_at,
)
from ohlcvml.exceptions import ParameterError
from ohlcvml.labels import LabelSpec
from ohlcvml.pipeline import BaseBarClassifier, check_steps
from ohlcvml.samples import Samples
from ohlcvml.typing import FloatArray, Labels

PROBABILITIES = {-1: "p_down", 0: "p_flat", 1: "p_up"}
META_PROBABILITIES = {0: "p_skip", 1: "p_take"}


@dataclass(frozen=True, repr=False)
class Evaluation(Shown, SavedResult):
    """How a fitted model did on held-out rows: predictions, scores, P&L and baselines.

    Attributes
    ----------
    predictions : pd.DataFrame
        One row per sample: label, end, ret, cost, net_ret and the signal's columns.
    scores : dict
        Classification scores and, net of costs, trading scores.
    baselines : pd.DataFrame
        The same scores for ``no_skill`` and ``buy_and_hold``.
    backtest : Backtest or None
        None with several symbols, whose contracts and capital differ: nothing is traded then.
    regime_scores : pd.DataFrame or None
        All scores by regime, index (column, regime), where a ``regime`` was given.
    notes : list of str
        What limits the result: a pretrained model that may have seen the test period, a model
        fitted on rows that lie after rows scored here, or on labels of another contract or costs.
    unsafe_steps : tuple of str
        Steps of the model that may see the future and were let through; then no number of the
        result counts.
    two_sided : bool
        The model was fitted on rows that lie after the first row scored: fit for selection and
        dispersion, not for a headline score.
    intervals : pd.DataFrame
        The scores with their 95 % block-t intervals: ``estimate low high blocks``; NaN with fewer
        than 6 effective blocks.
    """

    predictions: pd.DataFrame
    scores: dict[str, float]
    baselines: pd.DataFrame
    backtest: Backtest | None
    regime_scores: pd.DataFrame | None = None
    notes: list[str] = field(default_factory=list)
    unsafe_steps: tuple[str, ...] = ()
    two_sided: bool = False
    intervals: pd.DataFrame = field(default_factory=pd.DataFrame)

    def _card(self) -> Card:
        title = f"Evaluation: {len(self.predictions):,} rows, {span_text(self.predictions.index)}"
        intervals = getattr(self, "intervals", None)
        return score_card(title, self.scores, self.baselines, None, intervals, self.notes)


def evaluate(
    model: BaseBarClassifier,
    samples: Samples,
    *,
    execution: Execution | None = None,
    regime: str | pd.Series | pd.DataFrame | None = None,
    allow_unsafe: bool = False,
    **unknown: Any,
) -> Evaluation:
    """Score a fitted model on samples held out from its training.

    Parameters
    ----------
    model : fitted bar classifier
    samples : Samples
        Held-out rows; rows that overlap the training rows raise.
    execution : Execution, optional
        How signals become trades; contract and costs are the labels' own unless given.
    regime : str, pd.Series or pd.DataFrame, optional
        Regime per bar, or the name of a column of the bars: all scores for each as well.
    allow_unsafe : bool, default=False
        Let steps through that may see the future (:func:`~ohlcvml.pipeline.check_steps`); the
        result is marked.
    **unknown
        Refused.

    Returns
    -------
    Evaluation

    Raises
    ------
    LeakageError
        If the samples overlap the label intervals the model was fitted on, or a step of the model
        sees the future, or may.
    DataError
        Contract or costs contradict those of the labels, or the labels were made by another rule
        than those the model was fitted on.
    ParameterError
        Something is not what it must be.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.evaluation import evaluate
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LogisticClassifier
    >>> from ohlcvml.samples import Samples
    >>> from ohlcvml.splits import PurgedHoldout
    >>> bars = simulate_bars(3000, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> samples = Samples(bars, labels)
    >>> parts = PurgedHoldout(validation=0).parts(samples)
    >>> model = (ReturnFeatures() + MomentumFeatures()) * LogisticClassifier()
    >>> model = model.fit(samples[parts.train])
    >>> result = evaluate(model, samples[parts.test])
    >>> 0 < result.scores["log_loss"] < 2
    True
    """
    refuse_unknown("evaluate", unknown, ["execution", "regime", "allow_unsafe"])
    check_model("evaluate", model)
    trading = open_trading("evaluate", samples.bars, samples.labels, execution, regime)
    checks = check_steps(model, samples, allow_unsafe=allow_unsafe)
    table = predictions_table(model, samples)
    shares = model.class_shares_
    labels = samples.labels.iloc[samples.rows]
    scores, run = score_predictions(table, labels, model.classes_, shares, trading)
    baselines = baseline_scores(table, labels, model.classes_, shares, trading, run)
    by_regime = join_regimes(classification_by_regime(table, model.classes_, shares, trading), run)
    later = later_training(model, samples)
    notes = [
        *([] if later is None else [later]),
        *market_notes(model, samples),
        *pretraining_notes(model, samples.index.get_level_values(-1).min()),
        *trading.notes,
        *checks.notes,
    ]
    intervals = with_sharpe(prediction_intervals(table, samples, model.classes_, shares), run)
    return Evaluation(
        table,
        scores,
        baselines,
        run,
        by_regime,
        notes,
        unsafe_steps=checks.unsafe,
        two_sided=later is not None,
        intervals=intervals,
    )


def later_training(model: BaseBarClassifier, samples: Samples) -> str | None:
    """Say so where the model was fitted on rows that lie after the first row scored."""
    trained = model.training_intervals_
    first = samples.index.get_level_values(-1).min()
    if not len(trained) or not isinstance(first, pd.Timestamp):
        return None
    last = pd.Timestamp(int(trained[:, 1].max()), tz="UTC")
    if last <= first:
        return None
    return (
        f"two-sided: the model was fitted on rows up to {last}, after the first row scored, "
        f"{first}; use for selection and dispersion, not as a headline score"
    )


def market_notes(model: BaseBarClassifier, samples: Samples) -> list[str]:
    """Say so where the model learned from labels of another contract, or of other costs."""
    learned, here = model.label_spec_, samples.spec
    return [
        f"the model was fitted on labels with {name} {getattr(learned, name)}; those scored here "
        f"have {getattr(here, name)}"
        for name in ("contract", "costs")
        if getattr(learned, name) != getattr(here, name)
    ]


def prediction_intervals(
    table: pd.DataFrame, samples: Samples, classes: Any, shares: Any
) -> pd.DataFrame:
    """Intervals of the scores of a predictions table; ``shares`` by fold, if it has folds."""
    fold = table["fold"].to_numpy() if "fold" in table else np.zeros(len(table), dtype=np.int64)
    position, stamps = bar_numbers(samples, table.index)
    return score_intervals(
        table["label"].to_numpy(),
        probabilities(table, classes),
        [int(c) for c in classes],
        shares if isinstance(shares, dict) else {0: shares},
        fold=fold,
        position=position,
        horizon=samples.spec.horizon,
        stamps=stamps,
    )


def check_model(who: str, model: Any) -> None:
    """Raise unless ``model`` is a classifier of bars."""
    if isinstance(model, type) or not isinstance(model, BaseBarClassifier):
        got = f"the class {model.__name__}" if isinstance(model, type) else repr(model)
        raise ParameterError(
            f"{who}: parameter 'model' must be a bar classifier; got {got}. Make one from "
            "ohlcvml.models, such as OHLCVFeatures() * LightGBMClassifier()."
        )


def predictions_table(model: BaseBarClassifier, samples: Samples) -> pd.DataFrame:
    """Outcome and signal of each sample, on the samples' own index."""
    signal = model.predict_signal(samples)
    outcome = samples.labels.iloc[samples.rows][["label", "end", "ret", "cost", "net_ret"]]
    return pd.concat([outcome, signal], axis=1)


def probabilities(table: pd.DataFrame, classes: Any) -> FloatArray:
    """Probability columns in the order of ``classes``."""
    names = META_PROBABILITIES if "p_take" in table.columns else PROBABILITIES
    return table[[names[int(c)] for c in classes]].to_numpy(dtype=np.float64)


def score_predictions(
    table: pd.DataFrame,
    labels: Labels,
    classes: Any,
    shares: FloatArray,
    trading: Trading,
) -> tuple[dict[str, float], Backtest | None]:
    """Classification and trading scores of a predictions table and the labels of its rows.

    Several symbols do not trade.
    """
    scores = classification_scores(
        table["label"].to_numpy(), probabilities(table, classes), list(classes), shares
    )
    run = _run(table[["side"]], labels, trading)
    return {**scores, **_scores(run)}, run


def classification_by_regime(
    table: pd.DataFrame, classes: Any, shares: FloatArray, trading: Trading
) -> pd.DataFrame | None:
    """Classification scores of the rows of each regime, as known at the decision bar."""
    if trading.regime is None:
        return None
    at = trading.regime.reindex(table.index)
    rows = {
        (str(column), value): classification_scores(
            part["label"].to_numpy(), probabilities(part, classes), list(classes), shares
        )
        for column in at
        for value, part in table.groupby(named_regimes(at[column]))
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["column", "regime"])


def join_regimes(classified: pd.DataFrame | None, run: Backtest | None) -> pd.DataFrame | None:
    """Classification and trading scores of each regime side by side."""
    if classified is None or run is None or run.regime_scores is None:
        return classified
    return pd.concat([classified, run.regime_scores], axis=1)


def _scores(run: Backtest | None) -> dict[str, float]:
    return {} if run is None else run.scores


def _run(signals: pd.DataFrame, labels: Labels, trading: Trading) -> Backtest | None:
    return None if trading.several else trading.run(signals, labels)


def baseline_scores(
    table: pd.DataFrame,
    labels: Labels,
    classes: Any,
    shares: FloatArray,
    trading: Trading,
    like: Backtest | None,
) -> pd.DataFrame:
    """Scores of the forecast of no skill, which never trades, and of buying and holding.

    No skill is scored on the very rows that the model answered.
    """
    proba = np.tile(shares, (len(labels), 1))
    proba[table["confidence"].isna().to_numpy()] = np.nan
    no_skill = classification_scores(labels["label"].to_numpy(), proba, list(classes), shares)
    rows = {"no_skill": no_skill}
    if like is not None:
        rows["no_skill"] = {**no_skill, **trading.idle_scores(table)}
        rows["buy_and_hold"] = hold(trading, like).scores
    return pd.DataFrame(rows).T


def exposure_scores(
    table: pd.DataFrame, labels: Labels, threshold: float, trading: Trading
) -> dict[str, float]:
    """Trading scores when |expected return| must reach a threshold, whatever the costs say.

    Meta-labels: the primary model is followed where what it is expected to earn reaches it.
    """
    primary = None
    if LabelSpec.of(labels, "exposure_scores").kind == "meta":
        primary = labels["side"].to_numpy()
    sides = sides_at(table["expected_return"], threshold, primary=primary)
    signals = pd.DataFrame({"side": sides}, index=table.index)
    return _scores(_run(signals, labels, trading))
