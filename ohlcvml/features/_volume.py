"""Volume against its recent level."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._blocks import BLOCK, keep, pack, unpack
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled
from ohlcvml.features._logarithm import logarithms
from ohlcvml.features._windows import (
    count_equal,
    new_means,
    slide_means,
    slide_spreads,
    standardize,
)

__all__ = ["VolumeFeatures"]


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    volume, log_volume = inputs
    windows, equal, means, spreads = params
    volumes, clock, sums, logs, log_clock, log_sums = state
    before, m = logs.shape[0] - BLOCK, windows.shape[0]
    now, past = logs[before:], logs[before - 1 :]
    for start in range(first, last, BLOCK):
        stop, changes = min(start + BLOCK, last), out[0, start:]
        n = pack(volume, volume, start, stop, volumes, before)
        pack(log_volume, volume, start, stop, logs, before)
        for b in range(n):
            changes[b] = now[b] - past[b]
        count_equal(logs, n, log_clock, equal)
        for k in range(m):
            ratios, scores = out[1 + k, start:], out[1 + m + k, start:]
            slide_means(volumes, n, windows, k, clock, sums, means)
            for b in range(n):
                means[b] = (0.0 if means[b] < 0 else means[b]) + 1.0
            logarithms(means, n, spreads)
            for b in range(n):
                ratios[b] = now[b] - means[b]
            slide_spreads(logs, n, windows, k, log_clock, log_sums, means, spreads)
            standardize(now, n, windows[k], equal, means, spreads, scores)
        for k in range(out.shape[0]):
            unpack(volume, start, stop, n, out, k)
        keep(volumes, before, n)
        keep(logs, before, n)


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

    def __init__(self, windows: tuple[int, ...] = (10, 30, 120)) -> None:
        self.windows = windows
        super().__init__()

    def _columns(self) -> list[Column]:
        warm = "NaN in the first w - 1 rows"
        change = "log(1 + v_t) - log(1 + v_{t-1}), v the volume"
        return [
            Column("log_volume_change", change, unit="log", undefined="NaN in the first row"),
            *windowed(
                "log_volume_ratio",
                self.windows,
                "log(1 + v_t) - log(1 + mean of the last w v)",
                unit="log",
                undefined=warm,
            ),
            *windowed(
                "log_volume_zscore",
                self.windows,
                "z-score of log(1 + v_t) among the last w, divisor w - 1",
                unit="deviations",
                undefined=f"{warm}; 0 where they are all equal",
            ),
        ]

    @property
    def lookback(self) -> int:
        """The largest window less one."""
        return int(max(self.windows)) - 1

    def _kernel_params(self) -> tuple[Any, ...]:
        return np.array(self.windows, dtype=np.int64), *np.zeros((3, BLOCK))

    def _initial_state(self) -> dict[str, Any]:
        volumes, clock, sums = new_means(self.windows)
        logs, log_clock, log_sums = new_means(self.windows)
        return {
            "volumes": volumes,
            "clock": clock,
            "sums": sums,
            "logs": logs,
            "log_clock": log_clock,
            "log_sums": log_sums,
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (2, 3)}, {"windows": (5,)}]
