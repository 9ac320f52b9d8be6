"""The line through the last closes: values, accuracy at a high price level, degenerate bars."""

import numpy as np
import pytest

from ohlcvml import streams
from ohlcvml.features import RegressionFeatures
from tests.features.conftest import make_bars

BARS = make_bars(700, seed=7)


def flat_bars(close):
    bars = make_bars(len(close))
    for name in ("open", "high", "low", "close"):
        bars[name] = close
    return bars


def line(closes):
    """Slope, share explained and distance of the last close, in the type of the closes."""
    w = len(closes)
    time = np.arange(w).astype(closes.dtype) - (w - 1) / closes.dtype.type(2)
    level = closes.mean()
    slope = (time * (closes - level)).sum() / (time**2).sum()
    left = closes - level - slope * time
    explained = 1 - (left**2).sum() / ((closes - level) ** 2).sum()
    return slope, explained, left[-1] / np.sqrt((left**2).sum() / (w - 2))


def raw(close, window):
    """Columns with the slope in price units."""
    bars = flat_bars(close)
    prices = [bars[name].to_numpy() for name in ("high", "low", "close")]
    table = RegressionFeatures((window,), 14).fit_transform(bars).to_numpy().copy()
    table[:, 0] *= streams.average_true_range(*prices, 14, np.array([0, len(bars)]))
    return table


def test_by_hand():
    table = RegressionFeatures((3,), 1).fit_transform(flat_bars([1.0, 1.0, 2.0, 6.0]))
    # Last three 1, 2, 6: slope 5/2, mean 3, ends at 5.5; residuals .5, -1, .5; spread 14.
    expected = [2.5 / 4, 12.5 / 14, 0.5 / np.sqrt(1.5)]
    np.testing.assert_allclose(table.iloc[-1], expected, rtol=1e-14)


@pytest.mark.parametrize("window", [3, 20, 120])
def test_oracle(window):
    table = RegressionFeatures((window,), 14).fit_transform(BARS)
    prices = [BARS[name].to_numpy() for name in ("high", "low", "close")]
    unit = streams.average_true_range(*prices, 14, np.array([0, len(BARS)]))
    for t in range(max(window - 1, 14), 700, 7):
        slope, explained, distance = line(prices[2][t - window + 1 : t + 1].astype(np.longdouble))
        expected = np.array([slope / unit[t], explained, distance], dtype=float)
        np.testing.assert_allclose(table.iloc[t], expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("window", [5, 60])
def test_talib(window):
    talib = pytest.importorskip("talib")
    high, low, close = (BARS[name].to_numpy() for name in ("high", "low", "close"))
    table = RegressionFeatures((window,), 14).fit_transform(BARS)
    slope = talib.LINEARREG_SLOPE(close, window) / talib.ATR(high, low, close, 14)
    np.testing.assert_allclose(table[f"regression_slope_{window}"], slope, rtol=1e-7, atol=1e-9)
    share = talib.CORREL(close, np.arange(700.0), window) ** 2
    np.testing.assert_allclose(table[f"regression_r2_{window}"], share, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("window", [20, 120])
def test_neither_the_level_nor_a_million_updates_cost_digits(window):
    n = 1_000_000
    steps = np.random.default_rng(0).standard_t(5, n) * 0.5
    close = 10_000 * np.exp((steps * 1e-4).cumsum())
    table = raw(close, window)
    for t in range(n - 1, n - 20_000, -37):
        exact = line(close[t - window + 1 : t + 1].astype(np.longdouble))
        for ours, theirs in zip(table[t], exact, strict=True):
            assert abs(ours - theirs) <= 1e-10 * max(abs(theirs), 1)


def test_equal_closes_and_exact_lines():
    close = np.r_[np.full(50, 10_000.1), 10_000.1 + 0.1 * np.arange(1, 51)]
    bars = flat_bars(close)
    bars["high"] += 0.05
    table = RegressionFeatures((20,), 3).fit_transform(bars)
    assert (table.iloc[19:50] == 0).all(axis=None)
    np.testing.assert_allclose(table["regression_slope_20"].iloc[-1], 0.1 / 0.15, rtol=1e-3)
    assert (table.iloc[70:, 1] == 1).all()
    assert (table.iloc[70:, 2] == 0).all()


def test_a_wild_close_leaves_no_trace():
    clean = 10_000 + np.random.default_rng(0).normal(0, 1, 2000).cumsum()
    wild = clean.copy()
    wild[300] = 1e9
    np.testing.assert_allclose(raw(wild, 50)[600:], raw(clean, 50)[600:], rtol=1e-8, atol=1e-10)
