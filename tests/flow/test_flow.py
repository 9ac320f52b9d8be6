"""From a file to a served signal, as a user would write it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ohlcvml.bars import Costs, continuous, read_bars, simulate_bars, validate_bars
from ohlcvml.bundle import load, save
from ohlcvml.evaluation import cross_validate, evaluate
from ohlcvml.features import OHLCVFeatures, ReturnFeatures
from ohlcvml.labels import LabelSpec, TripleBarrierLabeller
from ohlcvml.models import LightGBMClassifier, LogisticClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout, WalkForward

FAMILIES = ("returns", "trend", "momentum", "volatility", "moments", "volume")
FEATURES = OHLCVFeatures(FAMILIES, timeframes=("5min",), contract="MES")
LABELLER = TripleBarrierLabeller(horizon=20, contract="MES", costs=Costs(0.62, 1.0))


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    """File, bars, samples, split, fitted model."""
    path = tmp_path_factory.mktemp("flow") / "mes.csv"
    simulate_bars(4000, seed=21, edge=0.3, sessions=True).bars.to_csv(path)
    bars, report = validate_bars(read_bars(path), contract="MES")
    assert report.ok
    samples = Samples(bars, LABELLER.fit_transform(bars))
    parts = PurgedHoldout(validation=0.0, test=0.25).parts(samples)
    model = FEATURES * LightGBMClassifier(n_estimators=20, min_child_samples=20)
    return path, bars, samples, parts, model.fit(samples[parts.train])


def test_research_replay_and_bundle_agree_to_the_bit(flow, tmp_path):
    _, bars, samples, parts, model = flow
    research = evaluate(model, samples[parts.test]).predictions
    replay = model.predict_signal(bars)
    served = load(save(model, tmp_path / "b.zip", bars=bars)).predict_signal(bars)
    columns = list(replay.columns)
    assert served.equals(replay)
    assert research[columns].equals(replay.loc[research.index, columns])


def test_bar_by_bar_agrees_with_the_batch(flow):
    """A stream of features in front of the fitted classifier gives the bits of the batch."""
    _, bars, _, _, model = flow
    features, classifier = model.transformers_[0], model.classifier_
    stream = features.stream()
    pairs = zip(bars.index, bars.to_dict("records"), strict=True)
    rows = np.array([stream.push(bar, time) for time, bar in pairs])
    table = pd.DataFrame(rows, index=bars.index, columns=stream.names)
    batch = model.predict_proba(bars)
    for row in (1500, 2345, 3999):
        alone = classifier.predict_proba(table.iloc[[row]])
        assert np.array_equal(alone, batch.iloc[[row]], equal_nan=True)


def test_the_future_changes_nothing_from_file_to_signal(flow, tmp_path):
    """Other prices after a bar, in the file itself, leave every signal up to it as it was."""
    path, bars, _, _, model = flow
    cut = 3000
    changed = bars.copy()
    changed.iloc[cut:] *= 1.25
    changed.to_csv(tmp_path / "changed.csv")
    again = model.predict_signal(read_bars(tmp_path / "changed.csv"))
    assert again.iloc[:cut].equals(model.predict_signal(read_bars(path)).iloc[:cut])


def test_a_planted_edge_survives_to_the_signal(flow):
    _, _, samples, parts, model = flow
    table = evaluate(model, samples[parts.test]).predictions
    sided = table[table["label"] != 0]
    score, up = sided["expected_return"], sided["label"] > 0
    assert roc_auc_score(up, score) > 0.58
    assert table["side"].abs().sum() > 0
    assert (table["expected_net_return"] > 0).equals(table["side"] != 0)


def test_without_an_edge_costs_are_what_is_earned():
    bars = simulate_bars(4000, seed=22).bars
    model = ReturnFeatures() * LogisticClassifier()
    result = cross_validate(model, bars, LABELLER, WalkForward(n_splits=3))
    assert result.folds["skill"].mean() < 0.01
    assert abs(result.backtest.scores["net_return"]) < 0.05


def test_a_continuous_contract_from_end_to_end():
    """Features see adjusted prices, labels and costs those of the contract that is traded."""
    bars = simulate_bars(3000, seed=23, edge=0.3, sessions=True).bars
    months = {}
    for contract, shift, traded in ((202403, 0.0, 0), (202406, 40.0, 1)):
        month = bars.copy()
        month[["open", "high", "low", "close"]] += shift
        month["volume"] += 5000.0 * (traded == (np.arange(len(bars)) >= 1300))
        months[contract] = month
    together = pd.concat(months, names=["symbol", "time"])
    rolled = continuous(together, contract="MES", earliest_roll=90)
    assert rolled["contract"].unique().tolist() == [202403, 202406]
    assert (rolled["raw_close"] - rolled["close"]).round(6).unique().tolist() == [0.0, 40.0]
    labels = LABELLER.fit_transform(rolled)
    samples = Samples(rolled, labels)
    parts = PurgedHoldout(validation=0.0, test=0.3).parts(samples)
    model = (ReturnFeatures() * LogisticClassifier()).fit(samples[parts.train])
    signal = model.predict_signal(rolled)
    cost = LabelSpec.of(labels).round_trip / rolled["raw_close"]
    net = (signal["expected_return"].abs() - cost).clip(lower=0.0)
    np.testing.assert_allclose(signal["expected_net_return"], net)
    result = evaluate(model, samples[parts.test])
    assert np.isfinite(result.scores["net_return"])


def test_real_bars(shared_data):
    bars = pd.read_parquet(shared_data / "norm" / "mnq_5m_2025.parquet").set_index("ts")
    bars.index = bars.index.as_unit("ns").rename("time")
    bars = bars[["open", "high", "low", "close", "volume"]].astype(float).tail(4000)
    features = OHLCVFeatures(contract="MES", bar_size="5min")
    model = features * LightGBMClassifier(n_estimators=5)
    result = cross_validate(model, bars, LABELLER, WalkForward(n_splits=2))
    assert 0.4 < result.folds["auc"].mean() < 0.6
    assert result.folds["log_loss"].mean() < 1.1
