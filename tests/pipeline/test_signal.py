"""The costed signal, computed by hand."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.exceptions import DataError, LeakageError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import LabelSpec, TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.pipeline import SIGNAL_COLUMNS, SignalModel, atr_scale, signal_table
from ohlcvml.pipeline._signal import primary_of
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout
from ohlcvml.streams import average_true_range

WORTH = SignalModel(np.array([-1, 0, 1]), np.array([-1.5, 0.1, 1.4]), 0.5, 14)
INDEX = pd.RangeIndex(1)


def row(proba, worth=WORTH, scale=0.001, price=2000.0):
    table = signal_table(np.array([proba]), worth, np.array([scale]), np.array([price]), INDEX)
    return table.iloc[0]


def test_expected_return_by_hand():
    got = row([0.2, 0.3, 0.5])
    expected = (0.2 * -1.5 + 0.3 * 0.1 + 0.5 * 1.4) * 0.001  # ATR is 0.1 % of the price
    assert got["expected_return"] == pytest.approx(expected)
    assert got["expected_net_return"] == pytest.approx(expected - 0.5 / 2000)
    assert (got["p_down"], got["p_flat"], got["p_up"]) == (0.2, 0.3, 0.5)
    assert got["confidence"] == 0.5
    assert got["side"] == 1


@pytest.mark.parametrize(
    ("proba", "price", "side"),
    [
        ([0.6, 0.3, 0.1], 2000.0, -1),
        ([0.34, 0.33, 0.33], 2000.0, 0),  # 0.00002 in expectation, 0.00025 to be paid
        ([0.1, 0.3, 0.6], 100.0, 0),  # a cost of 0.5 on a price of 100 is never earned
        ([0.1, 0.3, 0.6], 1e9, 1),
    ],
)
def test_side_only_beyond_the_cost(proba, price, side):
    got = row(proba, price=price)
    assert got["side"] == side
    assert (got["expected_net_return"] > 0) == (side != 0)


def test_rows_without_an_answer_are_nan_in_every_column():
    got = row([np.nan] * 3)
    assert got.isna().all()
    unknown_range = row([0.1, 0.3, 0.6], scale=np.nan)
    assert unknown_range[["side", "expected_return"]].isna().all()
    assert unknown_range["p_up"] == 0.6


def test_classes_that_the_labeller_does_not_have():
    meta = SignalModel(np.array([0, 1]), np.array([-1.0, 1.0]), 0.0, 14)  # labels 0 and +1
    got = row([0.4, 0.6], meta)
    assert got["p_down"] == 0.0
    assert got["p_flat"] == 0.4
    assert np.isnan(row([np.nan] * 2, meta)["p_down"])


@pytest.fixture(scope="module")
def problem():
    bars = simulate_bars(1500, seed=8, edge=0.3).bars
    labeller = TripleBarrierLabeller(horizon=20, contract="MES", costs=Costs(0.62, 1))
    samples = Samples(bars, labeller.fit_transform(bars))
    parts = PurgedHoldout(validation=0.0, test=0.3).parts(samples)
    model = (ReturnFeatures() * LogisticClassifier()).fit(samples[parts.train])
    return bars, samples, parts, model


def test_return_means_are_weighted_means_in_atr(problem):
    bars, samples, parts, model = problem
    train = samples[parts.train]
    atr = average_true_range(
        *(bars[name].to_numpy() for name in ("high", "low", "close")), 14, np.array([0, len(bars)])
    )
    ret = samples.labels["ret"].to_numpy()[train.rows]
    units = ret * bars["close"].to_numpy()[train.pos] / atr[train.pos]
    for k, label in enumerate((-1, 0, 1)):
        mine = train.y == label
        mean = (units[mine] * train.weight[mine]).sum() / train.weight[mine].sum()
        assert model.return_means_[k] == pytest.approx(mean)
    assert model.return_means_[0] < -1.4
    assert model.return_means_[2] > 1.4


def test_the_signal_is_built_from_these(problem):
    bars, samples, _, model = problem
    signal = model.predict_signal(bars)
    assert tuple(signal.columns) == SIGNAL_COLUMNS
    assert signal.index.equals(bars.index)
    proba = model.predict_proba(bars).to_numpy()
    scale, price = atr_scale(bars, 14)
    expected = proba @ model.return_means_ * scale
    np.testing.assert_allclose(signal["expected_return"], expected)
    cost = samples.spec.round_trip / price
    assert samples.spec.round_trip == pytest.approx(0.248 + 0.5)
    side = np.where(np.abs(expected) > cost, np.sign(expected), 0)
    side[np.isnan(expected)] = np.nan
    assert np.array_equal(signal["side"], side, equal_nan=True)
    assert {-1, 0, 1} == set(signal["side"].dropna())


def test_a_cost_that_moves_with_the_price_is_learned_as_its_median():
    bars = simulate_bars(900, seed=8).bars
    labeller = TripleBarrierLabeller(horizon=20, contract="MES", costs=Costs(rate_per_side=1e-4))
    samples = Samples(bars, labeller.fit_transform(bars))
    assert samples.spec.round_trip is None
    model = (ReturnFeatures() * LogisticClassifier()).fit(samples)
    entered = bars["open"].to_numpy()[samples.pos + 1]
    paid = 2e-4 * entered * bars["close"].to_numpy()[samples.pos] / entered
    assert model.round_trip_ == pytest.approx(np.median(paid))


def test_a_primary_model_without_a_name_is_asked_for_by_name():
    bars = simulate_bars(300, seed=8).bars
    with pytest.raises(DataError, match="the side of the primary model at each bar is not known"):
        primary_of(bars, None, "example")


def test_samples_get_the_rows_of_the_bars(problem):
    bars, samples, parts, model = problem
    test = samples[parts.test]
    whole = model.predict_signal(bars)
    assert model.predict_signal(test).equals(whole.iloc[test.pos])
    with pytest.raises(LeakageError):
        model.predict_signal(samples[parts.train])


def test_costs_meet_the_prices_of_the_traded_contract():
    bars = simulate_bars(400, seed=1).bars
    prices = ["open", "high", "low", "close"]
    raw = {f"raw_{name}": bars[name] - 4000.0 for name in prices}
    rolled = bars.assign(**raw, contract=202403, adjustment=4000.0)
    scale, price = atr_scale(rolled, 14)
    plain_scale, plain_price = atr_scale(bars, 14)
    np.testing.assert_allclose(price, bars["close"] - 4000.0)
    np.testing.assert_allclose(scale * price, plain_scale * plain_price, equal_nan=True)


def test_prices_below_zero():
    """Labels are in points there; expected returns are in units of the price's size."""
    bars = simulate_bars(900, seed=2).bars
    bars[["open", "high", "low", "close"]] -= 5000.0
    labels = TripleBarrierLabeller(horizon=20, costs=Costs(spread=0.5)).fit_transform(bars)
    assert LabelSpec.of(labels).return_unit == "points"
    model = LogisticClassifier().fit(bars, labels)
    assert model.round_trip_ == pytest.approx(0.5)
    assert model.return_means_[2] == pytest.approx(1.5, abs=0.5)
    signal = model.predict_signal(bars)
    assert signal["expected_return"].iloc[20:].notna().mean() > 0.99
