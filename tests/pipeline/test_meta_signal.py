"""Meta-labels trade the side of the primary model, or nothing."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.evaluation import backtest, cross_validate, evaluate
from ohlcvml.exceptions import DataError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import LabelSpec, TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.pipeline import (
    META_SIGNAL_COLUMNS,
    SignalModel,
    atr_scale,
    return_units,
    signal_table,
)
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout, WalkForward

LABELLER = TripleBarrierLabeller(horizon=20, k_up=2.0, side="trend", costs=Costs(spread=0.05))


@pytest.fixture(scope="module")
def problem():
    """A primary model that is right often enough to be worth following."""
    simulation = simulate_bars(2600, seed=8, edge=0.3)
    bars, up = simulation.bars, simulation.truth["p_up"].to_numpy()
    trend = np.where(up > 0.55, 1.0, np.where(up < 0.45, -1.0, 0.0))
    trend[:30] = np.nan
    bars = bars.assign(trend=trend)
    samples = Samples(bars, LABELLER.fit_transform(bars))
    parts = PurgedHoldout(validation=0.0, test=0.4).parts(samples)
    model = (ReturnFeatures() * LogisticClassifier()).fit(samples[parts.train])
    return bars, samples, parts, model


def test_the_side_is_the_primary_models_or_none(problem):
    bars, _, _, model = problem
    signal = model.predict_signal(bars)
    assert tuple(signal.columns) == META_SIGNAL_COLUMNS
    traded = signal["side"].isin([-1, 1]).to_numpy()
    assert (signal["side"] == bars["trend"])[traded].all()
    assert {-1.0, 1.0} == set(signal["side"][traded])  # today: +1 on 1,172 of 1,191 rows with −1
    flat = (bars["trend"] == 0).to_numpy() & signal["p_take"].notna().to_numpy()
    assert (signal.loc[flat, "side"] == 0).all()
    assert signal[bars["trend"].isna().to_numpy()].isna().all(axis=None)


def test_labels_of_another_primary_model_are_refused(problem):
    bars, samples, parts, model = problem
    other = bars.assign(other=-bars["trend"])
    labels = LABELLER.clone().set_params(side="other").fit_transform(other)
    late = Samples(other, labels)
    late = late[late.index > samples.index[parts.train[-1]] + pd.Timedelta("2h")]
    with pytest.raises(DataError, match="side 'other' where the model learned 'trend'"):
        evaluate(model, late)


def test_the_signal_by_hand(problem):
    bars, samples, parts, model = problem
    train = samples[parts.train]
    side = samples.labels["side"].to_numpy()[train.rows]
    scale, price = atr_scale(bars, 14)
    units = side * samples.labels["ret"].to_numpy()[train.rows] / scale[train.pos]
    np.testing.assert_allclose(return_units(train), units)
    means = [np.average(units[train.y == c], weights=train.weight[train.y == c]) for c in (0, 1)]
    np.testing.assert_allclose(model.return_means_, means)
    assert means[0] < 0 < means[1]  # what following it earned, whatever the side
    signal, proba = model.predict_signal(bars), model.predict_proba(bars).to_numpy()
    known = bars["trend"].isin([-1, 1]).to_numpy() & ~np.isnan(proba[:, 0])
    expected = (proba @ means * scale)[known]
    np.testing.assert_allclose(signal["p_take"][known], proba[known, 1])
    np.testing.assert_allclose(signal["expected_return"][known], expected)
    net = expected - 0.05 / price[known]
    np.testing.assert_allclose(signal["expected_net_return"][known], np.maximum(net, 0.0))
    np.testing.assert_array_equal(signal["side"][known], np.where(net > 0, bars["trend"][known], 0))


def test_a_trade_that_is_expected_to_lose_is_skipped_and_not_turned():
    worth = SignalModel(np.array([0, 1]), np.array([-3.0, 1.0]), 0.5, 14, "meta")
    proba, one = np.array([[0.9, 0.1]] * 2), np.ones(2)
    given = (proba, worth, 0.001 * one, 2000.0 * one, pd.RangeIndex(2))
    signal = signal_table(*given, primary=np.array([1.0, -1.0]))
    assert signal["side"].tolist() == [0.0, 0.0]
    assert signal["expected_return"].tolist() == pytest.approx([-0.0026] * 2)
    with pytest.raises(DataError, match="'primary' must be the side of the primary model"):
        signal_table(*given)


def test_bars_without_the_primary_are_refused(problem):
    bars, _, _, model = problem
    bare = bars.drop(columns="trend")
    with pytest.raises(DataError, match=r"'trend' is not among .* Join the primary model's side"):
        model.predict_signal(bare)
    model.predict_proba(bare)  # probabilities are of the features alone


def test_samples_bring_their_own_sides(problem):
    bars, samples, parts, model = problem
    test = samples[parts.test]
    whole = model.predict_signal(bars).iloc[test.pos]
    pd.testing.assert_frame_equal(model.predict_signal(test), whole)
    direction = TripleBarrierLabeller(20, costs=Costs(spread=0.05)).fit_transform(bars)
    other = Samples(bars, direction)
    with pytest.raises(DataError, match=r"kind .direction. where the model learned .meta."):
        model.predict_signal(other[other.index.isin(test.index)])


def test_one_side_for_all_bars(problem):
    bars, _, _, _ = problem
    labels = LABELLER.clone().set_params(side=-1).fit_transform(bars)
    model = (ReturnFeatures() * LogisticClassifier()).fit(bars, labels)
    assert set(model.predict_signal(bars.drop(columns="trend"))["side"].dropna()) <= {-1.0, 0.0}


def test_evaluation_and_backtest_follow_the_primary(problem):
    bars, samples, parts, model = problem
    result = evaluate(model, samples[parts.test])
    taken = result.predictions[result.predictions["side"] != 0]
    trend = bars["trend"].reindex(taken.index)
    assert (taken["side"] == trend).all()
    assert {-1, 1} == set(result.backtest.decisions["side"])
    labels = samples.labels
    with pytest.raises(DataError, match=r"must be the primary model's side or 0; \d+ rows trade"):
        backtest(bars, -samples.labels[["side"]].iloc[samples.rows], labels)


def test_equal_exposure_follows_the_primary(problem):
    bars, samples, _, _ = problem
    model = ReturnFeatures() * LogisticClassifier()
    result = cross_validate(model, bars, samples.labels, WalkForward(3), exposure=0.3)
    assert np.isfinite(result.baselines.loc["equal_exposure", "turnover"])


def test_take_is_what_following_earned(problem):
    _, samples, _, _ = problem
    labels = samples.labels.iloc[samples.rows]
    assert LabelSpec.of(labels).kind == "meta"
    earned = labels["side"] * labels["ret"] - labels["cost"]
    np.testing.assert_array_equal(labels["net_ret"], earned)
    np.testing.assert_array_equal(labels["label"], (earned > 0).astype(int))
    timed = labels["exit"] == 2
    assert labels.loc[timed, "label"].nunique() == 2
