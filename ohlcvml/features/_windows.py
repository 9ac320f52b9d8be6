"""Rolling sums over several windows of one series, and how long recursive averages remember."""

from __future__ import annotations

import math

import numpy as np

from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.typing import FloatArray, IntArray

__all__ = ["new_windows", "settling", "slide", "variance", "window_params"]

# Positions in the clock array of a set of windows; the countdowns of the windows follow.
_SLOT, _COUNT, RUN, _DUE = 0, 1, 2, 3
_SHORTEST_PERIOD = 64


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
