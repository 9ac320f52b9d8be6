"""Line of least squares through the last closes: slope, fit, and distance from its end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._atr import smooth, true_range
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._windows import settling
from ohlcvml.typing import FloatArray, IntArray

__all__ = ["RegressionFeatures"]

_EXACT = 1e-10  # share of the spread: a line that leaves less is taken as exact, what is left noise
_SHORTEST_PERIOD = 64

# Positions in the clock; the countdowns of the windows follow.
_SLOT, _COUNT, _RUN, _DUE = 0, 1, 2, 3


@inlined
def _slide(value, windows, ring, clock, sums):  # type: ignore[no-untyped-def]
    """Slide every window by one value; return how many values were seen.

    Rows of the sums: anchor, sum, sum of squares, sum of products with time counted from the middle
    of the window; the last three about the anchor. When all others grow older by a bar, that last
    one falls by their sum. All are computed anew from the ring once per window length, so that
    neither the level of the series nor the number of updates costs digits.
    """
    size, slot, count = ring.shape[0], clock[_SLOT], clock[_COUNT] + 1
    newest = ring[slot - 1] if slot > 0 else ring[size - 1]
    clock[_RUN] = clock[_RUN] + 1 if count > 1 and value == newest else 1
    for k in range(windows.shape[0]):
        window, anchor, total = windows[k], sums[0, k], sums[1, k]
        if count > window:
            oldest = slot - window
            gain = value - anchor
            loss = ring[oldest if oldest >= 0 else oldest + size] - anchor
            half = 0.5 * (window - 1)
            sums[1, k] = total + (gain - loss)
            sums[2, k] += gain * gain - loss * loss
            sums[3, k] += half * (gain + loss) + (loss - total)
        else:
            sums[0, k] = value  # until the window is full
    ring[slot] = value
    for k in range(windows.shape[0]):
        clock[_DUE + k] -= 1
        if clock[_DUE + k] == 0:
            clock[_DUE + k] = max(windows[k], _SHORTEST_PERIOD)
            _anchor(windows[k], ring, slot, sums, k)
    clock[_SLOT] = slot + 1 if slot + 1 < size else 0
    clock[_COUNT] = count
    return count


@inlined
def _anchor(window, ring, slot, sums, k):  # type: ignore[no-untyped-def]
    anchor, half = sums[0, k] + sums[1, k] / window, 0.5 * (window - 1)
    total, square, product = 0.0, 0.0, 0.0
    for age in range(window):
        at = slot - age
        difference = ring[at if at >= 0 else at + ring.shape[0]] - anchor
        total += difference
        square += difference * difference
        product += (half - age) * difference
    sums[0, k], sums[1, k], sums[2, k], sums[3, k] = anchor, total, square, product


@inlined
def _step(  # type: ignore[no-untyped-def]
    high, low, close, windows, weights, atr_window, ring, clock, sums, scale, out, t
):
    # scale: previous close, average true range
    n, count = windows.shape[0], _slide(close, windows, ring, clock, sums)
    if count > 1:
        span = true_range(high, low, scale[0])
        scale[1] = smooth(scale[1], span, count - 1, atr_window, 1.0 / atr_window)
    scale[0] = close
    unit = 1.0 / scale[1] if count > atr_window and scale[1] > 0 else np.nan
    for k in range(n):
        slope, fit, distance = np.nan, np.nan, np.nan
        if count >= windows[k]:
            slope, fit, distance = 0.0, 0.0, 0.0
            middle = sums[1, k] * weights[0, k]
            spread = sums[2, k] - sums[1, k] * middle
            if clock[_RUN] < windows[k] and spread > 0:
                slope = sums[3, k] * weights[1, k]
                explained = sums[3, k] * slope
                left = spread - explained
                fit = 1.0
                if left > _EXACT * spread:
                    fit = explained / spread
                    above = (close - sums[0, k]) - middle - slope * weights[3, k]
                    distance = above / math.sqrt(left * weights[2, k])
        out[k, t], out[n + k, t], out[2 * n + k, t] = slope * unit, fit, distance


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    windows, weights, atr_window = params
    ring, clock, sums, scale = state
    for t in range(first, last):
        if np.isnan(close[t]):
            out[:, t] = np.nan
        else:
            _step(
                high[t], low[t], close[t], windows, weights, atr_window,
                ring, clock, sums, scale, out, t,
            )  # fmt: skip


class RegressionFeatures(BaseFeature):
    """Least squares of the close on time: slope, share of variance explained, distance.

    Row t uses rows up to and including t; the line goes through the closes of rows t - w + 1 to t.
    Columns: ``regression_slope_{w}``, ``regression_r2_{w}``, ``regression_distance_{w}``;
    ``describe()`` says what they mean.

    A bar with a missing price gives NaN and is passed over: time counts the others.

    Parameters
    ----------
    windows : tuple of int, default=(20, 60, 120)
        In bars, each at least 3.
    atr_window : int, default=14
        Window of the average true range, the unit of the slope, in bars.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window less one, or where the seed of the average true range weighs at most
        ``lookback_tolerance``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import RegressionFeatures
    >>> features = RegressionFeatures(windows=(60,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    regression_slope_60       59
    regression_r2_60          59
    regression_distance_60    59
    dtype: int64
    """

    _parameter_rules = {"windows": each(integer(3)), "atr_window": integer(1)}
    _inputs = ("high", "low", "close")
    _kernel = staticmethod(_run)

    def __init__(self, windows: tuple[int, ...] = (20, 60, 120), atr_window: int = 14) -> None:
        self.windows = windows
        self.atr_window = atr_window
        super().__init__()

    def _columns(self) -> list[Column]:
        warm, flat = "NaN in the first w - 1 rows", "0 where all closes are equal"
        return [
            *windowed(
                "regression_slope",
                self.windows,
                "slope of the least-squares line through the last w closes, / ATR",
                unit="ATR a bar",
                undefined="NaN in the first max(w - 1, atr_window) rows and while the ATR is 0",
                source="TA-Lib (LINEARREG_SLOPE, undivided)",
            ),
            *windowed(
                "regression_r2",
                self.windows,
                "share of the variance of the last w closes that their least-squares line explains",
                unit="0 to 1",
                undefined=f"{warm}; {flat}",
            ),
            *windowed(
                "regression_distance",
                self.windows,
                "(close - end of the least-squares line through the last w closes) / standard "
                "deviation of the residuals, divisor w - 2",
                unit="deviations",
                undefined=f"{warm}; {flat} or lie on the line",
            ),
        ]

    @property
    def lookback(self) -> int:
        """Rows before row t that weigh more than ``lookback_tolerance``."""
        atr = self.atr_window + settling(1 / self.atr_window, self.lookback_tolerance)
        return int(max(max(self.windows) - 1, atr))

    def _kernel_params(self) -> tuple[Any, ...]:
        return (*_line_params(self.windows), int(self.atr_window))

    def _initial_state(self) -> dict[str, Any]:
        clock = np.zeros(_DUE + len(self.windows), dtype=np.int64)
        clock[_DUE:] = self.windows
        sums, ring = np.zeros((4, len(self.windows))), np.zeros(max(self.windows))
        return {"ring": ring, "clock": clock, "sums": sums, "scale": np.zeros(2)}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (3, 4), "atr_window": 3}, {"windows": (5,), "atr_window": 2}]


def _line_params(windows: tuple[int, ...]) -> tuple[IntArray, FloatArray]:
    """Windows; 1 / w, 1 / sum of squared times, 1 / (w - 2), half the length of the line."""
    whole = np.array(windows, dtype=np.int64)
    squares = whole * (whole * whole - 1) / 12
    return whole, np.stack([1 / whole, 1 / squares, 1 / (whole - 2), (whole - 1) / 2])
