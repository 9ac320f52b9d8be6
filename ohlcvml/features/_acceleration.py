"""Rate of change of the close, and how its return differs from the one before."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined

__all__ = ["AccelerationFeatures"]


@inlined
def _step(close, log_close, rates, windows, closes, logs, clock, out, t):  # type: ignore[no-untyped-def]
    # clock: slot in the ring of closes, slot in that of logs, bars seen
    at, slot, count = clock[0], clock[1], clock[2]
    size, length, n = closes.shape[0], logs.shape[0], rates.shape[0]
    for k in range(n):
        out[k, t] = np.nan
        if count >= rates[k]:
            before = at - rates[k]
            out[k, t] = close / closes[before if before >= 0 else before + size] - 1.0
    for k in range(windows.shape[0]):
        out[n + k, t] = np.nan
        if count >= 2 * windows[k]:
            middle, start = slot - windows[k], slot - 2 * windows[k]
            half = logs[middle if middle >= 0 else middle + length]
            whole = logs[start if start >= 0 else start + length]
            out[n + k, t] = (log_close - half) - (half - whole)
    closes[at], logs[slot] = close, log_close
    clock[0] = at + 1 if at + 1 < size else 0
    clock[1] = slot + 1 if slot + 1 < length else 0
    clock[2] = count + 1


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    close, log_close = inputs
    rates, windows = params
    closes, logs, clock = state
    for t in range(first, last):
        if np.isnan(log_close[t]):
            out[:, t] = np.nan
        else:
            _step(close[t], log_close[t], rates, windows, closes, logs, clock, out, t)


class AccelerationFeatures(BaseFeature):
    """Rate of change of the close, and acceleration of its log return.

    Row t uses the closes of rows t - w and t, for the acceleration also of row t - 2 w. Columns:
    ``rate_of_change_{w}``, ``return_acceleration_{w}``; ``describe()`` says what they mean. A rate
    of change orders bars as the log return over the same window does: take other windows than the
    lags of :class:`ReturnFeatures`.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    rate_windows : tuple of int, default=(30, 120, 240)
        In bars, each at least 1.
    acceleration_windows : tuple of int, default=(5, 20, 60)
        In bars, each at least 1.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest rate window or twice the largest acceleration window.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import AccelerationFeatures
    >>> features = AccelerationFeatures(rate_windows=(30,), acceleration_windows=(20,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    rate_of_change_30         30
    return_acceleration_20    40
    dtype: int64
    """

    _parameter_rules = {"rate_windows": each(integer(1)), "acceleration_windows": each(integer(1))}
    _inputs = ("close", "log_close")
    _kernel = staticmethod(_run)

    def __init__(
        self,
        rate_windows: tuple[int, ...] = (30, 120, 240),
        acceleration_windows: tuple[int, ...] = (5, 20, 60),
    ) -> None:
        self.rate_windows = rate_windows
        self.acceleration_windows = acceleration_windows
        super().__init__()

    def _columns(self) -> list[Column]:
        return [
            *windowed(
                "rate_of_change",
                self.rate_windows,
                "close_t / close_{t-w} - 1",
                undefined="NaN in the first w rows",
                source="TA-Lib (ROCP)",
            ),
            *windowed(
                "return_acceleration",
                self.acceleration_windows,
                "log(close_t / close_{t-w}) - log(close_{t-w} / close_{t-2w})",
                unit="log return",
                undefined="NaN in the first 2 w rows",
            ),
        ]

    @property
    def lookback(self) -> int:
        """The largest rate window or twice the largest acceleration window."""
        return int(max(*self.rate_windows, 2 * max(self.acceleration_windows)))

    def _kernel_params(self) -> tuple[Any, ...]:
        rates, windows = self.rate_windows, self.acceleration_windows
        return np.array(rates, dtype=np.int64), np.array(windows, dtype=np.int64)

    def _initial_state(self) -> dict[str, Any]:
        return {
            "closes": np.zeros(max(self.rate_windows)),
            "logs": np.zeros(2 * max(self.acceleration_windows)),
            "clock": np.zeros(3, dtype=np.int64),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"rate_windows": (1, 2), "acceleration_windows": (2,)},
            {"rate_windows": (3,), "acceleration_windows": (1, 3)},
        ]
