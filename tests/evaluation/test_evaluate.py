"""Scoring a fitted model on held-out rows, and counting the looks at them."""

import numpy as np
import pytest

from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.evaluation import (
    Execution,
    backtest,
    classification_scores,
    evaluate,
    rows_fingerprint,
)
from ohlcvml.exceptions import LeakageError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout, WalkForward

LABELLER = TripleBarrierLabeller(horizon=20, contract="ES", costs=Costs(2.0, 0.5))
BARS = simulate_bars(1500, seed=9, edge=0.3).bars
SAMPLES = Samples(BARS, LABELLER.fit_transform(BARS))
PARTS = PurgedHoldout(validation=0.0, test=0.3).parts(SAMPLES)
TRAIN, TEST = SAMPLES[PARTS.train], SAMPLES[PARTS.test]


@pytest.fixture(scope="module")
def model():
    return (ReturnFeatures() * LogisticClassifier(C=1.0)).fit(TRAIN)


def test_scores_are_those_of_the_parts(model):
    result = evaluate(model, TEST)
    signal = model.predict_signal(TEST)
    proba = signal[["p_down", "p_flat", "p_up"]].to_numpy()
    expected = classification_scores(TEST.y, proba, [-1, 0, 1], model.class_shares_)
    run = backtest(BARS, signal, TEST.labels.iloc[TEST.rows])
    assert result.scores == pytest.approx({**expected, **run.scores}, nan_ok=True)
    assert result.predictions["label"].tolist() == TEST.y.tolist()
    assert result.baselines.index.tolist() == ["no_skill", "buy_and_hold"]


def test_options_reach_the_backtest(model):
    plain = evaluate(model, TEST)
    stopped = evaluate(model, TEST, execution=Execution(max_drawdown_stop=1e-6, rule="bracket"))
    assert plain.scores["decisions"] > stopped.scores["decisions"]


def test_no_skill_is_scored_on_the_rows_that_were_answered():
    table = ReturnFeatures().fit_transform(BARS)
    table.iloc[TEST.pos[50:80]] = np.nan
    model = LogisticClassifier().fit(TRAIN.with_features(table))
    result = evaluate(model, TEST.with_features(table))
    assert result.scores["rows_missing"] == 30
    assert result.predictions["side"].iloc[50:80].isna().all()
    flat = result.baselines.loc["no_skill"]
    assert flat["log_loss"] == pytest.approx(result.scores["log_loss_no_skill"])
    assert flat["rows"] == len(TEST) - 30


def test_training_rows_are_refused(model):
    with pytest.raises(LeakageError):
        evaluate(model, SAMPLES[PARTS.train[-5:]])


def test_a_model_fitted_on_later_rows_is_marked(model):
    assert not evaluate(model, TEST).two_sided
    early = SAMPLES[:400]
    late = SAMPLES[SAMPLES.pos > early.pos.max() + 20]
    later = (ReturnFeatures() * LogisticClassifier(C=1.0)).fit(late)
    result = evaluate(later, early)
    assert result.two_sided
    assert result.notes[0].startswith("two-sided: the model was fitted on rows up to 2024-01-03")


def test_scores_carry_intervals(model):
    few, many = (
        SAMPLES[rows] for rows in next(WalkForward(n_splits=1, initial=0.3).split(SAMPLES))
    )
    result = evaluate((ReturnFeatures() * LogisticClassifier()).fit(few), many)
    for name in ("log_loss", "skill", "auc", "directional_accuracy"):
        low, high = result.intervals.loc[name, ["low", "high"]]
        assert low < result.scores[name] < high
    assert np.isnan(evaluate(model, TEST[:200]).intervals.loc["auc", "low"])  # two blocks


def test_several_symbols_are_not_traded():
    bars = simulate_bars(900, seed=9, n_symbols=2).bars
    labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    samples = Samples(bars, labels)
    parts = PurgedHoldout(validation=0.0, test=0.3).parts(samples)
    model = (ReturnFeatures() * LogisticClassifier()).fit(samples[parts.train])
    result = evaluate(model, samples[parts.test])
    assert result.backtest is None
    assert 0 < result.scores["log_loss"] < 2
    assert result.baselines.index.tolist() == ["no_skill"]


def test_regimes_are_scored_apart(model):
    regime = np.where(np.arange(len(BARS)) % 2 == 0, "even", "odd")
    table = TEST.bars[["close"]].assign(parity=regime)["parity"]
    result = evaluate(model, TEST, regime=table)
    assert result.regime_scores.index.tolist() == [("parity", "even"), ("parity", "odd")]
    assert result.regime_scores["rows"].sum() == result.scores["rows"]


# ---- what identifies the rows
def test_the_fingerprint_is_that_of_the_market():
    other = SAMPLES.with_features(BARS[["close"]])[PARTS.test]
    assert rows_fingerprint(other) == rows_fingerprint(TEST)
    assert rows_fingerprint(TEST[1:]) != rows_fingerprint(TEST)
    bars = BARS.copy()
    bars.iloc[TEST.pos[10], 3] += 0.25
    moved = Samples(bars, SAMPLES.labels)[PARTS.test]
    assert rows_fingerprint(moved) != rows_fingerprint(TEST)
