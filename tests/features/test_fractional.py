"""Fractional differences against the binomial series, and what they are for."""

import numpy as np
import pytest

from ohlcvml.features import FractionalFeatures
from ohlcvml.features._fractional import _weights
from tests.features.conftest import make_bars

BARS = make_bars(700, seed=8)


def bars_of(log_close):
    bars = make_bars(len(log_close))
    for name in ("open", "high", "low", "close"):
        bars[name] = np.exp(log_close)
    return bars


def plain(log_close, order, window):
    """The definition: weights of prices relative to the oldest, most recent first."""
    weights = [1.0]
    for k in range(1, window + 1):
        weights.append(-weights[-1] * (order - k + 1) / k)
    unit = np.sqrt((np.cumsum(weights[:-1]) ** 2).sum())
    out = np.full(len(log_close), np.nan)
    for t in range(window, len(log_close)):
        prices = log_close[t - window : t + 1][::-1]
        size = np.sqrt((np.diff(prices) ** 2).mean())
        out[t] = (weights * (prices - prices[-1])).sum() / (size * unit)
    return out


def test_by_hand():
    table = FractionalFeatures((0.6,), 2).fit_transform(bars_of(np.array([0.0, 0.3, 0.7])))
    # Weights of the returns 1 and 1 - 0.6.
    expected = (0.4 + 0.4 * 0.3) / np.sqrt((0.09 + 0.16) / 2 * (1 + 0.16))
    assert table.iloc[:2].isna().all(axis=None)
    np.testing.assert_allclose(table.iloc[2], expected)


@pytest.mark.parametrize("window", [2, 7, 120])
def test_oracle(window):
    table = FractionalFeatures((0.6, 0.8), window).fit_transform(BARS)
    log_close = np.log(BARS["close"].to_numpy())
    for order in (0.6, 0.8):
        ours = table[f"fractional_difference_{str(order).replace('.', 'p')}_{window}"]
        np.testing.assert_allclose(ours, plain(log_close, order, window), rtol=1e-8, atol=1e-9)


def test_order_one_is_the_return_and_weights_fade_slowly_below():
    assert np.array_equal(_weights(1.0, 3), [0, 0, 0, np.sqrt(3)])
    weights = _weights(0.6, 1000)[::-1]
    # v_j falls as j to the power of -order (Hosking).
    np.testing.assert_allclose(weights[400] / weights[100], 4**-0.6, rtol=1e-2)


def test_the_price_level_and_the_size_of_returns_do_not_matter():
    bars = BARS.copy()
    bars.iloc[:, :4] *= 2.0
    base = FractionalFeatures().fit_transform(BARS)
    np.testing.assert_allclose(FractionalFeatures().fit_transform(bars), base, atol=1e-8)
    log_close = np.log(BARS["close"].to_numpy())
    calm = bars_of(log_close[0] + (log_close - log_close[0]) / 10)
    np.testing.assert_allclose(FractionalFeatures().fit_transform(calm), base, atol=1e-7)


def test_independent_returns_give_unit_deviation_and_a_fading_memory():
    returns = np.random.default_rng(0).normal(0, 1e-4, 200_000)
    table = FractionalFeatures().fit_transform(bars_of(8.5 + returns.cumsum())).dropna()
    np.testing.assert_allclose(table.std(), 1.0, atol=0.02)
    lagged = [table.iloc[:, 0].autocorr(lag) for lag in (1, 10, 100)]
    assert 0.5 < lagged[0] < 0.7
    assert lagged[0] > 2 * lagged[1] > 4 * abs(lagged[2])


def test_still_prices_give_zero():
    log_close = np.r_[np.zeros(300), np.full(300, 0.01)]
    table = FractionalFeatures(window=50).fit_transform(bars_of(log_close))
    assert (table.iloc[50:300] == 0).all(axis=None)
    assert (table.iloc[300] > 0).all()
    assert (table.iloc[350:] == 0).all(axis=None)


def test_blocks_of_bars_leave_no_seam():
    bars = make_bars(2000, seed=9)
    bars.iloc[[100, 127, 128, 600, 601], :4] = np.nan
    whole = FractionalFeatures().fit_transform(bars)
    gone = bars["close"].isna()
    assert whole[gone].isna().all(axis=None)
    alone = FractionalFeatures().fit_transform(bars[~gone])
    assert np.array_equal(whole[~gone], alone, equal_nan=True)
