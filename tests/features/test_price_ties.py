"""Prices in decimal ticks are rounded; no feature may be decided by their last digits."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import DirectionalFeatures, FlowFeatures, OHLCVFeatures, OscillatorFeatures
from tests.features.conftest import instances, size_of, stamped

FACTORS = (0.1, 0.3, 7.0, 1e-4, 12345.678)


def in_ticks(n, seed=0):
    """Bars whose prices are whole numbers, full of ties, with stretches that repeat a pattern."""
    rng = np.random.default_rng(seed)
    close = 400 + np.abs(600 + rng.integers(-3, 4, n).cumsum())
    open_ = np.r_[close[0], close[:-1]] + (rng.random(n) < 0.2) * rng.integers(-2, 3, n)
    high = np.maximum(open_, close) + rng.integers(0, 3, n)
    low = np.minimum(open_, close) - rng.integers(0, 3, n)
    prices = np.stack([open_, high, low, close], axis=1)
    step, shape = np.arange(150)[:, None], np.array([0, 2, -2, 1])
    still = np.array([0, 3, -3, 0]) + (step % 2) * np.array([0, 1, -2, 1])  # the typical price
    wider = shape + (step % 7) * np.array([0, 1, -1, 0])  # up and down by as much
    for at, stretch in enumerate(
        (800 + still, 800 + step + shape, 950 - step + shape, 800 + wider)
    ):
        prices[n // 2 + 150 * at :][:150] = stretch
    index = pd.date_range("2025-01-06", periods=n, freq="1min", tz="UTC", name="time")
    bars = pd.DataFrame(prices, index, ["open", "high", "low", "close"]).astype(float)
    return bars.assign(volume=rng.integers(1, 1000, n).astype(float))


def times(bars, factor):
    scaled = bars.copy()
    scaled.iloc[:, :4] *= factor
    return scaled


def agree(one, other):
    return np.allclose(one, other, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_features_of_prices_times_k_are_those_of_the_prices():
    for feature in instances():
        if not feature.get_tag("fit_is_empty"):
            continue
        bars = stamped(in_ticks(1500), size_of(feature))
        feature = feature.clone().fit(bars)
        whole = feature.transform(bars)
        for factor in FACTORS:
            assert agree(feature.transform(times(bars, factor)), whole), (feature, factor)


@pytest.mark.parametrize("factor", [1.0, 0.1, 0.3, 1e-4])
def test_ties_by_hand(factor):
    bars = times(in_ticks(1500), factor)
    constant_typical, as_far_up_as_down = bars.iloc[750:900], bars.iloc[1200:1350]
    flow = FlowFeatures().fit_transform(constant_typical).iloc[20:]
    assert (flow["money_flow_index_14"] == 50).all()
    assert flow["vwap_distance_30"].isna().all()
    assert (OscillatorFeatures().fit_transform(constant_typical)["cci_14"].iloc[20:] == 0).all()
    directional = DirectionalFeatures((14,)).fit_transform(as_far_up_as_down)
    assert (directional.iloc[30:] == 0).all(axis=None)


def test_a_real_tick_is_no_tie():
    # A cent at 600,000: 1.7e-8 of the price, of the typical price a third of it.
    bars = in_ticks(1500).iloc[:60].assign(open=6e5, high=6e5 + 0.02, low=6e5 - 0.02, close=6e5)
    bars.iloc[::2, 3] += 0.01
    bars.iloc[::2, 1] += 0.01
    flow = FlowFeatures().fit_transform(bars).iloc[-1]
    assert 0 < flow["money_flow_index_14"] < 100
    assert flow["money_flow_index_14"] != 50
    assert DirectionalFeatures((14,)).fit_transform(bars).iloc[-1]["plus_di_14"] > 1


def test_a_real_file_in_ticks(shared_data):
    bars = pd.read_parquet(shared_data / "norm" / "6eh4_1m_nautilus_202401.parquet")
    bars = bars.set_index("ts")[["open", "high", "low", "close", "volume"]].iloc[:5000]
    ticks = bars.copy()
    ticks.iloc[:, :4] = np.rint(bars.iloc[:, :4] / 0.00005)
    features = OHLCVFeatures(timeframes=())
    assert agree(features.fit_transform(bars), features.fit_transform(ticks))
