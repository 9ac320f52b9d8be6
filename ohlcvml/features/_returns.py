"""Log returns over several lags."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import BLOCK, compiled, keep, pack, unpack


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (log_close,) = inputs
    (lags,) = params
    (prices,) = state
    before = prices.shape[0] - BLOCK
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(log_close, log_close, start, stop, prices, before)
        for k in range(lags.shape[0]):
            now, past, row = prices[before:], prices[before - lags[k] :], out[k, start:]
            for b in range(n):
                row[b] = now[b] - past[b]
            unpack(log_close, start, stop, n, out, k)
        keep(prices, before, n)


class ReturnFeatures(BaseFeature):
    """Log returns of the close over several lags.

    Row t uses the closes of rows t - lag and t. Columns: ``log_return_{lag}``; ``describe()`` says
    what they mean.

    A bar with a missing price gives NaN, is passed over and does not count in lags. Prices at or
    below zero raise.

    Parameters
    ----------
    lags : tuple of int, default=(1, 2, 3, 5, 10, 20, 60)
        In bars, each at least 1.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest lag.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnFeatures
    >>> bars = simulate_bars(100, seed=0).bars
    >>> ReturnFeatures(lags=(1, 5)).fit_transform(bars).isna().sum()
    log_return_1    1
    log_return_5    5
    dtype: int64
    """

    _parameter_rules = {"lags": each(integer(1))}
    _inputs = ("log_close",)
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(self, lags: tuple[int, ...] = (1, 2, 3, 5, 10, 20, 60)) -> None:
        self.lags = lags
        super().__init__()

    @property
    def lookback(self) -> int:
        """The largest lag."""
        return int(max(self.lags))

    def _kernel_params(self) -> tuple[Any, ...]:
        return (np.array(self.lags, dtype=np.int64),)

    def _initial_state(self) -> dict[str, Any]:
        return {"prices": np.full(max(self.lags) + BLOCK, np.nan)}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"lags": (1, 2)}, {"lags": (3,)}]
