"""Bars and features that the laws run over."""

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from ohlcvml import features
from ohlcvml._elementary import exponentials

FAMILIES = [
    getattr(features, name)
    for name in features.__all__
    if name.endswith("Features") and name != "TimeframeFeatures"
]


def same_everywhere(draws):
    """Draws with 40 binary places: the last digits of a rare one differ by machine."""
    return np.rint(draws * 2.0**40) * 2.0**-40


def stamped(table, size="1min", start="2025-01-06"):
    """The rows of a table as bars that follow one another."""
    time = pd.date_range(start, periods=len(table), freq=size, tz="UTC", name="time")
    return table.set_axis(time, axis=0)


def size_of(feature):
    """Size of the bars that a feature was told; one minute if it was not."""
    return next(iter(feature._bar_sizes()), "1min")


def make_bars(n, seed=0, start="2025-01-06", size="1min"):
    """Bars of the same bits anywhere; no ticks; every tenth opens off the close before."""
    rng = np.random.default_rng(seed)
    close = 5000 * exponentials((same_everywhere(rng.standard_t(5, n)) * 5e-4).cumsum())
    open_ = np.r_[5000.0, close[:-1]]
    high = exponentials(2e-4 * np.abs(same_everywhere(rng.standard_normal(n))))
    low = exponentials(-2e-4 * np.abs(same_everywhere(rng.standard_normal(n))))
    volume = exponentials(5.0 + same_everywhere(rng.standard_normal(n)))  # no two are equal
    gap = np.arange(n) % 10 == 9
    open_[gap] *= exponentials(2e-4 * same_everywhere(rng.standard_normal(gap.sum())))
    high, low = high * np.maximum(open_, close), low * np.minimum(open_, close)
    columns = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    return stamped(pd.DataFrame(columns), size, start)


many_bars = lru_cache(lambda size: make_bars(6000, size=size))


def instances(tested=True):
    """Every family by its test parameters, if asked for, and its defaults; composites of them."""
    for cls in FAMILIES:
        for params in [*(cls.get_test_params() if tested else ()), {}]:
            yield cls(**params)
    small = features.ReturnFeatures((1, 2)) + features.VolumeFeatures((3,))
    yield small
    yield small * StandardScaler()
    yield features.TrendFeatures((3,), (2,), 2) + features.ReturnFeatures((1,)) * StandardScaler()


@pytest.fixture
def bars(request):
    """Bars of the size that the feature of the test was told."""
    feature = (
        request.node.callspec.params.get("feature") if hasattr(request.node, "callspec") else None
    )
    return many_bars("1min" if feature is None else size_of(feature))


@pytest.fixture(params=list(instances()), ids=lambda f: f"{type(f).__name__}-{f.lookback}")
def feature(request):
    return request.param.clone().fit(many_bars(size_of(request.param)))
