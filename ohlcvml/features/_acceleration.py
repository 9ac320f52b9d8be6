"""Rate of change of the close, and how its return differs from the one before."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import BLOCK, compiled, inlined, keep, pack, unpack


@inlined
def _rates(closes, size, n, rates, out, start):  # type: ignore[no-untyped-def]
    for k in range(rates.shape[0]):
        now, before = closes[size:], closes[size - rates[k] :]
        row = out[k, start:]
        for b in range(n):
            row[b] = now[b] / before[b] - 1.0


@inlined
def _accelerations(logs, size, n, windows, out, first, start):  # type: ignore[no-untyped-def]
    for k in range(windows.shape[0]):
        window = windows[k]
        now, half, whole = logs[size:], logs[size - window :], logs[size - 2 * window :]
        row = out[first + k, start:]
        for b in range(n):
            row[b] = (now[b] - half[b]) - (half[b] - whole[b])


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    close, log_close = inputs
    rates, windows = params
    closes, logs = state
    size, length = closes.shape[0] - BLOCK, logs.shape[0] - BLOCK
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        pack(close, log_close, start, stop, closes, size)
        n = pack(log_close, log_close, start, stop, logs, length)
        _rates(closes, size, n, rates, out, start)
        _accelerations(logs, length, n, windows, out, rates.shape[0], start)
        for k in range(out.shape[0]):
            unpack(log_close, start, stop, n, out, k)
        keep(closes, size, n)
        keep(logs, length, n)


class AccelerationFeatures(BaseFeature):
    """Rate of change of the close, and acceleration of its log return.

    Row t uses the closes of rows t - w and t, for the acceleration also of row t - 2 w. Columns:
    ``rate_of_change_{w}``, ``return_acceleration_{w}``; ``describe()`` says what they mean. A rate
    of change orders bars as the log return over the same window does, and so its mean: take other
    windows than :class:`ReturnFeatures` and :class:`ReturnMomentFeatures`.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    rate_windows : tuple of int, default=(40, 90, 240)
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
    _column_table = COLUMNS

    def __init__(
        self,
        rate_windows: tuple[int, ...] = (40, 90, 240),
        acceleration_windows: tuple[int, ...] = (5, 20, 60),
    ) -> None:
        self.rate_windows = rate_windows
        self.acceleration_windows = acceleration_windows
        super().__init__()

    @property
    def lookback(self) -> int:
        """The largest rate window or twice the largest acceleration window."""
        return int(max(*self.rate_windows, 2 * max(self.acceleration_windows)))

    def _kernel_params(self) -> tuple[Any, ...]:
        rates, windows = self.rate_windows, self.acceleration_windows
        return np.array(rates, dtype=np.int64), np.array(windows, dtype=np.int64)

    def _initial_state(self) -> dict[str, Any]:
        return {
            "closes": np.full(max(self.rate_windows) + BLOCK, np.nan),
            "logs": np.full(2 * max(self.acceleration_windows) + BLOCK, np.nan),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"rate_windows": (1, 2), "acceleration_windows": (2,)},
            {"rate_windows": (3,), "acceleration_windows": (1, 3)},
        ]
