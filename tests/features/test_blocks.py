"""Families that compute in blocks of bars: no seam, with bars missing anywhere."""

import numpy as np
import pytest

from ohlcvml import features, streams
from ohlcvml.streams.kernels._averages import smooth
from ohlcvml.streams.kernels._blocks import BLOCK, keep, pack, unpack
from tests.features.conftest import make_bars

IN_BLOCKS = [
    features.AccelerationFeatures,
    features.DirectionalFeatures,
    features.EfficiencyFeatures,
    features.FractionalFeatures,
    features.MomentumFeatures,
    features.RegressionFeatures,
    features.ReturnFeatures,
    features.ReturnMomentFeatures,
    features.TrendFeatures,
    features.VolatilityFeatures,
    features.VolumeFeatures,
]


@pytest.fixture(scope="module")
def holed():
    """Bars with holes at the ends of blocks, whole blocks missing, and equal closes across one."""
    bars = make_bars(6 * BLOCK + 50, seed=4)
    gone = [0, 30, 31, BLOCK - 1, BLOCK, BLOCK + 7, *range(2 * BLOCK - 3, 4 * BLOCK + 5)]
    bars.iloc[gone] = np.nan
    bars.iloc[5 * BLOCK - 60 : 5 * BLOCK + 60, :4] = 5000.0
    return bars


@pytest.mark.parametrize("cls", IN_BLOCKS, ids=lambda cls: cls.__name__)
def test_stream_gives_the_bits_of_the_batch(cls, holed):
    feature = cls()
    table, stream = feature.fit_transform(holed), feature.stream()
    rows = np.array([stream.push(bar) for bar in holed.to_dict("records")])
    assert np.array_equal(rows, table, equal_nan=True)


@pytest.mark.parametrize("cls", IN_BLOCKS, ids=lambda cls: cls.__name__)
def test_missing_bars_are_passed_over(cls, holed):
    feature, gone = cls(), holed["close"].isna()
    table = feature.fit_transform(holed)
    assert table[gone].isna().all(axis=None)
    assert np.array_equal(table[~gone], feature.transform(holed[~gone]), equal_nan=True)


def test_pack_and_unpack():
    values = np.array([np.nan, 1.0, 2.0, np.nan, 3.0])
    recent, out = np.full(2 + BLOCK, -1.0), np.zeros((1, 5))
    n = pack.py_func(values, values, 0, 5, recent, 2)
    assert (n, recent[:5].tolist()) == (3, [-1, -1, 1, 2, 3])
    out[0, :n] = recent[2 : 2 + n]
    unpack.py_func(values, 0, 5, n, out, 0)
    assert np.array_equal(out[0], values, equal_nan=True)
    keep.py_func(recent, 2, n)
    assert recent[:2].tolist() == [2, 3]


def test_average_true_range_has_no_seam(holed):
    prices = [holed[name].to_numpy() for name in ("high", "low", "close")]
    ours = streams.average_true_range(*prices, 5, np.array([0, 300, len(holed)]))
    for first, last in ((0, 300), (300, len(holed))):
        age, average, before, expected = 0, 0.0, None, []
        for high, low, close in zip(*(price[first:last] for price in prices), strict=True):
            if not np.isnan(close):
                if before is not None:
                    age += 1
                    span = max(high, before) - min(low, before)
                    average = smooth.py_func(average, span, age, 5, 1 / 5)
                before = close
            expected.append(average if age >= 5 and not np.isnan(close) else np.nan)
        assert np.array_equal(ours[first:last], expected, equal_nan=True)
