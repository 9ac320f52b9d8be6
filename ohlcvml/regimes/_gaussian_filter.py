"""The forward filter of a hidden Markov model with Gaussian observations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ohlcvml._elementary import exp
from ohlcvml.streams.kernels import compiled, inlined
from ohlcvml.typing import FloatArray

# Least probability of a transition: no state is ever ruled out for good, so the chain has one
# stationary law, forgets where it began, and an observation that only one state explains cannot
# meet a probability of 0.
RAREST = 1e-8

# A step multiplies the sum of the law by RAREST at the least.
_SMALLEST = 1e-200

# Rows whose densities are computed together.
BLOCK = 256


class Gaussians(NamedTuple):
    """A hidden Markov model as the kernels read it.

    Attributes
    ----------
    transition : array of shape (n_states, n_states)
        Row i: law of the next state after state i.
    means : array of shape (n_states, n_inputs)
    whitening : array of shape (n_states, n_inputs, n_inputs)
        Lower triangular W with sum((W (x - mean))^2) = half the squared Mahalanobis distance.
    constant : array of shape (n_states,)
        Log density at the mean, less what all states share.
    diagonal : bool
        Whether every W is diagonal.
    """

    transition: FloatArray
    means: FloatArray
    whitening: FloatArray
    constant: FloatArray
    diagonal: bool


@inlined
def log_densities(values, first, last, means, whitening, constant, diagonal, highest, out):  # type: ignore[no-untyped-def]
    """Log density of rows [first, last) in each state into ``out``, the highest of each apart.

    The highest is minus infinity where the row has an unknown or infinite input.
    """
    # Plain loops over rows, which the compiler makes into vector instructions; unsigned, because
    # a row number that might be negative would prevent it.
    t, n = np.uint64(first), np.uint64(last - first)
    for r in range(n):
        highest[r] = -np.inf
    for k in range(means.shape[0]):
        for r in range(n):
            out[k, t + r] = constant[k]
        for j in range(means.shape[1]):
            if diagonal:
                mean, scale = means[k, j], whitening[k, j, j]
                for r in range(n):
                    z = (values[j, t + r] - mean) * scale
                    out[k, t + r] -= z * z
            else:
                for r in range(n):
                    z = 0.0
                    for i in range(j + 1):
                        z += (values[i, t + r] - means[k, i]) * whitening[k, j, i]
                    out[k, t + r] -= z * z
        for r in range(n):
            density = out[k, t + r]
            highest[r] = density if density > highest[r] else highest[r]


@inlined
def _evidence(first, last, highest, out):  # type: ignore[no-untyped-def]
    # From log densities to densities relative to that of the likeliest state.
    t, n = np.uint64(first), np.uint64(last - first)
    for k in range(out.shape[0]):
        for r in range(n):
            out[k, t + r] = exp(out[k, t + r] - highest[r])


@inlined
def _step(t, known, transition, law, weight, out):  # type: ignore[no-untyped-def]
    n_states = law.shape[0]
    total = 0.0
    for k in range(n_states):
        expected = 0.0
        for i in range(n_states):
            expected += law[i] * transition[i, k]
        if known:
            expected *= out[k, t]
        weight[k] = expected
        total += expected
    share = 1.0 / total
    # The law is carried without norm, so that a step need not wait for the division before it.
    scale = share if total < _SMALLEST else 1.0
    for k in range(n_states):
        out[k, t] = weight[k] * share
        law[k] = weight[k] * scale


@compiled
def run_filter(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    """Law of the state given the rows up to t, for t in [first, last); a kernel of features.

    Each row is one step of the chain, then Bayes' rule with the row; a row with an input that is
    unknown or infinite is the step alone.
    """
    (values,) = inputs
    transition, means, whitening, constant, diagonal, highest = params
    law, weight = state
    size = highest.shape[0]
    for t in range(first, last, size):
        stop = min(t + size, last)
        log_densities(values, t, stop, means, whitening, constant, diagonal, highest, out)
        _evidence(t, stop, highest, out)
        for r in range(stop - t):
            _step(t + r, highest[r] > -np.inf, transition, law, weight, out)


def stationary(transition: FloatArray) -> FloatArray:
    """Stationary law of a chain whose transitions all have positive probability.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.regimes._gaussian_filter import stationary
    >>> stationary(np.array([[0.9, 0.1], [0.3, 0.7]])).round(9).tolist()
    [0.75, 0.25]
    """
    # Elimination without subtractions (Grassmann, Taksar and Heyman 1985): exact to rounding even
    # for transitions of very unequal size.
    a = np.array(transition, dtype=np.float64)
    n = len(a)
    for k in range(n - 1, 0, -1):
        a[:k, k] /= a[k, :k].sum()
        a[:k, :k] += np.outer(a[:k, k], a[k, :k])
    law = np.ones(n)
    for k in range(1, n):
        law[k] = law[:k] @ a[:k, k]
    return np.asarray(law / law.sum())
