"""What a forecaster says about the bars ahead: quantiles of each step, or sampled paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ohlcvml._checks import check_value, integer
from ohlcvml.exceptions import ParameterError
from ohlcvml.models._tails import quantiles_at
from ohlcvml.typing import BoolArray, FloatArray, IntArray

DECILES: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, eq=False)
class QuantileForecast:
    """Quantiles of the cumulative log return after each window's last close.

    Step k (counted from 0) is the close k + 1 bars ahead. The quantiles of one step say nothing
    of how the steps hang together: :func:`barrier_probabilities` adds that.

    Parameters
    ----------
    levels : float64 array of shape (n_layers,)
        At least two, increasing, each inside (0, 1).
    values : float64 array of shape (n_windows, n_steps, n_levels)
        Log returns, non-decreasing along the levels. NaN where a window has no forecast.
    mean : float64 array of shape (n_windows, n_steps), optional
        Where the forecaster states a mean of its own.

    Raises
    ------
    ParameterError
        An array breaks its rule.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.models.paths import QuantileForecast
    >>> spread = 0.001 * np.sqrt([1.0, 2.0, 3.0])
    >>> values = spread[:, None] * np.array([-1.28, 0.0, 1.28])
    >>> forecast = QuantileForecast(np.array([0.1, 0.5, 0.9]), values[None])
    >>> len(forecast), forecast.n_steps
    (1, 3)
    """

    levels: FloatArray
    values: FloatArray
    mean: FloatArray | None = None

    def __post_init__(self) -> None:
        who = type(self).__name__
        levels, values = _floats(self.levels), _floats(self.values)
        if levels.ndim != 1 or len(levels) < 2 or not _inside(levels):
            raise ParameterError(
                f"{who}: parameter 'levels' must be at least two increasing numbers inside (0, 1); "
                f"got {self.levels!r}. Sort them, and leave out 0 and 1."
            )
        if values.ndim != 3 or values.shape[2] != len(levels) or values.shape[1] < 1:
            raise ParameterError(
                f"{who}: parameter 'values' must have shape (n_windows, n_steps, {len(levels)}), "
                f"one column per level; got {values.shape}."
            )
        _refuse_infinite(who, "values", values)
        if (np.diff(values, axis=2) < 0.0).any():
            raise ParameterError(
                f"{who}: parameter 'values' must not decrease along the levels: a quantile lies "
                "above a higher one. Sort them first: np.sort(values, axis=-1)."
            )
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "values", values)
        if self.mean is not None:
            mean = _floats(self.mean)
            if mean.shape != values.shape[:2]:
                raise ParameterError(
                    f"{who}: parameter 'mean' must have shape {values.shape[:2]}, that of the "
                    f"windows and steps of 'values'; got {mean.shape}."
                )
            _refuse_infinite(who, "mean", mean)
            object.__setattr__(self, "mean", mean)

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.values)

    @property
    def n_steps(self) -> int:
        """Bars ahead."""
        return int(self.values.shape[1])

    @property
    def missing(self) -> BoolArray:
        """Windows without a (whole) forecast, shape (n_windows,)."""
        return np.asarray(np.isnan(self.values).any(axis=(1, 2)))

    def take(self, rows: IntArray | BoolArray | slice) -> QuantileForecast:
        """Forecasts of some of the windows."""
        mean = None if self.mean is None else self.mean[rows]
        return QuantileForecast(self.levels, self.values[rows], mean)

    def extended(self, n_steps: int) -> QuantileForecast:
        """Cut to ``n_steps``, or continue the last step: same centre, growing spread.

        Beyond the last step H the centre (the median) stays where it is and the distances of the
        quantiles from it grow with the square root of time, by sqrt(k / H) at step k: a random
        walk without drift from there on. A ``mean`` stays where it is too.
        """
        check_value("QuantileForecast.extended", "n_steps", integer(1), n_steps)
        known = self.n_steps
        if n_steps <= known:
            mean = None if self.mean is None else self.mean[:, :n_steps]
            return QuantileForecast(self.levels, self.values[:, :n_steps], mean)
        last = self.values[:, -1:]
        growth = np.sqrt(np.arange(known + 1, n_steps + 1) / known)[:, None]
        centre, _ = quantiles_at(self.levels, last, [0.5])
        values = np.concatenate([self.values, centre + (last - centre) * growth], axis=1)
        mean = self.mean
        if mean is not None:
            mean = np.concatenate([mean, np.repeat(mean[:, -1:], n_steps - known, axis=1)], axis=1)
        return QuantileForecast(self.levels, np.maximum.accumulate(values, axis=2), mean)


@dataclass(frozen=True, eq=False)
class PathForecast:
    """Sampled paths of the cumulative log return after each window's last close.

    Parameters
    ----------
    paths : float64 array of shape (n_windows, n_paths, n_steps)
        Step k (counted from 0) is the close k + 1 bars ahead; at least two paths a window. NaN
        where a window has no forecast.

    Raises
    ------
    ParameterError
        The array breaks its rule.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.models.paths import PathForecast
    >>> steps = 0.001 * np.random.default_rng(0).standard_normal((1, 500, 20))
    >>> forecast = PathForecast(np.cumsum(steps, axis=2))
    >>> forecast.quantiles(np.array([0.1, 0.5, 0.9])).values.shape
    (1, 20, 3)
    """

    paths: FloatArray

    def __post_init__(self) -> None:
        paths = _floats(self.paths)
        if paths.ndim != 3 or paths.shape[1] < 2 or paths.shape[2] < 1:
            raise ParameterError(
                f"{type(self).__name__}: parameter 'paths' must have shape (n_windows, n_paths, "
                f"n_steps) with at least 2 paths and 1 step; got {paths.shape}."
            )
        _refuse_infinite(type(self).__name__, "paths", paths)
        object.__setattr__(self, "paths", paths)

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.paths)

    @property
    def n_steps(self) -> int:
        """Bars ahead."""
        return int(self.paths.shape[2])

    @property
    def missing(self) -> BoolArray:
        """Windows without a (whole) forecast, shape (n_windows,)."""
        return np.asarray(np.isnan(self.paths).any(axis=(1, 2)))

    def take(self, rows: IntArray | BoolArray | slice) -> PathForecast:
        """Forecasts of some of the windows."""
        return PathForecast(self.paths[rows])

    def extended(self, n_steps: int) -> PathForecast | QuantileForecast:
        """Cut to ``n_steps``; a longer horizon continues the marginals of the paths."""
        if n_steps > self.n_steps:
            return self.quantiles().extended(n_steps)
        check_value("PathForecast.extended", "n_steps", integer(1), n_steps)
        return PathForecast(self.paths[:, :, :n_steps])

    def quantiles(self, levels: Any = DECILES) -> QuantileForecast:
        """Marginals of the paths: sample quantiles and mean of each step.

        Level q of n sorted paths is read at q·n − 1/2 (Hazen), so that n paths carry weight 1/n
        each. Levels beyond 1/(2n) of either end take the outermost path.
        """
        wanted = _floats(levels)
        values = np.quantile(self.paths, wanted, axis=1, method="hazen")
        return QuantileForecast(wanted, np.moveaxis(values, 0, -1), self.paths.mean(axis=1))


Forecast: TypeAlias = QuantileForecast | PathForecast


def _floats(values: Any) -> FloatArray:
    return np.ascontiguousarray(values, dtype=np.float64)


def _inside(levels: FloatArray) -> bool:
    return bool((np.diff(levels) > 0.0).all() and levels[0] > 0.0 and levels[-1] < 1.0)


def _refuse_infinite(who: str, name: str, values: FloatArray) -> None:
    bad = np.isinf(values)
    if bad.any():
        at = tuple(int(k) for k in np.argwhere(bad)[0])
        raise ParameterError(
            f"{who}: parameter {name!r} must be finite, or NaN where a window has no forecast; got "
            f"{values[at]} at {at}. Look at the model's output for that window."
        )
