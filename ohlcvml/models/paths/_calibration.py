"""From a forecast to class probabilities by a regression on training rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._threads import one_blas_thread
from ohlcvml.models._tails import quantiles_at
from ohlcvml.models.paths._forecast import Forecast, PathForecast
from ohlcvml.typing import FloatArray, IntArray

# Arrays by name, so that a bundle can hold it.
Calibration = dict[str, Any]
LEVELS = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
TINY = 1e-12


def summary(forecast: Forecast, deviation: FloatArray) -> FloatArray:
    """Describe each forecast by six numbers, shape (n_windows, 6).

    In units of the window's ``deviation`` (root mean square one-bar log return) times the square
    root of the step: the median at the first and at the last step, the logarithm of the
    interquartile range at both; then the skewness (Bowley's, of the deciles) at the last step, and
    the logarithm of the deviation itself. A number that is undefined is 0.
    """
    if isinstance(forecast, PathForecast):
        forecast = forecast.quantiles(LEVELS)
    ends = forecast.values[:, [0, -1]]
    values, _ = quantiles_at(forecast.levels, ends, LEVELS)
    unit = deviation[:, None] * np.sqrt([1.0, forecast.n_steps])
    low, lower, middle, upper, high = np.moveaxis(values, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre, spread = middle / unit, np.log((upper - lower) / unit)
        skew = (high + low - 2 * middle)[:, 1] / (high - low)[:, 1]
        columns = [*centre.T, *spread.T, skew, np.log(deviation)]
    return np.nan_to_num(np.stack(columns, axis=1), nan=0.0, posinf=0.0, neginf=0.0)


def log_odds(law: FloatArray, floor: float) -> FloatArray:
    """Log odds of down and up against neither, shape (n, 2); probabilities are at least floor."""
    safe = np.maximum(law, floor)
    return np.log(safe[:, [0, 2]] / safe[:, [1]])


def fit_calibration(values: FloatArray, codes: IntArray, weight: FloatArray | None) -> Calibration:
    """Fit a multinomial logistic regression (L2 penalty, C = 1) on standardised columns.

    Parameters
    ----------
    values : float64 array of shape (n, n_columns)
    codes : int64 array of shape (n,)
        Positions in the class set; at least two different ones. A class that does not occur gets
        probability 0.
    weight : float64 array of shape (n,) or None
    """
    from sklearn.linear_model import LogisticRegression

    centre, scale = values.mean(axis=0), values.std(axis=0)
    constant = scale <= TINY * np.maximum(np.abs(centre), 1.0)
    scale = np.where(constant, np.inf, scale)
    model = LogisticRegression(max_iter=500)
    with one_blas_thread():
        model.fit((values - centre) / scale, codes, sample_weight=weight)
    return {
        "centre": centre,
        "scale": scale,
        "coef": model.coef_,
        "intercept": model.intercept_,
        "present": model.classes_.astype(np.int64),
    }


def calibrated(calibration: Calibration, values: FloatArray, n_classes: int) -> FloatArray:
    """Class probabilities, shape (n, n_classes)."""
    rows = (values - calibration["centre"]) / calibration["scale"]
    # Not a matrix product: that may round a row differently beside others.
    score = np.einsum("nc,kc->nk", rows, calibration["coef"]) + calibration["intercept"]
    if score.shape[1] == 1:
        score = np.concatenate([np.zeros_like(score), score], axis=1)
    score = np.exp(score - score.max(axis=1, keepdims=True))
    out = np.zeros((len(values), n_classes))
    out[:, calibration["present"]] = score / score.sum(axis=1, keepdims=True)
    return out
