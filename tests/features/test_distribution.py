"""Shape and memory of returns against pandas, numpy and TA-Lib."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.exceptions import ParameterError
from ohlcvml.features import DistributionFeatures
from tests.features.conftest import make_bars, stamped

BARS = make_bars(900, seed=9)
R = np.log(BARS["close"]).diff()
FEATURES = DistributionFeatures((20, 60), (1, 3), (2, 5), (64,))
TABLE = FEATURES.fit_transform(BARS)


def bars_of(returns):
    close = 10_000 * np.exp(np.r_[0.0, np.cumsum(returns)])
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return stamped(pd.DataFrame(prices | {"volume": 1}))


def scale_variance(price, q):
    """Variance a bar from overlapping q-bar returns of one window, as Lo and MacKinlay have it."""
    n = len(price) - 1
    mean = (price[-1] - price[0]) / n
    long = price[q:] - price[:-q]
    return ((long - q * mean) ** 2).sum() / (q * (n - q + 1) * (1 - q / n))


def rolled(function, w):
    price = np.log(BARS["close"])
    return price.rolling(w + 1).apply(function, raw=True)


@pytest.mark.parametrize("w", [20, 60])
def test_moments_and_correlations_are_those_of_pandas(w):
    expected = {
        f"return_skew_{w}": R.rolling(w).skew(),
        f"return_kurtosis_{w}": R.rolling(w).kurt(),
        f"return_autocorrelation_1_{w}": R.rolling(w).corr(R.shift()),
        f"return_autocorrelation_3_{w}": R.rolling(w).corr(R.shift(3)),
        f"return_abs_autocorrelation_{w}": R.abs().rolling(w).corr(R.abs().shift()),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(TABLE[name], values, rtol=1e-8, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("w", [20, 60])
@pytest.mark.parametrize("q", [2, 5])
def test_variance_ratio_of_lo_and_mackinlay(q, w):
    expected = rolled(lambda price: scale_variance(price, q) / scale_variance(price, 1), w)
    np.testing.assert_allclose(TABLE[f"variance_ratio_{q}_{w}"], expected, rtol=1e-9)


def test_hurst_is_half_the_slope_of_five_scales():
    def hurst(price):
        scales = np.array([1, 2, 4, 8, 16])
        spread = [np.log(q * scale_variance(price, q)) for q in scales]
        return np.clip(np.polyfit(np.log(scales), spread, 1)[0] / 2, 0, 1)

    np.testing.assert_allclose(TABLE["hurst_64"], rolled(hurst, 64), rtol=1e-8, atol=1e-9)


def test_correlation_is_that_of_talib():
    talib = pytest.importorskip("talib")
    returns = R.to_numpy()[1:]
    expected = talib.CORREL(returns[1:].copy(), returns[:-1].copy(), 20)
    ours = TABLE["return_autocorrelation_1_20"].to_numpy()[2:]
    np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-9)


def test_a_random_walk_has_ratio_one_and_hurst_half():
    returns = np.random.default_rng(0).normal(0, 1e-4, 50_000)
    table = DistributionFeatures((240,), (1,), (5,), (480,)).fit_transform(bars_of(returns))
    assert abs(table["variance_ratio_5_240"].mean() - 1) < 0.02
    assert abs(table["hurst_480"].mean() - 0.5) < 0.02
    assert abs(table["return_kurtosis_240"].mean()) < 0.05
    trend = np.random.default_rng(0).normal(0, 1e-4, 5000)
    trend = np.convolve(trend, np.ones(30), "valid")
    table = DistributionFeatures((240,), (1,), (5,), (480,)).fit_transform(bars_of(trend))
    assert table["hurst_480"].mean() > 0.8
    assert table["variance_ratio_5_240"].mean() > 3


def test_moves_that_all_revert_have_hurst_zero():
    table = DistributionFeatures((20,), (1,), (2,), (64,)).fit_transform(
        bars_of([1e-3, -1e-3] * 80)
    )
    last = table.iloc[-1]
    assert last["variance_ratio_2_20"] < 1e-6
    assert last["hurst_64"] == 0
    assert np.isclose(last["return_autocorrelation_1_20"], -1)
    assert np.isnan(last["return_abs_autocorrelation_20"])  # all sizes are equal


@pytest.mark.parametrize("step", [0.0, 1e-3])
def test_equal_returns_are_undefined(step):
    rng = np.random.default_rng(1)
    returns = np.r_[rng.normal(0, 1e-3, 200), np.full(100, step), rng.normal(0, 1e-3, 200)]
    table = FEATURES.fit_transform(bars_of(returns))
    assert table.iloc[268:300].isna().all(axis=None)
    assert table.iloc[304:].notna().all(axis=None)  # the third lag is of equal ones until then


@pytest.mark.parametrize("size", [0.1, 1e6])
def test_a_lone_outlier_leaves_no_trace(size):
    wild = BARS.copy()
    wild.iloc[300, :4] *= 1 + size
    table = FEATURES.fit_transform(wild).iloc[300 + 66 :]
    np.testing.assert_allclose(table, TABLE.iloc[300 + 66 :], rtol=1e-11, atol=1e-11)


def test_horizons_lie_within_the_windows():
    with pytest.raises(ParameterError, match=r"'horizons' must be .* in \[2, 19\]"):
        DistributionFeatures(windows=(60, 20), horizons=(20,))
