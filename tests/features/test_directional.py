"""Wilder's directional movement against hand-computed values, a plain version and TA-Lib."""

import numpy as np
import pytest

from ohlcvml.features import DirectionalFeatures
from tests.features.conftest import make_bars

BARS = make_bars(700, seed=5)


def plain(bars, window):
    """+DI, -DI and ADX, one bar at a time, with sums as Wilder wrote them down."""
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    plus = minus = whole = 0.0
    indices, out = [], np.full((len(bars), 3), np.nan)
    for t in range(1, len(bars)):
        rise, fall = high[t] - high[t - 1], low[t - 1] - low[t]
        span = max(high[t] - low[t], abs(high[t] - close[t - 1]), abs(low[t] - close[t - 1]))
        kept = 1.0 if t < window else 1 - 1 / window
        plus = plus * kept + (rise if rise > max(fall, 0) else 0.0)
        minus = minus * kept + (fall if fall > max(rise, 0) else 0.0)
        whole = whole * kept + span
        if t >= window:
            out[t, :2] = 100 * plus / whole, 100 * minus / whole
            indices.append(100 * abs(plus - minus) / (plus + minus))
            if len(indices) == window:
                out[t, 2] = np.mean(indices)
            elif len(indices) > window:
                out[t, 2] = (out[t - 1, 2] * (window - 1) + indices[-1]) / window
    return out


def test_by_hand():
    bars = make_bars(4)
    bars["high"] = [10.0, 12.0, 13.0, 12.0]
    bars["low"] = [8.0, 9.0, 9.0, 6.0]
    bars["close"] = [9.0, 11.0, 10.0, 7.0]
    table = DirectionalFeatures((2,)).fit_transform(bars).to_numpy()
    # Rises 2, 1, 0; falls 0, 0, 3; true ranges 3, 4, 6. Sums: 2 and 3; 1 + 1 and 1.5 + 4; ...
    assert np.isnan(table[:2]).all()
    np.testing.assert_allclose(table[2], [100 * 2 / 5.5, 0, np.nan])
    np.testing.assert_allclose(table[3], [100 / 8.75, 300 / 8.75, (100 + 50) / 2])


@pytest.mark.parametrize("window", [2, 14, 50])
def test_oracle(window):
    table = DirectionalFeatures((window,)).fit_transform(BARS)
    np.testing.assert_allclose(table, plain(BARS, window), rtol=1e-9)


@pytest.mark.parametrize("window", [2, 14, 50])
def test_talib(window):
    talib = pytest.importorskip("talib")
    prices = [BARS[name].to_numpy() for name in ("high", "low", "close")]
    table = DirectionalFeatures((window,)).fit_transform(BARS)
    for name, theirs in zip(table, (talib.PLUS_DI, talib.MINUS_DI, talib.ADX), strict=True):
        np.testing.assert_allclose(table[name], theirs(*prices, window), rtol=1e-9)


def test_a_dead_market_has_no_direction():
    talib = pytest.importorskip("talib")
    bars = BARS.copy()
    bars.iloc[:100, :4] = bars.iloc[300:600, :4] = 5000.0
    prices = [bars[name].to_numpy() for name in ("high", "low", "close")]
    table = DirectionalFeatures((14,)).fit_transform(bars)
    assert (table.iloc[27:100] == 0).all(axis=None)
    np.testing.assert_allclose(table["adx_14"], talib.ADX(*prices, 14), rtol=1e-9)
    # What is left of the last moves decays on both sides alike: the direction stays.
    np.testing.assert_allclose(table.iloc[320, :2] / table.iloc[590, :2], 1.0, rtol=1e-9)


def test_one_sided_markets_are_all_direction():
    bars = make_bars(100)
    for name in ("open", "high", "low", "close"):
        bars[name] = 100.0 + np.arange(100)
    last = DirectionalFeatures((14,)).fit_transform(bars).iloc[-1]
    np.testing.assert_allclose(last, [100, 0, 100], rtol=1e-12)
