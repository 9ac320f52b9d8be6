"""Scoring a fitted model on rows it has never seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._card import Card, Shown
from ohlcvml._saved import SavedResult
from ohlcvml.evaluation._headline import score_card, span_text
from ohlcvml.evaluation._pretraining import pretraining_notes
from ohlcvml.evaluation._scores import classification_scores
from ohlcvml.evaluation.backtest import (
    Backtest,
    Execution,
    Trading,
    hold,
    open_trading,
    refuse_unknown,
    sides_at,
)
from ohlcvml.exceptions import ParameterError
from ohlcvml.pipeline import BaseBarClassifier
from ohlcvml.samples import Samples
from ohlcvml.typing import FloatArray

__all__ = [
    "Evaluation",
    "baseline_scores",
    "check_model",
    "evaluate",
    "exposure_scores",
    "predictions_table",
    "score_predictions",
]

PROBABILITIES = {-1: "p_down", 0: "p_flat", 1: "p_up"}
META_PROBABILITIES = {0: "p_skip", 1: "p_take"}


@dataclass(frozen=True, repr=False)
class Evaluation(Shown, SavedResult):
    """What a model made of some rows: predictions, scores, P&L and the rows beside it.

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
        What limits the result: a pretrained model that may have seen the test period.
    """

    predictions: pd.DataFrame
    scores: dict[str, float]
    baselines: pd.DataFrame
    backtest: Backtest | None
    regime_scores: pd.DataFrame | None = None
    notes: list[str] = field(default_factory=list)

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
    **unknown
        Refused.

    Returns
    -------
    Evaluation

    Raises
    ------
    LeakageError
        If the samples overlap the label intervals the model was fitted on.
    DataError
        Contract or costs contradict those of the labels.
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
    refuse_unknown("evaluate", unknown, ["execution", "regime"])
    check_model("evaluate", model)
    trading = open_trading("evaluate", samples.bars, samples.labels, execution, regime)
    table = predictions_table(model, samples)
    shares = model.class_shares_
    scores, run = score_predictions(table, samples, model.classes_, shares, trading)
    baselines = baseline_scores(table, samples, model.classes_, shares, trading, run)
    by_regime = join_regimes(classification_by_regime(table, model.classes_, shares, trading), run)
    notes = [
        *pretraining_notes(model, samples.index.get_level_values(-1).min()),
        *trading.notes,
    ]
    return Evaluation(table, scores, baselines, run, by_regime, notes)


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
    samples: Samples,
    classes: Any,
    shares: FloatArray,
    trading: Trading,
    blocks: Any = None,
) -> tuple[dict[str, float], Backtest | None]:
    """Classification and trading scores of a predictions table; several symbols do not trade."""
    scores = classification_scores(
        table["label"].to_numpy(), probabilities(table, classes), list(classes), shares
    )
    run = _run(table[["side"]], samples, trading, blocks)
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
        for value, part in table.groupby(at[column].to_numpy())
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["column", "regime"])


def join_regimes(classified: pd.DataFrame | None, run: Backtest | None) -> pd.DataFrame | None:
    """Classification and trading scores of each regime side by side."""
    if classified is None or run is None or run.regime_scores is None:
        return classified
    return classified.join(run.regime_scores)


def _scores(run: Backtest | None) -> dict[str, float]:
    return {} if run is None else run.scores


def _run(signals: pd.DataFrame, samples: Samples, trading: Trading, blocks: Any) -> Backtest | None:
    if trading.several:
        return None
    return trading.run(signals, samples.labels.iloc[samples.rows], blocks)


def baseline_scores(
    table: pd.DataFrame,
    samples: Samples,
    classes: Any,
    shares: FloatArray,
    trading: Trading,
    like: Backtest | None,
) -> pd.DataFrame:
    """Scores of the forecast of no skill, which never trades, and of buying and holding.

    No skill is scored on the very rows that the model answered.
    """
    proba = np.tile(shares, (len(samples), 1))
    proba[table["confidence"].isna().to_numpy()] = np.nan
    no_skill = classification_scores(samples.y, proba, list(classes), shares)
    flat = pd.DataFrame({"side": np.zeros(len(samples), dtype=np.int8)}, index=samples.index)
    idle = _run(flat, samples, trading, None)
    rows = {"no_skill": {**no_skill, **_scores(idle)}}
    if like is not None:
        rows["buy_and_hold"] = hold(trading, like).scores
    return pd.DataFrame(rows).T


def exposure_scores(
    table: pd.DataFrame, samples: Samples, threshold: float, trading: Trading
) -> dict[str, float]:
    """Trading scores when |expected return| must reach a threshold, whatever the costs say.

    Meta-labels: the primary model is followed where what it is expected to earn reaches it.
    """
    primary = None
    if samples.spec.kind == "meta":
        primary = samples.labels["side"].to_numpy()[samples.rows]
    sides = sides_at(table["expected_return"], threshold, primary)
    signals = pd.DataFrame({"side": sides}, index=table.index)
    return _scores(_run(signals, samples, trading, None))
