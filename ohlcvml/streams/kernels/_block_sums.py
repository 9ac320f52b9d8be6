"""Rolling sums of one series that only ever add, so that sums of zeros are zero exactly.

Called as :mod:`ohlcvml.streams.kernels._extrema` says, one pass over the bars for each window, with
``slots, totals, tails`` of :func:`new_sums`::

    slot, total, result = roll_sum(value, window, slot, total, tails[k])

``result`` is the sum of the last ``window`` values and NaN until there are as many. It is the sum
of the block so far and of the end of the block before, by the same method as there: nothing is
subtracted, so nothing drifts, nothing cancels, and a wild value leaves no trace.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from ohlcvml.streams.kernels._compiled import inlined
from ohlcvml.typing import FloatArray, IntArray


def new_sums(windows: tuple[int, ...]) -> tuple[IntArray, FloatArray, FloatArray]:
    """Empty state of :func:`roll_sum`: (slots, totals, tails), a row for each window.

    Shapes (n,), (n,), (n, longest + 1).
    """
    n = len(windows)
    tails = np.full((n, max(windows) + 1), np.nan)  # ends of a block not yet there
    tails[np.arange(n), list(windows)] = 0.0  # the end of no bars
    return np.zeros(n, dtype=np.int64), np.zeros(n), tails


@inlined
def roll_sum(value, window, slot, total, tails):  # type: ignore[no-untyped-def]
    """Take in one value; return (slot, total, sum of the last ``window`` values).

    ``total`` is that of the block so far. Of ``tails``, shape (window + 1,), the places before
    ``slot`` hold its values, the others the sums of the ends of the block before.
    """
    total += value
    result = total + tails[uint64(slot + 1)]
    tails[uint64(slot)] = value
    slot += 1
    if slot == window:
        end = 0.0
        for at in range(window - 1, -1, -1):
            end += tails[at]
            tails[at] = end
        total, slot = 0.0, 0
    return slot, total, result
