"""Rolling extremes against plain Python, and against TA-Lib."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.streams.kernels._compiled import compiled
from ohlcvml.streams.kernels._extrema import new_peaks, new_ranges, roll_peak, roll_range

TICKS = st.lists(st.integers(-4, 4), min_size=1, max_size=60)  # few values, so that many are equal


@compiled
def _ranges(high, low, windows, slots, ends, tops, bottoms, out):
    for k in range(windows.shape[0]):
        slot, top, bottom = slots[k], ends[0, k], ends[1, k]
        for t in range(high.shape[0]):
            slot, top, bottom, out[0, k, t], out[1, k, t] = roll_range(
                high[t], low[t], windows[k], slot, top, bottom, tops[k], bottoms[k]
            )
        slots[k], ends[0, k], ends[1, k] = slot, top, bottom


@compiled
def _peaks(values, windows, slots, ends, tops, bars, out):
    for k in range(windows.shape[0]):
        slot, top, at = slots[k], ends[0, k], ends[1, k]
        for t in range(values.shape[0]):
            slot, top, at, out[0, k, t], out[1, k, t] = roll_peak(
                values[t], float(t), windows[k], slot, top, at, tops[k], bars[k]
            )
        slots[k], ends[0, k], ends[1, k] = slot, top, at


def ranges(high, low, windows):
    out = np.zeros((2, len(windows), len(high)))
    _ranges(high, low, np.array(windows), *new_ranges(windows), out)
    return out


def peaks(values, windows):
    out = np.zeros((2, len(windows), len(values)))
    _peaks(values, np.array(windows), *new_peaks(windows), out)
    return out


@settings(deadline=None, max_examples=50)
@given(TICKS, st.integers(1, 12), st.integers(1, 12))
def test_ranges_are_those_of_the_window(ticks, first, second):
    high, low = np.array(ticks, dtype=float), np.array(ticks[::-1], dtype=float)
    found = ranges(high, low, (first, second))
    for k, window in enumerate((first, second)):
        for t in range(len(high)):
            past = slice(t - window + 1, t + 1)
            full = t >= window - 1
            expected = [high[past].max(), low[past].min()] if full else [np.nan, np.nan]
            np.testing.assert_array_equal(found[:, k, t], expected)


@settings(deadline=None, max_examples=50)
@given(TICKS, st.integers(1, 12), st.integers(1, 12))
def test_a_peak_stands_on_the_newest_of_equal_values(ticks, first, second):
    values = np.array(ticks, dtype=float)
    found = peaks(values, (first, second))
    for k, window in enumerate((first, second)):
        for t in range(len(values)):
            if t < window - 1:
                expected = [np.nan, np.nan]
            else:
                age = int(values[t - window + 1 : t + 1][::-1].argmax())
                expected = [values[t - age], t - age]
            np.testing.assert_array_equal(found[:, k, t], expected)


@pytest.mark.parametrize("shape", ["walk", "falling", "rising", "level"])
def test_talib(shape):
    talib = pytest.importorskip("talib")
    walk = 5000 + np.random.default_rng(0).integers(-4, 5, 5000).cumsum() * 0.25
    line = np.linspace(10_000, 9_000, 5000)
    series = {"walk": walk, "falling": line, "rising": line[::-1], "level": np.full(5000, 7.0)}
    values, windows = np.ascontiguousarray(series[shape]), (2, 60, 1440)
    found, dated = ranges(values, values, windows), peaks(values, windows)
    for k, window in enumerate(windows):
        np.testing.assert_array_equal(found[0, k], talib.MAX(values, window))
        np.testing.assert_array_equal(found[1, k], talib.MIN(values, window))
        np.testing.assert_array_equal(dated[0, k], talib.MAX(values, window))
        if window > 2:  # MAXINDEX is no measure: of equal values it takes now one, now the other
            share = 1 - (np.arange(5000) - dated[1, k]) / (window - 1)
            expected = talib.AROON(values, values, window - 1)[1]
            np.testing.assert_allclose(100 * share, expected, rtol=1e-9, atol=1e-9)


def test_a_state_resumes():
    values = np.random.default_rng(1).normal(size=100)
    windows, state, out = np.array((3, 7)), new_peaks((3, 7)), np.zeros((2, 2, 100))
    for cut in np.split(np.arange(100), [1, 2, 50, 53]):
        part = np.zeros((2, 2, len(cut)))
        _peaks(values[cut], windows, *state, part)
        out[:, :, cut] = part
    np.testing.assert_array_equal(out[0], peaks(values, (3, 7))[0])
