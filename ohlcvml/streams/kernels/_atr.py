"""Average true range, shared by features, labels and signals."""

from __future__ import annotations

import numpy as np

from ohlcvml.streams.kernels._averages import blend, smooth
from ohlcvml.streams.kernels._blocks import BLOCK
from ohlcvml.streams.kernels._compiled import compiled, inlined
from ohlcvml.typing import FloatArray, IntArray


@compiled
def true_range(high, low, previous_close):  # type: ignore[no-untyped-def]
    """Range of a bar together with the close before it."""
    return max(high, previous_close) - min(low, previous_close)


@compiled
def true_ranges(high, low, known, start, stop, n, before, spans):  # type: ignore[no-untyped-def]
    """True ranges of the ``n`` bars of a block where ``known`` is not NaN, side by side.

    ``before[b]`` is the close before the b-th of them.
    """
    if n == stop - start:
        highs, lows = high[start:stop], low[start:stop]
        for b in range(n):
            spans[b] = true_range(highs[b], lows[b], before[b])
    else:
        b = 0
        for t in range(start, stop):
            if not np.isnan(known[t]):
                spans[b] = true_range(high[t], low[t], before[b])
                b += 1


@inlined
def atr_units(inputs, first, last, window, scale, count, units):  # type: ignore[no-untyped-def]
    """Write 1 / ATR of bars with a close, NaN before the first and while the ATR is 0.

    State: ``scale`` holds the close before and the average, ``count`` the bars so far.
    """
    high, low, close = inputs
    previous, average, bar = scale[0], scale[1], count[0]
    weight = 1.0 / window
    for t in range(first, last):
        if np.isnan(close[t]):
            continue
        if bar > 0:
            span = true_range(high[t], low[t], previous)
            average = smooth(average, span, bar, window, weight)
        units[t] = 1.0 / average if bar >= window and average > 0 else np.nan
        previous, bar = close[t], bar + 1
    scale[0], scale[1], count[0] = previous, average, bar


@compiled
def _average_true_range(high, low, close, window, starts, out):  # type: ignore[no-untyped-def]
    weight = 1.0 / window
    for s in range(len(starts) - 1):
        age, average, previous = 0, 0.0, np.nan
        for start in range(starts[s], starts[s + 1], BLOCK):
            stop = min(start + BLOCK, starts[s + 1])
            highs, lows, closes, row = (
                high[start:stop],
                low[start:stop],
                close[start:stop],
                out[start:stop],
            )
            missing = 0
            for b in range(stop - start):
                missing += 1 if np.isnan(highs[b] + lows[b] + closes[b]) else 0
            if missing == 0 and age > window:
                row[0] = true_range(highs[0], lows[0], previous)
                for b in range(1, stop - start):
                    row[b] = true_range(highs[b], lows[b], closes[b - 1])
                for b in range(stop - start):
                    average = blend(average, row[b], weight)
                    row[b] = average
                previous = closes[stop - start - 1]
                continue
            for b in range(stop - start):
                row[b] = np.nan
                if np.isnan(highs[b] + lows[b] + closes[b]):
                    continue
                if not np.isnan(previous):
                    age += 1
                    span = true_range(highs[b], lows[b], previous)
                    average = smooth(average, span, age, window, weight)
                    if age >= window:
                        row[b] = average
                previous = closes[b]


def average_true_range(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int, starts: IntArray
) -> FloatArray:
    """Wilder's average true range, in price units.

    Row t uses rows up to and including t. The true range needs the close before, so the first
    value stands at row ``window`` of each symbol: the mean of the true ranges of rows 1 to
    ``window``; rows before are NaN. Later, ATR = ATR + (TR - ATR) / window
    (Wilder, New Concepts in Technical Trading Systems, 1978). Agrees with TA-Lib.
    A bar with a missing price gives NaN in its own row and is passed over.

    Parameters
    ----------
    high, low, close : float64 arrays of shape (n,)
    window : int
        At least 1.
    starts : int64 array of shape (n_symbols + 1,)
        From ``symbol_starts``: the state begins anew at each symbol.

    Returns
    -------
    float64 array of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.streams import average_true_range
    >>> high, low = np.array([2.0, 3.0, 5.0]), np.array([1.0, 1.0, 3.0])
    >>> average_true_range(high, low, np.array([1.0, 2.0, 4.0]), 2, np.array([0, 3]))
    array([nan, nan, 2.5])
    """
    out = np.empty(len(close))
    _average_true_range(high, low, close, window, starts, out)
    return out
