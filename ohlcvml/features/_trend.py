"""Distance of the close from its moving averages, in units of the average true range."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._atr import smooth, true_range
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._windows import new_windows, settling, slide, window_params

__all__ = ["TrendFeatures"]


@inlined
def _step(  # type: ignore[no-untyped-def]
    high, low, close, smas, weights, emas, decay, atr_window,
    ring, clock, sums, average, scale, out, t,
):  # fmt: skip
    # scale: previous close, average true range
    count = slide(close, smas, ring, clock, sums)
    if count > 1:
        span = true_range(high, low, scale[0])
        scale[1] = smooth(scale[1], span, count - 1, atr_window, 1.0 / atr_window)
    scale[0] = close
    unit = 1.0 / scale[1] if count > atr_window and scale[1] > 0 else np.nan
    n = smas.shape[0]
    for k in range(n):
        distance = close - (sums[0, k] + sums[1, k] * weights[0, k])
        out[k, t] = distance * unit if count >= smas[k] else np.nan
    for k in range(emas.shape[0]):
        average[k] = smooth(average[k], close, count, emas[k], decay[k])
        out[n + k, t] = (close - average[k]) * unit if count >= emas[k] else np.nan


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    smas, weights, emas, decay, atr_window = params
    ring, clock, sums, average, scale = state
    for t in range(first, last):
        if np.isnan(close[t]):
            out[:, t] = np.nan
        else:
            _step(
                high[t], low[t], close[t], smas, weights, emas, decay, atr_window,
                ring, clock, sums, average, scale, out, t,
            )  # fmt: skip


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

    def _columns(self) -> list[Column]:
        undefined = "NaN in the first max(w - 1, atr_window) rows and while the ATR is 0"
        return [
            *windowed(
                "sma_distance",
                self.sma_windows,
                "(close - mean of the last w closes) / ATR",
                unit="ATR",
                undefined=undefined,
            ),
            *windowed(
                "ema_distance",
                self.ema_windows,
                "(close - EMA_w) / ATR, smoothing 2 / (w + 1), seeded with the mean of the first w",
                unit="ATR",
                undefined=undefined,
                source="TA-Lib",
            ),
        ]

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
        emas = np.array(self.ema_windows, dtype=np.int64)
        smas = window_params(self.sma_windows)
        return (*smas, emas, 2.0 / (emas + 1), int(self.atr_window))

    def _initial_state(self) -> dict[str, Any]:
        ring, clock, sums = new_windows(self.sma_windows)
        average, scale = np.zeros(len(self.ema_windows)), np.zeros(2)
        return {"ring": ring, "clock": clock, "sums": sums, "average": average, "scale": scale}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"sma_windows": (3, 4), "ema_windows": (2,), "atr_window": 3},
            {"sma_windows": (5,), "ema_windows": (3, 6), "atr_window": 2},
        ]
