"""Volatility from open, high, low and close: Garman-Klass, Rogers-Satchell, Yang-Zhang."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import Rule, each, integer
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._window_sums import ROUNDING, new_sums, slide_sums, total
from ohlcvml.typing import FloatArray, IntArray

__all__ = ["RangeVolatilityFeatures"]

_BODY = 2.0 * math.log(2.0) - 1.0  # weight of the body in the estimator of Garman and Klass
_PARKINSON = 1.0 / (4.0 * math.log(2.0))


@inlined
def _write_ratios(k, n, window, place, blocks, heads, out, t):  # type: ignore[no-untyped-def]
    move, rs, span, gap, body = (
        total(k, 0, place, blocks, heads),
        total(k, 1, place, blocks, heads),
        total(k, 2, place, blocks, heads),
        total(k, 3, place, blocks, heads),
        total(k, 4, place, blocks, heads),
    )
    none, gk = window * ROUNDING, 0.5 * span - _BODY * body
    out[k, t] = math.sqrt(gk / move) if move > none else np.nan
    out[n + k, t] = math.sqrt(rs / (_PARKINSON * span)) if span > none else np.nan
    out[2 * n + k, t] = gap / (gap + body) if gap + body > none else np.nan


@inlined
def _yang_zhang(k, window, weights, place, blocks, heads):  # type: ignore[no-untyped-def]
    gap, body = total(k, 0, place, blocks, heads), total(k, 1, place, blocks, heads)
    between = total(k, 2, place, blocks, heads) - gap * gap / window
    within = total(k, 3, place, blocks, heads) - body * body / window
    spread = weights[0, k] * max(between, 0.0) + weights[1, k] * max(within, 0.0)
    return spread + weights[2, k] * total(k, 4, place, blocks, heads)


@inlined
def _step(  # type: ignore[no-untyped-def]
    gap, body, span, rs, windows, pair, weights,
    place, blocks, heads, yz_place, yz_blocks, yz_heads, count, out, t,
):  # fmt: skip
    n, move = windows.shape[0], gap + body
    terms = (move * move, rs, span * span, gap * gap, body * body)
    for k in range(n):
        slide_sums(k, windows[k], terms, place, blocks, heads)
        if count >= windows[k]:
            _write_ratios(k, n, windows[k], place, blocks, heads, out, t)
        else:
            out[k, t] = out[n + k, t] = out[2 * n + k, t] = np.nan
    parts = (gap, body, gap * gap, body * body, rs)
    for k in range(2):
        slide_sums(k, pair[k], parts, yz_place, yz_blocks, yz_heads)
    slow = ratio = np.nan
    if count >= pair[1]:
        square = _yang_zhang(1, pair[1], weights, yz_place, yz_blocks, yz_heads)
        slow = math.sqrt(square)
        if square > ROUNDING:
            fast = _yang_zhang(0, pair[0], weights, yz_place, yz_blocks, yz_heads)
            ratio = math.sqrt(fast / square)
    out[3 * n, t], out[3 * n + 1, t] = slow, ratio


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    log_open, log_high, log_low, log_close = inputs
    windows, pair, weights = params
    place, blocks, heads, yz_place, yz_blocks, yz_heads, clock, previous = state
    for t in range(first, last):
        o, h, low, c = log_open[t], log_high[t], log_low[t], log_close[t]
        gap = o - previous[0]
        if not np.isnan(c):
            previous[0] = c
        if np.isnan(gap + c):
            out[:, t] = np.nan
        else:
            clock[0] += 1
            rs = (h - c) * (h - o) + (low - c) * (low - o)
            _step(
                gap, c - o, h - low, rs, windows, pair, weights,
                place, blocks, heads, yz_place, yz_blocks, yz_heads, clock[0], out, t,
            )  # fmt: skip


class RangeVolatilityFeatures(BaseFeature):
    """Volatility from the whole of each bar, as ratios that the plain levels hide.

    Levels of range estimators rank bars almost alike (0.98 and more, beside ``parkinson`` and
    ``return_std``), so one is given as a level, Yang-Zhang, and the others by what sets them apart:
    against close-to-close returns (reversal inside bars), against Parkinson (drift inside bars),
    the share of gaps, and a short window against a long one.

    Row t uses rows t - w to t. Columns: ``garman_klass_ratio_{w}``, ``rogers_satchell_ratio_{w}``,
    ``gap_share_{w}``, ``yang_zhang_{long}``, ``yang_zhang_ratio_{short}_{long}``; ``describe()``
    says what they mean.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    windows : tuple of int, default=(30, 120)
        Of the first three, in bars, each at least 1.
    yang_zhang : tuple of two int, default=(20, 240)
        Short and long window of Yang-Zhang, in bars, rising, at least 2.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import RangeVolatilityFeatures
    >>> features = RangeVolatilityFeatures(windows=(30,), yang_zhang=(10, 60))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    garman_klass_ratio_30       30
    rogers_satchell_ratio_30    30
    gap_share_30                30
    yang_zhang_60               60
    yang_zhang_ratio_10_60      60
    dtype: int64
    """

    _parameter_rules = {
        "windows": each(integer(1)),
        "yang_zhang": Rule(
            "two rising integers of at least 2, such as (20, 240)",
            lambda value: (
                each(integer(2)).accepts(value) and len(value) == 2 and value[0] < value[1]
            ),
            (20, 20),
        ),
    }
    _inputs = ("log_open", "log_high", "log_low", "log_close")
    _kernel = staticmethod(_run)

    def __init__(
        self, windows: tuple[int, ...] = (30, 120), yang_zhang: tuple[int, int] = (20, 240)
    ) -> None:
        self.windows = windows
        self.yang_zhang = yang_zhang
        super().__init__()

    def _columns(self) -> list[Column]:
        warm, (short, slow) = "NaN in the first w rows", self.yang_zhang
        return [
            *windowed(
                "garman_klass_ratio",
                self.windows,
                "sqrt(sum over w bars of log(high/low)^2 / 2 - (2 log 2 - 1) log(close/open)^2, "
                "over the sum of squared one-bar log returns)",
                undefined=f"{warm} and while all closes are equal",
                source="Garman & Klass (1980), Journal of Business 53",
            ),
            *windowed(
                "rogers_satchell_ratio",
                self.windows,
                "sqrt(mean over w bars of log(high/close) log(high/open) + log(low/close) "
                "log(low/open), over Parkinson's mean log(high/low)^2 / (4 log 2))",
                undefined=f"{warm} and while all ranges are 0",
                source="Rogers & Satchell (1991), Annals of Applied Probability 1",
            ),
            *windowed(
                "gap_share",
                self.windows,
                "sum over w bars of squared log(open_t / close_{t-1}), over that plus the sum of "
                "squared log(close/open)",
                unit="0 to 1",
                undefined=f"{warm} and while prices stand still",
                source="parts of Yang & Zhang (2000), Journal of Business 73",
            ),
            *windowed(
                "yang_zhang",
                (slow,),
                "sqrt(variance of log(open_t / close_{t-1}) + k variance of log(close/open) + "
                "(1 - k) Rogers-Satchell) over w bars, divisor w - 1 in the variances, "
                "k = 0.34 / (1.34 + (w + 1) / (w - 1))",
                unit="log return, deviation a bar",
                undefined=warm,
                source="Yang & Zhang (2000), Journal of Business 73",
            ),
            Column(
                f"yang_zhang_ratio_{short}_{slow}",
                "Yang-Zhang deviation over the short window / over the long one, w",
                slow,
                undefined=f"{warm} and while prices stand still",
                source="Yang & Zhang (2000), Journal of Business 73",
            ),
        ]

    @property
    def lookback(self) -> int:
        """The largest window."""
        return int(max(*self.windows, *self.yang_zhang))

    def _kernel_params(self) -> tuple[Any, ...]:
        windows: IntArray = np.array(self.windows, dtype=np.int64)
        pair: IntArray = np.array(self.yang_zhang, dtype=np.int64)
        k = 0.34 / (1.34 + (pair + 1) / (pair - 1))
        weights: FloatArray = np.stack([1 / (pair - 1), k / (pair - 1), (1 - k) / pair])
        return windows, pair, weights

    def _initial_state(self) -> dict[str, Any]:
        place, blocks, heads, _ = new_sums(self.windows, 5)
        yz_place, yz_blocks, yz_heads, _ = new_sums(self.yang_zhang, 5)
        return {
            "place": place, "blocks": blocks, "heads": heads,
            "yz_place": yz_place, "yz_blocks": yz_blocks, "yz_heads": yz_heads,
            "clock": np.zeros(1, dtype=np.int64), "previous": np.full(1, np.nan),
        }  # fmt: skip

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (1, 3), "yang_zhang": (2, 4)},
            {"windows": (5,), "yang_zhang": (3, 5)},
        ]
