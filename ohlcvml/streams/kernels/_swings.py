"""Swing highs and lows, confirmed when they are known, bar by bar.

A bar is a swing high of window w if its high is above the highs of the w bars before it and not
below those of the w bars after it: of equal highs the first counts, and a stretch of equal highs
has one swing. It is known, and confirmed, w bars later. Swing lows are the mirror image. (Fractals
of Williams 1995, Trading Chaos, where w = 2.)

For inlining into a kernel that goes through the bars. For window k of state ``slots, ends, tops,
bottoms`` (``new_ranges`` of :mod:`ohlcvml.streams.kernels._extrema`) and ``levels, at``
(:func:`new_swings`)::

    for t in range(first, last):
        if np.isnan(close[t]):
            continue  # after writing NaN; the state must see no NaN
        bar += 1  # from 0, the number of the bar; the first is 1
        broken = follow(
            high[t], low[t], close[t], bar, k, windows[k], slots, ends, tops, bottoms, levels, at
        )

``broken`` is 1 on the first close above the last confirmed swing high, -1 on the first below the
last swing low, else 0. ``levels[k]`` and ``at[k]`` hold, at the positions below, prices and the
numbers of their bars; what is not yet there is NaN and ``NEVER``. A swing is as old as
``bar - at[k, HIGH]``: who forgets it at an age of n has a memory of n + w bars.
"""

from __future__ import annotations

import numpy as np

from ohlcvml.streams.kernels._compiled import inlined
from ohlcvml.streams.kernels._extrema import roll_range
from ohlcvml.typing import FloatArray, IntArray

NEVER = -(1 << 40)  # older than whatever is remembered

# Positions in the rows of levels and at: the last two confirmed swings on either side.
HIGH, LOW, OLD_HIGH, OLD_LOW = 0, 1, 2, 3
# In levels only: the lowest low since the last swing high, the highest high since the last low,
# and the highest high and lowest low of the w bars before the next.
FALLEN, RISEN, _PEAK, _TROUGH = 4, 5, 6, 7
# In at only: the newest bar that may become a swing, and whether the last swing was closed beyond.
_TOP, _BOTTOM, _ABOVE, _BELOW = 4, 5, 6, 7


def new_swings(windows: tuple[int, ...]) -> tuple[FloatArray, IntArray]:
    """Empty state of :func:`follow`: levels and at, a row of 8 for each window."""
    at = np.full((len(windows), 8), NEVER, dtype=np.int64)
    at[:, _ABOVE:] = 0
    return np.full((len(windows), 8), np.nan), at


@inlined
def follow(  # type: ignore[no-untyped-def]
    high, low, close, bar, k, window, slots, ends, tops, bottoms, levels, at
):
    """Take in one bar; return whether it is the first to close beyond the last swing: 1, -1, 0."""
    peak, trough = levels[k, _PEAK], levels[k, _TROUGH]
    slots[k], ends[0, k], ends[1, k], highest, lowest = roll_range(
        high, low, window, slots[k], ends[0, k], ends[1, k], tops[k], bottoms[k]
    )
    levels[k, _PEAK], levels[k, _TROUGH] = highest, lowest
    # A bar above the w before it is the only one that may still become a swing high, and it does
    # unless another takes its place within w bars. Until then it is the highest of the w before.
    if high > peak:
        at[k, _TOP] = bar
    if low < trough:
        at[k, _BOTTOM] = bar
    if low < levels[k, FALLEN]:
        levels[k, FALLEN] = low
    if high > levels[k, RISEN]:
        levels[k, RISEN] = high
    if bar - at[k, _TOP] == window:
        levels[k, OLD_HIGH], at[k, OLD_HIGH] = levels[k, HIGH], at[k, HIGH]
        levels[k, HIGH], at[k, HIGH], at[k, _ABOVE] = peak, at[k, _TOP], 0
        levels[k, FALLEN] = lowest
    if bar - at[k, _BOTTOM] == window:
        levels[k, OLD_LOW], at[k, OLD_LOW] = levels[k, LOW], at[k, LOW]
        levels[k, LOW], at[k, LOW], at[k, _BELOW] = trough, at[k, _BOTTOM], 0
        levels[k, RISEN] = highest
    broken = 0
    if close > levels[k, HIGH] and at[k, _ABOVE] == 0:
        at[k, _ABOVE] = 1
        broken = 1
    if close < levels[k, LOW] and at[k, _BELOW] == 0:
        at[k, _BELOW] = 1
        broken = -1
    return broken
