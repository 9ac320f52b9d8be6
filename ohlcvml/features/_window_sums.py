"""Sums over sliding windows that never subtract: what has left a window is gone to the bit.

The last w values lie in the block being filled and in the one before it. The sums of the former run
forward (``heads``); those of the latter were taken from its end backward when it was complete
(``blocks[k, i]``: its values from the i-th on), and give way to the new values as they come.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.typing import FloatArray, IntArray

__all__ = [
    "ROUNDING", "new_sums", "slide_pair", "slide_powers", "slide_sums", "total",
]  # fmt: skip

# Variance of log returns that is no more than the rounding of logarithms of prices: none at all.
ROUNDING = 1e-28


def new_sums(
    windows: Sequence[int], terms: int
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Empty state of sums of some terms over each window: (place, blocks, heads, anchors)."""
    n = len(windows)
    place, anchors = np.zeros(n, dtype=np.int64), np.full(n, np.nan)
    return place, np.zeros((n, max(windows) + 1, terms)), np.zeros((n, terms)), anchors


@inlined
def total(k, term, place, blocks, heads):  # type: ignore[no-untyped-def]
    """Sum of a term over window k; of the values so far while the window is not full."""
    return heads[k, term] + blocks[k, place[k], term]


@inlined
def slide_sums(k, window, terms, place, blocks, heads):  # type: ignore[no-untyped-def]
    """Slide window k by one value of each of the terms, a tuple."""
    if place[k] == window:
        _turn(k, window, place, blocks, heads)
    at = place[k]
    for j in range(len(terms)):
        heads[k, j] += terms[j]
        blocks[k, at, j] = terms[j]
    place[k] = at + 1


@inlined
def slide_powers(k, window, order, value, place, blocks, heads, anchors):  # type: ignore[no-untyped-def]
    """Slide window k by a value; terms: powers 1 to ``order`` of its distance from the anchor."""
    if place[k] == window:
        _turn_powers(k, window, order, place, blocks, heads, anchors)
    if np.isnan(anchors[k]):
        anchors[k] = value
    at, distance, power = place[k], value - anchors[k], 1.0
    for j in range(order):
        power *= distance
        heads[k, j] += power
        blocks[k, at, j] = power
    place[k] = at + 1


@inlined
def slide_pair(k, window, x, y, place, blocks, heads, anchors):  # type: ignore[no-untyped-def]
    """Slide window k by a pair; terms: x, y, x^2, y^2 and x y, of distances from one anchor."""
    if place[k] == window:
        _turn_pairs(k, window, place, blocks, heads, anchors)
    if np.isnan(anchors[k]):
        anchors[k] = x
    u, v = x - anchors[k], y - anchors[k]
    terms = (u, v, u * u, v * v, u * v)
    slide_sums(k, window, terms, place, blocks, heads)


@compiled
def _turn(k, window, place, blocks, heads):  # type: ignore[no-untyped-def]
    place[k] = 0
    heads[k] = 0.0
    for at in range(window - 2, -1, -1):
        for j in range(blocks.shape[2]):
            blocks[k, at, j] += blocks[k, at + 1, j]


@compiled
def _turn_powers(k, window, order, place, blocks, heads, anchors):  # type: ignore[no-untyped-def]
    shift = _middle(k, window, blocks)
    anchors[k] += shift
    for at in range(window):
        distance, power = blocks[k, at, 0] - shift, 1.0
        for j in range(order):
            power *= distance
            blocks[k, at, j] = power
    _turn(k, window, place, blocks, heads)


@compiled
def _turn_pairs(k, window, place, blocks, heads, anchors):  # type: ignore[no-untyped-def]
    shift = _middle(k, window, blocks)
    anchors[k] += shift
    for at in range(window):
        u, v = blocks[k, at, 0] - shift, blocks[k, at, 1] - shift
        blocks[k, at, 0], blocks[k, at, 1] = u, v
        blocks[k, at, 2], blocks[k, at, 3], blocks[k, at, 4] = u * u, v * v, u * v
    _turn(k, window, place, blocks, heads)


@compiled
def _middle(k, window, blocks):  # type: ignore[no-untyped-def]
    # The median of three values, not the mean: no lone wild value may move the anchor.
    a, b, c = blocks[k, 0, 0], blocks[k, window // 2, 0], blocks[k, window - 1, 0]
    return max(min(a, b), min(max(a, b), c))
