"""Forecasters as bar classifiers: closed forms, sktime, neuralforecast."""

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.arar import ARARForecaster
from sktime.forecasting.dummy_global import DummyGlobalForecaster
from sktime.forecasting.naive import NaiveForecaster
from sktime.forecasting.trend import PolynomialTrendForecaster

from ohlcvml.bars import simulate_bars
from ohlcvml.bundle import load, save
from ohlcvml.exceptions import BundleError, DataError, ParameterError
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import ForecastClassifier
from ohlcvml.models.paths import BarrierSpec, _per_window, barrier_probabilities
from ohlcvml.models.paths._random_walk import LEVELS
from ohlcvml.pipeline import BarPipeline
from ohlcvml.samples import Samples

CALM = {"volatility_shock": 0.0, "volatility_persistence": 0.0, "intraday_shape": 0.0}


@pytest.fixture(scope="module")
def bars():
    return simulate_bars(200, seed=1, tick_size=None).bars


def make_labels(bars, horizon=8, **given):
    given = {"cost_adjustment": None, **given}
    return TripleBarrierLabeller(horizon=horizon, **given).fit_transform(bars)


@pytest.fixture(scope="module")
def labels(bars):
    return make_labels(bars)


def small(forecaster, **given):
    return ForecastClassifier(
        forecaster, **{"window": 20, "n_paths": 256, "prediction_length": 8, **given}
    )


class GlobalWalk(DummyGlobalForecaster):
    """Random walk with the variance of the series it was pretrained on."""

    _tags = {"capability:pred_int": True}

    def _pretrain(self, y, X=None, fh=None):
        steps = y.groupby(level=0).diff().to_numpy()
        self.global_std_ = float(np.sqrt(np.nanmean(steps**2)))
        return self

    def _fit(self, y, X=None, fh=None):
        self.last_value_ = float(np.ravel(y)[-1])
        return self

    def _predict(self, fh, X=None):
        index = fh.to_absolute_index(self.cutoff)
        return pd.Series(self.last_value_, index=index, name=self._get_varnames()[0])

    def _predict_var(self, fh, X=None, cov=False):
        ahead = fh.to_relative(self.cutoff).to_numpy()
        index = fh.to_absolute_index(self.cutoff)
        return pd.DataFrame(self.global_std_**2 * ahead, index=index, columns=self._get_varnames())


@pytest.fixture(scope="module")
def calm():
    return simulate_bars(6000, seed=11, edge=0.0, tick_size=None, **CALM).bars


def test_a_random_walk_knows_the_frequencies_of_a_random_walk(calm):
    labels = make_labels(calm, horizon=10)
    model = ForecastClassifier("random_walk", window=128, n_paths=512).fit(calm, labels)
    samples = Samples(calm, labels)[114:]
    told = model.predict_proba(calm).to_numpy()[samples.pos].mean(axis=0)
    happened = [(samples.y == c).mean() for c in (-1, 0, 1)]
    np.testing.assert_allclose(told, happened, atol=0.04)


@pytest.mark.parametrize(("k_up", "k_down"), [(2.5, 1.5), (1.5, 1.5)])
def test_far_barriers_too_when_touches_are_seen_as_often(calm, k_up, k_down):
    """Simulated bars move in 8 steps, the law continuously: Broadie, Glasserman and Kou (1997)."""
    labels = make_labels(calm, horizon=10, k_up=k_up, k_down=k_down)
    samples = Samples(calm, labels)[114:]
    model = ForecastClassifier("random_walk", window=128).fit(calm, labels)
    upper, lower = BarrierSpec.from_labels(labels).distances(calm, samples.pos)
    told = np.empty((len(samples), 3))
    for asked in model._ask(calm, samples.pos):
        unseen = 0.5826 * asked.windows.deviation / np.sqrt(8)
        high, low = upper[asked.rows] + unseen, lower[asked.rows] - unseen
        told[asked.rows] = barrier_probabilities(asked.forecast, high, low, n_paths=512)
    happened = [(samples.y == c).mean() for c in (-1, 0, 1)]
    np.testing.assert_allclose(told.mean(axis=0), happened, atol=0.03)


