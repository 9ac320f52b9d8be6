"""First touch of two lines by paths known at closes, with Brownian bridges in between.

Between two closes a Brownian bridge touches a straight line at distances a and b (at its start and
end) with probability exp(−2ab / variance), and two lines in a given order with a probability of
the same form: Doob, Heuristic approach to the Kolmogorov-Smirnov theorems, Annals of Mathematical
Statistics 20 (1949). So a path is not killed at random but loses weight, and few paths are enough.
"""

from __future__ import annotations

import numpy as np

from ohlcvml._compiling import njit

# Instead of infinity: products of these stay numbers, and nothing comes near them.
FAR = 1e8  # distance to a barrier that is not there
STEEPEST = 1e200  # 2 / variance of a step without variance

BLOCK = 512  # paths at a time: they and their draws stay in the cache while the windows pass
GONE = 1e-12  # share of a path that has not touched yet

# exp(-a) = exp(-a / 64) ** 64 with Taylor's first terms, to 2e-10: it has no branch, so that the
# loops over paths turn into vector instructions. exp(-40) is nothing.
LIMIT, PART = 40.0, 1.0 / 64.0
C3, C4, C5 = 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0


@njit(inline="always")
def _decay(a):  # type: ignore[no-untyped-def]
    """exp(−a), and 1 where a is negative: the line has been crossed."""
    y = min(max(a, 0.0), LIMIT) * PART
    p = 1.0 - y * (1.0 - y * (0.5 - y * (C3 - y * (C4 - y * C5))))
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    return p if a < LIMIT else 0.0


@njit(inline="always")
def _touch(rate, up0, down0, up1, down1):  # type: ignore[no-untyped-def]
    """Chances that a bridge touches the upper line first, and the lower line first.

    Distances at the start (positive) and at the end (negative: beyond); ``rate`` is 2 / variance.
    Doob's series up to two touches. A third one needs a way of twice the distance of the lines
    within one step.
    """
    above, below = rate * up0 * up1, rate * down0 * down1
    both = above + below
    up = max(_decay(above) - _decay(both + 2.0 * rate * down0 * up1), 0.0)
    down = max(_decay(below) - _decay(both + 2.0 * rate * up0 * down1), 0.0)
    # Beyond one line it has been touched: only whether the other one came before is open.
    first_up = 1.0 - down if up1 <= 0.0 else up
    first_down = 1.0 - up if down1 <= 0.0 else down
    return first_up, first_down


@njit(cache=True)
def _step_exact(keep, fresh, rate, upper, lower, draws, z, up, down, left, ups, downs):  # type: ignore[no-untyped-def]
    """Move all paths by one step: score, distances, untouched share and touches so far."""
    for s in range(len(z)):
        score = keep * z[s] + fresh * draws[s]
        up1, down1 = upper - score, score - lower
        first_up, first_down = _touch(rate, up[s], down[s], up1, down1)
        ups[s] += left[s] * first_up
        downs[s] += left[s] * first_down
        left[s] *= max(1.0 - first_up - first_down, 0.0)
        z[s], up[s], down[s] = score, max(up1, 0.0), max(down1, 0.0)


@njit(cache=True)
def _step_apart(keep, fresh, rate, upper, lower, draws, z, up, down, left, ups, downs):  # type: ignore[no-untyped-def]
    """The same where no single step goes from one line to the other: half the work."""
    for s in range(len(z)):
        score = keep * z[s] + fresh * draws[s]
        up1, down1 = upper - score, score - lower
        above, below = _decay(rate * up[s] * up1), _decay(rate * down[s] * down1)
        shared = 0.5 * above * below
        ups[s] += left[s] * (above - shared)
        downs[s] += left[s] * (below - shared)
        left[s] *= (1.0 - above) * (1.0 - below)
        z[s], up[s], down[s] = score, max(up1, 0.0), max(down1, 0.0)


@njit(cache=True)
def _step_closes(keep, fresh, upper, lower, draws, z, left, ups, downs):  # type: ignore[no-untyped-def]
    """The same with touches at the close alone."""
    for s in range(len(z)):
        score = keep * z[s] + fresh * draws[s]
        above, below = score >= upper, score <= lower
        ups[s] += left[s] if above else 0.0
        downs[s] += left[s] if below else 0.0
        left[s] = 0.0 if above or below else left[s]
        z[s] = score


@njit(cache=True)
def race_scores(draws, keep, fresh, rate, up0, down0, upper, lower, narrow, bridge, out):  # type: ignore[no-untyped-def]
    """Share of paths of normal scores that touch first below (column 0) and above (column 2).

    Arrays have shape (n_windows, n_steps); ``draws`` (n_steps, n_paths) serve all windows. The
    next score is ``keep`` times the last one plus ``fresh`` times a draw; a step whose ``keep`` is
    0 begins anew, at the distances ``up0`` and ``down0`` from the barriers. ``rate`` is
    2·keep / (1 − keep²), which is 2 / variance of a step in units of its two ends. ``narrow``
    marks steps that may go from one barrier to the other.
    """
    n_steps, n_paths = draws.shape
    z, left, ups, downs = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    up, down = np.empty(BLOCK), np.empty(BLOCK)
    for first in range(0, n_paths, BLOCK):
        m = min(BLOCK, n_paths - first)
        for b in range(len(upper)):
            z[:], left[:], ups[:], downs[:] = 0.0, 1.0, 0.0, 0.0
            for k in range(n_steps):
                drawn = draws[k, first : first + m]
                if not bridge:
                    _step_closes(
                        keep[b, k], fresh[b, k], upper[b, k], lower[b, k], drawn,
                        z[:m], left[:m], ups[:m], downs[:m],
                    )  # fmt: skip
                    continue
                if keep[b, k] == 0.0:
                    up[:], down[:] = up0[b, k], down0[b, k]
                if narrow[b, k]:
                    _step_exact(
                        keep[b, k], fresh[b, k], rate[b, k], upper[b, k], lower[b, k], drawn,
                        z[:m], up[:m], down[:m], left[:m], ups[:m], downs[:m],
                    )  # fmt: skip
                else:
                    _step_apart(
                        keep[b, k], fresh[b, k], rate[b, k], upper[b, k], lower[b, k], drawn,
                        z[:m], up[:m], down[:m], left[:m], ups[:m], downs[:m],
                    )  # fmt: skip
            out[b, 2] += ups[:m].sum()
            out[b, 0] += downs[:m].sum()
    out /= n_paths


@njit(cache=True)
def race_paths(paths, rate, upper, lower, bridge, out):  # type: ignore[no-untyped-def]
    """Share of sampled paths (n_windows, n_paths, n_steps) of returns that touch first.

    ``rate`` is 2 / variance of each window's steps; columns of ``out`` as in race_scores.
    """
    n_paths = paths.shape[1]
    for b in range(len(paths)):
        for s in range(n_paths):
            before, left = 0.0, 1.0
            for k in range(paths.shape[2]):
                after, high, low = paths[b, s, k], upper[b, k], lower[b, k]
                if bridge:
                    # A barrier that moves in may pass the price between two closes.
                    up0, down0 = max(high - before, 0.0), max(before - low, 0.0)
                    up, down = _touch(rate[b, k], up0, down0, high - after, after - low)
                else:
                    up = 1.0 if after >= high else 0.0
                    down = 1.0 if after <= low else 0.0
                out[b, 2] += left * up
                out[b, 0] += left * down
                left *= max(1.0 - up - down, 0.0)
                if left < GONE:
                    break
                before = after
    out /= n_paths
