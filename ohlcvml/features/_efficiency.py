"""How straight the way of the price was: efficiency ratio and choppiness index."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml._elementary import log
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    compiled,
    inlined,
    keep,
    new_ranges,
    new_sums,
    pack,
    roll_range,
    roll_sum,
    unpack,
)


@inlined
def _spread_out(high, low, close, start, stop, closes, size, bars):  # type: ignore[no-untyped-def]
    """True high, true low and absolute move of each bar into the rows of ``bars``."""
    before, b = closes[size - 1 :], 0
    for t in range(start, stop):
        if not np.isnan(close[t]):
            bars[0, b], bars[1, b] = max(high[t], before[b]), min(low[t], before[b])
            bars[2, b] = abs(close[t] - before[b])
            b += 1


@inlined
def _efficiency(closes, size, bars, begin, n, window, k, slots, totals, tails, row):  # type: ignore[no-untyped-def]
    slot, total = slots[k], totals[k]
    for b in range(begin, n):
        slot, total, row[b] = roll_sum(bars[2, b], window, slot, total, tails[k])
    slots[k], totals[k] = slot, total
    now, then = closes[size:], closes[size - window :]
    for b in range(n):
        ratio = abs(now[b] - then[b]) / row[b]
        row[b] = 0.0 if row[b] == 0 else (1.0 if ratio > 1 else ratio)  # by rounding


@inlined
def _choppiness(  # type: ignore[no-untyped-def]
    bars, begin, n, window, k, slots, totals, tails, places, ends, tops, bottoms, row
):
    slot, total = slots[k], totals[k]
    place, top, bottom = places[k], ends[0, k], ends[1, k]
    scale = 1.0 / log(float(window))
    for b in range(begin, n):
        high, low = bars[0, b], bars[1, b]
        slot, total, way = roll_sum(high - low, window, slot, total, tails[k])
        place, top, bottom, highest, lowest = roll_range(
            high, low, window, place, top, bottom, tops[k], bottoms[k]
        )
        width = highest - lowest
        row[b] = log(way / width) * scale if width > 0 else np.nan
    slots[k], totals[k] = slot, total
    places[k], ends[0, k], ends[1, k] = place, top, bottom


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    windows, spans = params
    closes, bars, slots, totals, tails, ways, lengths, trails, places, ends, tops, bottoms = state
    size, w = closes.shape[0] - BLOCK, windows.shape[0]
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        begin = 1 if np.isnan(closes[size - 1]) else 0  # the first bar has no close before it
        n = pack(close, close, start, stop, closes, size)
        _spread_out(high, low, close, start, stop, closes, size, bars)
        out[:, start : start + begin] = np.nan
        for k in range(w):
            row = out[k, start:]
            _efficiency(closes, size, bars, begin, n, windows[k], k, slots, totals, tails, row)
        for k in range(spans.shape[0]):
            row = out[w + k, start:]
            _choppiness(
                bars, begin, n, spans[k], k, ways, lengths, trails, places, ends, tops, bottoms, row
            )  # fmt: skip
        for k in range(out.shape[0]):
            unpack(close, start, stop, n, out, k)
        keep(closes, size, n)


class EfficiencyFeatures(BaseFeature):
    """Kaufman's efficiency ratio and the choppiness index.

    Row t uses rows t - w to t, of row t - w the close. Columns: ``efficiency_ratio_{w}``,
    ``choppiness_{w}``; ``describe()`` says what they mean. A price that never moves back has
    an efficiency of 1 and a choppiness of 0.

    A bar with a missing price gives NaN and is passed over.

    Parameters
    ----------
    efficiency_windows : tuple of int, default=(10, 30, 120)
        In bars, each at least 2.
    choppiness_windows : tuple of int, default=(14, 60)
        In bars, each at least 2.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import EfficiencyFeatures
    >>> features = EfficiencyFeatures(efficiency_windows=(30,), choppiness_windows=(14,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    efficiency_ratio_30    30
    choppiness_14          14
    dtype: int64
    """

    _parameter_rules = {
        "efficiency_windows": each(integer(2)),
        "choppiness_windows": each(integer(2)),
    }
    _inputs = ("high", "low", "close")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self,
        efficiency_windows: tuple[int, ...] = (10, 30, 120),
        choppiness_windows: tuple[int, ...] = (14, 60),
    ) -> None:
        self.efficiency_windows = efficiency_windows
        self.choppiness_windows = choppiness_windows
        super().__init__()

    @property
    def lookback(self) -> int:
        """The largest window."""
        return int(max(*self.efficiency_windows, *self.choppiness_windows))

    def _kernel_params(self) -> tuple[Any, ...]:
        windows, spans = self.efficiency_windows, self.choppiness_windows
        return np.array(windows, dtype=np.int64), np.array(spans, dtype=np.int64)

    def _initial_state(self) -> dict[str, Any]:
        ratios, indices = tuple(self.efficiency_windows), tuple(self.choppiness_windows)
        sums = dict(zip(("slots", "totals", "tails"), new_sums(ratios), strict=True))
        ways = dict(zip(("ways", "lengths", "trails"), new_sums(indices), strict=True))
        names = ("places", "ends", "tops", "bottoms")
        return {
            "closes": np.full(max(ratios) + BLOCK, np.nan),
            "bars": np.zeros((3, BLOCK)),  # room to work in
            **sums,
            **ways,
            **dict(zip(names, new_ranges(indices), strict=True)),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"efficiency_windows": (2, 3), "choppiness_windows": (3,)},
            {"efficiency_windows": (4,), "choppiness_windows": (2, 5)},
        ]
