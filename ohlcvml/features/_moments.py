"""Rolling mean, standard deviation and z-score of returns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._windows import RUN, new_windows, slide, variance, window_params

__all__ = ["ReturnMomentFeatures"]


@inlined
def _step(change, windows, weights, ring, clock, sums, out, t):  # type: ignore[no-untyped-def]
    n = windows.shape[0]
    count = slide(change, windows, ring, clock, sums)
    for k in range(n):
        centre, spread, score = np.nan, np.nan, np.nan
        if count >= windows[k]:
            centre = sums[0, k] + sums[1, k] * weights[0, k]
            constant = clock[RUN] >= windows[k]
            spread = math.sqrt(
                variance(sums[1, k], sums[2, k], weights[0, k], weights[1, k], constant)
            )
            score = (change - centre) / spread if spread > 0 else 0.0
        out[k, t], out[n + k, t], out[2 * n + k, t] = centre, spread, score


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (log_close,) = inputs
    windows, weights = params
    ring, clock, sums, previous = state
    for t in range(first, last):
        change = log_close[t] - previous[0]
        if not np.isnan(log_close[t]):
            previous[0] = log_close[t]
        if np.isnan(change):
            out[:, t] = np.nan
        else:
            _step(change, windows, weights, ring, clock, sums, out, t)


class ReturnMomentFeatures(BaseFeature):
    """Rolling mean, standard deviation and z-score of one-bar log returns.

    Row t uses the closes of rows t - w to t. Columns: ``return_mean_{w}``, ``return_std_{w}``,
    ``return_zscore_{w}``; ``describe()`` says what they mean.

    A bar with a missing price gives NaN and is passed over.
    Prices at or below zero raise.

    Parameters
    ----------
    windows : tuple of int, default=(15, 30, 120)
        In bars, each at least 2.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnMomentFeatures
    >>> features = ReturnMomentFeatures(windows=(30,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    return_mean_30      30
    return_std_30       30
    return_zscore_30    30
    dtype: int64
    """

    _parameter_rules = {"windows": each(integer(2))}
    _inputs = ("log_close",)
    _kernel = staticmethod(_run)

    def __init__(self, windows: tuple[int, ...] = (15, 30, 120)) -> None:
        self.windows = windows
        super().__init__()

    def _columns(self) -> list[Column]:
        warm, unit = "NaN in the first w rows", "log return"
        return [
            *windowed(
                "return_mean",
                self.windows,
                "mean of the last w one-bar log returns r",
                unit=unit,
                undefined=warm,
            ),
            *windowed(
                "return_std",
                self.windows,
                "standard deviation of the last w r, divisor w - 1",
                unit=unit,
                undefined=warm,
            ),
            *windowed(
                "return_zscore",
                self.windows,
                "(r_t - mean of the last w r) / their standard deviation",
                unit="deviations",
                undefined=f"{warm}; 0 where all r are equal",
            ),
        ]

    @property
    def lookback(self) -> int:
        """The largest window."""
        return int(max(self.windows))

    def _kernel_params(self) -> tuple[Any, ...]:
        return window_params(self.windows)

    def _initial_state(self) -> dict[str, Any]:
        ring, clock, sums = new_windows(self.windows)
        return {"ring": ring, "clock": clock, "sums": sums, "previous": np.full(1, np.nan)}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (2, 3)}, {"windows": (5,)}]
