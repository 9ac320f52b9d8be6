"""Entropy of small codes over sliding windows: the orders of three closes, and signs of steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ohlcvml._elementary import logarithms
from ohlcvml.streams.kernels import inlined
from ohlcvml.typing import FloatArray, IntArray

_N_CODES = 8  # three bits
_PATTERN, _WORD = 0, 1
_SLOT, _BARS, _STEPS = 0, 1, 2
# Sums of c log c are kept in whole numbers of this, so that they neither drift nor depend on order.
_UNIT = 2.0**-40


def entropy_params(windows: Sequence[int]) -> tuple[IntArray, IntArray, FloatArray]:
    """What :func:`entropies` reads: (c log c, its steps from c to c + 1, scales of windows).

    The first two are int64 in units of 2**-40, the scales of shape (2, windows) turn
    N log N - sum of c log c into the entropy over log 6 and log 8, N = w - 2 codes in a window.
    """
    counts = np.arange(max(windows))
    terms = np.rint(counts * logarithms(np.maximum(counts, 1)) / _UNIT).astype(np.int64)
    codes = np.asarray(windows) - 2
    return terms, np.diff(terms), _UNIT / np.multiply.outer(logarithms(np.array([6.0, 8.0])), codes)


def new_entropies(windows: Sequence[int]) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
    """Empty state: (last two closes, places, ring of codes, counts of codes and their sum)."""
    n = len(windows)
    closes, places = np.full(2, np.nan), np.zeros(3, dtype=np.int64)
    codes = np.zeros((2, max(windows)), dtype=np.int64)
    return closes, places, codes, np.zeros((2, n, _N_CODES + 1), dtype=np.int64)


@inlined
def entropies(close, first, last, windows, params, state, patterns, words):  # type: ignore[no-untyped-def]
    """Write the entropies of each window, of close patterns and of sign words, row by window."""
    terms, steps, scales = params
    closes, places, codes, sums = state
    size = codes.shape[1]
    for t in range(first, last):
        now = close[t]
        if np.isnan(now):
            for k in range(windows.shape[0]):
                patterns[k, t] = words[k, t] = np.nan
            continue
        # The order of three closes; of equal ones the earlier is the smaller.
        older, newer = closes[0], closes[1]
        pattern = 4 * np.int64(older <= newer) + 2 * np.int64(older <= now) + np.int64(newer <= now)
        word = (2 * places[_STEPS] + np.int64(now > newer)) & (_N_CODES - 1)
        bars, slot = places[_BARS] + 1, places[_SLOT]
        closes[0], closes[1], places[_STEPS], places[_BARS] = newer, now, word, bars
        places[_SLOT] = slot + 1 if slot + 1 < size else 0
        codes[_PATTERN, slot], codes[_WORD, slot] = pattern, word
        for k in range(windows.shape[0]):
            window = windows[k]
            leaves = slot - (window - 2)
            leaves = np.uintp(leaves if leaves >= 0 else leaves + size)
            patterns[k, t] = words[k, t] = np.nan
            if bars >= 3:
                _count(pattern, sums[_PATTERN, k], steps)
                if bars > window:
                    _forget(codes[_PATTERN, leaves], sums[_PATTERN, k], steps)
                if bars >= window:
                    rest = terms[window - 2] - sums[_PATTERN, k, _N_CODES]
                    patterns[k, t] = rest * scales[_PATTERN, k]
            if bars >= 4:
                _count(word, sums[_WORD, k], steps)
                if bars > window + 1:
                    _forget(codes[_WORD, leaves], sums[_WORD, k], steps)
                if bars > window:
                    rest = terms[window - 2] - sums[_WORD, k, _N_CODES]
                    words[k, t] = rest * scales[_WORD, k]


@inlined
def _count(code, sums, steps):  # type: ignore[no-untyped-def]
    code = np.uintp(code)
    sums[_N_CODES] += steps[np.uintp(sums[code])]
    sums[code] += 1


@inlined
def _forget(code, sums, steps):  # type: ignore[no-untyped-def]
    code = np.uintp(code)
    sums[code] -= 1
    sums[_N_CODES] -= steps[np.uintp(sums[code])]
