"""Relative strength index and MACD."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import Rule, each, integer
from ohlcvml.features._atr import smooth, true_range
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._windows import settling, window_params

__all__ = ["MomentumFeatures"]


@inlined
def _step(  # type: ignore[no-untyped-def]
    high, low, close, windows, weights, macd, decay, atr_window,
    moves, lines, scale, clock, out, t,
):  # fmt: skip
    # lines: fast EMA, slow EMA, signal line; scale: previous close, average true range
    fast, slow, signal = macd[0], macd[1], macd[2]
    n, count = windows.shape[0], clock[0] + 1
    clock[0] = count
    if count > 1:
        change, age = close - scale[0], count - 1
        span = true_range(high, low, scale[0])
        scale[1] = smooth(scale[1], span, age, atr_window, 1.0 / atr_window)
        for k in range(n):
            window, weight = windows[k], weights[0, k]
            moves[0, k] = smooth(moves[0, k], max(change, 0.0), age, window, weight)
            moves[1, k] = smooth(moves[1, k], max(-change, 0.0), age, window, weight)
    scale[0] = close
    for k in range(n):
        total = moves[0, k] + moves[1, k]
        out[k, t] = 100.0 * moves[0, k] / total if count > windows[k] and total > 0 else np.nan
    # Both averages have their first value on the same bar, as in TA-Lib.
    if count > slow - fast:
        lines[0] = smooth(lines[0], close, count - (slow - fast), fast, decay[0])
    lines[1] = smooth(lines[1], close, count, slow, decay[1])
    unit = 1.0 / scale[1] if count > atr_window and scale[1] > 0 else np.nan
    out[n : n + 3, t] = np.nan
    if count >= slow:
        line, age = lines[0] - lines[1], count - slow + 1
        lines[2] = smooth(lines[2], line, age, signal, decay[2])
        out[n, t] = line * unit
        if age >= signal:
            out[n + 1, t] = lines[2] * unit
            out[n + 2, t] = (line - lines[2]) * unit


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    windows, weights, macd, decay, atr_window = params
    moves, lines, scale, clock = state
    for t in range(first, last):
        if np.isnan(close[t]):
            out[:, t] = np.nan
        else:
            _step(
                high[t], low[t], close[t], windows, weights, macd, decay, atr_window,
                moves, lines, scale, clock, out, t,
            )  # fmt: skip


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

    def _columns(self) -> list[Column]:
        fast, slow, signal = self.macd
        appel, still = "Appel (2005), Technical Analysis; TA-Lib", "while the ATR is 0"
        first_line = f"NaN in the first max(slow - 1, atr_window) rows and {still}"
        first_signal = f"NaN in the first max(slow + signal - 2, atr_window) rows and {still}"
        line = "(EMA_fast - EMA_slow) / ATR"
        smoothed = "EMA over the signal window of EMA_fast - EMA_slow, / ATR"
        difference = "MACD less its signal line, / ATR"
        both = f"{fast}_{slow}_{signal}"
        return [
            *windowed(
                "rsi",
                self.rsi_windows,
                "100 G / (G + L), Wilder's averages of the rises and falls of the close",
                unit="0 to 100",
                undefined="NaN in the first w rows and while no close has moved (TA-Lib: 0)",
                source="Wilder (1978), New Concepts in Technical Trading Systems; TA-Lib",
            ),
            Column(f"macd_{fast}_{slow}", line, slow, "ATR", first_line, appel),
            Column(f"macd_signal_{both}", smoothed, slow, "ATR", first_signal, appel),
            Column(f"macd_histogram_{both}", difference, slow, "ATR", first_signal, appel),
        ]

    @property
    def lookback(self) -> int:
        """Rows before row t that weigh more than ``lookback_tolerance``."""
        tolerance = self.lookback_tolerance
        wilders = max(w + settling(1 / w, tolerance) for w in (*self.rsi_windows, self.atr_window))
        _, slow, signal = self.macd
        return int(max(wilders, slow - 1 + _signal_settling(slow, signal, tolerance)))

    def _kernel_params(self) -> tuple[Any, ...]:
        macd = np.array(self.macd, dtype=np.int64)
        return (*window_params(self.rsi_windows), macd, 2.0 / (macd + 1), int(self.atr_window))

    def _initial_state(self) -> dict[str, Any]:
        return {
            "moves": np.zeros((2, len(self.rsi_windows))),
            "lines": np.zeros(3),
            "scale": np.zeros(2),
            "clock": np.zeros(1, dtype=np.int64),
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
