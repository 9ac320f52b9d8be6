"""Rolling mean, standard deviation and z-score of returns."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    compiled,
    double_spreads,
    keep,
    keep_stretches,
    new_spreads,
    new_stretches,
    pack,
    standardize,
    unpack,
    window_spreads,
)


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (log_close,) = inputs
    windows, row, spread = params
    prices, means, spreads = state
    before, one, m = means.shape[1] - BLOCK, prices.shape[0] - BLOCK, windows.shape[0]
    now, newest = prices[one:], means[0, before:]
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(log_close, log_close, start, stop, prices, one)
        for b in range(n):
            newest[b] = now[b] - prices[b]
        double_spreads(means, spreads, n)
        for k in range(m):
            centres, deviations, scores = out[k, start:], out[m + k, start:], out[2 * m + k, start:]
            window_spreads(means, spreads, n, windows[k], row, spread)
            standardize(newest, n, windows[k], row, spread, scores)
            for b in range(n):
                centres[b], deviations[b] = row[b], spread[b]
        for k in range(out.shape[0]):
            unpack(log_close, start, stop, n, out, k)
        keep(prices, one, n)
        keep_stretches(means, n)
        keep_stretches(spreads, n)


class ReturnMomentFeatures(BaseFeature):
    """Rolling mean, standard deviation and z-score of one-bar log returns.

    Row t uses the closes of rows t - w to t. Columns: ``return_mean_{w}``, ``return_std_{w}``,
    ``return_zscore_{w}``; ``describe()`` says what they mean.

    A bar with a missing price gives NaN and is passed over.
    Prices at or below zero raise.

    Parameters
    ----------
    windows : tuple of int, default=(15, 30, 120)
        In bars, each at least 2.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnMomentFeatures
    >>> features = ReturnMomentFeatures(windows=(30,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    return_mean_30      30
    return_std_30       30
    return_zscore_30    30
    dtype: int64
    """

    _parameter_rules = {"windows": each(integer(2))}
    _inputs = ("log_close",)
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(self, windows: tuple[int, ...] = (15, 30, 120)) -> None:
        self.windows = windows
        super().__init__()

    @property
    def lookback(self) -> int:
        """The largest window."""
        return int(max(self.windows))

    def _kernel_params(self) -> tuple[Any, ...]:
        return np.array(self.windows, dtype=np.int64), *np.zeros((2, BLOCK))

    def _initial_state(self) -> dict[str, Any]:
        return {
            "prices": np.full(1 + BLOCK, np.nan),
            "means": new_stretches(self.windows),  # of changes
            "spreads": new_spreads(self.windows),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (2, 3)}, {"windows": (5,)}]
