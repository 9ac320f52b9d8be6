"""Learning a statistical jump model: paths and centroids in turn, from several starts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ohlcvml.exceptions import DataError
from ohlcvml.streams.kernels import compiled
from ohlcvml.typing import FloatArray, IntArray

LONGEST_PIECE = 100  # rows; states last, so the mean of a piece is often near a centroid
NUDGES = (0.02, 1.0)  # deviations of the centroids from the best, in the spread of these


class JumpRules(NamedTuple):
    """How to learn; the parameters of :class:`~ohlcvml.regimes.JumpModelRegime` of these names."""

    n_states: int
    jump_penalty: float
    clip: float
    n_init: int
    max_iter: int
    random_state: int


class JumpEstimate(NamedTuple):
    """A learned model, states in no order.

    Attributes
    ----------
    centre, scale : array of shape (n_inputs,)
        Mean and standard deviation of each input.
    centroids : array of shape (n_states, n_inputs)
        Of the scaled inputs.
    objective : float
        Half the squared distances from the centroids and the penalties of the jumps, in total.
    """

    centre: FloatArray
    scale: FloatArray
    centroids: FloatArray
    objective: float


@compiled
def _best_paths(rows, ends, centroids, penalty, cost, before, path):  # type: ignore[no-untyped-def]
    """Cheapest path of states through each sequence of ``rows``, into ``path``; return its cost.

    ``ends`` of shape (n_sequences + 1,) are where sequences begin and end; ``cost`` of shape
    (n_states,) and ``before`` of shape (n_states, n_rows) are room to work in.
    """
    n_states, total = cost.shape[0], 0.0
    for s in range(ends.shape[0] - 1):
        cost[:] = 0.0
        for t in range(ends[s], ends[s + 1]):
            best = 0
            for k in range(1, n_states):
                best = k if cost[k] < cost[best] else best
            jump = cost[best] + penalty
            for k in range(n_states):
                stays = cost[k] <= jump
                before[k, t] = k if stays else best
                cost[k] = cost[k] if stays else jump
            for k in range(n_states):
                loss = 0.0
                for j in range(rows.shape[0]):
                    distance = rows[j, t] - centroids[k, j]
                    loss += distance * distance
                cost[k] += 0.5 * loss
        state = 0
        for k in range(1, n_states):
            state = k if cost[k] < cost[state] else state
        total += cost[state]
        for t in range(ends[s + 1] - 1, ends[s] - 1, -1):
            path[t] = state
            state = before[state, t]
    return total


def learn_jumps(values: FloatArray, runs: IntArray, rules: JumpRules, who: str) -> JumpEstimate:
    """Learn from the rows of several runs; the best of ``n_init`` starts.

    Parameters
    ----------
    values : array of shape (n_inputs, n_rows)
    runs : int64 array of shape (n_runs, 2)
        First and last + 1 of each run of complete rows: sequences of their own, no path leads from
        one to the next.
    rules : JumpRules
    who : str

    Raises
    ------
    DataError
        Fewer than two complete rows for each state.
    """
    lengths = runs[:, 1] - runs[:, 0]
    if lengths.sum() < 2 * rules.n_states:
        raise DataError(
            f"{who}: fit needs at least {2 * rules.n_states} complete rows to learn "
            f"{rules.n_states} states; got {int(lengths.sum())} of {values.shape[1]} rows in "
            f"{len(runs)} runs. Give more bars than the inputs' lookback."
        )
    rows = np.concatenate([values[:, first:last] for first, last in runs], axis=1)
    centre, scale = rows.mean(axis=1), rows.std(axis=1)
    scale[scale <= 1e-12 * np.maximum(np.abs(centre), 1e-300)] = 1.0  # an input that never moves
    rows = np.clip((rows - centre[:, None]) / scale[:, None], -rules.clip, rules.clip)
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    centroids, objective = _least_cost(rows, ends, rules)
    return JumpEstimate(centre, scale, centroids, objective)


def _least_cost(rows: FloatArray, ends: IntArray, rules: JumpRules) -> tuple[FloatArray, float]:
    """Centroids of the least objective found: from random starts, then from near the best."""
    best, least = np.empty(0), np.inf
    for attempt in range(2 * rules.n_init):
        generator = np.random.default_rng([rules.random_state, attempt])
        if attempt >= rules.n_init:
            size = np.exp(generator.uniform(*np.log(NUDGES)))
            start = best + generator.normal(size=best.shape) * size * best.std(axis=0)
        elif attempt % 2:
            start = _spread_out(_pieces(rows, rules.n_states, generator), rules.n_states, generator)
        else:
            start = _spread_out(rows, rules.n_states, generator)
        centroids, objective = _descend(rows, ends, rules, start, generator)
        if objective < least:
            best, least = centroids, objective
    return best, least


def _descend(
    rows: FloatArray,
    ends: IntArray,
    rules: JumpRules,
    start: FloatArray,
    generator: np.random.Generator,
) -> tuple[FloatArray, float]:
    """Centroids and their objective: neither another path nor other centroids would lower it."""
    n_states, n_rows = rules.n_states, rows.shape[1]
    centroids = start.copy()
    cost, before = np.empty(n_states), np.empty((n_states, n_rows), dtype=np.int64)
    path, last_path = np.empty(n_rows, dtype=np.int64), np.full(n_rows, -1)
    penalty = rules.jump_penalty
    for _ in range(rules.max_iter):
        objective = _best_paths(rows, ends, centroids, penalty, cost, before, path)
        if np.array_equal(path, last_path):
            break
        last_path[:] = path
        counts = np.bincount(path, minlength=n_states)
        for j, values in enumerate(rows):
            sums = np.bincount(path, weights=values, minlength=n_states)
            centroids[:, j] = np.where(counts > 0, sums / np.maximum(counts, 1), centroids[:, j])
        for k in np.flatnonzero(counts == 0):  # nothing is lost by trying it elsewhere
            centroids[k] = _far_from(centroids, _pieces(rows, n_states, generator), generator)
    else:
        objective = _best_paths(rows, ends, centroids, penalty, cost, before, path)
    return centroids, float(objective)


def _pieces(rows: FloatArray, n_states: int, generator: np.random.Generator) -> FloatArray:
    """Means of neighbouring rows, of a random number that leaves at least 4 for each state."""
    most = min(LONGEST_PIECE, rows.shape[1] // (4 * n_states))
    size = int(np.exp(generator.uniform(0.0, np.log(max(most, 2)))))
    first = int(generator.integers(size))
    count = (rows.shape[1] - first) // size
    shape = (rows.shape[0], count, size)
    return np.asarray(rows[:, first : first + count * size].reshape(shape).mean(axis=2))


def _spread_out(rows: FloatArray, n_states: int, generator: np.random.Generator) -> FloatArray:
    """Rows far from one another, drawn as k-means++ does (Arthur and Vassilvitskii 2007)."""
    chosen = rows[:, [int(generator.integers(rows.shape[1]))]].T
    for _ in range(n_states - 1):
        chosen = np.vstack([chosen, _far_from(chosen, rows, generator)])
    return np.ascontiguousarray(chosen)


def _far_from(
    centroids: FloatArray, rows: FloatArray, generator: np.random.Generator
) -> FloatArray:
    """A row, drawn by its squared distance from the nearest centroid."""
    distance = np.full(rows.shape[1], np.inf)
    for centroid in centroids:
        distance = np.minimum(distance, ((rows - centroid[:, None]) ** 2).sum(axis=0))
    total = np.cumsum(distance)
    at = int(np.searchsorted(total, generator.random() * total[-1], side="right"))
    return np.asarray(rows[:, min(at, rows.shape[1] - 1)])
