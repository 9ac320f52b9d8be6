"""What regimes read when they are given bars: a return and the level of volatility."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import integer
from ohlcvml._elementary import log
from ohlcvml.streams import BaseFeature, Column
from ohlcvml.streams.kernels import compiled, inlined

_PARKINSON = 1.0 / (4.0 * math.log(2.0))
_SLOT, _COUNT = 0, 1


@inlined
def _step(log_close, log_range, window, ring, clock, previous, out, t):  # type: ignore[no-untyped-def]
    slot, count = clock[_SLOT], clock[_COUNT] + 1
    out[0, t] = log_close - previous[0] if count > 1 else np.nan
    previous[0] = log_close
    ring[slot] = log_range * log_range
    slot = slot + 1 if slot + 1 < window else 0
    clock[_SLOT], clock[_COUNT] = slot, count
    # Oldest first and anew for every bar: so the bits do not depend on where a stream began.
    total = 0.0
    for k in range(slot, window):
        total += ring[k]
    for k in range(slot):
        total += ring[k]
    level = np.nan
    if count >= window and total > 0:
        level = 0.5 * log(total / window * _PARKINSON)
    out[1, t] = level


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    log_high, log_low, log_close = inputs
    (window,) = params
    ring, clock, previous = state
    for t in range(first, last):
        log_range = log_high[t] - log_low[t]
        if np.isnan(log_range + log_close[t]):
            out[0, t] = out[1, t] = np.nan
        else:
            _step(log_close[t], log_range, window, ring, clock, previous, out, t)


class RegimeInputs(BaseFeature):
    """The inputs of a regime that is given bars: a log return and the log of recent volatility.

    Row t uses rows up to and including t; ``describe()`` has the formulas. The bits of a row depend
    on the bars it is made of alone, not on where the table or the stream began. A bar with a
    missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    window : int, default=5
        Bars over which the volatility is measured, at least 1.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        max(1, window - 1).

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.regimes import RegimeInputs
    >>> RegimeInputs().fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    log_return_1        1
    log_volatility_5    4
    dtype: int64
    """

    _parameter_rules = {"window": integer(1)}
    _inputs = ("log_high", "log_low", "log_close")
    _kernel = staticmethod(_run)

    def __init__(self, window: int = 5) -> None:
        self.window = window
        super().__init__()

    def _columns(self) -> list[Column]:
        volatility = "log(sqrt(mean over w bars of log(high / low)^2 / (4 log 2)))"
        return [
            Column("log_return_1", "log(close[t] / close[t-w])", 1, "log return"),
            Column(
                f"log_volatility_{self.window}",
                volatility,
                int(self.window),
                "log of a standard deviation of log returns per bar",
                "NaN while every bar of the window has high = low",
                "Parkinson (1980), Journal of Business 53",
            ),
        ]

    @property
    def lookback(self) -> int:
        """Rows before row t on which row t depends."""
        return max(1, int(self.window) - 1)

    def _kernel_params(self) -> tuple[Any, ...]:
        return (int(self.window),)

    def _initial_state(self) -> dict[str, Any]:
        clock = np.zeros(2, dtype=np.int64)
        return {"ring": np.zeros(self.window), "clock": clock, "previous": np.zeros(1)}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"window": 3}, {"window": 1}]
