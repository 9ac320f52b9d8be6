"""Average true range, shared by features, labels and signals."""

from __future__ import annotations

import numpy as np
from numba import njit

from ohlcvml.typing import FloatArray, IntArray

__all__ = ["average_true_range"]


def average_true_range(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int, starts: IntArray
) -> FloatArray:
    """Wilder's average true range, in price units.

    Row t uses rows up to and including t. The true range needs the close before, so the first
    value stands at row ``window`` of each symbol: the mean of the true ranges of rows 1 to
    ``window``; rows before are NaN. Later, ATR = (ATR * (window - 1) + TR) / window
    (Wilder, New Concepts in Technical Trading Systems, 1978). Agrees with TA-Lib.

    Parameters
    ----------
    high, low, close : float64 arrays of shape (n,)
    window : int
        At least 1.
    starts : int64 array of shape (n_symbols + 1,)
        From ``symbol_starts``: the state begins anew at each symbol.

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


@njit(cache=True)
def _average_true_range(high, low, close, window, starts, out):  # type: ignore[no-untyped-def]
    for s in range(len(starts) - 1):
        first, last = starts[s], starts[s + 1]
        total, atr = 0.0, np.nan
        for t in range(first, last):
            if t > first:
                previous = close[t - 1]
                true_range = max(high[t], previous) - min(low[t], previous)
                age = t - first
                if age <= window:
                    total += true_range
                    if age == window:
                        atr = total / window
                else:
                    atr = (atr * (window - 1) + true_range) / window
            out[t] = atr
