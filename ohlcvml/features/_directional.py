"""Wilder's directional movement: how much of the range went up, down, and how one-sided it was."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._atr import smooth, true_range
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._windows import window_params

__all__ = ["DirectionalFeatures"]


@inlined
def _step(high, low, close, windows, weights, previous, clock, sums, out, t):  # type: ignore[no-untyped-def]
    # previous: high, low, close; sums: rises, falls, true ranges, ADX
    n, age = windows.shape[0], clock[0]
    clock[0] = age + 1
    rise, fall = high - previous[0], previous[1] - low
    span = true_range(high, low, previous[2]) if age > 0 else 0.0
    previous[0], previous[1], previous[2] = high, low, close
    up = rise if age > 0 and rise > 0 and rise > fall else 0.0
    down = fall if age > 0 and fall > 0 and fall > rise else 0.0
    for k in range(n):
        window, weight = windows[k], weights[0, k]
        # Sums of the first w - 1 values are the seed, as in TA-Lib: from the w-th on they decay.
        decay = weight if age >= window else 0.0
        sums[0, k] = plus = sums[0, k] + (up - sums[0, k] * decay)
        sums[1, k] = minus = sums[1, k] + (down - sums[1, k] * decay)
        sums[2, k] = whole = sums[2, k] + (span - sums[2, k] * decay)
        out[k, t] = out[n + k, t] = out[2 * n + k, t] = np.nan
        if age >= window:
            out[k, t] = 100.0 * plus / whole if whole > 0 else 0.0
            out[n + k, t] = 100.0 * minus / whole if whole > 0 else 0.0
            index, both = age - window + 1, plus + minus
            idle = sums[3, k] if index > window else 0.0  # nothing moved: the average stays
            value = 100.0 * abs(plus - minus) / both if both > 0 else idle
            sums[3, k] = smooth(sums[3, k], value, index, window, weight)
            if index >= window:
                out[2 * n + k, t] = sums[3, k]


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    windows, weights = params
    previous, clock, sums = state
    for t in range(first, last):
        if np.isnan(close[t]):
            out[:, t] = np.nan
        else:
            _step(
                high[t], low[t], close[t], windows, weights, previous, clock, sums, out, t
            )  # fmt: skip


class DirectionalFeatures(BaseFeature):
    """Wilder's directional indicators and average directional index.

    Row t uses rows up to and including t. Columns: ``plus_di_{w}``, ``minus_di_{w}``, ``adx_{w}``;
    ``describe()`` says what they mean. Seeds and values are those of TA-Lib.

    A bar with a missing price gives NaN and is passed over.

    Parameters
    ----------
    windows : tuple of int, default=(14, 50)
        In bars, each at least 2.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        Where the seed of the slowest average weighs at most ``lookback_tolerance``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import DirectionalFeatures
    >>> features = DirectionalFeatures(windows=(14,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    plus_di_14     14
    minus_di_14    14
    adx_14         27
    dtype: int64
    >>> features.lookback
    337
    """

    _parameter_rules = {"windows": each(integer(2))}
    _inputs = ("high", "low", "close")
    _kernel = staticmethod(_run)

    def __init__(self, windows: tuple[int, ...] = (14, 50)) -> None:
        self.windows = windows
        super().__init__()

    def _columns(self) -> list[Column]:
        wilder = "Wilder (1978), New Concepts in Technical Trading Systems; TA-Lib"
        undefined = "NaN in the first w rows; 0 while no bar has had a range"
        return [
            *windowed(
                "plus_di",
                self.windows,
                "100 Wilder's sum of high_t - high_{t-1} where positive and larger than "
                "low_{t-1} - low_t, / that of the true range",
                unit="0 to 100",
                undefined=undefined,
                source=wilder,
            ),
            *windowed(
                "minus_di",
                self.windows,
                "100 Wilder's sum of low_{t-1} - low_t where positive and larger than "
                "high_t - high_{t-1}, / that of the true range",
                unit="0 to 100",
                undefined=undefined,
                source=wilder,
            ),
            *windowed(
                "adx",
                self.windows,
                "Wilder's average of 100 |+DI - -DI| / (+DI + -DI)",
                unit="0 to 100",
                undefined="NaN in the first 2 w - 1 rows; stays as it was while both DI are 0",
                source=wilder,
            ),
        ]

    @property
    def lookback(self) -> int:
        """Rows before row t that weigh more than ``lookback_tolerance``."""
        return max(w + _settling(int(w), self.lookback_tolerance) for w in self.windows)

    def _kernel_params(self) -> tuple[Any, ...]:
        return window_params(self.windows)

    def _initial_state(self) -> dict[str, Any]:
        return {
            "previous": np.zeros(3),
            "clock": np.zeros(1, dtype=np.int64),
            "sums": np.zeros((4, len(self.windows))),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (2, 3)}, {"windows": (4,)}]


def _settling(window: int, tolerance: float) -> int:
    """Bars after the first indicator until its seed weighs at most ``tolerance`` in the ADX."""
    seed, average, index = 1.0, 0.0, 0
    while index < window or max(seed, average) > tolerance:
        index += 1
        seed *= 1 - 1 / window
        average = smooth.py_func(average, seed, index, window, 1 / window)
    return index
