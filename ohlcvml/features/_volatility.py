"""Volatility from ranges: average true range and Parkinson's estimator."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    average_params,
    compiled,
    double_means,
    keep,
    keep_stretches,
    new_stretches,
    pack,
    settling,
    smooth_rows,
    true_ranges,
    unpack,
    window_means,
)

_PARKINSON = 1.0 / (4.0 * math.log(2.0))


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close, log_high, log_low = inputs
    chains, weights, windows, series, lows, rows, square = params
    closes, means, averages, count = state
    before, one, m = means.shape[1] - BLOCK, closes.shape[0] - BLOCK, chains.shape[0]
    now, newest, spans = closes[one:], means[0, before:], series[0]
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(close, log_high, start, stop, closes, one)
        pack(log_high, log_high, start, stop, means[0], before)
        pack(log_low, log_high, start, stop, lows, one)
        for b in range(n):
            newest[b] = (newest[b] - lows[one + b]) * (newest[b] - lows[one + b])
        true_ranges(high, low, log_high, start, stop, n, closes, spans)
        smooth_rows(series, n, count[0], chains, weights, averages, rows[:, :n])
        for k in range(m):
            atr, row, ratio = rows[k], out[k, start:], out[m + k, start:]
            for b in range(n):
                ratio[b] = spans[b] / atr[b] if atr[b] > 0 else np.nan
                row[b] = atr[b] / now[b] if now[b] > 0 else np.nan
        double_means(means, n)
        for k in range(windows.shape[0]):
            row = out[2 * m + k, start:]
            window_means(means, n, windows[k], square)
            for b in range(n):
                row[b] = math.sqrt(square[b] * _PARKINSON)
        for k in range(out.shape[0]):
            unpack(log_high, start, stop, n, out, k)
        keep(closes, one, n)
        keep_stretches(means, n)
        count[0] += n


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
    _column_table = COLUMNS

    def __init__(
        self,
        atr_windows: tuple[int, ...] = (14, 60),
        parkinson_windows: tuple[int, ...] = (10, 30, 60),
    ) -> None:
        self.atr_windows = atr_windows
        self.parkinson_windows = parkinson_windows
        super().__init__()

    @property
    def lookback(self) -> int:
        """Rows before row t that weigh more than ``lookback_tolerance``."""
        atr = max(self.atr_windows)
        settled = atr + settling(1 / atr, self.lookback_tolerance)
        return int(max(settled, max(self.parkinson_windows) - 1))

    def _kernel_params(self) -> tuple[Any, ...]:
        averages = average_params(*((0, window, 1) for window in self.atr_windows), wilder=True)
        windows = np.array(self.parkinson_windows, dtype=np.int64)
        room = np.zeros((1, BLOCK)), np.zeros(1 + BLOCK), np.zeros((len(self.atr_windows), BLOCK))
        return *averages, windows, *room, np.zeros(BLOCK)

    def _initial_state(self) -> dict[str, Any]:
        return {
            "closes": np.full(1 + BLOCK, np.nan),
            "means": new_stretches(self.parkinson_windows),
            "averages": np.zeros(len(self.atr_windows)),
            "count": np.zeros(1, dtype=np.int64),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"atr_windows": (2, 3), "parkinson_windows": (2,)},
            {"atr_windows": (4,), "parkinson_windows": (3, 5)},
        ]
