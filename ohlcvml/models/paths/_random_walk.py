"""Reference forecasters in closed form: a Gaussian random walk, without and with drift."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ohlcvml.models.paths._forecast import QuantileForecast
from ohlcvml.models.paths._windows import WindowBatch
from ohlcvml.typing import FloatArray

# Between and beyond these a normal law comes back exactly from its quantiles.
LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])


def random_walk(windows: WindowBatch, n_steps: int) -> QuantileForecast:
    """Forecast no drift; the variance grows by the window's mean squared return a bar.

    What sktime's ``NaiveForecaster(strategy="last")`` says of the log price (Hyndman and
    Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, table 5.2), for all windows
    at once. A window whose close never moves has no forecast.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.models.paths import WindowBatch
    >>> from ohlcvml.models.paths._random_walk import random_walk
    >>> close = 100 * np.exp(0.001 * np.tile([0.0, 1.0], 8))
    >>> windows = WindowBatch(np.repeat(close[None, :, None], 5, axis=2))
    >>> random_walk(windows, 4).values[0, [0, 3]].round(4)[:, [0, 3, 6]]
    array([[-0.0016,  0.    ,  0.0016],
           [-0.0033,  0.    ,  0.0033]])
    """
    spread = windows.deviation[:, None] * np.sqrt(np.arange(1, n_steps + 1))
    return _normal(np.zeros_like(spread), spread)


def drift(windows: WindowBatch, n_steps: int) -> QuantileForecast:
    """Forecast the window's mean return as drift, with the uncertainty of that mean.

    What ``NaiveForecaster(strategy="drift")`` says. A window of fewer than three bars, or whose
    close moves evenly, has no forecast.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.models.paths import WindowBatch
    >>> from ohlcvml.models.paths._random_walk import drift
    >>> close = 100 * np.exp(0.001 * np.arange(16) + 0.001 * np.tile([0.0, 1.0], 8))
    >>> windows = WindowBatch(np.repeat(close[None, :, None], 5, axis=2))
    >>> drift(windows, 4).values[0, [0, 3]].round(4)[:, [0, 3, 6]]
    array([[-0.0007,  0.0011,  0.0028],
           [ 0.0004,  0.0043,  0.0081]])
    """
    path, n = windows.log_path, windows.length - 1
    slope = -path[:, 0] / n
    rest = np.diff(path, axis=1) - slope[:, None]
    step = np.sqrt(np.einsum("bl,bl->b", rest, rest) / max(n - 1, 1))
    step = np.where(step > 1e-9 * windows.deviation, step, 0.0)
    ahead = np.arange(1, n_steps + 1)
    return _normal(slope[:, None] * ahead, step[:, None] * np.sqrt(ahead * (1 + ahead / n)))


def _normal(mean: FloatArray, spread: FloatArray) -> QuantileForecast:
    """Quantiles of normal laws, NaN where there is no spread."""
    spread = np.where(spread > 0, spread, np.nan)
    values = mean[:, :, None] + spread[:, :, None] * ndtri(LEVELS)
    return QuantileForecast(LEVELS, values, np.where(np.isnan(spread), np.nan, mean))
