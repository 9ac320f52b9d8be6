"""Volatility regimes by rule: recent volatility against its own longer average."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import integer, real
from ohlcvml._elementary import log, logarithms
from ohlcvml.exceptions import ParameterError
from ohlcvml.streams import BaseFeature, Column
from ohlcvml.streams.kernels import compiled, inlined, new_sums, roll_sum

_ROOT_HALF = math.sqrt(0.5)


@inlined
def _beyond(distance, error):  # type: ignore[no-untyped-def]
    """Probability that a normal number of this standard deviation is above ``distance``."""
    if error > 0:
        return 0.5 * math.erfc(distance / error * _ROOT_HALF)
    return 1.0 if distance < 0 else 0.0


@inlined
def _memberships(fast, fourth, slow, windows, edges, share, out, t):  # type: ignore[no-untyped-def]
    low = high = np.nan
    if slow > 0:
        low, high = 1.0, 0.0
        mean, base = fast / windows[0], slow / windows[1]
        if mean > 0:
            level = 0.5 * log(mean / base)
            variance = max(fourth - fast * mean, 0.0) / (windows[0] - 1)
            error = 0.5 * math.sqrt(variance * share) / mean
            low = _beyond(level - edges[0], error)
            high = _beyond(edges[1] - level, error)
    out[0, t], out[1, t], out[2, t] = low, max(1.0 - low - high, 0.0), high


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    log_high, log_low = inputs
    windows, edges, share = params
    slots, totals, tails = state
    for t in range(first, last):
        log_range = log_high[t] - log_low[t]
        fast = fourth = slow = np.nan
        if not np.isnan(log_range):
            x = log_range * log_range
            slots[0], totals[0], fast = roll_sum(x, windows[0], slots[0], totals[0], tails[0])
            slots[1], totals[1], slow = roll_sum(x, windows[1], slots[1], totals[1], tails[1])
            x *= x
            slots[2], totals[2], fourth = roll_sum(x, windows[0], slots[2], totals[2], tails[2])
        _memberships(fast, fourth, slow, windows, edges, share, out, t)


class VolatilityRegime(BaseFeature):
    """Low, normal or high volatility, by rule.

    Row t uses rows up to and including t. The volatility of the last ``fast_window`` bars, from
    their ranges (Parkinson), over that of the last ``slow_window`` is a ratio known up to a
    standard error, estimated from how far the squared ranges of the fast window scatter:
    ``s / (2 mean) sqrt(1 / fast_window - 1 / slow_window)`` of its logarithm, s the standard
    deviation and mean the mean of the squares. The memberships are the probabilities, with a normal
    error of that size, that the true ratio lies below ``low``, between, or above ``high``: so they
    move gradually while the bars leave the state open. Nothing is learned, and nothing is held on
    to (no hysteresis), so the memory is finite.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    fast_window : int, default=30
        Bars whose volatility is judged, at least 2.
    slow_window : int, default=240
        Bars it is judged against, more than ``fast_window``.
    low, high : float, default=0.8, 1.25
        Ratios where the states meet; above 0, ``low`` below ``high``.

    Attributes
    ----------
    feature_names : list of str
        ``volatility_state_low``, ``volatility_state_normal``, ``volatility_state_high``; they sum
        to 1.
    lookback : int
        slow_window - 1.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.regimes import VolatilityRegime
    >>> states = VolatilityRegime().fit_transform(simulate_bars(2000, seed=0).bars)
    >>> states.isna().sum().tolist()
    [239, 239, 239]
    >>> states.iloc[[300, 500]].round(2).to_numpy().tolist()
    [[0.0, 0.02, 0.98], [0.0, 0.94, 0.06]]
    """

    _parameter_rules = {
        "fast_window": integer(2),
        "slow_window": integer(3),
        "low": real(0.0, open_low=True),
        "high": real(0.0, open_low=True),
    }
    _inputs = ("log_high", "log_low")
    _kernel = staticmethod(_run)

    def __init__(
        self,
        fast_window: int = 30,
        slow_window: int = 240,
        low: float = 0.8,
        high: float = 1.25,
    ) -> None:
        self.fast_window = fast_window
        self.slow_window = slow_window
        self.low = low
        self.high = high
        super().__init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        for small, large in (("fast_window", "slow_window"), ("low", "high")):
            if getattr(self, small) >= getattr(self, large):
                raise ParameterError(
                    f"{type(self).__name__}: parameter {small!r} must be below {large!r}; got "
                    f"{getattr(self, small)} and {getattr(self, large)}. Lower the one or raise "
                    "the other."
                )

    def _columns(self) -> list[Column]:
        ratio = "sqrt(mean over fast_window bars / mean over slow_window bars of log(high / low)^2)"
        undefined = (
            "NaN in the first slow_window - 1 rows and while no bar of the slow window has a range"
        )
        source = "volatility: Parkinson (1980), Journal of Business 53"
        meaning = {
            "low": f"P(ratio < low | {ratio})",
            "normal": f"P(low <= ratio <= high | {ratio})",
            "high": f"P(ratio > high | {ratio})",
        }
        return [
            Column(f"volatility_state_{name}", formula, None, "0 to 1", undefined, source)
            for name, formula in meaning.items()
        ]

    @property
    def lookback(self) -> int:
        """Rows before row t on which row t depends."""
        return int(self.slow_window) - 1

    def _kernel_params(self) -> tuple[Any, ...]:
        windows = np.array([self.fast_window, self.slow_window], dtype=np.int64)
        share = 1.0 / windows[0] - 1.0 / windows[1]
        return windows, logarithms(np.array([self.low, self.high], dtype=np.float64)), share

    def _initial_state(self) -> dict[str, Any]:
        fast = int(self.fast_window)
        sums = new_sums((fast, int(self.slow_window), fast))
        return dict(zip(("slots", "totals", "tails"), sums, strict=True))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"fast_window": 3, "slow_window": 12, "low": 0.9, "high": 1.1},
            {"fast_window": 5, "slow_window": 20, "low": 0.7, "high": 1.3},
        ]