def test_drift_tilts_and_a_random_walk_does_not():
    rising = simulate_bars(400, seed=5, edge=0.0, tick_size=None, **CALM).bars
    growth = np.exp(2e-4 * np.arange(400))
    rising = rising.assign(**rising.iloc[:, :4].mul(growth, axis=0))
    labels = make_labels(rising)
    tilt = {}
    for name in ("random_walk", "drift"):
        proba = small(name, window=100).fit(rising, labels).predict_proba(rising).dropna()
        tilt[name] = (proba[1] - proba[-1]).mean()
    assert abs(tilt["random_walk"]) < 0.02
    assert tilt["drift"] > 0.2


@pytest.mark.parametrize(("name", "strategy"), [("random_walk", "last"), ("drift", "drift")])
def test_closed_forms_are_those_of_sktime(bars, labels, name, strategy):
    rows = bars.iloc[:40]
    own = small(name).fit(bars, labels)
    theirs = small(NaiveForecaster(strategy=strategy)).fit(bars, labels)
    alpha = LEVELS.tolist()
    pd.testing.assert_frame_equal(
        own.predict_quantiles(rows, alpha), theirs.predict_quantiles(rows, alpha), atol=1e-12
    )
    pd.testing.assert_frame_equal(own.predict_proba(rows), theirs.predict_proba(rows), atol=1e-3)


def test_refitted_a_row_sees_its_window_and_nothing_else(bars, labels):
    model = small(NaiveForecaster("drift")).fit(bars, labels)
    other = bars.copy()
    other.iloc[:100, :4] *= np.exp(np.linspace(0.0, 0.1, 100))[:, None]
    other.iloc[130:, :4] *= 1.5
    pos = np.array([119, 120, 129])
    one, two = (np.stack([a.forecast.values for a in model._ask(t, pos)]) for t in (bars, other))
    np.testing.assert_allclose(one, two, rtol=1e-9)
    (alone,) = model._ask(bars, pos[1:2])
    np.testing.assert_array_equal(alone.forecast.values[0], one[0, 1])


def test_updated_a_row_sees_the_training_stretch_then_its_window(bars, labels):
    samples = Samples(bars, labels)[:100]
    model = small(NaiveForecaster("last"), strategy="update").fit(samples)
    close = np.log(bars["close"].to_numpy())
    first, last = samples.pos[0], samples.pos[-1]
    seen = np.diff(
        np.concatenate([close[first : last + 1], close[last] + np.diff(close[131:151]).cumsum()])
    )
    (asked,) = model._ask(bars, np.array([150]))
    expected = np.sqrt(np.mean(seen**2)) * np.sqrt(np.arange(1, 9))
    upper = asked.forecast.values[0, :, -1] / 1.6448536
    np.testing.assert_allclose(upper, expected, rtol=1e-6)
    assert model.fit_report_["stretches"] == 1


def test_updated_the_fit_sees_no_later_bars(bars, labels):
    later = bars.copy()
    later.iloc[150:, :4] *= 1.5
    rows = bars.iloc[:60]
    one, two = (
        small(NaiveForecaster("drift"), strategy="update")
        .fit(Samples(table, labels)[:100])
        .predict_proba(rows)
        for table in (bars, later)
    )
    pd.testing.assert_frame_equal(one, two)


def test_what_does_not_answer_to_updates_is_refused(bars, labels):
    with pytest.raises(ParameterError, match="must be 'refit' for ARARForecaster"):
        small(ARARForecaster(), strategy="update").fit(bars, labels)


def test_pretrained_on_all_stretches_together(bars, labels):
    samples = Samples(bars, labels)
    rows = np.r_[0:60, 100:150]
    model = small(GlobalWalk(), strategy="pretrain").fit(samples[rows])
    close = np.log(bars["close"].to_numpy())
    pos = samples.pos
    steps = np.concatenate(
        [np.diff(close[pos[0] : pos[59] + 1]), np.diff(close[pos[100] : pos[149] + 1])]
    )
    table = model.predict_quantiles(bars.iloc[150:172], [0.95]).dropna()
    expected = 1.6448536 * np.sqrt(8 * np.mean(steps**2))
    np.testing.assert_allclose(table[0.95], expected, rtol=1e-6)
    assert not model.get_tag("capability:bundle")


