"""Wilder's directional movement: how much of the range went up, down, and how one-sided it was."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    compiled,
    inlined,
    smooth,
    tie,
    true_range,
    unpack,
    window_params,
)


@inlined
def _moves(high, low, close, start, stop, clock, previous, moves):  # type: ignore[no-untyped-def]
    """Move up, move down and true range of each bar; the first has none."""
    before_high, before_low, before_close = previous[0], previous[1], previous[2]
    count, n = clock[0], 0
    for t in range(start, stop):
        if np.isnan(close[t]):
            continue
        rise, fall, same = high[t] - before_high, before_low - low[t], tie(high[t])
        moves[0, n] = rise if count > 0 and rise > 0 and rise - fall > same else 0.0
        moves[1, n] = fall if count > 0 and fall > 0 and fall - rise > same else 0.0
        moves[2, n] = true_range(high[t], low[t], before_close) if count > 0 else 0.0
        before_high, before_low, before_close = high[t], low[t], close[t]
        count, n = count + 1, n + 1
    clock[0] = count
    previous[0], previous[1], previous[2] = before_high, before_low, before_close
    return n


@inlined
def _average(moves, n, age, window, weight, sums, k, pluses, minuses, indices):  # type: ignore[no-untyped-def]
    """Wilder's sums of the moves, and the directional indicators in their ratio."""
    plus, minus, whole = sums[0, k], sums[1, k], sums[2, k]
    for b in range(n):
        # Sums of the first w - 1 values are the seed, as in TA-Lib: from the w-th on they decay.
        kept = 1.0 - weight if age + b >= window else 1.0
        plus = plus * kept + moves[0, b]
        minus = minus * kept + moves[1, b]
        whole = whole * kept + moves[2, b]
        pluses[b], minuses[b], indices[b] = plus, minus, whole
    sums[0, k], sums[1, k], sums[2, k] = plus, minus, whole


@inlined
def _index(n, pluses, minuses, indices):  # type: ignore[no-untyped-def]
    """Directional indicators, and the index, -1 where nothing moved."""
    for b in range(n):
        plus, minus, whole = pluses[b], minuses[b], indices[b]
        both = plus + minus
        pluses[b] = 100.0 * plus / whole if whole > 0 else 0.0
        minuses[b] = 100.0 * minus / whole if whole > 0 else 0.0
        indices[b] = 100.0 * abs(plus - minus) / both if both > 0 else -1.0


@inlined
def _average_index(n, age, window, weight, sums, k, pluses, minuses, indices):  # type: ignore[no-untyped-def]
    average = sums[3, k]
    for b in range(n):
        value, index = indices[b], age + b - window + 1
        if index >= 1:
            if value < 0:  # nothing moved: the average stays
                value = average if index > window else 0.0
            average = smooth(average, value, index, window, weight)
        else:
            pluses[b] = minuses[b] = np.nan
        indices[b] = average if index >= window else np.nan
    sums[3, k] = average


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    windows, weights = params
    previous, clock, sums, moves = state
    w = windows.shape[0]
    for start in range(first, last, BLOCK):
        stop, age = min(start + BLOCK, last), clock[0]
        n = _moves(high, low, close, start, stop, clock, previous, moves)
        for k in range(w):
            window, weight = windows[k], weights[0, k]
            pluses, minuses, indices = out[k, start:], out[w + k, start:], out[2 * w + k, start:]
            _average(moves, n, age, window, weight, sums, k, pluses, minuses, indices)
            _index(n, pluses, minuses, indices)
            _average_index(n, age, window, weight, sums, k, pluses, minuses, indices)
        for k in range(3 * w):
            unpack(close, start, stop, n, out, k)


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
    _column_table = COLUMNS

    def __init__(self, windows: tuple[int, ...] = (14, 50)) -> None:
        self.windows = windows
        super().__init__()

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
            "moves": np.zeros((3, BLOCK)),  # room to work in
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
