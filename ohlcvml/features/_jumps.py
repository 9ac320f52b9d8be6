"""Jumps and the volatility of volatility, from one-bar returns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer, real
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._window_sums import ROUNDING, new_sums, slide_powers, slide_sums, total
from ohlcvml.features._windows import settling

__all__ = ["JumpFeatures"]

_HALF_PI = math.pi / 2.0


@inlined
def _step(  # type: ignore[no-untyped-def]
    change, windows, short, decay,
    place, blocks, heads, bi_place, bi_blocks, bi_heads, fast_place, fast_blocks, fast_heads,
    vol_place, vol_blocks, vol_heads, vol_anchors, clock, last_size, average, out, t,
):  # fmt: skip
    n, count = windows.shape[0], clock[0] + 1
    square, size = change * change, abs(change)
    down = (square, square if change < 0 else 0.0)
    product, last_size[0] = (size * last_size[0],), size
    average[0] += (square - average[0]) * (1.0 - decay)
    average[1] += (1.0 - average[1]) * (1.0 - decay)
    slide_sums(0, short, (square,), fast_place, fast_blocks, fast_heads)
    deviation = math.sqrt(total(0, 0, fast_place, fast_blocks, fast_heads) / short)
    for k in range(n):
        window = windows[k]
        slide_sums(k, window, down, place, blocks, heads)
        if count > 1:
            slide_sums(k, window - 1, product, bi_place, bi_blocks, bi_heads)
        if count >= short:
            slide_powers(
                k, window, 2, deviation, vol_place, vol_blocks, vol_heads, vol_anchors
            )  # fmt: skip
        jump = downside = fading = unsteady = np.nan
        if count >= window:
            variation = total(k, 0, place, blocks, heads)
            if variation > window * ROUNDING:
                bipower = total(k, 0, bi_place, bi_blocks, bi_heads) * _HALF_PI
                jump = max(1.0 - bipower * window / ((window - 1) * variation), 0.0)
                downside = total(k, 1, place, blocks, heads) / variation
                fading = math.sqrt(average[0] / average[1] * window / variation)
        if count >= window + short - 1:
            first = total(k, 0, vol_place, vol_blocks, vol_heads) / window
            second = total(k, 1, vol_place, vol_blocks, vol_heads) / window - first * first
            centre = vol_anchors[k] + first
            if centre * centre > ROUNDING:
                unsteady = math.sqrt(max(second, 0.0)) / centre
        out[k, t], out[n + k, t] = jump, downside
        out[2 * n + k, t], out[3 * n + k, t] = fading, unsteady
    clock[0] = count


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (log_close,) = inputs
    windows, short, decay = params
    (
        place, blocks, heads, bi_place, bi_blocks, bi_heads, fast_place, fast_blocks, fast_heads,
        vol_place, vol_blocks, vol_heads, vol_anchors, clock, previous, last_size, average,
    ) = state  # fmt: skip
    for t in range(first, last):
        change = log_close[t] - previous[0]
        if not np.isnan(log_close[t]):
            previous[0] = log_close[t]
        if np.isnan(change):
            out[:, t] = np.nan
        else:
            _step(
                change, windows, short, decay,
                place, blocks, heads, bi_place, bi_blocks, bi_heads,
                fast_place, fast_blocks, fast_heads,
                vol_place, vol_blocks, vol_heads, vol_anchors, clock, last_size, average, out, t,
            )  # fmt: skip


class JumpFeatures(BaseFeature):
    """How volatility is made up: jumps, falls, recent moves, and how unsteady it is.

    Row t uses the closes of rows up to and including t. Columns: ``jump_share_{w}``,
    ``downside_share_{w}``, ``ewma_volatility_ratio_{w}``, ``vol_of_vol_{w}``; ``describe()`` says
    what they mean.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    windows : tuple of int, default=(60, 240)
        In bars, each at least 2.
    short_window : int, default=10
        Of the volatility whose changes ``vol_of_vol`` measures, in bars, at least 1.
    decay : float, default=0.94
        Weight of yesterday's value in the exponential average, below 1; RiskMetrics' 0.94.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        Bars that the windows span, or after which the exponential average's start weighs at most
        ``lookback_tolerance``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import JumpFeatures
    >>> features = JumpFeatures(windows=(60,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    jump_share_60               60
    downside_share_60           60
    ewma_volatility_ratio_60    60
    vol_of_vol_60               69
    dtype: int64
    """

    _parameter_rules = {
        "windows": each(integer(2)),
        "short_window": integer(1),
        "decay": real(0.0, 0.9999),
    }
    _inputs = ("log_close",)
    _kernel = staticmethod(_run)

    def __init__(
        self, windows: tuple[int, ...] = (60, 240), short_window: int = 10, decay: float = 0.94
    ) -> None:
        self.windows = windows
        self.short_window = short_window
        self.decay = decay
        super().__init__()

    def _columns(self) -> list[Column]:
        undefined = "NaN in the first w rows and while all closes are equal"
        return [
            *windowed(
                "jump_share",
                self.windows,
                "max(1 - BV / RV, 0): r the last w one-bar log returns, RV the sum of r^2, "
                "BV = pi/2 w/(w - 1) sum of |r_i| |r_{i-1}|",
                unit="0 to 1",
                undefined=undefined,
                source="Barndorff-Nielsen & Shephard (2004), Journal of Financial Econometrics 2",
            ),
            *windowed(
                "downside_share",
                self.windows,
                "sum of r^2 over the falls / sum of r^2, of the last w one-bar log returns r",
                unit="0 to 1",
                undefined=undefined,
                source="Barndorff-Nielsen, Kinnebrock & Shephard (2010), in Volatility and Time "
                "Series Econometrics",
            ),
            *windowed(
                "ewma_volatility_ratio",
                self.windows,
                "sqrt(exponential average of r^2 / mean of r^2 over w bars), weights decay^age",
                undefined=undefined,
                source="RiskMetrics Technical Document (1996)",
            ),
            *windowed(
                "vol_of_vol",
                self.windows,
                "standard deviation over w bars, divisor w, / mean, of v = sqrt(mean of r^2 over "
                "short_window bars)",
                undefined="NaN in the first w + short_window - 1 rows and while all v are 0",
                source="Baltussen, van Bekkum & van der Grient (2018), Journal of Financial and "
                "Quantitative Analysis 53, on realised volatility",
            ),
        ]

    @property
    def lookback(self) -> int:
        """Bars that a row can depend on by more than ``lookback_tolerance``."""
        settled = 1 + settling(1.0 - self.decay, self.lookback_tolerance)
        return int(max(max(self.windows) + self.short_window - 1, settled))

    def _kernel_params(self) -> tuple[Any, ...]:
        return np.array(self.windows, dtype=np.int64), int(self.short_window), float(self.decay)

    def _initial_state(self) -> dict[str, Any]:
        parts = {
            "": new_sums(self.windows, 2)[:3],
            "bi_": new_sums([w - 1 for w in self.windows], 1)[:3],
            "fast_": new_sums((self.short_window,), 1)[:3],
            "vol_": new_sums(self.windows, 2),
        }
        names = ("place", "blocks", "heads", "anchors")
        sums = {
            f"{part}{name}": array
            for part, arrays in parts.items()
            for name, array in zip(names, arrays, strict=False)
        }
        return {
            **sums, "clock": np.zeros(1, dtype=np.int64), "previous": np.full(1, np.nan),
            "last_size": np.zeros(1), "average": np.zeros(2),
        }  # fmt: skip

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (2, 3), "short_window": 2, "decay": 0.5},
            {"windows": (5,), "short_window": 3, "decay": 0.8},
        ]
