"""Average true range, shared by features, labels and signals."""

from __future__ import annotations

import numpy as np

from ohlcvml.features._compiled import compiled
from ohlcvml.typing import FloatArray, IntArray

__all__ = ["average_true_range", "smooth", "true_range"]


@compiled
def true_range(high, low, previous_close):  # type: ignore[no-untyped-def]
    """Range of a bar together with the close before it."""
    return max(high, previous_close) - min(low, previous_close)


@compiled
def smooth(average, value, age, window, weight):  # type: ignore[no-untyped-def]
    """Advance a recursive average by one value; ``age`` counts the values, this one included.

    Seeded with the mean of the first ``window`` values; while ``age < window`` the return value
    is their running sum. ``weight`` of a new value: 1 / window in Wilder's average, 2 / (window +
    1) in the exponential one.
    """
    if age > window:
        return average + (value - average) * weight
    return average + value if age < window else (average + value) / window


@compiled
def _average_true_range(high, low, close, window, starts, out):  # type: ignore[no-untyped-def]
    weight = 1.0 / window
    for s in range(len(starts) - 1):
        age, average, previous = 0, 0.0, np.nan
        for t in range(starts[s], starts[s + 1]):
            out[t] = np.nan
            if np.isnan(high[t] + low[t] + close[t]):
                continue
            if not np.isnan(previous):
                age += 1
                span = true_range(high[t], low[t], previous)
                average = smooth(average, span, age, window, weight)
                if age >= window:
                    out[t] = average
            previous = close[t]


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
    >>> from ohlcvml.features import average_true_range
    >>> high, low = np.array([2.0, 3.0, 5.0]), np.array([1.0, 1.0, 3.0])
    >>> average_true_range(high, low, np.array([1.0, 2.0, 4.0]), 2, np.array([0, 3]))
    array([nan, nan, 2.5])
    """
    out = np.empty(len(close))
    _average_true_range(high, low, close, window, starts, out)
    return out
