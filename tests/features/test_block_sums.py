"""Rolling sums against plain Python, and after many updates."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.streams.kernels._block_sums import new_sums, roll_sum
from ohlcvml.streams.kernels._compiled import compiled


@compiled
def _sums(values, windows, slots, totals, tails, out):
    for k in range(windows.shape[0]):
        slot, total = slots[k], totals[k]
        for t in range(values.shape[0]):
            slot, total, out[k, t] = roll_sum(values[t], windows[k], slot, total, tails[k])
        slots[k], totals[k] = slot, total


def sums(values, windows):
    out = np.zeros((len(windows), len(values)))
    _sums(values, np.array(windows), *new_sums(windows), out)
    return out


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=60), st.integers(1, 9), st.integers(1, 9))
def test_sums_are_those_of_the_window(whole, first, second):
    found = sums(np.array(whole, dtype=float), (first, second))
    for k, window in enumerate((first, second)):
        for t in range(len(whole)):
            past = whole[max(t - window + 1, 0) : t + 1]
            expected = sum(past) if len(past) == window else np.nan
            np.testing.assert_array_equal(found[k, t], expected)


def test_nothing_drifts_and_a_wild_value_leaves_no_trace():
    values = 10_000 + np.random.default_rng(0).normal(size=1_000_000).cumsum() * 0.1
    values[500_000] = 1e18
    found = sums(values, (14, 500))
    for k, window in enumerate((14, 500)):
        for t in (400_000, 501_000, 999_998, 999_999):
            exact = math.fsum(values[t - window + 1 : t + 1])
            assert abs(found[k, t] - exact) <= 1e-14 * window * exact


def test_sums_of_zeros_are_zero():
    values = np.r_[np.random.default_rng(0).normal(size=100), np.zeros(40)]
    assert (sums(values, (7, 20))[:, 120:] == 0).all()
