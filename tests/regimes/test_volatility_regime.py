"""VolatilityRegime is what its formulas say."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import ParameterError
from ohlcvml.regimes import VolatilityRegime

STEADY = {"volatility_shock": 0.0, "volatility_persistence": 0.0, "intraday_shape": 0.0}


def log_ratio(bars, fast, slow):
    """Logarithm of the ratio of volatilities and its standard error, in the plainest pandas."""
    square = np.log(bars["high"] / bars["low"]) ** 2
    recent = square.rolling(fast)
    error = 0.5 * recent.std() / recent.mean() * np.sqrt(1 / fast - 1 / slow)
    return 0.5 * np.log(recent.mean() / square.rolling(slow).mean()), error


def naive(bars, fast, slow, low, high):
    level, error = log_ratio(bars, fast, slow)
    below, above = norm.cdf((np.log(low) - level) / error), norm.cdf((level - np.log(high)) / error)
    return np.column_stack([below, 1 - below - above, above])


@pytest.mark.parametrize("windows", [(30, 240), (2, 3), (7, 300)])
def test_the_memberships_are_those_of_the_formula(windows):
    bars = simulate_bars(1200, seed=1).bars
    have = VolatilityRegime(*windows, low=0.9, high=1.2).fit_transform(bars)
    want = naive(bars, *windows, 0.9, 1.2)
    assert np.allclose(have, want, rtol=0, atol=1e-9, equal_nan=True)
    assert have.isna().any(axis=1).sum() == windows[1] - 1


def test_the_memberships_are_a_law():
    bars = simulate_bars(5000, seed=2, volatility_ratio=4.0).bars
    states = VolatilityRegime(10, 120).fit_transform(bars).dropna()
    assert (states >= 0).all(axis=None)
    assert np.allclose(states.sum(axis=1), 1, rtol=0, atol=1e-15)


def test_the_stated_error_is_that_of_a_steady_market():
    bars = simulate_bars(60_000, seed=3, tick_size=None, **STEADY).bars
    level, error = log_ratio(bars, 30, 240)
    assert (level / error).std() == pytest.approx(1, rel=0.15)  # squares are skewed: 1.11


def test_volatility_regimes_of_simulated_bars_are_recovered():
    """Filtered accuracy 0.956, where a state lasts 100 bars on average."""
    options = {**STEADY, "volatility_ratio": 3.0, "flip_probability": 0.01}
    simulation = simulate_bars(20_000, seed=4, **options)
    states = VolatilityRegime(10, 2000, low=0.8, high=0.85).fit_transform(simulation.bars)
    volatile = (simulation.truth["state"] < 0).to_numpy()[2000:]
    found = states["volatility_state_high"].to_numpy()[2000:] > 0.5
    assert (found == volatile).mean() > 0.93


def test_bars_without_a_range_are_low_and_nothing_is_undefined():
    bars = simulate_bars(60, seed=5).bars
    bars.iloc[20:] = 5000.0
    states = VolatilityRegime(5, 20).fit_transform(bars)
    assert states.iloc[24:39].to_numpy().tolist() == [[1.0, 0.0, 0.0]] * 15
    assert states.iloc[39:].isna().all(axis=None)


def test_a_missing_bar_is_passed_over():
    bars = simulate_bars(200, seed=6).bars
    holes = pd.concat([bars.iloc[:100], bars.iloc[100:101] * np.nan, bars.iloc[100:]])
    holes.index = pd.date_range(bars.index[0], periods=201, freq="min")
    regime = VolatilityRegime(5, 20)
    have, want = regime.fit_transform(holes).to_numpy(), regime.fit_transform(bars).to_numpy()
    assert np.isnan(have[100]).all()
    assert np.array_equal(np.delete(have, 100, axis=0), want, equal_nan=True)


def test_thresholds_and_windows_out_of_order_are_refused():
    with pytest.raises(ParameterError, match="'fast_window' must be below 'slow_window'"):
        VolatilityRegime(20, 20)
    with pytest.raises(ParameterError, match="'low' must be below 'high'"):
        VolatilityRegime(low=1.2, high=1.1)
