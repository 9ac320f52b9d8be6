"""A marginal from a grid of quantiles: linear in normal scores inside, Gaussian tails outside."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from ohlcvml._compiling import njit
from ohlcvml.exceptions import ParameterError
from ohlcvml.typing import BoolArray, FloatArray

# Levels such as 1 - 0.9 miss their neighbour in the grid by rounding; that is no extrapolation.
SLACK = 1e-9


@njit(cache=True)
def _scores(grid, values, below, above, at, last, out):  # type: ignore[no-untyped-def]
    """Normal score of ``at[r]`` under the marginal whose quantiles are ``values[r]``.

    Where the quantile function is flat, its lowest score, or its highest with ``last``.
    """
    top = len(grid) - 1
    for r in range(len(values)):
        row, x = values[r], at[r]
        # A NaN anywhere in a row of sorted numbers shows in one of these.
        if np.isnan(x) or np.isnan(below[r]) or np.isnan(above[r]) or np.isnan(row).any():
            out[r] = np.nan
        elif x > row[top] or (x == row[top] and last):
            if above[r] > 0.0:
                out[r] = grid[top] + (x - row[top]) / above[r]
            else:
                out[r] = np.inf
        elif x < row[0] or (x == row[0] and not last):
            if below[r] > 0.0:
                out[r] = grid[0] - (row[0] - x) / below[r]
            else:
                out[r] = -np.inf
        else:
            if last:
                k = np.searchsorted(row, x, side="right")
            else:
                k = np.searchsorted(row, x, side="left")
            share = (x - row[k - 1]) / (row[k] - row[k - 1])
            out[r] = grid[k - 1] + share * (grid[k] - grid[k - 1])


@njit(cache=True)
def _quantiles(grid, values, below, above, scores, out):  # type: ignore[no-untyped-def]
    """Quantiles of row r at ``scores[r]``, or at ``scores[0]`` where that is for all rows."""
    top = len(grid) - 1
    own = len(scores) > 1
    for r in range(len(values)):
        row, asked = values[r], scores[r if own else 0]
        for j in range(len(asked)):
            z = asked[j]
            if z >= grid[top]:
                out[r, j] = row[top] + above[r] * (z - grid[top])
            elif z <= grid[0]:
                out[r, j] = row[0] + below[r] * (z - grid[0])
            else:
                k = np.searchsorted(grid, z, side="right")
                share = (z - grid[k - 1]) / (grid[k] - grid[k - 1])
                out[r, j] = min(row[k - 1] + share * (row[k] - row[k - 1]), row[k])


def tail_scales(levels: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Standard deviations of the Gaussian tails below and above the grid, shape values.shape[:-1].

    Each tail is that of the normal law that shares the median and the outermost quantile of its
    side with the grid, so a skewed forecast keeps its skew. A grid that does not reach across
    the median has one scale: that of the normal law through its two ends.
    """
    grid = ndtri(levels)
    span = (values[..., -1] - values[..., 0]) / (grid[-1] - grid[0])
    if not grid[0] < 0.0 < grid[-1]:
        return span, span
    k = int(np.searchsorted(grid, 0.0, side="right"))
    share = -grid[k - 1] / (grid[k] - grid[k - 1])
    median = values[..., k - 1] + share * (values[..., k] - values[..., k - 1])
    # Rounding puts the median of equal quantiles beside them: that is no spread.
    below, above = median - values[..., 0], values[..., -1] - median
    return np.maximum(below, 0.0) / -grid[0], np.maximum(above, 0.0) / grid[-1]


def values_at(levels: FloatArray, values: FloatArray, scores: FloatArray) -> FloatArray:
    """Quantiles of each marginal at its own normal scores.

    Parameters
    ----------
    levels : float64 array of shape (n_layers,)
    values : float64 array of shape (n_rows, n_levels)
    scores : float64 array of shape (n_rows, n_scores), or (1, n_scores) for all rows

    Returns
    -------
    float64 array of shape (n_rows, n_scores)
    """
    below, above = tail_scales(levels, values)
    out = np.empty((len(values), scores.shape[1]))
    _quantiles(ndtri(levels), np.ascontiguousarray(values), below, above, scores, out)
    return out


def quantiles_at(
    levels: FloatArray, values: FloatArray, wanted: Any
) -> tuple[FloatArray, BoolArray]:
    """Quantiles of marginals at other levels than those of the grid.

    Between grid levels the quantile is linear in the normal score, so that normal marginals come
    back exactly. Outside the grid each side continues as the normal law through the median and
    its outermost quantile: heavier tails than that are not known to the forecast, and are
    understated.

    Parameters
    ----------
    levels : float64 array of shape (n_layers,)
        Increasing, inside (0, 1).
    values : float64 array of shape (..., n_levels)
        Quantiles, non-decreasing along the last axis.
    wanted : array of shape (n_wanted,)
        Levels inside (0, 1).

    Returns
    -------
    quantiles : float64 array of shape (..., n_wanted)
    extrapolated : bool array of shape (n_wanted,)
        True for levels outside the grid, where the tail law answers and not the forecast.

    Raises
    ------
    ParameterError
        A wanted level is not inside (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.models._tails import quantiles_at
    >>> levels, values = np.array([0.1, 0.5, 0.9]), np.array([[-1.28, 0.0, 2.56]])
    >>> quantiles, extrapolated = quantiles_at(levels, values, [0.05, 0.5, 0.9, 0.95])
    >>> quantiles.round(2)
    array([[-1.64,  0.  ,  2.56,  3.29]])
    >>> extrapolated
    array([ True, False, False,  True])
    """
    asked = np.atleast_1d(np.asarray(wanted, dtype=np.float64))
    if asked.ndim != 1 or not ((asked > 0.0) & (asked < 1.0)).all():
        raise ParameterError(
            f"quantiles_at: parameter 'wanted' must be levels inside (0, 1); got {wanted!r}."
        )
    rows = values.reshape(-1, len(levels))
    quantiles = values_at(levels, rows, ndtri(asked)[None])
    extrapolated = (asked < levels[0] - SLACK) | (asked > levels[-1] + SLACK)
    return quantiles.reshape(*values.shape[:-1], len(asked)), extrapolated


def scores_at(
    levels: FloatArray, values: FloatArray, at: FloatArray, *, last: bool = False
) -> FloatArray:
    """Normal scores z at which the quantile function of each marginal reaches ``at``.

    The inverse of :func:`quantiles_at` in normal scores: P(X < x) = Φ(z). Where the marginal has
    an atom at x, z is the lowest score that gives x, or the highest with ``last``, so that
    P(X <= x) = Φ(z). Infinite beyond a marginal that ends in an atom.

    Parameters
    ----------
    levels : float64 array of shape (n_layers,)
    values : float64 array of shape (..., n_levels)
    at : float64 array of shape (...)
    last : bool, default=False

    Returns
    -------
    float64 array of shape (...)
    """
    below, above = tail_scales(levels, values)
    flat = np.ascontiguousarray(values).reshape(-1, len(levels))
    target = np.ascontiguousarray(np.broadcast_to(at, values.shape[:-1])).reshape(-1)
    out = np.empty(len(flat))
    _scores(ndtri(levels), flat, below.reshape(-1), above.reshape(-1), target, last, out)
    return out.reshape(values.shape[:-1])


def probability_below(levels: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    """P(X < at) of each marginal; shapes as in :func:`scores_at`."""
    return np.asarray(ndtr(scores_at(levels, values, at)))


def probability_above(levels: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    """P(X > at) of each marginal; shapes as in :func:`scores_at`."""
    return np.asarray(ndtr(-scores_at(levels, values, at, last=True)))
