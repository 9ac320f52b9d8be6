"""TrendRegime is what its formulas say, and finds planted trends and reversals."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ohlcvml.bars import simulate_bars
from ohlcvml.regimes import TrendRegime


def naive_score(close, horizon, window):
    """The z-score of the last bar, from returns one by one."""
    x = np.diff(np.log(close))
    covariance, square = 0.0, 0.0
    for s in range(len(x) - window, len(x)):
        for k in range(1, horizon):
            term = 2 * (1 - k / horizon) * x[s] * x[s - k]
            covariance, square = covariance + term, square + term**2
    return covariance / np.sqrt(square)


def score(states, threshold):
    """The z-score behind the memberships."""
    return threshold + norm.ppf(states["trend_state_trending"].dropna())


@pytest.mark.parametrize(
    ("horizon", "window", "threshold"), [(10, 240, 1.0), (2, 2, 0.3), (7, 30, 2)]
)
def test_the_memberships_are_those_of_the_formula(horizon, window, threshold):
    close = simulate_bars(600, seed=1, tick_size=None).bars["close"]
    bars = close.to_frame("price")
    states = TrendRegime(horizon, window, threshold).fit_transform(bars)
    assert states.isna().any(axis=1).sum() == window + horizon - 1
    for row in range(window + horizon - 1, 600, 37):
        z = naive_score(close.iloc[: row + 1].to_numpy(), horizon, window)
        want = [norm.cdf(z - threshold), norm.cdf(-z - threshold)]
        assert np.allclose(states.iloc[row], [*want, 1 - sum(want)], rtol=0, atol=1e-10)


def test_the_score_is_the_variance_ratio_over_its_robust_error():
    """Against variances of overlapping long returns; they differ by the ends of the window."""
    close = simulate_bars(20_000, seed=2).bars["close"]
    q, x = 5, np.diff(np.log(close))[-19_000:]
    long = np.convolve(x, np.ones(q), "valid")
    ratio = np.mean(long**2) / (q * np.mean(x**2))
    delta = [np.sum(x[k:] ** 2 * x[:-k] ** 2) / np.sum(x**2) ** 2 for k in range(1, q)]
    error = np.sqrt(sum((2 * (1 - k / q)) ** 2 * delta[k - 1] for k in range(1, q)))
    have = score(TrendRegime(q, 19_000).fit_transform(close.to_frame("price")), 1.0)[-1]
    assert have == pytest.approx((ratio - 1) / error, abs=0.02)


def test_the_score_of_a_random_walk_is_standard_normal():
    """Also where volatility clusters, changes with the hour and jumps at session ends."""
    bars = simulate_bars(100_000, seed=3, sessions=True, volatility_ratio=2.0).bars
    z = score(TrendRegime(window=120).fit_transform(bars), 1.0)[::60]
    assert z.mean() == pytest.approx(0, abs=0.12)
    assert z.std() == pytest.approx(1, abs=0.12)


def planted(n_rows, seed, coefficient=0.4, stay=0.997):
    """Closes whose returns go on, turn back or do neither, and which: +1, -1, 0."""
    draw = np.random.default_rng(seed)
    state, change = np.zeros(n_rows, dtype=int), np.zeros(n_rows)
    for t in range(1, n_rows):
        state[t] = state[t - 1] if draw.random() < stay else draw.integers(-1, 2)
        change[t] = coefficient * state[t] * change[t - 1] + 1e-4 * draw.normal()
    index = pd.date_range("2024-01-01", periods=n_rows, freq="min", tz="UTC")
    return pd.DataFrame({"price": 5000 * np.exp(np.cumsum(change))}, index=index), state


def test_planted_trends_and_reversals_are_found():
    """Filtered accuracy over three states: 0.78, and 0.95 where a membership is above 0.95."""
    prices, state = planted(60_000, 4)
    states = TrendRegime(horizon=3, window=60).fit_transform(prices)
    found = np.array([1, -1, 0])[states.to_numpy()[100:].argmax(axis=1)]
    assert (found == state[100:]).mean() > 0.76
    clear = states.to_numpy()[100:].max(axis=1) > 0.95
    assert (found == state[100:])[clear].mean() > 0.93


def test_a_simulated_drift_that_lasts_is_a_trend():
    share = {
        edge: TrendRegime().fit_transform(simulate_bars(20_000, seed=5, edge=edge).bars).mean()
        for edge in (0.0, 0.3)
    }
    assert share[0.3]["trend_state_trending"] > 0.8
    assert share[0.0]["trend_state_trending"] == pytest.approx(norm.cdf(-1 / np.sqrt(2)), abs=0.08)


def test_prices_that_rest_are_neither():
    bars = pd.DataFrame({"price": np.full(300, 5000.0)})
    states = TrendRegime().fit_transform(bars)
    assert np.allclose(states.iloc[249:], [norm.cdf(-1), norm.cdf(-1), 1 - 2 * norm.cdf(-1)])


def test_a_drift_counts_as_a_trend_and_a_bounce_as_its_opposite():
    drift = pd.DataFrame({"price": 5000 * np.exp(1e-4 * np.arange(400))})
    bounce = pd.DataFrame({"price": 5000.0 + np.arange(400) % 2})
    assert (TrendRegime().fit_transform(drift)["trend_state_trending"].iloc[249:] > 0.999).all()
    turned = TrendRegime(2).fit_transform(bounce)["trend_state_reverting"].iloc[249:]
    assert (turned > 0.999).all()


def test_a_missing_bar_is_passed_over():
    prices = simulate_bars(200, seed=6).bars["close"].to_frame("price")
    holes = pd.concat([prices.iloc[:100], prices.iloc[:1] * np.nan, prices.iloc[100:]])
    holes.index = pd.date_range(prices.index[0], periods=201, freq="min")
    regime = TrendRegime(4, 20)
    have, want = regime.fit_transform(holes).to_numpy(), regime.fit_transform(prices).to_numpy()
    assert np.isnan(have[100]).all()
    assert np.array_equal(np.delete(have, 100, axis=0), want, equal_nan=True)
