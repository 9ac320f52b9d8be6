"""Rate of change and acceleration of the close."""

import numpy as np
import pytest

from ohlcvml.features import AccelerationFeatures, ReturnFeatures, ReturnMomentFeatures
from tests.features.conftest import make_bars

BARS = make_bars(700, seed=6)


def test_by_hand():
    bars = make_bars(5)
    for name in ("open", "high", "low", "close"):
        bars[name] = [1.0, 2.0, 4.0, 4.0, 2.0]
    table = AccelerationFeatures((2,), (1, 2)).fit_transform(bars)
    np.testing.assert_allclose(table["rate_of_change_2"], [np.nan, np.nan, 3, 1, -0.5])
    step = np.log(2)
    expected = [np.nan, np.nan, 0, -step, -step]
    np.testing.assert_allclose(table["return_acceleration_1"], expected, atol=1e-15)
    np.testing.assert_allclose(table["return_acceleration_2"].iloc[4], -3 * step)


def test_oracle():
    table, close = AccelerationFeatures((7, 30), (5, 60)).fit_transform(BARS), BARS["close"]
    for window in (7, 30):
        expected = close.pct_change(window)
        np.testing.assert_allclose(table[f"rate_of_change_{window}"], expected, atol=1e-14)
    for window in (5, 60):
        moved = np.log(close).diff(window)
        expected = moved - moved.shift(window)
        np.testing.assert_allclose(table[f"return_acceleration_{window}"], expected, atol=1e-13)


def test_talib():
    talib = pytest.importorskip("talib")
    table, close = AccelerationFeatures().fit_transform(BARS), BARS["close"].to_numpy()
    for window in (40, 90, 240):
        ours = table[f"rate_of_change_{window}"]
        np.testing.assert_allclose(ours, talib.ROCP(close, window), atol=1e-14)
        np.testing.assert_allclose(100 * ours, talib.ROC(close, window), atol=1e-12)


def test_a_steady_trend_does_not_accelerate():
    bars = make_bars(200)
    for name in ("open", "high", "low", "close"):
        bars[name] = 10_000 * np.exp(1e-4 * np.arange(200))
    table = AccelerationFeatures((30,), (5, 20)).fit_transform(bars)
    assert table.iloc[40:, 1:].abs().max(axis=None) < 1e-13
    np.testing.assert_allclose(table["rate_of_change_30"][30:], np.expm1(3e-3), rtol=1e-10)


def test_no_column_orders_bars_as_a_log_return_or_its_mean_does():
    rates = AccelerationFeatures().rate_windows
    assert not set(rates) & {*ReturnFeatures().lags, *ReturnMomentFeatures().windows}
