"""Trend regimes by rule: the variance ratio against its standard error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import integer, real
from ohlcvml.streams import BaseFeature, Column
from ohlcvml.streams.kernels import compiled, inlined, new_sums, roll_sum

_ROOT_HALF = math.sqrt(0.5)
_SLOT, _COUNT = 0, 1


@inlined
def _products(change, weights, recent, clock):  # type: ignore[no-untyped-def]
    """Terms of this bar in the numerator of the ratio and in its squared error.

    ``recent`` is a ring of the returns before; it takes in this one.
    """
    lags, slot = weights.shape[0], clock[_SLOT]
    product, noise = 0.0, 0.0
    for lag in range(lags):
        at = slot - 1 - lag
        term = weights[lag] * change * recent[at if at >= 0 else at + lags]
        product += term
        noise += term * term
    recent[slot] = change
    clock[_SLOT] = slot + 1 if slot + 1 < lags else 0
    return product, noise


@inlined
def _step(change, window, threshold, weights, recent, clock, slots, totals, tails, out, t):  # type: ignore[no-untyped-def]
    product, noise = _products(change, weights, recent, clock)
    clock[_COUNT] += 1
    covariance = square = np.nan
    if clock[_COUNT] > weights.shape[0]:
        slots[0], totals[0], covariance = roll_sum(product, window, slots[0], totals[0], tails[0])
        slots[1], totals[1], square = roll_sum(noise, window, slots[1], totals[1], tails[1])
    score = 0.0 if square == 0 else covariance / math.sqrt(square)
    trending = 0.5 * math.erfc((threshold - score) * _ROOT_HALF)
    reverting = 0.5 * math.erfc((threshold + score) * _ROOT_HALF)
    out[0, t], out[1, t], out[2, t] = trending, reverting, max(1.0 - trending - reverting, 0.0)


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (log_close,) = inputs
    window, threshold, weights = params
    recent, clock, previous, slots, totals, tails = state
    for t in range(first, last):
        change = log_close[t] - previous[0]
        if not np.isnan(log_close[t]):
            previous[0] = log_close[t]
        if np.isnan(change):
            out[:, t] = np.nan
        else:
            _step(change, window, threshold, weights, recent, clock, slots, totals, tails, out, t)


class TrendRegime(BaseFeature):
    """Trending, mean-reverting or neither, by rule.

    Row t uses the closes of rows up to and including t. The variance ratio compares the variance of
    returns over ``horizon`` = q bars with q times that of one bar: above 1 where moves go on, below
    where they turn back. With x the one-bar log returns, of which the mean is not taken off, so
    that a steady drift is a trend, and ``c_k = 2 (1 - k / q)``, its z-score that holds for changing
    volatility (Lo and MacKinlay) is::

        z = sum(c_k x[s] x[s-k]) / sqrt(sum(c_k^2 x[s]^2 x[s-k]^2))

    over k = 1 ... q - 1 and the bars s of the window. On a martingale z is about standard normal.
    The memberships are the probabilities that the score, rid of that error, is above ``threshold``,
    below minus it, or between: ``Phi(z - threshold)``, ``Phi(-z - threshold)`` and the rest. So
    trending is the most likely state from about z = threshold on. Nothing is learned.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    horizon : int, default=10
        Bars to a long return, at least 2.
    window : int, default=240
        Bars over which it is measured, at least 2.
    threshold : float, default=1.0
        In standard errors, above 0.

    Attributes
    ----------
    feature_names : list of str
        ``trend_state_trending``, ``trend_state_reverting``, ``trend_state_neither``; they sum to 1.
    lookback : int
        window + horizon - 1.

    References
    ----------
    Lo and MacKinlay (1988), Stock Market Prices Do Not Follow Random Walks, Review of Financial
    Studies 1.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.regimes import TrendRegime
    >>> drifting = simulate_bars(3000, seed=0, edge=0.3).bars
    >>> TrendRegime().fit_transform(drifting).mean().round(2)
    trend_state_trending     0.75
    trend_state_reverting    0.03
    trend_state_neither      0.22
    dtype: float64
    >>> TrendRegime().fit_transform(simulate_bars(3000, seed=0).bars).mean().round(2)
    trend_state_trending     0.17
    trend_state_reverting    0.35
    trend_state_neither      0.47
    dtype: float64
    """

    _parameter_rules = {
        "horizon": integer(2),
        "window": integer(2),
        "threshold": real(0.0, open_low=True),
    }
    _inputs = ("log_close",)
    _kernel = staticmethod(_run)

    def __init__(self, horizon: int = 10, window: int = 240, threshold: float = 1.0) -> None:
        self.horizon = horizon
        self.window = window
        self.threshold = threshold
        super().__init__()

    def _columns(self) -> list[Column]:
        undefined = (
            "NaN in the first window + horizon - 1 rows; where no products of returns differ from "
            "0, z is taken as 0"
        )
        source = "Lo & MacKinlay (1988), Review of Financial Studies 1, for z"
        meaning = {
            "trending": "Phi(z - threshold), z of the variance ratio",
            "reverting": "Phi(-z - threshold), z of the variance ratio",
            "neither": "1 - trending - reverting",
        }
        return [
            Column(f"trend_state_{name}", formula, None, "0 to 1", undefined, source)
            for name, formula in meaning.items()
        ]

    @property
    def lookback(self) -> int:
        """Rows before row t on which row t depends."""
        return int(self.window + self.horizon - 1)

    def _kernel_params(self) -> tuple[Any, ...]:
        lags = np.arange(1, self.horizon, dtype=np.float64)
        return int(self.window), float(self.threshold), 2.0 * (1.0 - lags / self.horizon)

    def _initial_state(self) -> dict[str, Any]:
        sums = new_sums((int(self.window), int(self.window)))
        return {
            "recent": np.zeros(self.horizon - 1),
            "clock": np.zeros(2, dtype=np.int64),
            "previous": np.full(1, np.nan),
            **dict(zip(("slots", "totals", "tails"), sums, strict=True)),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"horizon": 2, "window": 10, "threshold": 0.5},
            {"horizon": 5, "window": 20, "threshold": 1.5},
        ]
