"""Shapes of one bar and of a few bars: body, wicks, close within the range, gaps, streaks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import compiled, inlined, settling, smooth, true_range, window_params

# Rows of the ring and of the sums.
_RANGE, _BODY, _GAP, _LOCATION, _WICKS = 0, 1, 2, 3, 4
# Positions in the clock: bars seen, slot of the ring, signed run of closes, runs of bars without
# range and without gap; the countdowns of the windows follow.
_COUNT, _SLOT, _STREAK, _FLAT, _GAPLESS, _DUE = 0, 1, 2, 3, 4, 5
_SHORTEST_PERIOD = 64  # of summing anew
_SINGLE = 9  # columns that have no window


@inlined
def _add(values, windows, ring, clock, sums):  # type: ignore[no-untyped-def]
    """Slide the sums of all rows by one bar; summed anew once per window length."""
    size, slot, count = ring.shape[1], clock[_SLOT], clock[_COUNT]
    for k in range(windows.shape[0]):
        oldest = slot - windows[k]
        oldest = oldest if oldest >= 0 else oldest + size
        for i in range(ring.shape[0]):
            sums[i, k] += values[i] - (ring[i, oldest] if count > windows[k] else 0.0)
    for i in range(ring.shape[0]):
        ring[i, slot] = values[i]
    for k in range(windows.shape[0]):
        clock[_DUE + k] -= 1
        if clock[_DUE + k] == 0:
            clock[_DUE + k] = max(windows[k], _SHORTEST_PERIOD)
            for i in range(ring.shape[0]):
                total = 0.0
                for age in range(windows[k]):
                    at = slot - age
                    total += ring[i, at if at >= 0 else at + size]
                sums[i, k] = total
    clock[_SLOT] = slot + 1 if slot + 1 < size else 0


@inlined
def _step(  # type: ignore[no-untyped-def]
    open_, high, low, close, windows, weights, atr_window, max_streak,
    ring, clock, sums, before, average, out, t,
):  # fmt: skip
    # before: high, low, close of the bar before
    n, count = windows.shape[0], clock[_COUNT] + 1
    clock[_COUNT] = count
    span = high - low
    share = 1.0 / span if span > 0 else 0.0
    upper, lower = high - max(open_, close), min(open_, close) - low
    location = ((close - low) - (high - close)) * share
    gap = open_ - before[2] if count > 1 else 0.0
    clock[_FLAT] = clock[_FLAT] + 1 if span <= 0 else 0
    clock[_GAPLESS] = clock[_GAPLESS] + 1 if gap == 0 else 0
    values = (span, abs(close - open_), abs(gap), location, (lower - upper) * share)
    _add(values, windows, ring, clock, sums)

    out[0, t] = (close - open_) * share
    out[1, t] = upper * share
    out[2, t] = lower * share
    out[3, t] = location
    for column in range(4, _SINGLE):
        out[column, t] = np.nan
    if count > 1:
        average[0] = smooth(
            average[0], true_range(high, low, before[2]), count - 1, atr_window, 1.0 / atr_window
        )
        if count > atr_window and average[0] > 0:
            out[4, t] = gap / average[0]
        within, beyond = high <= before[0] and low >= before[1], high >= before[0]
        beyond = beyond and low <= before[1]
        out[5, t] = 1.0 if within and not beyond else 0.0
        out[6, t] = 1.0 if beyond and not within else 0.0
        union = max(high, before[0]) - min(low, before[1])
        common = min(high, before[0]) - max(low, before[1])
        out[7, t] = common / union if union > 0 else 1.0
        streak = clock[_STREAK]
        if close > before[2]:
            streak = min(max(streak, 0) + 1, max_streak)
        elif close < before[2]:
            streak = max(min(streak, 0) - 1, -max_streak)
        else:
            streak = 0
        clock[_STREAK] = streak
    if count > max_streak:
        out[8, t] = clock[_STREAK]
    before[0], before[1], before[2] = high, low, close

    for k in range(n):
        first = _SINGLE + k
        for column in range(5):
            out[first + column * n, t] = np.nan
        if count < windows[k]:
            continue
        ranges = sums[_RANGE, k] if clock[_FLAT] < windows[k] else 0.0
        out[first, t] = span / (ranges * weights[0, k]) if ranges > 0 else 1.0
        out[first + n, t] = sums[_BODY, k] / ranges if ranges > 0 else 0.0
        out[first + 2 * n, t] = sums[_LOCATION, k] * weights[0, k]
        out[first + 3 * n, t] = sums[_WICKS, k] * weights[0, k]
        if count > windows[k]:
            gaps = max(sums[_GAP, k], 0.0) if clock[_GAPLESS] < windows[k] else 0.0
            out[first + 4 * n, t] = gaps / (gaps + ranges) if gaps > 0 else 0.0


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    open_, high, low, close = inputs
    windows, weights, atr_window, max_streak = params
    ring, clock, sums, before, average = state
    for t in range(first, last):
        if np.isnan(close[t]):
            out[:, t] = np.nan
        else:
            _step(
                open_[t], high[t], low[t], close[t], windows, weights, atr_window, max_streak,
                ring, clock, sums, before, average, out, t,
            )  # fmt: skip


class BarShapeFeatures(BaseFeature):
    """Shape of each bar, alone and against the bar before it, and averages over a window.

    Row t uses rows t - w to t, the ATR older ones. ``describe()`` says what the columns mean. A bar
    whose high equals its low has no body, no wicks and its close in the middle: 0.

    A bar with a missing price gives NaN and is passed over.

    Parameters
    ----------
    windows : tuple of int, default=(20,)
        In bars, each at least 2.
    max_streak : int, default=10
        Longer runs of closes count as this many.
    atr_window : int, default=14
        Window of the average true range, the unit of gaps, in bars.

    Attributes
    ----------
    feature_names : list of str
    lookback : int

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import BarShapeFeatures
    >>> shapes = BarShapeFeatures().fit_transform(simulate_bars(100, seed=0).bars)
    >>> shapes.shape
    (100, 14)
    >>> shapes[["body_ratio", "upper_wick_ratio", "lower_wick_ratio"]].iloc[0].abs().sum().round(9)
    np.float64(1.0)
    """

    _parameter_rules = {
        "windows": each(integer(2)),
        "max_streak": integer(1),
        "atr_window": integer(1),
    }
    _inputs = ("open", "high", "low", "close")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self, windows: tuple[int, ...] = (20,), max_streak: int = 10, atr_window: int = 14
    ) -> None:
        self.windows = windows
        self.max_streak = max_streak
        self.atr_window = atr_window
        super().__init__()

    @property
    def lookback(self) -> int:
        """Largest window or streak, or where an old ATR weighs at most ``lookback_tolerance``."""
        settled = self.atr_window + settling(1 / self.atr_window, self.lookback_tolerance)
        return int(max(max(self.windows), self.max_streak, settled))

    def _kernel_params(self) -> tuple[Any, ...]:
        return (*window_params(self.windows), int(self.atr_window), int(self.max_streak))

    def _initial_state(self) -> dict[str, Any]:
        clock = np.zeros(_DUE + len(self.windows), dtype=np.int64)
        clock[_DUE:] = self.windows
        ring, sums = np.zeros((5, max(self.windows))), np.zeros((5, len(self.windows)))
        before, average = np.zeros(3), np.zeros(1)
        return {"ring": ring, "clock": clock, "sums": sums, "before": before, "average": average}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (40, 3), "max_streak": 2, "atr_window": 2},
            {"windows": (60,), "max_streak": 3, "atr_window": 3},
        ]
