"""The path law: from a forecast to the barrier that is touched first.

In the normal scores of the copula the price never has to be computed. The barrier b stands at the
score z_k with Q_k(Φ(z_k)) = b, and between two closes W is a Brownian bridge and √τ·z a straight
line, so the chance of a touch in between is known in closed form.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import boolean, check_value, instance_of, integer, one_of
from ohlcvml.exceptions import ParameterError
from ohlcvml.models._tails import (
    probability_above,
    probability_below,
    quantiles_at,
    scores_at,
)
from ohlcvml.models.paths._copula import (
    CLOCK_LEVELS,
    LAWS,
    clock,
    range_variance,
    recursion,
    shared_draws,
)
from ohlcvml.models.paths._first_touch import FAR, STEEPEST, race_paths, race_scores
from ohlcvml.models.paths._forecast import Forecast, PathForecast, QuantileForecast
from ohlcvml.typing import FloatArray

# Numbers of a forecast at a time, 32 MB: bounds what is held beside it.
CHUNK = 1 << 22

# Barriers closer than this many standard deviations of one step: the step may touch both. At 4.5
# the difference is 1e-5 and shows as a probability that falls when its barrier comes nearer.
NARROW = 6.0


def barrier_probabilities(
    forecast: Forecast,
    upper: Any,
    lower: Any,
    *,
    n_paths: int = 16384,
    seed: int = 0,
    bridge: bool = True,
    law: str = "copula",
) -> FloatArray:
    """Probabilities that the lower barrier, neither, or the upper barrier is touched first.

    The forecast gives the marginals; a Gaussian copula adds how steps hang together: that of a
    Brownian motion run on the clock τ_k, the squared range between the 10 % and 90 % quantiles of
    step k, made monotone by its running maximum. Marginals outside the forecast's levels have
    Gaussian tails (:func:`quantiles_at`). A row's answer does not depend on the other rows.

    Parameters
    ----------
    forecast : QuantileForecast or PathForecast
        Sampled paths carry their own law: their touches are counted, and ``n_paths``, ``seed``
        are not used.
    upper, lower : float or array of shape (n_windows,) or (n_windows, n_steps)
        Barriers as log returns from the window's last close, lower < 0 < upper; infinite where
        there is none, NaN where the row has no answer.
    n_paths : int, default=16384
        Quasi-random paths (scrambled Sobol, mirrored), shared by all windows. The error of a
        probability has a standard deviation of about 0.001 at 16,384 and 0.002 at 4,096.
    seed : int, default=0
        Of the scrambling.
    bridge : bool, default=True
        Count touches between two closes, as highs and lows do. False: closes only.
    law : {"copula", "linear_clock", "comonotone", "independent"}, default="copula"
        The last three are wrong and serve to show it (docs/forecast_law.md): variance that
        grows evenly, one score for the whole path, a fresh score each step. The last two have
        no path between closes, so they are read at closes only.

    Returns
    -------
    float64 array of shape (n_windows, 3)
        Down, none, up: rows sum to 1. NaN where the forecast or a barrier is NaN.

    Raises
    ------
    ParameterError
        A parameter breaks its rule.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.special import ndtri
    >>> from ohlcvml.models.paths import QuantileForecast, barrier_probabilities
    >>> levels, spread = np.arange(1, 10) / 10, 0.001 * np.sqrt(np.arange(1, 21))
    >>> forecast = QuantileForecast(levels, spread[None, :, None] * ndtri(levels))
    >>> barrier_probabilities(forecast, upper=0.0024, lower=-0.0024).round(3)
    array([[0.491, 0.018, 0.491]])
    """
    who = "barrier_probabilities"
    _check(forecast, who)
    check_value(who, "n_paths", integer(2), n_paths)
    check_value(who, "seed", integer(0), seed)
    check_value(who, "bridge", boolean(), bridge)
    check_value(who, "law", one_of(*LAWS), law)
    high = _barrier(upper, forecast, who, "upper")
    low = _barrier(lower, forecast, who, "lower")
    if (high <= 0.0).any() or (low >= 0.0).any():
        name, value = ("upper", high) if (high <= 0.0).any() else ("lower", low)
        side, got = ("above", value.min()) if name == "upper" else ("below", value.max())
        raise ParameterError(
            f"{who}: parameter {name!r} must lie {side} 0, the last close; got {got}. Rows whose "
            "barrier stands on the wrong side have no answer: pass NaN."
        )
    if isinstance(forecast, PathForecast) and law != "copula":
        raise ParameterError(
            f"{who}: parameter 'law' must be 'copula' for sampled paths, which carry their own "
            f"law; got {law!r}. Pass forecast.quantiles() to put another law on their marginals."
        )
    out = np.full((len(forecast), 3), np.nan)
    known = ~(forecast.missing | np.isnan(high).any(axis=1) | np.isnan(low).any(axis=1))
    rows = np.flatnonzero(known)
    inner = forecast.paths if isinstance(forecast, PathForecast) else forecast.values
    windows = max(1, CHUNK // inner[:1].size) if len(rows) else 1
    for start in range(0, len(rows), windows):
        some = rows[start : start + windows]
        part = forecast.take(some)
        if isinstance(part, PathForecast):
            touched = _of_paths(part, high[some], low[some], bridge)
        else:
            draws = shared_draws(int(n_paths), part.n_steps, int(seed))
            touched = _of_marginals(part, high[some], low[some], draws, bridge, law)
        touched[:, 1] = np.maximum(1.0 - touched[:, 0] - touched[:, 2], 0.0)
        out[some] = touched
    return out


def _of_marginals(
    forecast: QuantileForecast,
    upper: FloatArray,
    lower: FloatArray,
    draws: FloatArray,
    bridge: bool,
    law: str,
) -> FloatArray:
    levels, values = forecast.levels, forecast.values
    keep, fresh = recursion(forecast, law)
    bridge = bridge and law in ("copula", "linear_clock")
    high = np.clip(scores_at(levels, values, upper), -FAR, FAR)
    low = np.clip(scores_at(levels, values, lower, last=True), -FAR, FAR)
    # A step that begins anew: where the price stands, in standard deviations of that step.
    median = quantiles_at(levels, values, [0.5])[0][..., 0]
    start = np.concatenate([np.zeros((len(values), 1)), median[:, :-1]], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(clock(forecast, "copula"))
        up0 = np.clip(np.nan_to_num((upper - start) / spread), 0.0, FAR)
        down0 = np.clip(np.nan_to_num((start - lower) / spread), 0.0, FAR)
        rate = np.minimum(2.0 * keep / (1.0 - keep * keep), STEEPEST)
        anew = keep == 0.0
        rate[anew] = 2.0
        width = high - low
        before = np.concatenate([width[:, :1], width[:, :-1]], axis=1) * keep
        before[anew] = (up0 + down0)[anew]
        narrow = np.minimum(before, width) < NARROW * fresh
    out = np.zeros((len(values), 3))
    race_scores(draws, keep, fresh, rate, up0, down0, high, low, narrow, bridge, out)
    return out


def _of_paths(
    forecast: PathForecast, upper: FloatArray, lower: FloatArray, bridge: bool
) -> FloatArray:
    paths = forecast.paths
    moves = np.diff(paths, axis=2, prepend=0.0)
    ends = np.quantile(moves, CLOCK_LEVELS, axis=1, method="hazen")
    with np.errstate(divide="ignore"):
        rate = np.minimum(2.0 / range_variance(ends[0], ends[1]), STEEPEST)
    out = np.zeros((len(paths), 3))
    race_paths(paths, rate, np.minimum(upper, FAR), np.maximum(lower, -FAR), bridge, out)
    return out


def threshold_probabilities(
    forecast: Forecast, upper: Any, lower: Any, *, step: int | None = None
) -> FloatArray:
    """Probabilities that the return at one step lies below ``lower``, between, or above ``upper``.

    The marginal of that step alone answers; no path law is needed.

    Parameters
    ----------
    forecast : QuantileForecast or PathForecast
    upper, lower : float or array of shape (n_windows,)
        Log returns from the window's last close, lower <= upper; NaN where a row has no answer.
    step : int, optional
        Counted from 0; the last one by default.

    Returns
    -------
    float64 array of shape (n_windows, 3)
        Down, none, up: rows sum to 1. NaN where the forecast or a threshold is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.special import ndtri
    >>> from ohlcvml.models.paths import QuantileForecast, threshold_probabilities
    >>> levels = np.arange(1, 10) / 10
    >>> forecast = QuantileForecast(levels, 0.001 * ndtri(levels)[None, None])
    >>> threshold_probabilities(forecast, upper=0.0005, lower=-0.0005).round(3)
    array([[0.309, 0.383, 0.309]])
    """
    who = "threshold_probabilities"
    _check(forecast, who)
    at = forecast.n_steps - 1 if step is None else step
    check_value(who, "step", integer(0, forecast.n_steps - 1), at)
    high = _barrier(upper, forecast, who, "upper")[:, at]
    low = _barrier(lower, forecast, who, "lower")[:, at]
    if (low > high).any():
        raise ParameterError(
            f"{who}: parameter 'lower' must not lie above 'upper'; it does in "
            f"{int((low > high).sum())} of {len(high)} rows. Swap them."
        )
    if isinstance(forecast, QuantileForecast):
        values = forecast.values[:, at]
        down = probability_below(forecast.levels, values, low)
        up = probability_above(forecast.levels, values, high)
    else:
        ends = forecast.paths[:, :, at]
        down, up = (ends < low[:, None]).mean(axis=1), (ends > high[:, None]).mean(axis=1)
    out = np.stack([down, np.maximum(1.0 - down - up, 0.0), up], axis=1)
    out[forecast.missing | np.isnan(high) | np.isnan(low)] = np.nan
    return out


def _check(forecast: Any, who: str) -> None:
    check_value(
        who,
        "forecast",
        instance_of(QuantileForecast, PathForecast),
        forecast,
        "Wrap quantiles of shape (n_windows, n_steps, n_levels) in QuantileForecast(levels, "
        "values), samples of shape (n_windows, n_paths, n_steps) in PathForecast(paths).",
    )


def _barrier(given: Any, forecast: Forecast, who: str, name: str) -> FloatArray:
    """Barrier of every window and step."""
    shape = (len(forecast), forecast.n_steps)
    barrier = np.asarray(given, dtype=np.float64)
    if barrier.ndim == 1:
        barrier = barrier[:, None]
    fits = barrier.ndim == 0 or (len(barrier) == shape[0] and barrier.shape[1] in (1, shape[1]))
    if barrier.ndim > 2 or not fits:
        raise ParameterError(
            f"{who}: parameter {name!r} must be a number or have shape ({shape[0]},) or {shape}, "
            f"one per window (and step) of the forecast; got {np.shape(given)}."
        )
    return np.ascontiguousarray(np.broadcast_to(barrier, shape))
