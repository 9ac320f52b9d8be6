"""Fractional differences of the log close."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer, real
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.typing import FloatArray

__all__ = ["FractionalFeatures"]


_BLOCK = 128  # bars weighed side by side


@inlined
def _weigh(weights, k, changes, n, sums):  # type: ignore[no-untyped-def]
    """Weighted sum over the window of each of ``n`` bars.

    Terms of one bar would wait for one another; those of neighbouring bars do not. The order of a
    bar's terms, four at a time from the oldest on, is the same however many bars there are.
    """
    for b in range(n):
        sums[b] = 0.0
    for j in range(0, weights.shape[1], 4):
        w0, w1, w2, w3 = weights[k, j], weights[k, j + 1], weights[k, j + 2], weights[k, j + 3]
        near = changes[j + 1 :]  # an index that cannot be negative: the loop becomes vectors
        for b in range(n):
            older = w0 * near[b] + w1 * near[b + 1]
            newer = w2 * near[b + 2] + w3 * near[b + 3]
            sums[b] += older + newer


@inlined
def _take_in(log_close, window, before, changes, n, clock, level, lengths):  # type: ignore[no-untyped-def]
    # clock: changes seen, changes until the squares are summed anew
    # level: last log close, sum of squares of the last changes
    change, at = log_close - level[0], before + n
    level[0] = log_close
    if np.isnan(change):
        return 0
    changes[at] = change
    oldest = changes[at - window]
    level[1] += change * change - oldest * oldest
    clock[0] += 1
    clock[1] -= 1
    if clock[1] == 0:
        clock[1], level[1] = window, 0.0
        for i in range(at - window + 1, at + 1):
            level[1] += changes[i] * changes[i]
    lengths[n] = math.sqrt(max(level[1], 0.0)) if clock[0] >= window else np.nan
    return 1


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (log_close,) = inputs
    window, weights = params
    changes, clock, level, lengths, sums = state
    before = weights.shape[1]
    for start in range(first, last, _BLOCK):
        stop, n = min(start + _BLOCK, last), 0
        for t in range(start, stop):
            out[0, t], seen = np.nan, n
            if not np.isnan(log_close[t]):
                n += _take_in(log_close[t], window, before, changes, n, clock, level, lengths)
            if n > seen:
                out[0, t] = 0.0  # marks bars with a change; values follow, row 0 last
        for k in range(weights.shape[0] - 1, -1, -1):
            _weigh(weights, k, changes, n, sums)
            at = 0
            for t in range(start, stop):
                if np.isnan(out[0, t]):
                    out[k, t] = np.nan
                else:
                    still = lengths[at] == 0
                    out[k, t] = 0.0 if still else sums[at] / lengths[at]
                    at += 1
        for i in range(before):
            changes[i] = changes[n + i]


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

    def __init__(self, orders: tuple[float, ...] = (0.6, 0.8), window: int = 120) -> None:
        self.orders = orders
        self.window = window
        super().__init__()

    def _columns(self) -> list[Column]:
        formula = (
            "sum over j < w of v_j r_{t-j} / (root mean square of these r * sqrt(sum of v_j^2)), "
            "r one-bar log returns, v_j = sum over i <= j of (-1)^i binomial(order, i)"
        )
        return [
            Column(
                f"fractional_difference_{_text(order)}_{self.window}",
                formula,
                int(self.window),
                "deviations of what independent returns of the same size would give",
                "NaN in the first w rows; 0 where all r are 0",
                "Hosking (1981), Biometrika 68; Lopez de Prado (2018), Advances in Financial "
                "Machine Learning, ch. 5 (fixed-width window)",
            )
            for order in self.orders
        ]

    @property
    def lookback(self) -> int:
        """The window."""
        return int(self.window)

    def _kernel_params(self) -> tuple[Any, ...]:
        return int(self.window), np.stack([_weights(order, self.window) for order in self.orders])

    def _initial_state(self) -> dict[str, Any]:
        return {
            "changes": np.zeros(_padded(self.window) + _BLOCK),
            "clock": np.array([0, self.window], dtype=np.int64),
            "level": np.array([np.nan, 0.0]),
            "lengths": np.zeros(_BLOCK),  # this and the next: room to work in, nothing to remember
            "sums": np.zeros(_BLOCK),
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
