"""What a round trip costs, estimated from prices alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import compiled, inlined, new_totals, slide_totals

# Series of the ring: log range of the bar; change r of the log close, the one before it, their
# product; Corwin and Schultz' spread of a pair of bars; Abdi and Ranaldo's product; 1 if r is 0.
_RANGE, _R, _BEFORE, _PRODUCT, _PAIR, _MIDDLE, _STILL = range(7)
_SERIES = 7
_ROOT = 1.0 + math.sqrt(2.0)  # = 1 / sqrt(3 - 2 sqrt(2)) = (sqrt(2) - 1) / (3 - 2 sqrt(2))


@compiled
def _pair_spread(high, low, before):  # type: ignore[no-untyped-def]
    """Corwin and Schultz' spread of a bar and the one before; 0 where it comes out negative.

    2 (e^a - 1) / (e^a + 1) = 2 tanh(a / 2), from Lambert's continued fraction of tanh: within 1e-10
    for h / l up to e, which bounds a.
    ``before``: log close, high and low of the bar before. A gap is taken out by moving the bar as a
    whole until it meets the close before.
    """
    close, high_before, low_before = before[0], before[1], before[2]
    span, span_before = high - low, high_before - low_before
    gap = max(low - close, 0.0) + min(high - close, 0.0)
    both = max(high - gap, high_before) - min(low - gap, low_before)
    alpha = _ROOT * (math.sqrt(span * span + span_before * span_before) - both)
    half = 0.5 * max(alpha, 0.0)
    square = half * half
    over, under = 945.0 + square * (105.0 + square), 945.0 + square * (420.0 + square * 15.0)
    return 2.0 * half * over / under


@inlined
def _step(high, low, close, windows, shares, ring, totals, turn, before, clock, out, t):  # type: ignore[no-untyped-def]
    # before: log close, high, low and change of the bar before. clock: bars seen, length of the run
    # of bars without range.
    count = clock[0] + 1
    clock[0] = count
    clock[1] = 0 if high > low else clock[1] + 1
    change = middle = pair = 0.0
    if count > 1:
        change = close - before[0]
        off = before[0] - 0.5 * (before[1] + before[2])
        middle = off * (before[0] - 0.5 * (high + low))
        pair = _pair_spread(high, low, before)
    still = 1.0 if change == 0 else 0.0
    slide_totals(
        (high - low, change, before[3], change * before[3], pair, middle, still),
        windows, ring, totals, turn,
    )  # fmt: skip
    before[0], before[1], before[2], before[3] = close, high, low, change

    n = windows.shape[0]
    for k in range(n):
        window, share = windows[k], shares[k]
        roll = corwin = abdi = zero = np.nan
        if count > window:
            zero = totals[k, _STILL] * share
            if clock[1] < window and totals[k, _RANGE] > 0:
                unit = 1.0 / totals[k, _RANGE]
                corwin = max(totals[k, _PAIR], 0.0) * unit
                square = 4.0 * window * totals[k, _MIDDLE]
                abdi = math.sqrt(square) * unit if square > 0 else 0.0
                if count > window + 1:
                    product = totals[k, _R] * totals[k, _BEFORE] * share
                    square = 4.0 * window * (product - totals[k, _PRODUCT])
                    roll = math.sqrt(square) * unit if square > 0 else 0.0
        out[k, t], out[n + k, t] = roll, corwin
        out[2 * n + k, t], out[3 * n + k, t] = abdi, zero


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    log_high, log_low, log_close = inputs
    windows, shares = params
    ring, totals, turn, before, clock = state
    for t in range(first, last):
        if np.isnan(log_close[t]):
            out[:, t] = np.nan
        else:
            _step(
                log_high[t], log_low[t], log_close[t], windows, shares,
                ring, totals, turn, before, clock, out, t,
            )  # fmt: skip


class SpreadFeatures(BaseFeature):
    """Estimates of the spread between bid and ask from prices, as a share of the mean range.

    Row t uses rows up to and including t. Columns: ``roll_spread_{w}``, ``corwin_schultz_{w}``,
    ``abdi_ranaldo_{w}``, ``zero_return_share_{w}``; ``describe()`` says what they mean. No volume
    is needed. On bars of minutes the estimates are coarse: their order in time and between
    instruments says more than their size.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    windows : tuple of int, default=(60, 240)
        In bars, each at least 2.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window and one.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import SpreadFeatures
    >>> features = SpreadFeatures(windows=(60,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    roll_spread_60          61
    corwin_schultz_60       60
    abdi_ranaldo_60         60
    zero_return_share_60    60
    dtype: int64
    """

    _parameter_rules = {"windows": each(integer(2))}
    _inputs = ("log_high", "log_low", "log_close")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(self, windows: tuple[int, ...] = (60, 240)) -> None:
        self.windows = windows
        super().__init__()

    @property
    def lookback(self) -> int:
        """The largest window and one."""
        return int(max(self.windows)) + 1

    def _kernel_params(self) -> tuple[Any, ...]:
        windows = np.array(self.windows, dtype=np.int64)
        return windows, 1.0 / windows

    def _initial_state(self) -> dict[str, Any]:
        totals = new_totals(self.windows, _SERIES)
        return {**totals, "before": np.zeros(4), "clock": np.zeros(2, dtype=np.int64)}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (2, 3)}, {"windows": (5,)}]
