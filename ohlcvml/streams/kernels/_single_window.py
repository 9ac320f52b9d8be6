"""Statistics of the returns of one window in two passes, from its logs of prices.

Sums of powers lose the digits that the mean has and the deviation has not. Where the mean is many
deviations, as hardly ever in markets, kernels turn to these, which do not.
"""

from __future__ import annotations

import math

import numpy as np

from ohlcvml.streams.kernels._compiled import compiled
from ohlcvml.streams.kernels._window_sums import ROUNDING


@compiled
def moments(prices):  # type: ignore[no-untyped-def]
    """Central moments 2, 3 and 4 of the one-bar returns, divisor w."""
    window = prices.shape[0] - 1
    mean = (prices[window] - prices[0]) / window
    m2, m3, m4 = 0.0, 0.0, 0.0
    for i in range(window):
        distance = (prices[i + 1] - prices[i]) - mean
        square = distance * distance
        m2, m3, m4 = m2 + square, m3 + square * distance, m4 + square * square
    return m2 / window, m3 / window, m4 / window


@compiled
def correlation(prices, lag, sizes):  # type: ignore[no-untyped-def]
    """Of the returns but the first ``lag`` with those so many bars before; ``sizes``: of |r|."""
    window = prices.shape[0] - 1 - lag
    x_mean, y_mean = 0.0, 0.0
    for i in range(window):
        x, y = prices[i + lag + 1] - prices[i + lag], prices[i + 1] - prices[i]
        x_mean += abs(x) if sizes else x
        y_mean += abs(y) if sizes else y
    x_mean, y_mean = x_mean / window, y_mean / window
    xx, yy, xy = 0.0, 0.0, 0.0
    for i in range(window):
        x, y = prices[i + lag + 1] - prices[i + lag], prices[i + 1] - prices[i]
        x = (abs(x) if sizes else x) - x_mean
        y = (abs(y) if sizes else y) - y_mean
        xx, yy, xy = xx + x * x, yy + y * y, xy + x * y
    if xx <= window * ROUNDING or yy <= window * ROUNDING:
        return np.nan
    return min(max(xy / math.sqrt(xx * yy), -1.0), 1.0)


@compiled
def scale_square(prices, bars):  # type: ignore[no-untyped-def]
    """Sum of squares of overlapping returns over so many bars, about the window's mean return."""
    window, total = prices.shape[0] - 1, 0.0
    mean = (prices[window] - prices[0]) * bars / window
    for i in range(window - bars + 1):
        distance = (prices[i + bars] - prices[i]) - mean
        total += distance * distance
    return total
