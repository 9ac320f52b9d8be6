"""Market structure: the close seen from the last confirmed swing high and low."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    FALLEN,
    HIGH,
    LOW,
    OLD_HIGH,
    OLD_LOW,
    RISEN,
    atr_units,
    compiled,
    follow,
    inlined,
    new_ranges,
    new_swings,
    settling,
)


@inlined
def _side(last, old):  # type: ignore[no-untyped-def]
    return 1.0 if last > old else -1.0 if last < old else 0.0


@inlined
def _retraced(close, high, low, rising):  # type: ignore[no-untyped-def]
    taken = high - close if rising else close - low
    return min(max(taken / (high - low), -1.0), 2.0)


@inlined
def _measure(close, unit, bar, age, share, unknown, broken, levels, at, out, k, n, t):  # type: ignore[no-untyped-def]
    # unknown: what a column is where a swing is missing, less its neutral value: 0 or NaN.
    has_high, has_low = bar - at[k, HIGH] <= age, bar - at[k, LOW] <= age
    high, low = levels[k, HIGH], levels[k, LOW]
    later = at[k, HIGH] - at[k, LOW]  # above 0 after a rise, below 0 after a fall

    out[k, t] = (close - high if has_high else unknown) * unit
    out[n + k, t] = (close - low if has_low else unknown) * unit
    out[2 * n + k, t] = (bar - at[k, HIGH]) * share if has_high else 1.0 + unknown
    out[3 * n + k, t] = (bar - at[k, LOW]) * share if has_low else 1.0 + unknown

    span, trend, back, depth = unknown, unknown, 0.5 + unknown, unknown
    if has_high and has_low:
        span, back = high - low, 0.5
        if high > low and later != 0:
            back = _retraced(close, high, low, later > 0)
        if bar - at[k, OLD_HIGH] <= age and bar - at[k, OLD_LOW] <= age:
            sides = _side(high, levels[k, OLD_HIGH]) + _side(low, levels[k, OLD_LOW])
            trend = 1.0 if sides > 1 else -1.0 if sides < -1 else 0.0
    if has_high and later >= 0:
        depth = high - levels[k, FALLEN]
    if has_low and later <= 0:
        rise = levels[k, RISEN] - low
        depth = rise if later < 0 else max(depth, rise)
    out[4 * n + k, t] = trend
    out[5 * n + k, t] = span * unit
    out[6 * n + k, t] = back
    out[7 * n + k, t] = depth * unit
    event = broken if (has_high if broken > 0 else has_low) else 0.0
    out[8 * n + k, t] = event if has_high and has_low else event + unknown


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    windows, ages, shares, atr_window = params
    scale, count, slots, ends, tops, bottoms, levels, at = state
    n, bars = windows.shape[0], count[0]
    unit = out[out.shape[0] - 1]  # on loan: of each bar this column is written last
    atr_units(inputs, first, last, atr_window, scale, count, unit)
    for k in range(n):
        bar, window, age, share = bars, windows[k], ages[k], shares[k]
        for t in range(first, last):
            if np.isnan(close[t]):
                for column in range(k, out.shape[0], n):
                    out[column, t] = np.nan
                continue
            bar += 1
            broken = follow(
                high[t], low[t], close[t], bar, k, window,
                slots, ends, tops, bottoms, levels, at,
            )  # fmt: skip
            unknown = 0.0 if bar > age + window else np.nan
            _measure(close[t], unit[t], bar, age, share, unknown, broken, levels, at, out, k, n, t)


class StructureFeatures(BaseFeature):
    """The close seen from the last confirmed swing high and low: distances, legs, breaks.

    A swing high of window w is a bar whose high is above those of the w bars before it and not
    below those of the w bars after it, so of equal highs the first counts; row t sees it from the
    w-th bar after it on. Swing lows mirror it. A swing is forgotten ``memory`` w bars after its
    bar, and then columns take the neutral value that ``describe()`` says; in the first rows, where
    an older swing might have been missed, they are NaN instead. A bar with a missing price gives
    NaN and is passed over.

    Columns: ``swing_high_distance_{w}``, ``swing_low_distance_{w}``, ``bars_since_swing_high_{w}``,
    ``bars_since_swing_low_{w}``, ``swing_trend_{w}``, ``swing_range_{w}``, ``retracement_{w}``,
    ``pullback_depth_{w}``, ``break_of_structure_{w}``.

    Parameters
    ----------
    windows : tuple of int, default=(5, 20)
        Bars on either side of a swing, each at least 1.
    memory : int, default=12
        A swing counts until it is ``memory`` windows old, at least 2.
    atr_window : int, default=14
        Window of the average true range, the unit of distances, in bars.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        (memory + 1) times the largest window, or where the seed of the average true range weighs
        at most ``lookback_tolerance``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import StructureFeatures
    >>> table = StructureFeatures(windows=(5,)).fit_transform(simulate_bars(500, seed=0).bars)
    >>> table["break_of_structure_5"].value_counts().sort_index().to_dict()
    {-1.0: 12, 0.0: 449, 1.0: 15}
    """

    _parameter_rules = {
        "windows": each(integer(1)),
        "memory": integer(2),
        "atr_window": integer(1),
    }
    _inputs = ("high", "low", "close")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self, windows: tuple[int, ...] = (5, 20), memory: int = 12, atr_window: int = 14
    ) -> None:
        self.windows = windows
        self.memory = memory
        self.atr_window = atr_window
        super().__init__()

    @property
    def lookback(self) -> int:
        """Rows before row t that weigh more than ``lookback_tolerance``."""
        settled = self.atr_window + settling(1 / self.atr_window, self.lookback_tolerance)
        return int(max((self.memory + 1) * max(self.windows), settled))

    def _kernel_params(self) -> tuple[Any, ...]:
        windows = np.array(self.windows, dtype=np.int64)
        ages = windows * int(self.memory)
        return windows, ages, 1.0 / ages, int(self.atr_window)

    def _initial_state(self) -> dict[str, Any]:
        levels, at = new_swings(self.windows)
        return {
            "scale": np.zeros(2),
            "count": np.zeros(1, dtype=np.int64),
            **dict(
                zip(("slots", "ends", "tops", "bottoms"), new_ranges(self.windows), strict=True)
            ),
            "levels": levels,
            "at": at,
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (3, 1), "memory": 4, "atr_window": 2},
            {"windows": (2,), "memory": 7, "atr_window": 1},
        ]
