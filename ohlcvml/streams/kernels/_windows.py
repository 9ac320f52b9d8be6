"""Rolling means and spreads over several windows of one series, in blocks of bars.

The mean of the last 2, 4, 8, ... values is that of two halves, one as many bars before the other; a
window is put together of such stretches by the binary digits of its length. Every value is made of
those in its window and of no others: nothing drifts, nothing cancels, a wild value leaves no trace,
equal values have their mean and no spread exactly. A few additions a bar serve all windows, none
waits for another, and all run as vectors. Rows for the results should be room to work in, which
stays in the cache, not yet those of the output. In a kernel (see :mod:`_blocks`)::

    n = pack(values, values, start, stop, means[0], before)  # before = means.shape[1] - BLOCK
    double_spreads(means, spreads, n)
    for k in range(windows.shape[0]):
        window_spreads(means, spreads, n, windows[k], ...)  # rows for mean and spread
    keep_stretches(means, n)
    keep_stretches(spreads, n)

Spreads are sums of squares about the mean, joined as by Chan, Golub and LeVeque (1983). And how
long recursive averages remember.
"""

from __future__ import annotations

import math

import numpy as np

from ohlcvml.streams.kernels._blocks import BLOCK, keep
from ohlcvml.streams.kernels._compiled import compiled, fused
from ohlcvml.typing import FloatArray, IntArray


def window_params(windows: tuple[int, ...]) -> tuple[IntArray, FloatArray]:
    """Windows, and 1 / w and 1 / (w - 1) in the rows of an array of shape (2, windows)."""
    whole = np.array(windows, dtype=np.int64)
    return whole, np.stack([1.0 / whole, 1.0 / np.maximum(whole - 1, 1)])


def new_stretches(windows: tuple[int, ...]) -> FloatArray:
    """Empty state: means of the last 1, 2, 4, ... values, shape (stretches, longest + BLOCK).

    Of row j the last 2^j values before the block are kept.
    """
    n = max(windows).bit_length()
    return np.full((n, 2 ** (n - 1) + BLOCK), np.nan)


def new_spreads(windows: tuple[int, ...]) -> FloatArray:
    """Empty state: spreads of the last 1, 2, 4, ... values; that of one is 0."""
    spreads = new_stretches(windows)
    spreads[0] = 0.0
    return spreads


@compiled
def double_means(means, n):  # type: ignore[no-untyped-def]
    """Means of the longer stretches at the ``n`` bars of a block, whose values are in row 0."""
    before = means.shape[1] - BLOCK
    for j in range(1, means.shape[0]):
        half, row = means[j - 1, before:], means[j, before:]
        older = means[j - 1, before - 2 ** (j - 1) :]
        for b in range(n):
            row[b] = (half[b] + older[b]) * 0.5


@compiled
def double_spreads(means, spreads, n):  # type: ignore[no-untyped-def]
    """Means and spreads of the longer stretches."""
    before = means.shape[1] - BLOCK
    for j in range(1, means.shape[0]):
        at = before - 2 ** (j - 1)
        half, older, row = means[j - 1, before:], means[j - 1, at:], means[j, before:]
        inner, outer, spread = spreads[j - 1, before:], spreads[j - 1, at:], spreads[j, before:]
        weight = 0.25 * 2**j
        for b in range(n):
            apart = older[b] - half[b]
            row[b] = (half[b] + older[b]) * 0.5
            spread[b] = (inner[b] + outer[b]) + apart * apart * weight


@compiled
def window_means(means, n, window, row):  # type: ignore[no-untyped-def]
    """Mean of the last ``window`` values at each bar, NaN before there are as many.

    Stretches are added two at a time: a pass over the row costs more than its arithmetic.
    """
    before, size, parts, waiting = means.shape[1] - BLOCK, 0, 0, False
    newest, middle, share = means[0, before:], means[0, before:], 0.0
    for j in range(means.shape[0]):
        part = 2**j
        if window & part:
            older, its_share = means[j, before - size :], part / (size + part)
            size, parts = size + part, parts + 1
            if parts == 1:
                newest = older
            elif not waiting:
                middle, share, waiting = older, its_share, True
            else:
                waiting = False
                if parts > 3:
                    newest = row
                for b in range(n):
                    mean = fused(middle[b] - newest[b], share, newest[b])
                    row[b] = fused(older[b] - mean, its_share, mean)
    if waiting:
        if parts > 2:
            newest = row
        for b in range(n):
            row[b] = fused(middle[b] - newest[b], share, newest[b])
    elif parts == 1:
        for b in range(n):
            row[b] = newest[b]


@compiled
def window_spreads(means, spreads, n, window, row, spread):  # type: ignore[no-untyped-def]
    """Mean and spread of the last ``window`` values at each bar."""
    before, size, parts = means.shape[1] - BLOCK, 0, 0
    newest, inner = means[0, before:], spreads[0, before:]
    for j in range(means.shape[0]):
        part = 2**j
        if window & part:
            older, outer, share = (
                means[j, before - size :],
                spreads[j, before - size :],
                part / (size + part),
            )
            weight = size * share
            if parts == 0:
                newest, inner = older, outer
            elif parts == 1:
                for b in range(n):
                    apart = older[b] - newest[b]
                    row[b] = fused(apart, share, newest[b])
                    spread[b] = fused(apart * apart, weight, inner[b] + outer[b])
            else:
                for b in range(n):
                    apart = older[b] - row[b]
                    row[b] = fused(apart, share, row[b])
                    spread[b] = fused(apart * apart, weight, spread[b] + outer[b])
            size, parts = size + part, parts + 1
    if parts == 1:
        for b in range(n):
            row[b], spread[b] = newest[b], inner[b]


@compiled
def standardize(values, n, window, means, spreads, scores):  # type: ignore[no-untyped-def]
    """Make deviations, divisor w - 1, of spreads, and scores of values: 0 without a spread."""
    share = 1.0 / (window - 1)
    for b in range(n):  # only a choice between values at hand becomes a vector
        spread = math.sqrt(spreads[b] * share)
        score = (values[b] - means[b]) / spread
        spreads[b] = spread
        scores[b] = 0.0 if spread == 0 else score


@compiled
def keep_stretches(rows, n):  # type: ignore[no-untyped-def]
    """Move what the next block needs to before it."""
    before = rows.shape[1] - BLOCK
    for j in range(rows.shape[0]):
        length = 2**j
        keep(rows[j, before - length :], length, n)


def settling(smoothing: float, tolerance: float) -> int:
    """Updates after which the first value of a recursive average weighs at most ``tolerance``.

    >>> settling(1 / 14, 1e-9)
    280
    """
    return 0 if smoothing >= 1 else math.ceil(math.log(tolerance) / math.log1p(-smoothing))
