"""Ultimate oscillator: the share of the true range that was bought, over three windows."""

from __future__ import annotations

import numpy as np
from numba import uint64

from ohlcvml.streams.kernels import inlined
from ohlcvml.typing import FloatArray, IntArray


def new_ultimate(windows: tuple[int, ...]) -> tuple[IntArray, FloatArray, FloatArray]:
    """Empty state of :func:`run_ultimate`: (clock, rings of shape (2, longest), sums (2, 3)).

    The clock holds the next place in the rings and how many bars in a row had no range; the rows of
    the others are the part bought and the true range.
    """
    return np.zeros(2, dtype=np.int64), np.full((2, max(windows)), np.nan), np.zeros((2, 3))


@inlined
def run_ultimate(inputs, first, last, windows, before, clock, rings, sums, out):  # type: ignore[no-untyped-def]
    """Write the oscillator of bars ``first`` to ``last``; ``before`` is the close before them.

    ``windows`` rise. Sums slide, and are added up anew each time the rings come round; until then,
    the first time, they are NaN.
    """
    high, low, close = inputs
    short, middle, size = windows[0], windows[1], windows[2]
    bought, ranges = rings
    slot, still, previous = clock[0], clock[1], before
    at_short, at_middle = (slot - short) % size, (slot - middle) % size
    a, b, c, x, y, z = sums[0, 0], sums[0, 1], sums[0, 2], sums[1, 0], sums[1, 1], sums[1, 2]
    for t in range(first, last):
        if np.isnan(previous + close[t]):
            out[t] = np.nan
            previous = previous if np.isnan(close[t]) else close[t]
            continue
        floor = low[t] if low[t] < previous else previous
        gain, span = close[t] - floor, (high[t] if high[t] > previous else previous) - floor
        previous = close[t]
        still = still + 1 if span == 0 else 0
        a += gain - bought[uint64(at_short)]
        b += gain - bought[uint64(at_middle)]
        c += gain - bought[uint64(slot)]
        x += span - ranges[uint64(at_short)]
        y += span - ranges[uint64(at_middle)]
        z += span - ranges[uint64(slot)]
        bought[uint64(slot)], ranges[uint64(slot)] = gain, span
        slot, at_short, at_middle = slot + 1, at_short + 1, at_middle + 1
        at_short = 0 if at_short == size else at_short
        at_middle = 0 if at_middle == size else at_middle
        if slot == size:
            slot = 0
            a, x = _add(bought, ranges, size - short)
            b, y = _add(bought, ranges, size - middle)
            c, z = _add(bought, ranges, 0)
        total = 4.0 * (a / x if still < short else 0.5)
        total += 2.0 * (b / y if still < middle else 0.5)
        out[t] = (total + (c / z if still < size else 0.5)) * (100.0 / 7.0)
    clock[0], clock[1] = slot, still
    sums[0, 0], sums[0, 1], sums[0, 2], sums[1, 0], sums[1, 1], sums[1, 2] = a, b, c, x, y, z


@inlined
def _add(bought, ranges, start):  # type: ignore[no-untyped-def]
    gain, span = 0.0, 0.0
    for at in range(start, bought.shape[0]):
        gain += bought[at]
        span += ranges[at]
    return gain, span
