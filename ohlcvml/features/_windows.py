"""Rolling sums over several windows of one series, and how long recursive averages remember."""

from __future__ import annotations

import math

import numpy as np

from ohlcvml.features._blocks import BLOCK
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.typing import FloatArray, IntArray

__all__ = [
    "count_equal",
    "new_means",
    "new_windows",
    "settling",
    "slide",
    "slide_means",
    "slide_spreads",
    "standardize",
    "variance",
    "window_params",
]

# Positions in the clock array of a set of windows; the countdowns of the windows follow.
_SLOT, _COUNT, RUN, _DUE = 0, 1, 2, 3
_SHORTEST_PERIOD = 128


def new_windows(windows: tuple[int, ...]) -> tuple[FloatArray, IntArray, FloatArray]:
    """Empty state of :func:`slide`: (ring of the last values, clock, sums of shape (3, windows)).

    The rows of the sums are the anchor, the sum and the sum of squares about the anchor.
    """
    clock = np.zeros(_DUE + len(windows), dtype=np.int64)
    clock[_DUE:] = windows
    return np.zeros(max(windows)), clock, np.zeros((3, len(windows)))


def window_params(windows: tuple[int, ...]) -> tuple[IntArray, FloatArray]:
    """Windows, and 1 / w and 1 / (w - 1) in the rows of an array of shape (2, windows)."""
    whole = np.array(windows, dtype=np.int64)
    return whole, np.stack([1.0 / whole, 1.0 / np.maximum(whole - 1, 1)])


@inlined
def slide(value, windows, ring, clock, sums):  # type: ignore[no-untyped-def]
    """Slide every window by one value; return how many values were seen.

    Sums are taken about an anchor near the level of the series, and both are recomputed from the
    ring once per window length: so they lose neither digits at a high price level nor accuracy
    with time, and a wild value leaves no trace once it has left the window.
    """
    size, slot, count = ring.shape[0], clock[_SLOT], clock[_COUNT] + 1
    if count == 1:
        for k in range(windows.shape[0]):
            sums[0, k] = value
    newest = ring[slot - 1] if slot > 0 else ring[size - 1]
    clock[RUN] = clock[RUN] + 1 if count > 1 and value == newest else 1
    for k in range(windows.shape[0]):
        window, anchor = windows[k], sums[0, k]
        gain = value - anchor
        if count > window:
            oldest = slot - window
            loss = ring[oldest if oldest >= 0 else oldest + size] - anchor
            sums[1, k] += gain - loss
            sums[2, k] += gain * gain - loss * loss
        else:
            sums[1, k] += gain
            sums[2, k] += gain * gain
    ring[slot] = value
    for k in range(windows.shape[0]):
        clock[_DUE + k] -= 1
        if clock[_DUE + k] == 0:
            clock[_DUE + k] = max(windows[k], _SHORTEST_PERIOD)
            _anchor(windows[k], ring, slot, sums, k)
    clock[_SLOT] = slot + 1 if slot + 1 < size else 0
    clock[_COUNT] = count
    return count


@inlined
def _anchor(window, ring, slot, sums, k):  # type: ignore[no-untyped-def]
    anchor = sums[0, k] + sums[1, k] / window
    total, square = 0.0, 0.0
    for age in range(window):
        at = slot - age
        difference = ring[at if at >= 0 else at + ring.shape[0]] - anchor
        total += difference
        square += difference * difference
    sums[0, k], sums[1, k], sums[2, k] = anchor, total, square


def new_means(windows: tuple[int, ...], late: int = 0) -> tuple[FloatArray, IntArray, FloatArray]:
    """Empty state of :func:`slide_means` and :func:`slide_spreads`: (recent, clock, sums).

    ``recent`` is filled by :func:`pack`; the first ``late`` values are none. Clock: bars in a row
    with equal values, then those until the sums of each window are made anew. Rows of the sums:
    anchor, sum and sum of squares about it.
    """
    clock = np.array([0, *windows], dtype=np.int64)
    clock[1:] += late
    return np.full(max(windows) + BLOCK, np.nan), clock, np.zeros((3, len(windows)))


@compiled
def count_equal(recent, n, clock, equal):  # type: ignore[no-untyped-def]
    """How many values up to each bar of the block are equal."""
    before, run = recent.shape[0] - BLOCK, clock[0]
    now, past = recent[before:], recent[before - 1 :]
    for b in range(n):
        run = run + 1 if now[b] == past[b] else 1
        equal[b] = run
    clock[0] = run


