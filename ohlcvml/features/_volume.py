"""Volume against its recent level."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml._elementary import log
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    compiled,
    double_means,
    double_spreads,
    keep_stretches,
    new_spreads,
    new_stretches,
    pack,
    standardize,
    unpack,
    window_means,
    window_spreads,
)


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    volume, log_volume = inputs
    windows, row, spread = params
    means, log_means, log_spreads = state
    before, m = means.shape[1] - BLOCK, windows.shape[0]
    now, past = log_means[0, before:], log_means[0, before - 1 :]
    for start in range(first, last, BLOCK):
        stop, changes = min(start + BLOCK, last), out[0, start:]
        n = pack(volume, volume, start, stop, means[0], before)
        pack(log_volume, volume, start, stop, log_means[0], before)
        for b in range(n):
            changes[b] = now[b] - past[b]
        double_means(means, n)
        double_spreads(log_means, log_spreads, n)
        for k in range(m):
            ratios, scores = out[1 + k, start:], out[1 + m + k, start:]
            window_means(means, n, windows[k], row)
            for b in range(n):
                ratios[b] = now[b] - log(row[b] + 1.0)
            window_spreads(log_means, log_spreads, n, windows[k], row, spread)
            standardize(now, n, windows[k], row, spread, scores)
        for k in range(out.shape[0]):
            unpack(volume, start, stop, n, out, k)
        keep_stretches(means, n)
        keep_stretches(log_means, n)
        keep_stretches(log_spreads, n)


class VolumeFeatures(BaseFeature):
    """Volume against the bar before and against its recent level.

    Row t uses the volumes of rows t - w + 1 to t. Columns: ``log_volume_change``,
    ``log_volume_ratio_{w}``, ``log_volume_zscore_{w}``; ``describe()`` says what they mean.

    A bar without volume gives NaN and is passed over. Bars whose volume is NaN throughout raise; a
    plain series without a volume column gives NaN.

    Parameters
    ----------
    windows : tuple of int, default=(10, 30, 120)
        In bars, each at least 2.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window less one.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import VolumeFeatures
    >>> features = VolumeFeatures(windows=(30,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    log_volume_change        1
    log_volume_ratio_30     29
    log_volume_zscore_30    29
    dtype: int64
    """

    _parameter_rules = {"windows": each(integer(2))}
    _inputs = ("volume", "log_volume")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(self, windows: tuple[int, ...] = (10, 30, 120)) -> None:
        self.windows = windows
        super().__init__()

    @property
    def lookback(self) -> int:
        """The largest window less one."""
        return int(max(self.windows)) - 1

    def _kernel_params(self) -> tuple[Any, ...]:
        return np.array(self.windows, dtype=np.int64), *np.zeros((2, BLOCK))

    def _initial_state(self) -> dict[str, Any]:
        return {
            "means": new_stretches(self.windows),
            "log_means": new_stretches(self.windows),
            "log_spreads": new_spreads(self.windows),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (2, 3)}, {"windows": (5,)}]
