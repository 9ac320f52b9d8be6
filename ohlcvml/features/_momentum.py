"""Relative strength index and MACD."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import Rule, each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    average_params,
    blend,
    compiled,
    inlined,
    keep,
    pack,
    settling,
    smooth,
    smooth_rows,
    true_ranges,
    unpack,
)


@inlined
def _share(rises, falls, n, row):  # type: ignore[no-untyped-def]
    """Average rise in percent of average rise and fall."""
    for b in range(n):
        total = rises[b] + falls[b]
        row[b] = 100.0 * rises[b] / total if total > 0 else np.nan


@inlined
def _macd(values, spans, n, count, windows, weights, lines, rows, atrs):  # type: ignore[no-untyped-def]
    """Difference of two averages of the ``n`` values, its own average, and what is between them.

    NaN before the first. The average true range waits beside them.
    """
    macd, signals, histogram = rows
    fast, slow, signal, atr = windows[0], windows[1], windows[2], windows[3]
    quick, late, smoothed, scale = lines[0], lines[1], lines[2], lines[3]
    w0, w1, w2, w3 = weights[0], weights[1], weights[2], weights[3]
    if count >= slow + signal and count > atr:
        for b in range(n):
            quick = blend(quick, values[b], w0)
            late = blend(late, values[b], w1)
            line = quick - late
            smoothed = blend(smoothed, line, w2)
            scale = blend(scale, spans[b], w3)
            macd[b], signals[b], histogram[b], atrs[b] = line, smoothed, line - smoothed, scale
    else:
        for b in range(n):
            seen = count + b + 1
            macd[b] = signals[b] = histogram[b] = atrs[b] = np.nan
            # Both averages have their first value on the same bar, as in TA-Lib.
            if seen > slow - fast:
                quick = smooth(quick, values[b], seen - (slow - fast), fast, w0)
            late = smooth(late, values[b], seen, slow, w1)
            if seen >= slow:
                macd[b], age = quick - late, seen - slow + 1
                smoothed = smooth(smoothed, macd[b], age, signal, w2)
                if age >= signal:
                    signals[b], histogram[b] = smoothed, macd[b] - smoothed
            if seen > 1:
                scale = smooth(scale, spans[b], seen - 1, atr, w3)
                atrs[b] = scale if seen > atr else np.nan
    lines[0], lines[1], lines[2], lines[3] = quick, late, smoothed, scale


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    chains, weights, macd, decay, series, rows = params
    closes, averages, lines, count = state
    rises, falls, spans, units = series[0], series[1], series[2], series[3]
    before, m = closes.shape[0] - BLOCK, chains.shape[0] // 2
    now = closes[before:]
    for start in range(first, last, BLOCK):
        stop, seen = min(start + BLOCK, last), count[0]
        n = pack(close, close, start, stop, closes, before)
        true_ranges(high, low, close, start, stop, n, closes, spans)
        for b in range(n):
            change = now[b] - closes[b]
            rises[b], falls[b] = max(change, 0.0), max(-change, 0.0)
        smooth_rows(series, n, seen, chains, weights, averages, rows[:, :n])
        for k in range(m):
            _share(rows[k], rows[m + k], n, out[k, start:])
        line, signals, histogram = out[m, start:], out[m + 1, start:], out[m + 2, start:]
        _macd(now, spans, n, seen, macd, decay, lines, (line, signals, histogram), units)
        for b in range(n):
            unit = 1.0 / units[b] if units[b] > 0 else np.nan
            line[b] *= unit
            signals[b] *= unit
            histogram[b] *= unit
        for k in range(out.shape[0]):
            unpack(close, start, stop, n, out, k)
        keep(closes, before, n)
        count[0] = seen + n


def _is_macd(value: Any) -> bool:
    whole = each(integer(2)).accepts(value) and len(value) == 3
    return bool(whole and value[0] < value[1])


class MomentumFeatures(BaseFeature):
    """Relative strength index and MACD.

    Row t uses rows up to and including t. Columns: ``rsi_{w}``, ``macd_{fast}_{slow}``,
    ``macd_signal_{fast}_{slow}_{signal}``, ``macd_histogram_{fast}_{slow}_{signal}``;
    ``describe()`` says what they mean. The averages are seeded as in TA-Lib, so that the undivided
    MACD and the RSI agree with it (TA-Lib withholds the line until there is a signal). A bar with a
    missing price gives NaN and is passed over.

    Parameters
    ----------
    rsi_windows : tuple of int, default=(7, 14, 21)
        In bars, each at least 2.
    macd : tuple of three int, default=(12, 26, 9)
        Fast, slow and signal window, in bars.
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
    >>> from ohlcvml.features import MomentumFeatures
    >>> features = MomentumFeatures(rsi_windows=(14,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    rsi_14                    14
    macd_12_26                25
    macd_signal_12_26_9       33
    macd_histogram_12_26_9    33
    dtype: int64
    """

    _parameter_rules = {
        "rsi_windows": each(integer(2)),
        "macd": Rule("three integers of at least 2, the first below the second", _is_macd, (26, 9)),
        "atr_window": integer(1),
    }
    _inputs = ("high", "low", "close")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self,
        rsi_windows: tuple[int, ...] = (7, 14, 21),
        macd: tuple[int, ...] = (12, 26, 9),
        atr_window: int = 14,
    ) -> None:
        self.rsi_windows = rsi_windows
        self.macd = macd
        self.atr_window = atr_window
        super().__init__()

    def _column_values(self) -> dict[str, Any]:
        return dict(zip(("fast", "slow", "signal"), self.macd, strict=True))

    @property
    def lookback(self) -> int:
        """Rows before row t that weigh more than ``lookback_tolerance``."""
        tolerance = self.lookback_tolerance
        wilders = max(w + settling(1 / w, tolerance) for w in (*self.rsi_windows, self.atr_window))
        _, slow, signal = self.macd
        return int(max(wilders, slow - 1 + _signal_settling(slow, signal, tolerance)))

    def _kernel_params(self) -> tuple[Any, ...]:
        moves = [(series, window, 1) for series in (0, 1) for window in self.rsi_windows]
        macd = np.array((*self.macd, self.atr_window), dtype=np.int64)
        decay = np.append(2.0 / (macd[:3] + 1), 1.0 / macd[3])
        room = np.zeros((4, BLOCK)), np.zeros((len(moves), BLOCK))
        return *average_params(*moves, wilder=True), macd, decay, *room

    def _initial_state(self) -> dict[str, Any]:
        return {
            "closes": np.full(1 + BLOCK, np.nan),
            "averages": np.zeros(2 * len(self.rsi_windows)),  # of rises, then of falls
            "lines": np.zeros(4),  # fast EMA, slow EMA, signal line, average true range
            "count": np.zeros(1, dtype=np.int64),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"rsi_windows": (2, 3), "macd": (2, 4, 2), "atr_window": 3},
            {"rsi_windows": (4,), "macd": (3, 5, 3), "atr_window": 2},
        ]


def _signal_settling(slow: int, signal: int, tolerance: float) -> int:
    """Updates of the slow average until its seed weighs at most ``tolerance`` in the signal."""
    seed, line, age = 1.0, 0.0, 0
    while True:
        age += 1
        line = smooth.py_func(line, seed, age, signal, 2 / (signal + 1))
        if age >= signal and max(seed, line) <= tolerance:
            return age - 1
        seed *= 1 - 2 / (slow + 1)
