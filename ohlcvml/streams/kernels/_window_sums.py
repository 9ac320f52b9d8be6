"""Sums of several series over several windows, for the bars of a block.

A track is a pair of series summed over one window. The method is that of :mod:`_block_sums`, which
subtracts nothing: sums neither drift nor lose digits to a wild value, of which nothing is left once
it has left the window. Where values are missing at the start, sums are NaN until their window holds
none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ohlcvml.streams.kernels._blocks import BLOCK
from ohlcvml.streams.kernels._compiled import compiled, inlined

# Variance of log returns that is no more than the rounding of logarithms of prices: none at all.
ROUNDING = 1e-28

Track = tuple[int, int, int]  # rows of its two series, window


def track_params(tracks: Sequence[Track], n_series: int) -> tuple[Any, ...]:
    """Parameters of :func:`roll_tracks`: (tracks, series, sums).

    The last two, of shapes (n_series, BLOCK) and (2 n_tracks, BLOCK), are written anew for every
    block: they are no state.
    """
    table = np.array(tracks, dtype=np.int64)
    return table, np.zeros((n_series, BLOCK)), np.zeros((2 * len(tracks), BLOCK))


def new_tracks(tracks: Sequence[Track], prefix: str = "") -> dict[str, Any]:
    """Empty state of :func:`roll_tracks`: slots, totals and tails."""
    n, windows = len(tracks), [window for _, _, window in tracks]
    tails = np.full((n, 2, max(windows) + 1), np.nan)  # ends of a block not yet there
    tails[np.arange(n), :, windows] = 0.0  # the end of no bars
    slots = np.zeros(n, dtype=np.int64)
    return {f"{prefix}slots": slots, f"{prefix}totals": np.zeros((n, 2)), f"{prefix}tails": tails}


@compiled
def roll_tracks(tracks, series, sums, n, slots, totals, tails):  # type: ignore[no-untyped-def]
    """Take in ``n`` bars: rows 2 k and 2 k + 1 of ``sums`` become those of track k, at each bar.

    The last w values are some at the end of one block of w and all of the next block so far. Of
    ``tails`` the places before the slot hold the values of the latter, the others the sums of the
    ends of the former.
    """
    for k in range(tracks.shape[0]):
        window, slot, b = tracks[k, 2], slots[k], 0
        first, second = totals[k, 0], totals[k, 1]
        while b < n:
            length = min(window - slot, n - b)
            # Slices, indexed from 0: two additions a bar that wait for those before, no branch.
            x, y = series[tracks[k, 0], b:], series[tracks[k, 1], b:]
            x_out, y_out = sums[2 * k, b:], sums[2 * k + 1, b:]
            x_here, y_here = tails[k, 0, slot:], tails[k, 1, slot:]
            x_next, y_next = tails[k, 0, slot + 1 :], tails[k, 1, slot + 1 :]
            for i in range(length):
                first += x[i]
                second += y[i]
                x_out[i] = first + x_next[i]
                y_out[i] = second + y_next[i]
                x_here[i] = x[i]
                y_here[i] = y[i]
            slot += length
            b += length
            if slot == window:
                _turn(window, tails[k, 0], tails[k, 1])
                first, second, slot = 0.0, 0.0, 0
        slots[k], totals[k, 0], totals[k, 1] = slot, first, second


@inlined
def _turn(window, x, y):  # type: ignore[no-untyped-def]
    # Sums from the end of the block, of both halves at the same time, as additions wait.
    half, top = window // 2, window - window % 2
    x_high, y_high, x_low, y_low = 0.0, 0.0, 0.0, 0.0
    if top < window:
        x_high, y_high = x[top], y[top]
    x_lower, y_lower, x_upper, y_upper = x[:half], y[:half], x[half:], y[half:]
    for i in range(half - 1, -1, -1):
        x_high += x_upper[i]
        y_high += y_upper[i]
        x_low += x_lower[i]
        y_low += y_lower[i]
        x_upper[i], y_upper[i], x_lower[i], y_lower[i] = x_high, y_high, x_low, y_low
    for i in range(half):
        x_lower[i] += x_high
    for i in range(half):
        y_lower[i] += y_high
