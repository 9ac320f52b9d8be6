"""Rolling totals of several series at once, over several windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ohlcvml.features._compiled import inlined
from ohlcvml.typing import FloatArray

__all__ = ["new_totals", "slide_totals"]


def new_totals(windows: Sequence[int], series: int) -> tuple[FloatArray, FloatArray]:
    """Empty state of :func:`slide_totals`: (ring of rows, totals of shape (windows, series))."""
    return np.zeros((max(windows) + 1, series)), np.zeros((len(windows), series))


@inlined
def slide_totals(ring, slot, windows, totals):  # type: ignore[no-untyped-def]
    """Slide every window by the row just written to ``ring[slot]``; return the next slot.

    A row is one value of each series, side by side, so that one step adds them all together. Each
    time the ring comes round the totals are added up anew: they do not drift, and a wild value
    leaves no trace. Whole numbers are exact throughout. Rows not yet written count as zero.
    """
    size, series = ring.shape
    for k in range(windows.shape[0]):
        oldest = slot - windows[k]
        oldest = oldest if oldest >= 0 else oldest + size
        for j in range(series):
            totals[k, j] += ring[slot, j] - ring[oldest, j]
    if slot + 1 < size:
        return slot + 1
    for k in range(windows.shape[0]):
        for j in range(series):
            totals[k, j] = 0.0
        for at in range(size - windows[k], size):
            for j in range(series):
                totals[k, j] += ring[at, j]
    return 0
