"""Each family against a plain pandas or Python version of its formulas."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml import features, streams
from ohlcvml.streams.kernels._blocks import BLOCK, pack
from ohlcvml.streams.kernels._compiled import compiled
from ohlcvml.streams.kernels._windows import (
    double_means,
    double_spreads,
    keep_stretches,
    new_spreads,
    new_stretches,
    window_means,
    window_spreads,
)
from tests.features.conftest import make_bars

BARS = make_bars(700, seed=3)


def check(table, **columns):
    for name, expected in columns.items():
        np.testing.assert_allclose(table[name], expected, rtol=1e-9, atol=1e-12, err_msg=name)


def recursive(values, window, weight):
    """Average seeded with the mean of the first ``window`` values, one value at a time."""
    values, out = np.asarray(values), np.full(len(values), np.nan)
    first = int(np.flatnonzero(~np.isnan(values))[0]) + window - 1
    out[first] = values[first - window + 1 : first + 1].mean()
    for t in range(first + 1, len(values)):
        out[t] = out[t - 1] * (1 - weight) + weight * values[t]
    return out


def ema(values, window):
    return recursive(values, window, 2 / (window + 1))


def true_range(bars):
    high, low, before = bars["high"], bars["low"], bars["close"].shift()
    spans = [high - low, (high - before).abs(), (low - before).abs()]
    return pd.concat(spans, axis=1).max(axis=1).where(before.notna())


def atr(bars, window):
    return recursive(true_range(bars), window, 1 / window)


def test_returns():
    table, price = features.ReturnFeatures((1, 7)).fit_transform(BARS), np.log(BARS["close"])
    check(table, log_return_1=price.diff(), log_return_7=price.diff(7))


def test_trend():
    table, close = features.TrendFeatures((20,), (10,), 14).fit_transform(BARS), BARS["close"]
    simple, unit = close.rolling(20).mean(), atr(BARS, 14)
    expected = (close - ema(close, 10)) / unit
    check(table, sma_distance_20=(close - simple) / unit, ema_distance_10=expected)


def test_rsi():
    move = BARS["close"].diff()
    rise = recursive(move.clip(lower=0), 14, 1 / 14)
    fall = recursive(-move.clip(upper=0), 14, 1 / 14)
    table = features.MomentumFeatures((14,)).fit_transform(BARS)
    check(table, rsi_14=100 - 100 / (1 + rise / fall))


def test_macd():
    close = BARS["close"].to_numpy()
    fast = np.r_[np.full(14, np.nan), ema(close[14:], 12)]  # first value on the bar of the slow one
    line, unit = fast - ema(close, 26), atr(BARS, 14)
    signal = ema(line, 9)
    check(
        features.MomentumFeatures((14,), (12, 26, 9)).fit_transform(BARS),
        macd_12_26=line / unit,
        macd_signal_12_26_9=signal / unit,
        macd_histogram_12_26_9=(line - signal) / unit,
    )


def test_volatility():
    span, log_span = true_range(BARS), np.log(BARS["high"] / BARS["low"])
    check(
        features.VolatilityFeatures((14,), (30,)).fit_transform(BARS),
        atr_ratio_14=atr(BARS, 14) / BARS["close"],
        true_range_ratio_14=span / atr(BARS, 14),
        parkinson_30=np.sqrt((log_span**2).rolling(30).mean() / (4 * np.log(2))),
    )


def test_return_moments():
    change = np.log(BARS["close"]).diff()
    mean, std = change.rolling(30).mean(), change.rolling(30).std()
    table = features.ReturnMomentFeatures((30,)).fit_transform(BARS)
    expected = (change - mean) / std
    check(table, return_mean_30=mean, return_std_30=std, return_zscore_30=expected)


def test_volume():
    volume, log = BARS["volume"], np.log1p(BARS["volume"])
    check(
        features.VolumeFeatures((30,)).fit_transform(BARS),
        log_volume_change=log.diff(),
        log_volume_ratio_30=log - np.log1p(volume.rolling(30).mean()),
        log_volume_zscore_30=(log - log.rolling(30).mean()) / log.rolling(30).std(),
    )


def test_talib():
    talib = pytest.importorskip("talib")
    high, low, close = (BARS[name].to_numpy() for name in ("high", "low", "close"))
    unit = talib.ATR(high, low, close, 14)
    _, signal, histogram = talib.MACD(close)
    momentum = features.MomentumFeatures((14,)).fit_transform(BARS)
    trend = features.TrendFeatures((50,), (20,), 14).fit_transform(BARS)
    check(momentum, rsi_14=talib.RSI(close, 14), macd_signal_12_26_9=signal / unit)
    check(momentum, macd_histogram_12_26_9=histogram / unit)
    check(trend, ema_distance_20=(close - talib.EMA(close, 20)) / unit)
    check(trend, sma_distance_50=(close - talib.SMA(close, 50)) / unit)


def test_atr_of_the_labels_is_the_atr_of_the_features():
    price = [BARS[name].to_numpy() for name in ("high", "low", "close")]
    ours = streams.average_true_range(*price, 14, np.array([0, len(BARS)]))
    table = features.VolatilityFeatures((14,), (2,)).fit_transform(BARS)
    assert np.array_equal(table["atr_ratio_14"], ours / price[2], equal_nan=True)


def test_atr_passes_over_a_missing_bar_and_starts_anew_at_a_symbol():
    high, low = np.array([2.0, 3, np.nan, 5, 9, 9]), np.array([1.0, 1, np.nan, 3, 8, 7])
    close = np.array([1.0, 2, np.nan, 4, 8, 8])
    ours = streams.average_true_range(high, low, close, 2, np.array([0, 4, 6]))
    np.testing.assert_array_equal(ours, [np.nan, np.nan, np.nan, 2.5, np.nan, np.nan])


@pytest.mark.parametrize("window", [2, 10, 64, 500])
def test_rolling_moments_do_not_drift_at_a_high_price_level(window):
    n = 200_000
    price = 10_000 + np.random.default_rng(0).normal(0, 0.5, n).cumsum() * 0.1
    means, spreads, alone = rolling(price, window)
    assert np.array_equal(alone, means, equal_nan=True)
    assert np.isnan(means[: window - 1]).all()
    for t in range(n - 1, window, -9973):
        exact = price[t - window + 1 : t + 1].astype(np.longdouble)
        assert abs(means[t] - exact.mean()) <= 1e-12 * exact.mean()
        assert abs(np.sqrt(spreads[t] / (window - 1)) - exact.std(ddof=1)) <= 1e-11


def test_a_wild_value_leaves_no_trace():
    clean = np.random.default_rng(0).normal(0, 1e-4, 1000)
    wild = clean.copy()
    wild[300] = 1e6
    for one, two in zip(rolling(wild, 50), rolling(clean, 50), strict=True):
        assert np.array_equal(one[350:], two[350:])


def rolling(series, window):
    """Means and spreads, and means by the function that makes these only."""
    means, spreads, alone = np.empty((3, len(series)))
    windows = (window,)
    state = new_stretches(windows), new_spreads(windows), new_stretches(windows)
    _roll(series, window, state, means, spreads, alone)
    return means, spreads, alone


@compiled
def _roll(series, window, state, means, spreads, alone):
    both, squares, other = state
    before = both.shape[1] - BLOCK
    for start in range(0, len(series), BLOCK):
        stop = min(start + BLOCK, len(series))
        n = pack(series, series, start, stop, both[0], before)
        pack(series, series, start, stop, other[0], before)
        double_spreads(both, squares, n)
        double_means(other, n)
        window_spreads(both, squares, n, window, means[start:], spreads[start:])
        window_means(other, n, window, alone[start:])
        for rows in (both, squares, other):
            keep_stretches(rows, n)
