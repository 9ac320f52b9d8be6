"""Volatility from ranges: average true range and Parkinson's estimator."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._atr import smooth, true_range
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._windows import new_windows, settling, slide, window_params

__all__ = ["VolatilityFeatures"]

_PARKINSON = 1.0 / (4.0 * math.log(2.0))


@inlined
def _step(  # type: ignore[no-untyped-def]
    high, low, close, log_range, atrs, decay, ranges, weights,
    ring, clock, sums, average, previous, out, t,
):  # fmt: skip
    n = atrs.shape[0]
    count = slide(log_range * log_range, ranges, ring, clock, sums)
    span = true_range(high, low, previous[0]) if count > 1 else np.nan
    previous[0] = close
    for k in range(n):
        out[k, t] = out[n + k, t] = np.nan
        if count > 1:
            average[k] = smooth(average[k], span, count - 1, atrs[k], decay[0, k])
            if count > atrs[k]:
                out[k, t] = average[k] / close if close > 0 else np.nan
                out[n + k, t] = span / average[k] if average[k] > 0 else np.nan
    for k in range(ranges.shape[0]):
        square = max(sums[0, k] + sums[1, k] * weights[0, k], 0.0) * _PARKINSON
        out[2 * n + k, t] = math.sqrt(square) if count >= ranges[k] else np.nan


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close, log_high, log_low = inputs
    atrs, decay, ranges, weights = params
    ring, clock, sums, average, previous = state
    for t in range(first, last):
        log_range = log_high[t] - log_low[t]
        if np.isnan(log_range):
            out[:, t] = np.nan
        else:
            _step(
                high[t], low[t], close[t], log_range, atrs, decay, ranges, weights,
                ring, clock, sums, average, previous, out, t,
            )  # fmt: skip


class VolatilityFeatures(BaseFeature):
    """Volatility from the ranges of bars.

    Row t uses rows up to and including t. Columns: ``atr_ratio_{w}``, ``true_range_ratio_{w}``,
    ``parkinson_{w}``; ``describe()`` says what they mean.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    atr_windows : tuple of int, default=(14, 60)
        In bars, each at least 1.
    parkinson_windows : tuple of int, default=(10, 30, 60)
        In bars, each at least 1.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        Where the seed of the slowest average weighs at most ``lookback_tolerance``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import VolatilityFeatures
    >>> features = VolatilityFeatures(atr_windows=(14,), parkinson_windows=(30,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    atr_ratio_14           14
    true_range_ratio_14    14
    parkinson_30           29
    dtype: int64
    """

    _parameter_rules = {"atr_windows": each(integer(1)), "parkinson_windows": each(integer(1))}
    _inputs = ("high", "low", "close", "log_high", "log_low")
    _kernel = staticmethod(_run)

    def __init__(
        self,
        atr_windows: tuple[int, ...] = (14, 60),
        parkinson_windows: tuple[int, ...] = (10, 30, 60),
    ) -> None:
        self.atr_windows = atr_windows
        self.parkinson_windows = parkinson_windows
        super().__init__()

    def _columns(self) -> list[Column]:
        wilder = "Wilder (1978), New Concepts in Technical Trading Systems; TA-Lib"
        return [
            *windowed(
                "atr_ratio",
                self.atr_windows,
                "ATR_w / close, Wilder's average true range",
                undefined="NaN in the first w rows",
                source=wilder,
            ),
            *windowed(
                "true_range_ratio",
                self.atr_windows,
                "true range / ATR_w",
                undefined="NaN in the first w rows and while the ATR is 0",
                source=wilder,
            ),
            *windowed(
                "parkinson",
                self.parkinson_windows,
                "sqrt(mean over w bars of log(high / low)^2 / (4 log 2))",
                unit="log return, deviation a bar",
                undefined="NaN in the first w - 1 rows",
                source="Parkinson (1980), Journal of Business 53",
            ),
        ]

    @property
    def lookback(self) -> int:
        """Rows before row t that weigh more than ``lookback_tolerance``."""
        atr = max(self.atr_windows)
        settled = atr + settling(1 / atr, self.lookback_tolerance)
        return int(max(settled, max(self.parkinson_windows) - 1))

    def _kernel_params(self) -> tuple[Any, ...]:
        return (*window_params(self.atr_windows), *window_params(self.parkinson_windows))

    def _initial_state(self) -> dict[str, Any]:
        ring, clock, sums = new_windows(self.parkinson_windows)
        average = np.zeros(len(self.atr_windows))
        state = {"ring": ring, "clock": clock, "sums": sums, "average": average}
        return {**state, "previous": np.zeros(1)}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"atr_windows": (2, 3), "parkinson_windows": (2,)},
            {"atr_windows": (4,), "parkinson_windows": (3, 5)},
        ]
