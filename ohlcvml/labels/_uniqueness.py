"""How much of a label is its own: average uniqueness over concurrent labels."""

from __future__ import annotations

import numpy as np

from ohlcvml._checks import check_value, integer
from ohlcvml._compiling import njit
from ohlcvml.exceptions import DataError
from ohlcvml.typing import FloatArray, IntArray


@njit(cache=True)
def _average_uniqueness(start, end, n):  # type: ignore[no-untyped-def]
    change = np.zeros(n + 1, np.int64)
    for k in range(len(start)):
        change[start[k]] += 1
        change[end[k] + 1] -= 1
    total = np.zeros(n + 1)
    concurrent, run = 0, 0.0
    for t in range(n):
        concurrent += change[t]
        if concurrent > 0:
            run += 1.0 / concurrent
        total[t + 1] = run
    out = np.empty(len(start))
    for k in range(len(start)):
        out[k] = (total[end[k] + 1] - total[start[k]]) / (end[k] + 1 - start[k])
    return out


def average_uniqueness(start: IntArray, end: IntArray, n: int) -> FloatArray:
    """Mean over each label's bars of 1 / (number of labels alive on that bar).

    Takes O(n_labels + n) time. It depends on which labels are given, so it is computed again on
    the training rows of each fold.

    Parameters
    ----------
    start, end : int64 arrays of shape (n_labels,)
        Positions of the bar where a label was taken and of the bar that resolved it; both count
        as occupied.
    n : int
        Number of bars.

    Returns
    -------
    float64 array of shape (n_labels,)
        In (0, 1]; 1 for a label that overlaps no other.

    Raises
    ------
    DataError
        If an interval leaves [0, n) or ends before it starts.

    Notes
    -----
    Source: López de Prado, Advances in Financial Machine Learning (2018), section 4.4.

    Examples
    --------
    Two labels share one of their two bars; the third stands alone.

    >>> import numpy as np
    >>> from ohlcvml.labels import average_uniqueness
    >>> average_uniqueness(np.array([0, 1, 5]), np.array([1, 2, 6]), n=8)
    array([0.75, 0.75, 1.  ])
    """
    check_value("average_uniqueness", "n", integer(0), n)
    first = np.ascontiguousarray(start, dtype=np.int64)
    last = np.ascontiguousarray(end, dtype=np.int64)
    if first.shape != last.shape or first.ndim != 1:
        raise DataError(
            "average_uniqueness: 'start' and 'end' must be arrays of one length; got shapes "
            f"{first.shape} and {last.shape}."
        )
    bad = np.flatnonzero((first < 0) | (last < first) | (last >= n))
    if len(bad):
        k = int(bad[0])
        raise DataError(
            f"average_uniqueness: intervals must satisfy 0 <= start <= end < n = {n}; label {k} "
            f"has start {first[k]} and end {last[k]}. Drop unresolved labels first."
        )
    return np.asarray(_average_uniqueness(first, last, n))


def time_decay_weights(uniqueness: FloatArray, symbol: IntArray, oldest: float) -> FloatArray:
    """Weights that rise linearly with cumulative uniqueness, from ``oldest`` to 1 for the newest.

    Source: López de Prado (2018), section 4.11. Runs anew for each symbol.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.labels import time_decay_weights
    >>> time_decay_weights(np.ones(4), np.zeros(4, dtype=np.int64), oldest=0.5)
    array([0.625, 0.75 , 0.875, 1.   ])
    """
    out = np.ones(len(uniqueness))
    for code in np.unique(symbol):
        mine = symbol == code
        age = np.cumsum(uniqueness[mine])
        out[mine] = oldest + (1.0 - oldest) * age / age[-1]
    return out