def test_windows_are_asked_once(bars, labels, monkeypatch):
    asked = []
    ask = _per_window._refitted
    monkeypatch.setattr(_per_window, "_refitted", lambda *a: asked.append(1) or ask(*a))
    forecaster = NaiveForecaster("mean", window_length=7)
    rows = bars.iloc[:30]
    first = small(forecaster).fit(bars, labels).predict_proba(rows)
    second = small(forecaster).fit(bars, labels).predict_proba(rows)
    assert len(asked) == 11
    pd.testing.assert_frame_equal(first, second)
    small(forecaster.clone().set_params(window_length=8)).fit(bars, labels).predict_proba(rows)
    assert len(asked) == 22


def test_a_still_window_has_no_forecast(bars, labels):
    still = bars.copy()
    still.iloc[50:90, 3] = still.iloc[50, 3]
    still["high"] = still[["high", "close"]].max(axis=1)
    still["low"] = still[["low", "close"]].min(axis=1)
    for forecaster in ("random_walk", "drift", NaiveForecaster()):
        known = small(forecaster).fit(bars, labels).predict_proba(still.iloc[:100]).notna()
        assert not known.iloc[69:90].any(axis=None)
        assert known.iloc[[68, 90]].all(axis=None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"forecaster": NaiveForecaster}, "objects, not classes"),
        ({"forecaster": PolynomialTrendForecaster()}, "capability:pred_int"),
        ({"forecaster": "drift", "strategy": "update"}, "must be None unless"),
        ({"forecaster": NaiveForecaster(), "strategy": "pretrain"}, "cannot be pretrained"),
    ],
)
def test_what_does_not_go_together_is_refused(given, message):
    with pytest.raises(ParameterError, match=message):
        ForecastClassifier(**given)


def test_parameters_of_the_forecaster_can_be_set(bars, labels):
    model = small(NaiveForecaster("last"))
    rows = bars.iloc[:40]
    before = model.clone().fit(bars, labels).predict_proba(rows)
    model.set_params(forecaster__strategy="drift")
    after = model.fit(bars, labels).predict_proba(rows)
    assert not after.equals(before)
    assert (
        ForecastClassifier()
        .set_params(forecaster=GlobalWalk(), strategy="pretrain")
        .get_tag("capability:bundle")
        is False
    )


def test_a_still_market_teaches_nothing(bars):
    flat = bars.assign(close=5000.0, open=5000.0)
    with pytest.raises(DataError, match="never moves"):
        small(NaiveForecaster(), strategy="update").fit(flat, make_labels(flat))


def test_a_bundle_with_updates_fits_again(bars, labels, tmp_path):
    model = small(NaiveForecaster("drift"), strategy="update").fit(bars, labels)
    rows = bars.iloc[:40]
    before = model.predict_proba(rows)
    again = load(save(model, tmp_path / "model", bars=rows))
    _per_window._kept.clear()
    pd.testing.assert_frame_equal(again.predict_proba(rows), before)
    with pytest.raises(BundleError):
        save(small(GlobalWalk(), strategy="pretrain").fit(bars, labels), tmp_path / "other")


def test_it_stands_alone_in_a_pipeline(bars, labels):
    model = BarPipeline([("model", small("drift"))]).fit(bars, labels)
    direct = small("drift").fit(bars, labels)
    pd.testing.assert_frame_equal(model.predict_proba(bars), direct.predict_proba(bars))
    pd.testing.assert_frame_equal(model.predict_interval(bars), direct.predict_interval(bars))
    assert model.lookback == direct.lookback
    assert model.predict_signal(bars)["side"].dropna().isin([-1, 0, 1]).all()
