"""What every model of price paths shares: windows, law, calibration, panels."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri
from sktime.forecasting.naive import NaiveForecaster

from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import DataError, LeakageError, ParameterError
from ohlcvml.features import MomentumFeatures
from ohlcvml.labels import FixedHorizonLabeller, LabelSpec, TripleBarrierLabeller
from ohlcvml.models import ForecastClassifier
from ohlcvml.models.paths import (
    BarrierSpec,
    BasePathClassifier,
    PathForecast,
    QuantileForecast,
    barrier_probabilities,
)
from ohlcvml.models.paths._calibration import fit_calibration, summary
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout

LEVELS = np.arange(1, 10) / 10
CONTEXT = 12


class Walk(BasePathClassifier):
    """Random walk of a known size; notes what it was shown."""

    def __init__(
        self,
        window=CONTEXT,
        prediction_length=20,
        n_paths=256,
        calibrate=False,
        random_state=0,
        size=1e-3,
        drift=0.0,
        sampled=False,
    ):
        self.window = window
        self.prediction_length = prediction_length
        self.n_paths = n_paths
        self.calibrate = calibrate
        self.random_state = random_state
        self.size = size
        self.drift = drift
        self.sampled = sampled
        self.shown = []
        super().__init__()

    def _forecast(self, windows, n_steps):
        self.shown.append(windows)
        ahead = np.arange(1, n_steps + 1)
        if self.sampled:
            steps = np.random.default_rng(0).standard_normal((len(windows), 4000, n_steps))
            return PathForecast(np.cumsum(self.size * steps + self.drift, axis=2))
        values = self.size * np.sqrt(ahead)[:, None] * ndtri(LEVELS) + self.drift * ahead[:, None]
        return QuantileForecast(LEVELS, np.repeat(values[None], len(windows), axis=0))


class Learner(Walk):
    """Notes what it was fitted on."""

    _learns = True

    def _fit_forecaster(self, series):
        self.series = series


@pytest.fixture(scope="module")
def bars():
    return simulate_bars(300, seed=1, tick_size=None).bars


def barrier_labels(bars, **given):
    return TripleBarrierLabeller(**{"horizon": 8, "cost_adjustment": None, **given}).fit_transform(
        bars
    )


@pytest.fixture(scope="module")
def labels(bars):
    return barrier_labels(bars)


def test_windows_are_the_bars_up_to_the_row_in_double_precision(bars, labels):
    model = Walk().fit(bars, labels)
    model.shown.clear()
    model._answer_at(bars, np.array([40, 200])).probabilities
    (windows,) = model.shown
    assert windows.bars.dtype == np.float64
    expected = bars[["open", "high", "low", "close", "volume"]].to_numpy()
    np.testing.assert_array_equal(windows.bars[1], expected[200 - CONTEXT + 1 : 201])
    stamps = bars.index.as_unit("ns").asi8
    np.testing.assert_array_equal(windows.stamps[0], stamps[40 - CONTEXT + 1 : 41])
    np.testing.assert_allclose(windows.log_path[0, 0], np.log(expected[29, 3] / expected[40, 3]))


def test_probabilities_are_those_of_the_law(bars, labels):
    proba = Walk().fit(bars, labels).predict_proba(bars)
    upper, lower = BarrierSpec.from_labels(labels).distances(bars, np.array([100]))
    values = 1e-3 * np.sqrt(np.arange(1, 9))[:, None] * ndtri(LEVELS)
    forecast = QuantileForecast(LEVELS, values[None])
    expected = barrier_probabilities(forecast, upper, lower, n_paths=256, seed=0)
    np.testing.assert_array_equal(proba.iloc[[100]].to_numpy(), expected)
    assert list(proba.columns) == [-1, 0, 1]


def test_rows_without_context_or_range_are_nan(bars, labels):
    for context in (5, 40):
        known = Walk(window=context).fit(bars, labels).predict_proba(bars).notna().all(axis=1)
        assert known.to_numpy().tolist() == (np.arange(300) >= max(context - 1, 14)).tolist()


def test_a_missing_price_takes_the_windows_that_hold_it(bars, labels):
    holed = bars.copy()
    holed.iloc[150, bars.columns.get_loc("low")] = np.nan
    holed.loc[holed.index[200], "volume"] = np.nan
    model = Walk().fit(bars, labels)
    gone = model.predict_proba(holed).isna().any(axis=1).to_numpy()
    assert np.flatnonzero(gone[20:]).tolist() == list(range(130, 130 + CONTEXT))


def test_symbols_are_strangers(bars, labels):
    several = simulate_bars(150, seed=3, n_symbols=2).bars
    model = Walk().fit(several, barrier_labels(several))
    whole = model.predict_proba(several)
    for symbol, alone in several.groupby(level=0):
        one = model.predict_proba(alone.droplevel(0)).to_numpy()
        np.testing.assert_array_equal(one, whole.loc[symbol].to_numpy())
        assert np.isnan(one[:14]).all()


@pytest.mark.parametrize("kind", ["difference", "ratio"])
def test_windows_stand_at_the_price_that_is_traded(bars, labels, kind):
    amount = np.where(np.arange(300) < 100, 50.0, -30.0) if kind == "difference" else 1.25
    raw = bars[["open", "high", "low", "close"]]
    moved = raw.add(amount, axis=0) if kind == "difference" else raw.mul(amount)
    names = np.where(np.arange(300) < 100, "H5", "M5")
    chain = bars.assign(**moved, **raw.add_prefix("raw_"), contract=names, adjustment=amount)
    model = Walk().fit(bars, labels)
    model.shown.clear()
    model._answer_at(chain, np.array([104])).probabilities
    expected = raw["close"].to_numpy()[93:105].copy()
    expected[:7] += 80.0 if kind == "difference" else 0.0  # before the roll, in today's contract
    np.testing.assert_allclose(model.shown[0].bars[0, :, 3], expected)


def test_windows_below_zero_are_nan(bars, labels):
    model = Walk().fit(bars, labels)
    sunk = bars.copy()
    sunk.iloc[:100, :4] -= 6000.0
    known = model.predict_proba(sunk).notna().all(axis=1).to_numpy()
    assert known.tolist() == (np.arange(300) >= 99 + CONTEXT).tolist()


def test_two_of_three_classes_are_renormalised(bars, labels):
    two = labels[labels["label"] != 0].copy()
    two = LabelSpec.of(labels).replace(classes=(-1, 1)).attach(two)
    three = Walk().fit(bars, labels).predict_proba(bars).dropna()
    proba = Walk().fit(bars, two).predict_proba(bars).dropna()
    expected = three[1] / (three[-1] + three[1])
    np.testing.assert_allclose(proba[1], expected)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)


def test_a_fixed_horizon_reads_the_last_marginal(bars):
    labels = FixedHorizonLabeller(horizon=4, cost_adjustment=None).fit_transform(bars)
    proba = Walk(drift=5e-4).fit(bars, labels).predict_proba(bars).dropna()
    from scipy.stats import norm

    np.testing.assert_allclose(proba[1], norm.cdf(4 * 5e-4 / (1e-3 * 2)), atol=1e-6)


def test_labels_without_barriers_must_be_learned(bars):
    labels = barrier_labels(bars, side=1)
    with pytest.raises(DataError, match="calibrate=True"):
        Walk().fit(bars, labels)
    model = ForecastClassifier("drift", window=CONTEXT, calibrate=True).fit(bars, labels)
    proba = model.predict_proba(bars).dropna()
    assert list(proba.columns) == [0, 1]
    assert proba[1].std() > 0


def test_a_longer_horizon_is_continued(bars):
    labels = barrier_labels(bars, horizon=16, k_up=3.0, k_down=3.0)
    whole = Walk().fit(bars, labels)
    short = Walk(prediction_length=4).fit(bars, labels)
    assert (whole.fit_report_["steps_continued"], short.fit_report_["steps_continued"]) == (0, 12)
    # A random walk without drift continues as the rule says.
    pd.testing.assert_frame_equal(whole.predict_proba(bars), short.predict_proba(bars))
    tilted = [
        Walk(prediction_length=n, drift=3e-4).fit(bars, labels).predict_proba(bars)[1].mean()
        for n in (4, 16)
    ]
    assert tilted[0] < tilted[1] - 0.005


def test_sampled_paths_agree_with_quantiles(bars, labels):
    some = bars.iloc[:30]
    sampled = Walk(sampled=True).fit(bars, labels).predict_proba(some).dropna()
    exact = Walk(n_paths=4096).fit(bars, labels).predict_proba(some).dropna()
    assert np.abs(sampled - exact).to_numpy().max() < 0.03
    longer = Walk(sampled=True, prediction_length=3).fit(bars, labels).predict_proba(some).dropna()
    assert np.abs(longer - exact).to_numpy().max() < 0.05


def test_features_are_refused(bars, labels):
    with pytest.raises(ParameterError, match="takes bars, not features"):
        MomentumFeatures() * ForecastClassifier()
    model = Walk().fit(bars, labels)
    with pytest.raises(DataError, match="must have columns open"):
        model.predict_proba(MomentumFeatures().fit_transform(bars))


def test_quantiles_of_the_return_at_the_horizon(bars, labels):
    model = Walk().fit(bars, labels)
    table = model.predict_quantiles(bars, [0.05, 0.5, 0.9])
    expected = 1e-3 * np.sqrt(8) * ndtri([0.05, 0.5, 0.9])
    np.testing.assert_allclose(table.dropna(), np.tile(expected, (len(table.dropna()), 1)))
    assert table.attrs["extrapolated"] == [0.05]
    paths = Walk(sampled=True).fit(bars, labels).predict_quantiles(bars.iloc[:40], [0.05, 0.5])
    np.testing.assert_allclose(paths.dropna(), np.tile(expected[:2], (26, 1)), atol=3e-4)
    assert paths.attrs["extrapolated"] == []


def test_blocks_can_have_one_shape(bars, labels, monkeypatch):
    model = Walk().fit(bars, labels)
    whole = model.predict_proba(bars)
    monkeypatch.setattr(Walk, "_pads_blocks", True)
    monkeypatch.setattr(Walk, "_block", 64)
    model.shown.clear()
    pd.testing.assert_frame_equal(model.predict_proba(bars), whole)
    assert {len(windows) for windows in model.shown} == {64}


def test_without_calibration_labels_teach_no_classes(bars, labels):
    whole = Walk().fit(bars, labels).predict_proba(bars)
    one = Walk().fit(bars, labels[labels["label"] == 1])
    pd.testing.assert_frame_equal(one.predict_proba(bars), whole)


def test_one_class_calibrates_to_a_constant(bars, labels):
    one = Walk(calibrate=True).fit(bars, labels[labels["label"] == 1])
    proba = one.predict_proba(bars)
    assert np.isnan(proba.iloc[: CONTEXT - 1]).all(axis=None)
    assert (proba.dropna()[1] == 1.0).all()


def test_calibration_is_a_logistic_regression_on_the_training_rows(bars, labels):
    model = ForecastClassifier("drift", window=20, calibrate=True, n_paths=256)
    samples = Samples(bars, labels)
    train = samples[:150]
    model.fit(train)
    asked = list(model._ask(bars, train.pos))
    rows = np.concatenate([one.rows for one in asked])
    values = np.concatenate([model._calibration_inputs(one) for one in asked])
    assert values.shape[1] == 2 + 6
    again = fit_calibration(values, np.searchsorted([-1, 0, 1], train.y[rows]), train.weight[rows])
    for name, array in model._calibration.items():
        np.testing.assert_array_equal(array, again[name])
    assert model.fit_report_["without_history"] == 150 - len(rows) == (train.pos < 19).sum()


def test_nothing_to_calibrate_on_is_an_error(bars, labels):
    with pytest.raises(DataError, match="smaller 'window'"):
        Walk(window=299, calibrate=True).fit(bars, labels)


def test_summary_is_free_of_scale():
    paths = np.random.default_rng(0).standard_normal((3, 500, 4)).cumsum(axis=2)
    one = summary(PathForecast(paths), np.array([1.0, 2.0, 0.5]))
    two = summary(PathForecast(1e-3 * paths), 1e-3 * np.array([1.0, 2.0, 0.5]))
    np.testing.assert_allclose(one[:, :5], two[:, :5], atol=1e-12)
    np.testing.assert_allclose(one[:, 5] - two[:, 5], np.log(1e3))
    assert np.isfinite(summary(PathForecast(0 * paths), np.zeros(3))).all()


def test_a_learner_sees_training_stretches(bars, labels):
    samples = Samples(bars, labels)
    rows = np.r_[0:80, 120:200]
    model = Learner().fit(samples[rows])
    starts = [int(one.stamps[0, 0]) for one in model.series]
    stamps = bars.index.as_unit("ns").asi8
    assert starts == [stamps[samples.pos[0]], stamps[samples.pos[120]]]
    assert [one.length for one in model.series] == [80, 80]
    assert model.fit_report_["stretches"] == 2


def test_a_learner_is_calibrated_on_later_rows_purged(bars, labels):
    samples = Samples(bars, labels)
    model = Learner(calibrate=True).fit(samples)
    cv = PurgedHoldout(validation=0.0, test=0.3, bar_index=bars.index)
    parts = cv.parts(samples)
    stamps = bars.index.as_unit("ns").asi8
    seen = model.series[-1].stamps[0, -1]
    assert seen == stamps[samples.pos[parts.train[-1]]]
    first = min(windows.stamps[:, -1].min() for windows in model.shown)
    assert first == stamps[samples.pos[parts.test[0]]] > seen + 60 * 60e9


def test_samples_and_their_guard(bars, labels):
    samples = Samples(bars, labels)
    model = Walk().fit(samples[:100])
    proba = model.predict_proba(samples[150:])
    np.testing.assert_array_equal(proba, model.predict_proba(bars).to_numpy()[samples[150:].pos])
    assert model.predict_quantiles(samples[150:], [0.5]).shape == (len(samples) - 150, 1)
    with pytest.raises(LeakageError):
        model.predict_quantiles(samples[50:], [0.5])


def test_lookback_covers_context_and_range(bars, labels):
    model = Walk(window=40).fit(bars, labels)
    assert model.lookback == 280  # the ATR's memory, to 1e-9
    whole = model.predict_proba(bars).iloc[-1]
    alone = model.predict_proba(bars.iloc[-1 - model.lookback :]).iloc[-1]
    np.testing.assert_allclose(alone, whole, atol=1e-6)
    assert Walk(window=400).lookback == 399


@pytest.mark.parametrize("level", [0.0, 100.0])
def test_panels_of_any_series_and_classes(level):
    generator = np.random.default_rng(0)
    trend = np.repeat([-1.0, 1.0], 60)
    X = level + generator.standard_normal((120, 30)).cumsum(axis=1)
    X = X + 0.5 * trend[:, None] * np.arange(30)
    y = np.where(trend > 0, "rising", "falling")
    model = ForecastClassifier("drift", window=25, prediction_length=3).fit(X[::2, None], y[::2])
    assert (model.predict(X[1::2, None]) == y[1::2]).mean() > 0.9
    again = model.predict_proba(X[1:2, None])
    np.testing.assert_array_equal(again[0], model.predict_proba(X[1::2, None])[0])


def test_panels_of_several_channels_are_refused_or_warned_of():
    X, y = np.random.default_rng(0).normal(size=(20, 2, 30)), np.arange(20) % 2
    with pytest.raises(ValueError, match="multivariate"):
        ForecastClassifier("drift", window=25).fit(X, y)
    composite = ForecastClassifier(NaiveForecaster("drift"), window=25, prediction_length=2)
    with pytest.warns(UserWarning, match="multivariate"):
        composite.fit(X, y)
