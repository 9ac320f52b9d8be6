"""HMMRegime as a step: fitted on the training stretches, in a bundle, with a lookback."""

import numpy as np
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.bundle import open_bundle, save
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.regimes import HMMRegime, RegimeInputs
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedKFold

QUICK = {"n_states": 2, "n_init": 1, "max_iter": 10}


@pytest.fixture(scope="module")
def market():
    bars = simulate_bars(1500, seed=0, edge=0.3, volatility_ratio=2.0).bars
    labels = TripleBarrierLabeller(horizon=10, cost_adjustment=None).fit_transform(bars)
    return bars, labels


def test_a_fold_with_a_hole_gives_two_sequences(market, monkeypatch):
    bars, labels = market
    seen = []
    learn = HMMRegime._learn
    monkeypatch.setattr(
        HMMRegime,
        "_learn",
        lambda self, values, runs: seen.append(runs) or learn(self, values, runs),
    )
    rows = list(PurgedKFold(n_splits=3, embargo=30, bar_index=bars.index).split(labels))[1][0]
    (HMMRegime(**QUICK) * LogisticClassifier()).fit(Samples(bars, labels, rows))
    assert len(seen) == 1
    assert len(seen[0]) == 2
    assert (np.diff(seen[0], axis=1) > 300).all()


def test_beside_features_and_behind_them(market):
    bars, labels = market
    for steps in (
        ReturnFeatures(lags=(1, 5)) + HMMRegime(**QUICK),
        RegimeInputs() * HMMRegime(**QUICK),
    ):
        model = (steps * LogisticClassifier()).fit(bars.iloc[:1000], labels.iloc[:900])
        assert model.predict_proba(bars).iloc[20:].notna().all(axis=None)


@pytest.mark.parametrize("refit", ["never", "walk_forward"])
def test_a_bundle_holds_it(market, tmp_path, refit):
    bars, labels = market
    regime = HMMRegime(
        **QUICK, features=RegimeInputs(3), refit=refit, refit_every=1, refit_window=1
    )
    model = (regime * LogisticClassifier()).fit(bars, labels)
    save(model, tmp_path / "bundle", bars=bars)
    bundle = open_bundle(tmp_path / "bundle")
    assert np.array_equal(bundle.model.predict_proba(bars), model.predict_proba(bars))
    assert bundle.lookback == model.lookback > 2


def test_a_pipeline_knows_its_lookback_once_fitted(market):
    bars, labels = market
    model = HMMRegime(**QUICK) * LogisticClassifier()
    assert model.lookback is None
    fitted = model.fit(bars, labels)
    assert fitted.lookback == fitted.transformers_[0].lookback
