"""Highest high and lowest low of a window, and the bar an extreme stands on.

How to call them. A kernel passes over the bars once for each window and holds the scalars of that
window in local variables, which is twice as fast as a loop over windows inside the loop over bars;
batch and stream still run the same lines. For window k of state ``slots, ends, tops, bottoms``
(:func:`new_ranges`)::

    window, slot, top, bottom = windows[k], slots[k], ends[0, k], ends[1, k]
    for t in range(first, last):
        if np.isnan(close[t]):
            continue  # after writing NaN; the state must see no NaN
        slot, top, bottom, highest, lowest = roll_range(
            high[t], low[t], window, slot, top, bottom, tops[k], bottoms[k]
        )
    slots[k], ends[0, k], ends[1, k] = slot, top, bottom

``highest`` and ``lowest`` are of the last ``window`` bars, this one included, and NaN until there
are as many: no counter is needed. :func:`roll_peak` with :func:`new_peaks` is the same for the
maximum of one series together with the bar it stands on; for a minimum give it the negated values.

Method: the bars are cut into blocks of ``window``. A window is the end of one block and the start
of the next; the maximum of the start is carried along, those of every possible end are found when
the block is complete, in one pass back over it. Three comparisons a bar in all, whatever the
window and whatever the values (van Herk 1992; Gil and Werman 1993).
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from ohlcvml.streams.kernels._compiled import inlined
from ohlcvml.typing import FloatArray, IntArray

_LOWEST = float(np.finfo(np.float64).min)


def new_ranges(windows: tuple[int, ...]) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Empty state of :func:`roll_range`: (slots, ends, tops, bottoms), a row for each window.

    Shapes (n,), (2, n), (n, longest + 1) twice; the rows of ``ends`` are top and bottom.
    """
    n = len(windows)
    tops = _tails(windows)
    ends = np.repeat([[_LOWEST], [-_LOWEST]], n, axis=1)
    return np.zeros(n, dtype=np.int64), ends, tops, -tops


def new_peaks(windows: tuple[int, ...]) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Empty state of :func:`roll_peak`: (slots, ends, tops, bars), a row for each window.

    Shapes (n,), (2, n), (n, longest + 1) twice; the rows of ``ends`` are top and at.
    """
    n = len(windows)
    tops = _tails(windows)
    return np.zeros(n, dtype=np.int64), np.full((2, n), _LOWEST), tops, np.full(tops.shape, np.nan)


def _tails(windows: tuple[int, ...]) -> FloatArray:
    tails = np.full((len(windows), max(windows) + 1), np.nan)  # ends of a block not yet there
    tails[np.arange(len(windows)), list(windows)] = _LOWEST  # the end of no bars
    return tails


@inlined
def roll_range(high, low, window, slot, top, bottom, tops, bottoms):  # type: ignore[no-untyped-def]
    """Take in one bar; return (slot, top, bottom, highest, lowest).

    ``top`` and ``bottom`` are those of the block so far. Of ``tops``, shape (window + 1,), the
    places before ``slot`` hold its highs, the others the maxima of the ends of the block before.
    """
    top = high if high > top else top
    bottom = low if low < bottom else bottom
    # An unsigned index spares the test for one that counts from the end.
    older, under = tops[uint64(slot + 1)], bottoms[uint64(slot + 1)]
    tops[uint64(slot)], bottoms[uint64(slot)] = high, low
    highest = top if top > older else older
    lowest = bottom if bottom < under else under
    slot += 1
    if slot == window:
        best, worst = high, low
        for at in range(window - 2, -1, -1):
            best = tops[at] if tops[at] > best else best
            worst = bottoms[at] if bottoms[at] < worst else worst
            tops[at], bottoms[at] = best, worst
        top, bottom, slot = _LOWEST, -_LOWEST, 0
    return slot, top, bottom, highest, lowest


@inlined
def roll_peak(value, bar, window, slot, top, at, tops, bars):  # type: ignore[no-untyped-def]
    """Take in one value; return (slot, top, at, highest, peak).

    ``bar`` is the number of the bar, as float64, and ``peak`` that of the bar with the maximum: of
    equal values the newest, as in TA-Lib's AROON. The age of the maximum is ``bar - peak``.
    """
    new = value >= top
    top = value if new else top
    at = bar if new else at
    older, older_bar = tops[uint64(slot + 1)], bars[uint64(slot + 1)]
    tops[uint64(slot)] = value
    new = top >= older
    highest = top if new else older
    peak = at if new else older_bar
    slot += 1
    if slot == window:
        best, found = value, bar
        bars[uint64(slot - 1)] = bar
        for place in range(window - 2, -1, -1):
            new = tops[place] > best
            best = tops[place] if new else best
            found = bar - (window - 1 - place) if new else found
            tops[place], bars[place] = best, found
        top, slot = _LOWEST, 0
    return slot, top, at, highest, peak
