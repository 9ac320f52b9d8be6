"""Volume against its recent level."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._windows import RUN, new_windows, slide, variance, window_params

__all__ = ["VolumeFeatures"]


@inlined
def _step(  # type: ignore[no-untyped-def]
    volume, log_volume, windows, weights,
    ring, clock, sums, log_ring, log_clock, log_sums, out, t,
):  # fmt: skip
    n = windows.shape[0]
    before = log_ring[log_clock[0] - 1]  # of an empty ring: replaced by NaN below
    count = slide(volume, windows, ring, clock, sums)
    slide(log_volume, windows, log_ring, log_clock, log_sums)
    out[0, t] = log_volume - before if count > 1 else np.nan
    for k in range(n):
        ratio, score = np.nan, np.nan
        if count >= windows[k]:
            level = sums[0, k] + sums[1, k] * weights[0, k]
            ratio = log_volume - math.log(max(level, 0.0) + 1.0)
            constant = log_clock[RUN] >= windows[k]
            spread = math.sqrt(
                variance(log_sums[1, k], log_sums[2, k], weights[0, k], weights[1, k], constant)
            )
            log_mean = log_sums[0, k] + log_sums[1, k] * weights[0, k]
            score = (log_volume - log_mean) / spread if spread > 0 else 0.0
        out[1 + k, t], out[1 + n + k, t] = ratio, score


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    volume, log_volume = inputs
    windows, weights = params
    ring, clock, sums, log_ring, log_clock, log_sums = state
    for t in range(first, last):
        if np.isnan(volume[t]):
            out[:, t] = np.nan
        else:
            _step(
                volume[t], log_volume[t], windows, weights,
                ring, clock, sums, log_ring, log_clock, log_sums, out, t,
            )  # fmt: skip


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
        return window_params(self.windows)

    def _initial_state(self) -> dict[str, Any]:
        names = ("ring", "clock", "sums")
        plain = dict(zip(names, new_windows(self.windows), strict=True))
        logs = zip((f"log_{name}" for name in names), new_windows(self.windows), strict=True)
        return plain | dict(logs)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (2, 3)}, {"windows": (5,)}]