@compiled
def slide_means(recent, n, windows, k, clock, sums, means):  # type: ignore[no-untyped-def]
    """Means of window k at the ``n`` bars of a block, NaN before there are enough values.

    A sum slides, and is made anew, about a new anchor near the level of the series, once in a
    window length: so it loses neither digits at a high level nor accuracy with time, and of a wild
    value nothing is left.
    """
    window, before = windows[k], recent.shape[0] - BLOCK
    anchor, total, left, start, share = sums[0, k], sums[1, k], clock[1 + k], 0, 1.0 / windows[k]
    while start < n:
        length = min(left, n - start)
        newest, oldest = recent[before + start :], recent[before + start - window :]
        mean = means[start:]
        for i in range(length):
            total += newest[i] - oldest[i]
            mean[i] = anchor + total * share
        start, left = start + length, left - length
        if left == 0:
            anchor = newest[length - 1] if np.isnan(total) else mean[length - 1]
            total, _ = _sums(oldest[length:], window, anchor)
            mean[length - 1] = anchor + total * share
            left = max(window, _SHORTEST_PERIOD)
    sums[0, k], sums[1, k], clock[1 + k] = anchor, total, left


@compiled
def slide_spreads(recent, n, windows, k, clock, sums, means, spreads):  # type: ignore[no-untyped-def]
    """Means, and sums of squares about them, as :func:`slide_means`."""
    window, before = windows[k], recent.shape[0] - BLOCK
    anchor, total, square = sums[0, k], sums[1, k], sums[2, k]
    left, start, share = clock[1 + k], 0, 1.0 / windows[k]
    while start < n:
        length = min(left, n - start)
        newest, oldest = recent[before + start :], recent[before + start - window :]
        mean, spread = means[start:], spreads[start:]
        for i in range(length):
            gain, loss = newest[i] - anchor, oldest[i] - anchor
            mean[i] = gain - loss
            spread[i] = (gain - loss) * (gain + loss)
        for i in range(length):
            total += mean[i]
            square += spread[i]
            mean[i] = anchor + total * share
            spread[i] = square - total * total * share
        start, left = start + length, left - length
        if left == 0:
            anchor = newest[length - 1] if np.isnan(total) else mean[length - 1]
            total, square = _sums(oldest[length:], window, anchor)
            mean[length - 1] = anchor + total * share
            spread[length - 1] = square - total * total * share
            left = max(window, _SHORTEST_PERIOD)
    sums[0, k], sums[1, k], sums[2, k], clock[1 + k] = anchor, total, square, left


@compiled
def standardize(values, n, window, equal, means, spreads, scores):  # type: ignore[no-untyped-def]
    """Make deviations, divisor w - 1, of the spreads, and scores of the values.

    Both are 0, exactly, where all values of the window are equal.
    """
    share = 1.0 / (window - 1)
    for b in range(n):  # only choices between values at hand become vectors
        square = spreads[b] * share
        square = 0.0 if square < 0 else square
        spread = math.sqrt(0.0 if equal[b] >= window else square)
        score = (values[b] - means[b]) / spread
        spreads[b] = spread
        scores[b] = 0.0 if spread == 0 else score


@inlined
def _sums(values, n, anchor):  # type: ignore[no-untyped-def]
    # Four sums at a time do not wait for each other.
    a, b, c, d, aa, bb, cc, dd = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    fours = n // 4 * 4
    for i in range(0, fours, 4):
        p, q, r, s = (
            values[i] - anchor,
            values[i + 1] - anchor,
            values[i + 2] - anchor,
            values[i + 3] - anchor,
        )
        a, b, c, d = a + p, b + q, c + r, d + s
        aa, bb, cc, dd = aa + p * p, bb + q * q, cc + r * r, dd + s * s
    for i in range(fours, n):
        p = values[i] - anchor
        a += p
        aa += p * p
    return (a + b) + (c + d), (aa + bb) + (cc + dd)


@compiled
def variance(total, square, share, dof_share, constant):  # type: ignore[no-untyped-def]
    """Sample variance from sums about an anchor: 0, exactly, if the values are all equal.

    ``share`` is 1 / window, ``dof_share`` 1 / (window - 1).
    """
    spread = square - total * total * share
    return spread * dof_share if spread > 0 and not constant else 0.0


def settling(smoothing: float, tolerance: float) -> int:
    """Updates after which the first value of a recursive average weighs at most ``tolerance``.

    >>> settling(1 / 14, 1e-9)
    280
    """
    return 0 if smoothing >= 1 else math.ceil(math.log(tolerance) / math.log1p(-smoothing))
