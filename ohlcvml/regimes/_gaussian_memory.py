"""How many rows a filter needs to forget where it began."""

from __future__ import annotations

import math

import numpy as np

from ohlcvml.regimes._gaussian_filter import BLOCK, Gaussians, run_filter
from ohlcvml.typing import FloatArray, IntArray

STARTS = 200


def forgetting_rows(values: FloatArray, runs: IntArray, model: Gaussians, tolerance: float) -> int:
    """Rows after which filters begun in different laws agree to ``tolerance``; measured.

    From about 200 evenly spaced rows, one filter begins in each state for certain. Any other
    law lies between these, so once they agree, all do. The answer is the longest that took,
    counting only rows that stand in one run; if nowhere they agreed, it is extrapolated from the
    longest try.

    Parameters
    ----------
    values : array of shape (n_inputs, n_rows)
    runs : int64 array of shape (n_runs, 2)
        First and last + 1 of each run of complete rows.
    model : Gaussians
    tolerance : float
        Largest difference of a probability.
    """
    stride = max(1, int((runs[:, 1] - runs[:, 0]).sum()) // STARTS)
    longest, settled, tried, left = 0, False, 0, 1.0
    for first, last in runs:
        for start in range(int(first), int(last), stride):
            rows, difference = _one_start(values, start, int(last), model, tolerance)
            if difference <= tolerance:
                longest, settled = max(longest, rows), True
            elif rows > tried:
                tried, left = rows, difference
    if settled:
        return max(longest, 1)
    rate = math.log(min(max(left, tolerance), 1.0 - 1e-6)) / max(tried, 1)
    return math.ceil(math.log(tolerance) / rate)


def _one_start(
    values: FloatArray, start: int, last: int, model: Gaussians, tolerance: float
) -> tuple[int, float]:
    """Rows until the filters agree, or all there are, and their difference there."""
    n_states = len(model.means)
    params = (*model, np.empty(BLOCK))
    states = [(np.eye(n_states)[k].copy(), np.empty(n_states)) for k in range(n_states)]
    out = np.empty((n_states, n_states, BLOCK))
    difference = 1.0
    for at in range(start, last, BLOCK):
        stop = min(at + BLOCK, last)
        block = (np.ascontiguousarray(values[:, at:stop]),)
        for k in range(n_states):
            run_filter(block, 0, stop - at, params, states[k], out[k])
        spread = np.ptp(out[:, :, : stop - at], axis=0).max(axis=0)
        near = np.flatnonzero(spread <= tolerance)
        if len(near):
            return at - start + int(near[0]), float(spread[near[0]])
        difference = float(spread[-1])
    return last - start, difference
