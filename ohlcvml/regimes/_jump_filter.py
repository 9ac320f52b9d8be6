"""The forward recursion of a statistical jump model, and how far back it remembers."""

from __future__ import annotations

import numpy as np

from ohlcvml.streams.kernels import compiled, inlined
from ohlcvml.typing import FloatArray, IntArray

_STARTS = 1000


@inlined
def _losses(values, t, centre, share, clip, centroids, loss):  # type: ignore[no-untyped-def]
    """Half the squared distance of row t from each centroid; False where it is not known."""
    for k in range(loss.shape[0]):
        loss[k] = 0.0
    for j in range(centre.shape[0]):
        z = (values[j, t] - centre[j]) * share[j]
        if not np.isfinite(z):
            return False
        z = min(max(z, -clip), clip)
        for k in range(loss.shape[0]):
            distance = z - centroids[k, j]
            loss[k] += 0.5 * distance * distance
            if not np.isfinite(loss[k]):  # the square is beyond all numbers
                return False
    return True


@inlined
def _step(loss, penalty, cost):  # type: ignore[no-untyped-def]
    """Costs of the best paths that end in each state, one row on; return the state of the best.

    ``cost`` is kept relative to the least, so nothing grows with time, and a state that is not
    worth staying in costs exactly the penalty: two recursions that agree from there on have the
    same bits.
    """
    best, least = 0, np.inf
    for k in range(cost.shape[0]):
        cost[k] = min(cost[k], penalty) + loss[k]
        if cost[k] < least:
            best, least = k, cost[k]
    for k in range(cost.shape[0]):
        cost[k] -= least
    return best


@compiled
def run_costs(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    """State at the end of the cheapest path through the rows up to t, for t in [first, last).

    A kernel of features: row t of ``out`` is 1 in the state and 0 elsewhere. A row with an input
    that is unknown or infinite leaves everything as it was; before the first known row all is NaN.
    """
    (values,) = inputs
    centre, share, clip, centroids, penalty = params
    cost, loss, latest = state
    for t in range(first, last):
        if _losses(values, t, centre, share, clip, centroids, loss):
            latest[0] = _step(loss, penalty, cost)
        best = latest[0]
        for k in range(cost.shape[0]):
            out[k, t] = np.nan if best < 0 else (1.0 if k == best else 0.0)


@compiled
def _coalesce(values, start, last, params, costs, loss):  # type: ignore[no-untyped-def]
    """Rows from ``start`` until recursions begun in each state for certain agree to the bit.

    -1 if they do not before ``last``.
    """
    centre, share, clip, centroids, penalty = params
    n_states = costs.shape[0]
    for k in range(n_states):
        for i in range(n_states):
            costs[k, i] = 0.0 if i == k else penalty
    for t in range(start, last):
        if not _losses(values, t, centre, share, clip, centroids, loss):
            continue
        same = True
        for k in range(n_states):
            _step(loss, penalty, costs[k])
            for i in range(n_states):
                same = same and costs[k, i] == costs[0, i]
        if same:
            return t - start
    return -1


def coalescence_rows(values: FloatArray, runs: IntArray, params: tuple[object, ...]) -> int | None:
    """Rows after which the recursion no longer depends on where it began; measured.

    From about 1,000 evenly spaced rows, one recursion begins in each state for certain. Any other
    costs are a minimum of these, each with a constant, and the recursion keeps such minima; so once
    they agree, all do, exactly. The answer is the longest that took, or the longest stretch in
    which some did not get there; None if none ever did.

    Parameters
    ----------
    values : array of shape (n_inputs, n_rows)
    runs : int64 array of shape (n_runs, 2)
        First and last + 1 of each run of complete rows.
    params : tuple
        As :func:`run_costs` takes them.
    """
    centroids = params[3]
    assert isinstance(centroids, np.ndarray)
    n_states = len(centroids)
    costs, loss = np.empty((n_states, n_states)), np.empty(n_states)
    stride = max(1, int((runs[:, 1] - runs[:, 0]).sum()) // _STARTS)
    longest, settled = 0, False
    for first, last in runs:
        for start in range(int(first), int(last), stride):
            rows = _coalesce(values, start, int(last), params, costs, loss)
            settled = settled or rows >= 0
            longest = max(longest, rows if rows >= 0 else int(last) - start)
    return longest if settled else None
