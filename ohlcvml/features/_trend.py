"""Distance of the close from its moving averages, in units of the average true range."""

from __future__ import annotations

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
    keep_stretches,
    new_stretches,
    pack,
    settling,
    smooth_rows,
    true_ranges,
    unpack,
    window_means,
)


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    smas, chains, weights, series, rows = params
    means, averages, count = state
    before, m, closes = means.shape[1] - BLOCK, smas.shape[0], means[0]
    spans, copies, units, now = series[0], series[1], rows[0], closes[before:]
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(close, close, start, stop, closes, before)
        true_ranges(high, low, close, start, stop, n, closes[before - 1 :], spans)
        for b in range(n):
            copies[b] = now[b]
        smooth_rows(series, n, count[0], chains, weights, averages, rows[:, :n])
        for b in range(n):
            units[b] = 1.0 / units[b] if units[b] > 0 else np.nan
        double_means(means, n)
        for k in range(out.shape[0]):
            row = out[k, start:]
            if k < m:
                window_means(means, n, smas[k], copies)
            averages_of = copies if k < m else rows[k - m + 1]
            for b in range(n):
                row[b] = (now[b] - averages_of[b]) * units[b]
            unpack(close, start, stop, n, out, k)
        keep_stretches(means, n)
        count[0] += n


class TrendFeatures(BaseFeature):
    """Distance of the close from simple and exponential moving averages, in ATR units.

    Row t uses rows up to and including t. Columns: ``sma_distance_{w}``, ``ema_distance_{w}``;
    ``describe()`` says what they mean.

    A bar with a missing price gives NaN and is passed over.

    Parameters
    ----------
    sma_windows, ema_windows : tuple of int, default=(10, 20, 50, 100), (5, 10, 20, 50, 100)
        In bars, each at least 2.
    atr_window : int, default=14
        Window of the average true range, in bars.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        Where the seed of the slowest average weighs at most ``lookback_tolerance``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import TrendFeatures
    >>> features = TrendFeatures(sma_windows=(10,), ema_windows=(20,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    sma_distance_10    14
    ema_distance_20    19
    dtype: int64
    >>> features.lookback
    294
    """

    _parameter_rules = {
        "sma_windows": each(integer(2)),
        "ema_windows": each(integer(2)),
        "atr_window": integer(1),
    }
    _inputs = ("high", "low", "close")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self,
        sma_windows: tuple[int, ...] = (10, 20, 50, 100),
        ema_windows: tuple[int, ...] = (5, 10, 20, 50, 100),
        atr_window: int = 14,
    ) -> None:
        self.sma_windows = sma_windows
        self.ema_windows = ema_windows
        self.atr_window = atr_window
        super().__init__()

    @property
    def lookback(self) -> int:
        """Rows before row t that weigh more than ``lookback_tolerance``."""
        slow, atr, tolerance = max(self.ema_windows), self.atr_window, self.lookback_tolerance
        return int(
            max(
                max(self.sma_windows) - 1,
                slow - 1 + settling(2 / (slow + 1), tolerance),
                atr + settling(1 / atr, tolerance),
            )
        )

    def _kernel_params(self) -> tuple[Any, ...]:
        # The average true range, of spans, and the others, of closes, side by side.
        atr = average_params((0, self.atr_window, 1), wilder=True)
        emas = average_params(*((1, window, 0) for window in self.ema_windows))
        chains, weights = (np.concatenate(parts) for parts in zip(atr, emas, strict=True))
        room = np.zeros((2, BLOCK)), np.zeros((len(chains), BLOCK))
        return np.array(self.sma_windows, dtype=np.int64), chains, weights, *room

    def _initial_state(self) -> dict[str, Any]:
        return {
            "means": new_stretches(self.sma_windows),
            "averages": np.zeros(1 + len(self.ema_windows)),
            "count": np.zeros(1, dtype=np.int64),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"sma_windows": (3, 4), "ema_windows": (2,), "atr_window": 3},
            {"sma_windows": (5,), "ema_windows": (3, 6), "atr_window": 2},
        ]
