"""After a million updates at a price of 10,000: statistics against long double."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml import features
from ohlcvml._elementary import logarithms
from tests.features.conftest import stamped

N, ROWS = 1_000_000, 40
WIDE = np.longdouble


@pytest.fixture(scope="module")
def bars():
    close = 10_000 + np.random.default_rng(0).standard_t(5, N).cumsum() * 0.5
    index = pd.date_range("2020-01-01", periods=N, freq="min", tz="UTC", name="time")
    names = dict.fromkeys(("open", "high", "low", "close"), close)
    return pd.DataFrame(names | {"volume": 1.0}, index=index)


@pytest.fixture(scope="module")
def rows():
    early, late = np.linspace(1_000, N - 1_000, ROWS), np.arange(N - ROWS, N)
    return np.r_[early.astype(int), late]


def check(bars, rows, feature, column, exact, window, rounded=1e-13):
    """The columns' law: off by at most 1e-10 of max(|x|, 1)."""
    ours = feature.fit_transform(bars)[column].to_numpy()[rows]
    close = bars["close"].to_numpy()
    # Of prices in long double, and of the logs that features work with, which are rounded.
    for price, share in (
        (np.log(close.astype(WIDE)), 1e-10),
        (logarithms(close).astype(WIDE), rounded),
    ):
        expected = np.array([exact(price[t - window : t + 1]) for t in rows])
        assert (np.abs(ours - expected) <= share * np.maximum(np.abs(expected), 1)).all(), column


def returns(price):
    return np.diff(price)


def moment(price, order):
    distance = returns(price) - returns(price).mean()
    return (distance**order).mean()


def skew(price):
    n = WIDE(len(price) - 1)
    return np.sqrt(n * (n - 1)) / (n - 2) * moment(price, 3) / moment(price, 2) ** WIDE(1.5)


def kurtosis(price):
    n = WIDE(len(price) - 1)
    excess = moment(price, 4) / moment(price, 2) ** 2 - 3
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6)


def correlation(x, y):
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())


def autocorrelation(price):
    return correlation(returns(price)[1:], returns(price)[:-1])


def sizes_autocorrelation(price):
    return correlation(np.abs(returns(price))[1:], np.abs(returns(price))[:-1])


def deviation(price):
    return np.sqrt(moment(price, 2) * (len(price) - 1) / (len(price) - 2))


def scale_variance(price, q):
    n = WIDE(len(price) - 1)
    distance = price[q:] - price[:-q] - q * (price[-1] - price[0]) / n
    return (distance**2).sum() / (q * (n - q + 1) * (1 - q / n))


@pytest.mark.parametrize("w", [60, 240])
def test_shape_and_memory_of_returns(bars, rows, w):
    family = features.DistributionFeatures((w,), (1,), (5, 15), (480,))
    check(bars, rows, family, f"return_skew_{w}", skew, w)
    check(bars, rows, family, f"return_kurtosis_{w}", kurtosis, w)
    check(bars, rows, family, f"return_autocorrelation_1_{w}", autocorrelation, w + 1)
    check(bars, rows, family, f"return_abs_autocorrelation_{w}", sizes_autocorrelation, w + 1)

    def ratio(price):
        return scale_variance(price, 15) / scale_variance(price, 1)

    check(bars, rows, family, f"variance_ratio_15_{w}", ratio, w)


def test_deviations(bars, rows):
    moments = features.ReturnMomentFeatures((120,))
    check(bars, rows, moments, "return_std_120", deviation, 120)
    check(
        bars, rows, moments, "return_zscore_120",
        lambda p: (returns(p)[-1] - returns(p).mean()) / deviation(p), 120,
    )  # fmt: skip
    family = features.RangeVolatilityFeatures((30,), (20, 240))  # bars without a range: of gaps
    check(bars, rows, family, "yang_zhang_240", deviation, 240)
    check(
        bars, rows, family, "yang_zhang_ratio_20_240",
        lambda p: deviation(p[-21:]) / deviation(p), 240,
    )  # fmt: skip


def test_jumps(bars, rows):
    def jump(price):
        size = np.abs(returns(price))
        bipower = WIDE(np.pi) / 2 * 60 / WIDE(59) * (size[1:] * size[:-1]).sum()
        return max(1 - bipower / (size**2).sum(), 0)

    check(bars, rows, features.JumpFeatures((60,)), "jump_share_60", jump, 60)


def line(price):
    """Slope and share explained of the least-squares line through closes."""
    close = np.exp(price)
    time = np.arange(len(close)).astype(WIDE) - WIDE(len(close) - 1) / 2
    return (time * close).sum() / (time * time).sum(), correlation(time, close) ** 2


def test_line_of_least_squares(bars, rows):
    family = features.RegressionFeatures()
    names = [name for name in family.feature_names if name.startswith("regression_r2")]
    assert names
    for name in names:
        w = int(name.rsplit("_", 1)[1])
        check(bars, rows, family, name, lambda price: line(price)[1], w - 1, rounded=1e-10)


@pytest.mark.parametrize("drift", [1e-4, 1e-2])
def test_returns_that_are_nearly_equal(drift):
    # The mean is many deviations: here sums of powers alone would lose six digits and more.
    noise = np.random.default_rng(1).normal(0, 1e-5, 2000)
    price = np.log(10_000) + np.cumsum(drift + noise)
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), np.exp(price)))
    bars = stamped(bars.assign(volume=1.0))
    family = features.DistributionFeatures((60,), (1,), (5,), (64,))
    table = family.fit_transform(bars)
    change = pd.Series(logarithms(bars["close"].to_numpy())).diff()
    expected = {
        "return_skew_60": skew, "return_kurtosis_60": kurtosis,
        "variance_ratio_5_60": lambda p: scale_variance(p, 5) / scale_variance(p, 1),
    }  # fmt: skip
    logs = np.r_[0.0, change.to_numpy()[1:]].astype(WIDE).cumsum()
    for name, exact in expected.items():
        for t in (500, 1999):
            assert abs(table[name].iloc[t] - exact(logs[t - 60 : t + 1])) < 1e-8, name
