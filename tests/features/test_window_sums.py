"""Sums over windows, block by block: against pandas, whatever the blocks, bars missing or not."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml import features
from ohlcvml.streams.kernels._blocks import BLOCK
from ohlcvml.streams.kernels._window_sums import new_tracks, roll_tracks, track_params
from tests.features.conftest import make_bars

FAMILIES = [
    features.DistributionFeatures((60,), (1, 2), (5,), (64,)),
    features.JumpFeatures((60,)),
    features.RangeVolatilityFeatures((30,), (20, 61)),
]


def rolled(values, windows, lengths):
    """Sums of both rows over each window, taken in so many bars at a time."""
    tracks = [(0, 1, w) for w in windows]
    table, series, sums = track_params(tracks, 2)
    state, parts, at = tuple(new_tracks(tracks).values()), [], 0
    for n in lengths:
        series[:, :n] = values[:, at : at + n]
        roll_tracks(table, series, sums, n, *state)
        parts.append(sums[:, :n].copy())
        at += n
    return np.hstack(parts)


@pytest.mark.parametrize("length", [1, 7, BLOCK])
def test_sums_do_not_depend_on_the_blocks(length):
    values = np.random.default_rng(0).normal(size=(2, 7 * BLOCK))
    whole = rolled(values, (1, 2, 61, 600), [BLOCK] * 7)
    parts = rolled(values, (1, 2, 61, 600), [length] * (7 * BLOCK // length))
    assert np.array_equal(whole, parts, equal_nan=True)
    for k, w in enumerate((1, 2, 61, 600)):
        for j in range(2):
            expected = pd.Series(values[j]).rolling(w).sum()
            np.testing.assert_allclose(whole[2 * k + j], expected, rtol=0, atol=1e-12)


def test_missing_values_at_the_start_are_waited_for():
    values = np.ones((2, 20))
    values[0, :3] = np.nan
    sums = rolled(values, (5,), [20])
    assert np.isnan(sums[0, :7]).all()
    assert (sums[0, 7:] == 5).all()
    assert (sums[1, 4:] == 5).all()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: type(one).__name__)
def test_missing_bars_are_passed_over(family):
    bars, gone = make_bars(1500, seed=2), np.random.default_rng(3).random(1500) < 0.1
    holes = bars.copy()
    holes.loc[gone, "close"] = np.nan
    table = family.fit_transform(holes)
    assert table[gone].isna().all(axis=None)
    assert table[~gone].equals(family.fit_transform(bars[~gone]))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: type(one).__name__)
def test_a_plain_series_has_no_infinities(family):
    price = pd.DataFrame({"a": np.r_[np.zeros(5), np.arange(1.0, 400), np.full(200, 7.0)]})
    table = family.fit_transform(price)
    assert not np.isinf(table.to_numpy()).any()
