"""Line of least squares through the last closes: slope, fit, and distance from its end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    compiled,
    inlined,
    keep,
    pack,
    settling,
    smooth,
    true_range,
    unpack,
)
from ohlcvml.typing import FloatArray, IntArray

_EXACT = 1e-10  # share of the spread: a line that leaves less is taken as exact, what is left noise
_SHORTEST_PERIOD = 128

# Positions in the clock; the countdowns of the windows follow.
_COUNT, _RUN, _DUE = 0, 1, 2


@inlined
def _scales(high, low, close, start, stop, atr_window, clock, scale, units, runs):  # type: ignore[no-untyped-def]
    """1 / ATR of each bar, and how many closes up to it are equal."""
    # scale: previous close, average true range
    count, run, previous, average, n = clock[_COUNT], clock[_RUN], scale[0], scale[1], 0
    weight = 1.0 / atr_window
    for t in range(start, stop):
        if np.isnan(close[t]):
            continue
        if count > 0:
            span = true_range(high[t], low[t], previous)
            average = smooth(average, span, count, atr_window, weight)
        run = run + 1 if close[t] == previous and count > 0 else 1
        units[n] = 1.0 / average if count >= atr_window and average > 0 else np.nan
        runs[n] = run
        previous, count, n = close[t], count + 1, n + 1
    clock[_COUNT], clock[_RUN], scale[0], scale[1] = count, run, previous, average


@inlined
def _slide(closes, size, n, window, scales, k, clock, sums, slopes, spreads, heights):  # type: ignore[no-untyped-def]
    """Slope, sum of squares about the mean, and height of the close above the line.

    Kept are sums about an anchor: of the closes, of their squares, and of their products with time
    counted from the middle of the window. When all grow older by a bar, the last falls by the sum.
    They are made anew once in two window lengths, so that neither the level of the closes nor the
    number of updates costs digits. Before a window is full its oldest value is NaN.
    """
    anchor, total, square, product = sums[0, k], sums[1, k], sums[2, k], sums[3, k]
    due, half, share, steepness = clock[_DUE + k], scales[2, k], scales[0, k], scales[1, k]
    newest, oldest = closes[size:], closes[size - window :]
    for b in range(n):
        gain, loss, due = newest[b] - anchor, oldest[b] - anchor, due - 1
        product += half * (gain + loss) + (loss - total)
        total += gain - loss
        square += gain * gain - loss * loss
        if due == 0:
            due = max(2 * window, _SHORTEST_PERIOD)
            anchor = newest[b] if np.isnan(total) else anchor + total * share
            total, square, product = 0.0, 0.0, 0.0
            for j in range(window):
                gain = oldest[b + 1 + j] - anchor
                total += gain
                square += gain * gain
                product += (j - half) * gain
            gain = newest[b] - anchor
        middle, slope = total * share, product * steepness
        slopes[b] = slope
        spreads[b] = square - total * middle
        heights[b] = gain - middle - slope * half
    sums[0, k], sums[1, k], sums[2, k], sums[3, k] = anchor, total, square, product
    clock[_DUE + k] = due


@inlined
def _judge(n, window, scales, k, units, runs, slopes, spreads, heights):  # type: ignore[no-untyped-def]
    """Make slope, r2 and distance out of slope, spread and height."""
    squares, share = scales[3, k], scales[4, k]
    for b in range(n):
        spread = spreads[b]
        explained = slopes[b] * slopes[b] * squares
        left = spread - explained
        flat, exact = runs[b] >= window, left <= _EXACT * spread
        fit, distance = explained / spread, heights[b] / math.sqrt(left * share)
        spreads[b] = 0.0 if flat else (1.0 if exact else fit)
        heights[b] = 0.0 if flat or exact else distance
    for b in range(n):
        slopes[b] = (0.0 if runs[b] >= window else slopes[b]) * units[b]


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    windows, scales, atr_window = params
    closes, clock, sums, scale, units, runs = state
    size, w = closes.shape[0] - BLOCK, windows.shape[0]
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(close, close, start, stop, closes, size)
        _scales(high, low, close, start, stop, atr_window, clock, scale, units, runs)
        for k in range(w):
            slopes, spreads, heights = out[k, start:], out[w + k, start:], out[2 * w + k, start:]
            _slide(
                closes, size, n, windows[k], scales, k, clock, sums, slopes, spreads, heights
            )  # fmt: skip
            _judge(n, windows[k], scales, k, units, runs, slopes, spreads, heights)
        for k in range(3 * w):
            unpack(close, start, stop, n, out, k)
        keep(closes, size, n)


class RegressionFeatures(BaseFeature):
    """Least squares of the close on time: slope, share of variance explained, distance.

    Row t uses rows up to and including t; the line goes through the closes of rows t - w + 1 to t.
    Columns: ``regression_slope_{w}``, ``regression_r2_{w}``, ``regression_distance_{w}``;
    ``describe()`` says what they mean.

    A bar with a missing price gives NaN, is passed over and does not count as time.

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
    _column_table = COLUMNS

    def __init__(self, windows: tuple[int, ...] = (20, 60, 120), atr_window: int = 14) -> None:
        self.windows = windows
        self.atr_window = atr_window
        super().__init__()

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
        return {
            "closes": np.full(max(self.windows) + BLOCK, np.nan),
            "clock": clock,
            "sums": np.zeros((4, len(self.windows))),
            "scale": np.zeros(2),
            "units": np.zeros(BLOCK),  # this and the next: room to work in
            "runs": np.zeros(BLOCK),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (3, 4), "atr_window": 3}, {"windows": (5,), "atr_window": 2}]


def _line_params(windows: tuple[int, ...]) -> tuple[IntArray, FloatArray]:
    """Windows; 1 / w, 1 / S, (w - 1) / 2, S, 1 / (w - 2), S the sum of squared times."""
    whole = np.array(windows, dtype=np.int64)
    squares = whole * (whole * whole - 1) / 12
    return whole, np.stack([1 / whole, 1 / squares, (whole - 1) / 2, squares, 1 / (whole - 2)])
