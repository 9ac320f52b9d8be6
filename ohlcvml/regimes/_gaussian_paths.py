"""Looking back over a whole series: the smoothed law and the most likely path of the states."""

from __future__ import annotations

import numpy as np

from ohlcvml.regimes._gaussian_filter import log_densities
from ohlcvml.streams.kernels import compiled


@compiled
def run_smoother(first, last, transition, filtered, out):  # type: ignore[no-untyped-def]
    """Law of the state given all rows of [first, last), from the filtered laws, shape (K, n)."""
    n_states = transition.shape[0]
    for k in range(n_states):
        out[k, last - 1] = filtered[k, last - 1]
    for t in range(last - 2, first - 1, -1):
        for k in range(n_states):
            out[k, t] = 0.0
        for k in range(n_states):
            expected = 0.0
            for i in range(n_states):
                expected += filtered[i, t] * transition[i, k]
            ratio = out[k, t + 1] / expected
            for i in range(n_states):
                out[i, t] += filtered[i, t] * transition[i, k] * ratio


@compiled
def run_viterbi(values, first, last, params, initial, score, best, density, before, path):  # type: ignore[no-untyped-def]
    """Most likely path of the states through rows [first, last), into ``path``.

    ``density`` of shape (n_states, n) and ``before`` of the same shape are room to work in;
    ``score`` and ``best`` of shape (n_states,).
    """
    transition, means, whitening, constant, diagonal, highest = params
    n_states, size = transition.shape[0], highest.shape[0]
    for t in range(first, last, size):
        stop = min(t + size, last)
        log_densities(values, t, stop, means, whitening, constant, diagonal, highest, density)
        for r in range(stop - t):
            known = highest[r] > -np.inf
            for k in range(n_states):
                evidence = density[k, t + r] if known else 0.0
                if t + r == first:
                    best[k] = np.log(initial[k]) + evidence
                    continue
                chosen = 0
                for i in range(1, n_states):
                    if score[i] + np.log(transition[i, k]) > score[chosen] + np.log(
                        transition[chosen, k]
                    ):
                        chosen = i
                before[k, t + r] = chosen
                best[k] = score[chosen] + np.log(transition[chosen, k]) + evidence
            for k in range(n_states):
                score[k] = best[k]
    state = 0
    for k in range(1, n_states):
        if score[k] > score[state]:
            state = k
    for t in range(last - 1, first - 1, -1):
        path[t] = state
        state = before[state, t]
