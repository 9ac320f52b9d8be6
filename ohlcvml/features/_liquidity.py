"""Liquidity: how far prices move for the volume that is traded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import SAME_RETURN, compiled, inlined, new_totals, slide_totals

# Series of the ring: bars with volume; |r| per traded value; |r| times its root; traded value;
# volume v and its square; |r|, its square; log volume x from the first bar's, its square; |r| x.
_BARS, _PRICE, _IMPACT, _VALUE, _V, _VV, _R, _RR, _X, _XX, _RX = range(11)
_SERIES = 11


@compiled
def _contrast(short, long):  # type: ignore[no-untyped-def]
    return (short - long) / (short + long) if short + long > 0 else np.nan


@inlined
def _step(  # type: ignore[no-untyped-def]
    close, log_close, volume, log_volume, windows, shares, ring, totals, turn, last, clock, out, t
):
    # last: log close, log volume, log volume of the first bar, |r|. clock: bars seen, length of the
    # run without a move on volume, without volume, of equal |r|, of equal volumes.
    # The last of the windows is the long one.
    count = clock[0] + 1
    if count == 1:
        last[0], last[2] = log_close, log_volume
    move, x = abs(log_close - last[0]), log_volume - last[2]
    value = close * volume if count > 1 else 0.0
    clock[0] = count
    clock[1] = 0 if move > 0 and volume > 0 else clock[1] + 1
    clock[2] = 0 if volume > 0 else clock[2] + 1
    clock[3] = clock[3] + 1 if count > 1 and abs(move - last[3]) <= SAME_RETURN else 1
    clock[4] = clock[4] + 1 if count > 1 and log_volume == last[1] else 1
    last[0], last[1], last[3] = log_close, log_volume, move
    slide_totals(
        (
            1.0 if value > 0 else 0.0, move / value if value > 0 else 0.0, move * math.sqrt(value),
            value, volume, volume * volume, move, move * move, x, x * x, move * x,
        ),
        windows, ring, totals, turn,
    )  # fmt: skip

    n = windows.shape[0] - 1
    known = count > windows[n] and clock[1] < windows[n]
    long_price = long_impact = 0.0
    if known and totals[n, _BARS] > 0 and totals[n, _VALUE] > 0:
        long_price = max(totals[n, _PRICE], 0.0) / totals[n, _BARS]
        long_impact = max(totals[n, _IMPACT], 0.0) / totals[n, _VALUE]
    for k in range(n):
        window, share = windows[k], shares[k]
        amihud = kyle = fit = even = correlation = np.nan
        if count > window and clock[2] < window and totals[k, _VALUE] > 0:
            price = impact = fit = 0.0
            if clock[1] < window:  # else nothing has moved, whatever rounding has left
                price = max(totals[k, _PRICE], 0.0) / totals[k, _BARS]
                impact = max(totals[k, _IMPACT], 0.0) / totals[k, _VALUE]
                if totals[k, _RR] > 0:
                    fit = min(impact * totals[k, _IMPACT] / totals[k, _RR], 1.0)
            if known:
                amihud, kyle = _contrast(price, long_price), _contrast(impact, long_impact)
        if count >= window and clock[2] < window and totals[k, _VV] > 0:
            even = totals[k, _V] * totals[k, _V] * share / totals[k, _VV]
            even = min(max(even, share), 1.0)
        if count > window:
            r, x, correlation = totals[k, _R], totals[k, _X], 0.0
            product = (totals[k, _RR] - r * r * share) * (totals[k, _XX] - x * x * share)
            if product > 0 and clock[3] < window and clock[4] < window:
                correlation = (totals[k, _RX] - r * x * share) / math.sqrt(product)
                correlation = min(max(correlation, -1.0), 1.0)
        out[k, t], out[n + k, t], out[2 * n + k, t] = amihud, kyle, fit
        out[3 * n + k, t], out[4 * n + k, t] = even, correlation


@compiled
def _run(inputs, first, last_row, params, state, out):  # type: ignore[no-untyped-def]
    close, log_close, volume, log_volume = inputs
    windows, shares = params
    ring, totals, turn, last, clock = state
    for t in range(first, last_row):
        if np.isnan(log_close[t] + volume[t]):
            out[:, t] = np.nan
        else:
            _step(
                close[t], log_close[t], volume[t], log_volume[t], windows, shares,
                ring, totals, turn, last, clock, out, t,
            )  # fmt: skip


class LiquidityFeatures(BaseFeature):
    """Price moves against the volume behind them, free of the scale of either.

    Row t uses rows up to and including t. Columns: ``amihud_{w}``, ``kyle_lambda_{w}``,
    ``kyle_fit_{w}``, ``volume_evenness_{w}``, ``volume_volatility_correlation_{w}``; ``describe()``
    says what they mean. The first two compare a window with a longer one, a / b, as
    (a - b) / (a + b): 0 where they agree, odd in log(a / b), -1 where the short one is 0.

    A bar with a missing price or volume gives NaN and is passed over. A bar with volume 0 is no
    trade: it is left out of Amihud's mean and weighs nothing in the slope of Kyle's lambda, but
    counts with its move in ``kyle_fit_{w}`` and with its 0 in the last two. Bars whose volume is
    NaN throughout raise; a plain series without a volume column gives NaN. Prices at or below zero
    raise.

    Parameters
    ----------
    windows : tuple of int, default=(20, 60)
        In bars, each at least 2.
    long_window : int, default=240
        What Amihud's measure and Kyle's lambda are compared with, in bars.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest of all windows.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import LiquidityFeatures
    >>> features = LiquidityFeatures(windows=(20,))
    >>> features.fit_transform(simulate_bars(500, seed=0).bars).isna().sum()
    amihud_20                           240
    kyle_lambda_20                      240
    kyle_fit_20                          20
    volume_evenness_20                   19
    volume_volatility_correlation_20     20
    dtype: int64
    """

    _parameter_rules = {"windows": each(integer(2)), "long_window": integer(2)}
    _inputs = ("close", "log_close", "volume", "log_volume")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(self, windows: tuple[int, ...] = (20, 60), long_window: int = 240) -> None:
        self.windows = windows
        self.long_window = long_window
        super().__init__()

    @property
    def lookback(self) -> int:
        """The largest of all windows."""
        return int(max(*self.windows, self.long_window))

    def _kernel_params(self) -> tuple[Any, ...]:
        windows = np.array([*self.windows, self.long_window], dtype=np.int64)
        return windows, 1.0 / windows

    def _initial_state(self) -> dict[str, Any]:
        totals = new_totals((*self.windows, self.long_window), _SERIES)
        return {**totals, "last": np.zeros(4), "clock": np.zeros(5, dtype=np.int64)}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (2, 5), "long_window": 8}, {"windows": (4,), "long_window": 6}]
