"""The Gaussian copula of a Brownian motion on the forecast's own clock.

Let X_k be the cumulative log return k bars ahead and Q_k its quantile function. A forecast gives
Q_1 … Q_H and nothing of how they hang together. The law: X_k = Q_k(Φ(Z_k)) with normal scores
Z_k = W(τ_k) / √τ_k, W a Brownian motion and τ_k the squared interquantile range at step k, made
monotone. The marginals are those of the forecast, whatever their shape; the dependence is that of
a price whose variance has grown by τ_k so far, which is exact for independent normal returns of
any known variances and drift.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from ohlcvml._checks import check_value, integer, one_of
from ohlcvml.exceptions import ParameterError
from ohlcvml.models._tails import quantiles_at, values_at
from ohlcvml.models.paths._forecast import PathForecast, QuantileForecast
from ohlcvml.typing import FloatArray

# The law, and three that are wrong, kept so that tests and docs can show by how much.
LAWS = ("copula", "linear_clock", "comonotone", "independent")

CLOCK_LEVELS = np.array([0.1, 0.9])
CLOCK_SCORES = float(np.diff(ndtri(CLOCK_LEVELS))[0])  # the range of a standard normal


@lru_cache(maxsize=4)
def shared_draws(n_paths: int, n_steps: int, seed: int) -> FloatArray:
    """Quasi-random standard normals (n_steps, n_paths), the same for all windows.

    Scrambled Sobol points, each with its mirror image, so that a forecast without a direction gets
    none from the draws. They are turned so that the first and best coordinates carry the slow
    movements of the path: the principal components of a random walk, whose increments are a cosine
    transform with no sign left to a linear algebra library.
    """
    from scipy.stats import qmc

    half = (n_paths + 1) // 2
    points = qmc.Sobol(n_steps, scramble=True, seed=seed)
    uniform = points.random_base2(int(np.ceil(np.log2(half))))[:half]
    normal = ndtri(uniform + 2.0**-31)  # the middle of cells of 2^-30, one of which begins at 0
    step, component = np.arange(n_steps) + 0.5, 2 * np.arange(n_steps) + 1
    angle = np.pi * np.outer(component, step) / (2 * n_steps + 1)
    turned = normal @ (2.0 / np.sqrt(2 * n_steps + 1) * np.cos(angle))
    draws = np.ascontiguousarray(np.concatenate([turned, -turned])[:n_paths].T)
    draws.flags.writeable = False
    return draws


def clock(forecast: QuantileForecast, law: str) -> FloatArray:
    """Variance τ that the path has used up by each step, shape (n_windows, n_steps)."""
    if law == "linear_clock":
        steps = np.arange(1.0, forecast.n_steps + 1)
        return np.broadcast_to(steps, forecast.values.shape[:2])
    low, high = np.moveaxis(quantiles_at(forecast.levels, forecast.values, CLOCK_LEVELS)[0], -1, 0)
    return np.maximum.accumulate(range_variance(low, high), axis=1)


def range_variance(low: FloatArray, high: FloatArray) -> FloatArray:
    """Variance of the normal law with these quantiles at ``CLOCK_LEVELS``."""
    return ((high - low) / CLOCK_SCORES) ** 2


def recursion(forecast: QuantileForecast, law: str) -> tuple[FloatArray, FloatArray]:
    """Weights of the last score and of a fresh draw in the next score, per step."""
    shape = forecast.values.shape[:2]
    if law == "independent":
        return np.zeros(shape), np.ones(shape)
    if law == "comonotone":
        keep = np.ones(shape)
    else:
        used = clock(forecast, law)
        before = np.concatenate([np.zeros((shape[0], 1)), used[:, :-1]], axis=1)
        # Where the clock stands still, so does the score; 0/0 is a step that is still certain.
        ratio = np.divide(before, used, out=np.ones(shape), where=used > 0.0)
        keep = np.sqrt(ratio)
    keep[:, 0] = 0.0
    return keep, np.sqrt(np.maximum(1.0 - keep * keep, 0.0))


def simulate_paths(
    forecast: QuantileForecast, n_paths: int = 1024, *, seed: int = 0, law: str = "copula"
) -> PathForecast:
    """Paths of the law over a forecast's marginals, at closes.

    The paths that :func:`barrier_probabilities` runs, as returns. Every step's quantiles are those
    of the forecast.

    Parameters
    ----------
    forecast : QuantileForecast
    n_paths : int, default=1024
        Of each window. The result has shape (n_windows, n_paths, n_steps).
    seed : int, default=0
    law : {"copula", "linear_clock", "comonotone", "independent"}, default="copula"

    Returns
    -------
    PathForecast

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.models.paths import QuantileForecast, simulate_paths
    >>> values = 0.001 * np.sqrt([1.0, 2.0])[:, None] * np.array([-1.28, 0.0, 1.28])
    >>> forecast = QuantileForecast(np.array([0.1, 0.5, 0.9]), values[None])
    >>> paths = simulate_paths(forecast, n_paths=4096)
    >>> paths.quantiles([0.1, 0.9]).values.round(4)
    array([[[-0.0013,  0.0013],
            [-0.0018,  0.0018]]])
    """
    who = "simulate_paths"
    if not isinstance(forecast, QuantileForecast):
        raise ParameterError(
            f"{who}: parameter 'forecast' must be a QuantileForecast; got "
            f"{type(forecast).__name__}. Turn paths into marginals with forecast.quantiles()."
        )
    check_value(who, "n_paths", integer(2), n_paths)
    check_value(who, "seed", integer(0), seed)
    check_value(who, "law", one_of(*LAWS), law)
    keep, fresh = recursion(forecast, law)
    draws = shared_draws(int(n_paths), forecast.n_steps, int(seed))
    paths = np.empty((len(forecast), int(n_paths), forecast.n_steps))
    score = np.zeros(paths.shape[:2])
    for k in range(forecast.n_steps):
        score = keep[:, k, None] * score + fresh[:, k, None] * draws[k]
        paths[:, :, k] = values_at(forecast.levels, forecast.values[:, k], score)
    return PathForecast(paths)
