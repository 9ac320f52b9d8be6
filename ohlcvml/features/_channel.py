"""Where the close stands in its price channel, and how long ago the channel was widened."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    atr_units,
    compiled,
    inlined,
    new_peaks,
    new_ranges,
    roll_peak,
    roll_range,
    settling,
)


@inlined
def _position(close, highest, lowest):  # type: ignore[no-untyped-def]
    width = highest - lowest
    return (close - lowest) / width if width != 0 else 0.5


@inlined
def _beyond(close, highest, lowest):  # type: ignore[no-untyped-def]
    # Written so that a channel that is not there yet, NaN, gives NaN.
    above, below = close - highest, close - lowest
    return above if not above <= 0 else below if not below >= 0 else 0.0


@inlined
def _donchian(inputs, first, last, windows, roots, unit, before, ranges, out):  # type: ignore[no-untyped-def]
    # before: highest high and lowest low of the windows that end with the bar before.
    high, low, close = inputs
    slots, ends, tops, bottoms = ranges
    n = windows.shape[0]
    for k in range(n):
        slot, top, bottom = slots[k], ends[0, k], ends[1, k]
        highest, lowest = before[0, k], before[1, k]
        for t in range(first, last):
            if np.isnan(close[t]):
                out[k, t] = out[n + k, t] = out[2 * n + k, t] = np.nan
                continue
            out[2 * n + k, t] = _beyond(close[t], highest, lowest) * unit[t]
            slot, top, bottom, highest, lowest = roll_range(
                high[t], low[t], windows[k], slot, top, bottom, tops[k], bottoms[k]
            )
            out[k, t] = _position(close[t], highest, lowest)
            out[n + k, t] = (highest - lowest) * unit[t] * roots[k]
        slots[k], ends[0, k], ends[1, k] = slot, top, bottom
        before[0, k], before[1, k] = highest, lowest


@inlined
def _aroon(inputs, first, last, windows, bars, peaks, out):  # type: ignore[no-untyped-def]
    # Rows of peaks: the highs of each window, then the negated lows of each.
    high, low, close = inputs
    slots, ends, tops, stands = peaks
    n = windows.shape[0]
    for k in range(n):
        m, window, share, bar = n + k, windows[k], 100.0 / windows[k], float(bars)
        high_slot, top, top_at = slots[k], ends[0, k], ends[1, k]
        low_slot, bottom, bottom_at = slots[m], ends[0, m], ends[1, m]
        for t in range(first, last):
            if np.isnan(close[t]):
                out[k, t] = out[n + k, t] = out[2 * n + k, t] = np.nan
                continue
            bar += 1.0
            high_slot, top, top_at, _, peak = roll_peak(
                high[t], bar, window + 1, high_slot, top, top_at, tops[k], stands[k]
            )
            low_slot, bottom, bottom_at, _, trough = roll_peak(
                -low[t], bar, window + 1, low_slot, bottom, bottom_at, tops[m], stands[m]
            )
            out[k, t] = share * (window - (bar - peak))
            out[n + k, t] = share * (window - (bar - trough))
            out[2 * n + k, t] = share * (peak - trough)
        slots[k], ends[0, k], ends[1, k] = high_slot, top, top_at
        slots[m], ends[0, m], ends[1, m] = low_slot, bottom, bottom_at


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    windows, roots, spans, atr_window = params
    scale, age, before = state[:3]
    unit, bars = out[out.shape[0] - 1], age[0]  # the row is on loan: its column is written last
    atr_units(inputs, first, last, atr_window, scale, age, unit)
    _donchian(inputs, first, last, windows, roots, unit, before, state[3:7], out)
    _aroon(inputs, first, last, spans, bars, state[7:], out[3 * windows.shape[0] :])


class ChannelFeatures(BaseFeature):
    """Position of the close in its price channel, breakouts from it, and Aroon.

    Row t uses rows up to and including t. Columns: ``donchian_position_{w}``,
    ``donchian_width_{w}``, ``breakout_{w}``, ``aroon_up_{w}``, ``aroon_down_{w}``,
    ``aroon_oscillator_{w}``; ``describe()`` says what they mean. A bar with a missing price gives
    NaN and is passed over.

    Parameters
    ----------
    windows : tuple of int, default=(20, 60, 240)
        Of the channels, in bars, each at least 2.
    aroon_windows : tuple of int, default=(25, 100)
        In bars, each at least 2.
    atr_window : int, default=14
        Window of the average true range, in bars.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window, or where the seed of the average true range weighs at most
        ``lookback_tolerance``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ChannelFeatures
    >>> features = ChannelFeatures(windows=(20,), aroon_windows=(25,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    donchian_position_20    19
    donchian_width_20       19
    breakout_20             20
    aroon_up_25             25
    aroon_down_25           25
    aroon_oscillator_25     25
    dtype: int64
    """

    _parameter_rules = {
        "windows": each(integer(2)),
        "aroon_windows": each(integer(2)),
        "atr_window": integer(1),
    }
    _inputs = ("high", "low", "close")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self,
        windows: tuple[int, ...] = (20, 60, 240),
        aroon_windows: tuple[int, ...] = (25, 100),
        atr_window: int = 14,
    ) -> None:
        self.windows = windows
        self.aroon_windows = aroon_windows
        self.atr_window = atr_window
        super().__init__()

    @property
    def lookback(self) -> int:
        """Rows before row t that weigh more than ``lookback_tolerance``."""
        atr = self.atr_window + settling(1 / self.atr_window, self.lookback_tolerance)
        return int(max(*self.windows, *self.aroon_windows, atr))

    def _kernel_params(self) -> tuple[Any, ...]:
        windows = np.array(self.windows, dtype=np.int64)
        spans = np.array(self.aroon_windows, dtype=np.int64)
        return windows, 1.0 / np.sqrt(windows), spans, int(self.atr_window)

    def _initial_state(self) -> dict[str, Any]:
        ranges = new_ranges(self.windows)
        peaks = new_peaks(tuple(window + 1 for window in self.aroon_windows * 2))
        return {
            "scale": np.zeros(2),
            "age": np.zeros(1, dtype=np.int64),
            "before": np.full((2, len(self.windows)), np.nan),
            **dict(zip(("slots", "ends", "tops", "bottoms"), ranges, strict=True)),
            **dict(zip(("peak_slots", "peak_ends", "peaks", "peak_bars"), peaks, strict=True)),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (3, 4), "aroon_windows": (3,), "atr_window": 3},
            {"windows": (5,), "aroon_windows": (2, 6), "atr_window": 2},
        ]
