"""Structure regimes by rule: range, breakout or pullback, from confirmed swings."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import boolean, integer
from ohlcvml.streams import BaseFeature, Column
from ohlcvml.streams.kernels import (
    HIGH,
    LOW,
    OLD_HIGH,
    OLD_LOW,
    compiled,
    follow,
    inlined,
    new_ranges,
    new_swings,
)

# States, in the order of the columns; without directions, up and down share one.
_RANGE, _BREAK_UP, _BREAK_DOWN, _PULL_UP, _PULL_DOWN, _UNKNOWN = 0, 1, 2, 3, 4, -1


@inlined
def _classify(close, bar, age, window, levels, at):  # type: ignore[no-untyped-def]
    has_high, has_low = bar - at[HIGH] <= age, bar - at[LOW] <= age
    complete = bar > age + window  # no swing that would be remembered can have been missed
    if not (complete or (has_high and has_low)):
        return _UNKNOWN
    above, below = has_high and close > levels[HIGH], has_low and close < levels[LOW]
    if above and below:  # a low above the high: the later of the two counts
        above = at[HIGH] > at[LOW]
    if above:
        return _BREAK_UP
    if below:
        return _BREAK_DOWN
    if not (bar - at[OLD_HIGH] <= age and bar - at[OLD_LOW] <= age):
        return _RANGE if complete else _UNKNOWN
    if not (has_high and has_low):
        return _RANGE
    higher = levels[HIGH] > levels[OLD_HIGH] and levels[LOW] > levels[OLD_LOW]
    lower = levels[HIGH] < levels[OLD_HIGH] and levels[LOW] < levels[OLD_LOW]
    return _PULL_UP if higher else _PULL_DOWN if lower else _RANGE


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    window, age, rows = params
    count, slots, ends, tops, bottoms, levels, at = state
    for t in range(first, last):
        found = _UNKNOWN
        if not np.isnan(close[t]):
            bar = count[0] + 1
            count[0] = bar
            follow(
                high[t], low[t], close[t], bar, 0, window,
                slots, ends, tops, bottoms, levels, at,
            )  # fmt: skip
            found = _classify(close[t], bar, age, window, levels[0], at[0])
        rest = np.nan if found == _UNKNOWN else 0.0
        for row in range(out.shape[0]):
            out[row, t] = rest
        if found != _UNKNOWN:
            out[rows[found], t] = 1.0


class StructureRegime(BaseFeature):
    """Range, breakout or pullback, by rule from confirmed swing highs and lows.

    Row t uses rows up to and including t. A swing high of window w is a bar whose high is above
    those of the w bars before it and not below those of the w after it, and is known w bars later;
    swing lows mirror it. By the last two of each:

    - breakout: the close is above the last swing high (up) or below the last swing low (down);
    - pullback: it is between them while both are above those before them (up: the correction of a
      rising market, until it breaks out) or both below (down);
    - range: all else.

    A breakout thus lasts until the close is back or a new swing is confirmed beyond it. The
    memberships are 0 or 1. Nothing is learned. A swing is forgotten ``memory`` windows after its
    bar, as if it had never been, so the memory is finite. A bar with a missing price gives NaN and
    is passed over.

    Parameters
    ----------
    window : int, default=20
        Bars on either side of a swing, at least 1.
    memory : int, default=12
        A swing counts until it is ``memory`` windows old, at least 2.
    directions : bool, default=False
        Whether breakouts and pullbacks of rising and of falling markets are states of their own.

    Attributes
    ----------
    feature_names : list of str
        ``structure_state_range``, ``structure_state_breakout``, ``structure_state_pullback``; with
        directions the last two end in ``_up`` and ``_down``. They sum to 1.
    lookback : int
        (memory + 1) window.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.regimes import StructureRegime
    >>> states = StructureRegime(window=5).fit_transform(simulate_bars(2000, seed=0).bars)
    >>> states.mean().round(2)
    structure_state_range       0.20
    structure_state_breakout    0.43
    structure_state_pullback    0.37
    dtype: float64
    """

    _parameter_rules = {"window": integer(1), "memory": integer(2), "directions": boolean()}
    _inputs = ("high", "low", "close")
    _kernel = staticmethod(_run)

    def __init__(self, window: int = 20, memory: int = 12, directions: bool = False) -> None:
        self.window = window
        self.memory = memory
        self.directions = directions
        super().__init__()

    def _columns(self) -> list[Column]:
        above, below = "close > last swing high", "close < last swing low"
        rising = "neither breakout; last swing high and low above those before them"
        falling = "neither breakout; last swing high and low below those before them"
        either = "no breakout; last swing high and low both above or both below those before them"
        meaning = {"range": "1 if neither breakout nor pullback, else 0"}
        if self.directions:
            meaning |= {"breakout_up": f"1 if {above}, else 0"}
            meaning |= {"breakout_down": f"1 if {below}, else 0"}
            meaning |= {"pullback_up": f"1 if {rising}, else 0"}
            meaning |= {"pullback_down": f"1 if {falling}, else 0"}
        else:
            meaning |= {"breakout": f"1 if {above} or {below}, else 0"}
            meaning |= {"pullback": f"1 if {either}, else 0"}
        undefined = (
            "NaN in the first rows, until the swings it rests on are confirmed or (memory + 1) w "
            "bars are there"
        )
        source = "Dow theory: Rhea (1932); fractals: Williams (1995), Trading Chaos"
        return [
            Column(
                f"structure_state_{name}", formula, int(self.window), "0 or 1", undefined, source
            )
            for name, formula in meaning.items()
        ]

    @property
    def lookback(self) -> int:
        """Rows before row t on which row t depends."""
        return (int(self.memory) + 1) * int(self.window)

    def _kernel_params(self) -> tuple[Any, ...]:
        rows = [0, 1, 2, 3, 4] if self.directions else [0, 1, 1, 2, 2]
        window = int(self.window)
        return window, window * int(self.memory), np.array(rows, dtype=np.int64)

    def _initial_state(self) -> dict[str, Any]:
        windows = (int(self.window),)
        levels, at = new_swings(windows)
        return {
            "count": np.zeros(1, dtype=np.int64),
            **dict(zip(("slots", "ends", "tops", "bottoms"), new_ranges(windows), strict=True)),
            "levels": levels,
            "at": at,
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"window": 3, "memory": 3, "directions": True},
            {"window": 2, "memory": 4, "directions": False},
        ]
