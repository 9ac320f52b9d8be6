"""Fractional differences of the log close."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer, real
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import BLOCK, compiled, inlined, keep, pack, unpack
from ohlcvml.typing import FloatArray


@inlined
def _differences(logs, n, window, changes, size, clock, square, lengths):  # type: ignore[no-untyped-def]
    """Returns of a block of bars, and the root of the sum of squares of each bar's window."""
    # clock: closes seen, closes until the squares are summed anew
    count, due, total = clock[0], clock[1], square[0]
    newer, oldest = changes[size:], changes[size - window :]
    for b in range(n):
        count, due = count + 1, due - 1
        change = logs[b + 1] - logs[b] if count > 1 else 0.0
        newer[b] = change
        total += change * change - oldest[b] * oldest[b]
        if due == 0:
            due, total = window, 0.0
            for j in range(1, window + 1):
                total += oldest[b + j] * oldest[b + j]
        lengths[b] = math.sqrt(max(total, 0.0)) if count > window else np.nan
    clock[0], clock[1], square[0] = count, due, total


@inlined
def _weigh(weights, k, changes, n, row):  # type: ignore[no-untyped-def]
    """Weighted sum of the returns in the window of each bar, four at a time from the oldest on."""
    for b in range(n):
        row[b] = 0.0
    for j in range(0, weights.shape[1], 4):
        w0, w1, w2, w3 = weights[k, j], weights[k, j + 1], weights[k, j + 2], weights[k, j + 3]
        near = changes[j + 1 :]
        for b in range(n):
            older = w0 * near[b] + w1 * near[b + 1]
            newer = w2 * near[b + 2] + w3 * near[b + 3]
            row[b] += older + newer


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (log_close,) = inputs
    window, weights = params
    logs, changes, clock, square, lengths = state
    size = weights.shape[1]
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(log_close, log_close, start, stop, logs, 1)
        _differences(logs, n, window, changes, size, clock, square, lengths)
        for k in range(weights.shape[0]):
            row = out[k, start : start + n]
            _weigh(weights, k, changes, n, row)
            for b in range(n):
                row[b] = row[b] / lengths[b] if lengths[b] != 0 else 0.0
            unpack(log_close, start, stop, n, out, k)
        keep(logs, 1, n)
        keep(changes, size, n)


class FractionalFeatures(BaseFeature):
    """Fractional differences of the log close, of orders whose result is stationary.

    A difference of order 1 is the one-bar return, which has no memory; an order between 1/2 and 1
    keeps a memory that fades slowly and still has no level. Row t uses the closes of rows t - w to
    t. Columns: ``fractional_difference_{order}_{w}``, the order 0.6 written 0p6; ``describe()``
    says what they mean.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    orders : tuple of float, default=(0.6, 0.8)
        Each above 0.5 and at most 1.
    window : int, default=120
        Returns that are weighed, at least 2.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The window.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import FractionalFeatures
    >>> features = FractionalFeatures(orders=(0.6,), window=60)
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    fractional_difference_0p6_60    60
    dtype: int64
    """

    _parameter_rules = {"orders": each(real(0.5, 1.0, open_low=True)), "window": integer(2)}
    _inputs = ("log_close",)
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(self, orders: tuple[float, ...] = (0.6, 0.8), window: int = 120) -> None:
        self.orders = orders
        self.window = window
        super().__init__()

    def _column_values(self) -> dict[str, Any]:
        return {"orders": tuple(_text(order) for order in self.orders)}

    @property
    def lookback(self) -> int:
        """The window."""
        return int(self.window)

    def _kernel_params(self) -> tuple[Any, ...]:
        return int(self.window), np.stack([_weights(order, self.window) for order in self.orders])

    def _initial_state(self) -> dict[str, Any]:
        return {
            "logs": np.full(1 + BLOCK, np.nan),
            "changes": np.zeros(_padded(self.window) + BLOCK),
            "clock": np.array([0, self.window], dtype=np.int64),
            "square": np.zeros(1),
            "lengths": np.zeros(BLOCK),  # room to work in
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"orders": (0.6, 0.75), "window": 3}, {"orders": (0.8,), "window": 9}]


def _weights(order: float, window: int) -> FloatArray:
    """Weights of the returns, oldest first, after as many zeros as fill up a step of four.

    The weights of the prices themselves do not add up to 0 when they are cut off, and what is
    missing would multiply the price level. Prices relative to the oldest in the window have none:
    each is the sum of the returns since, so a return has the summed weights of all prices from it
    on. That is the difference of a series that stood still before the window.
    """
    step = np.arange(1, window)
    price = np.cumprod(np.concatenate([[1.0], (step - 1 - order) / step]))
    change = price.cumsum()[::-1]
    scaled = change * math.sqrt(window / (change**2).sum())
    return np.concatenate([np.zeros(_padded(window) - window), scaled])


def _padded(window: int) -> int:
    return -(-int(window) // 4) * 4


def _text(order: float) -> str:
    return f"{float(order):g}".replace(".", "p")
