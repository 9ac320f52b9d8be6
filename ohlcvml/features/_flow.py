"""Order flow read off price and volume: who traded, at which price, and how one-sidedly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    add_up,
    added_up,
    compiled,
    inlined,
    new_totals,
    slide_totals,
    tie,
)

# Series of the ring: volume v; v signed by the change of the close, by the place of the close in
# its bar, by the bulk rule, and the size of the last; v d and v d^2 for typical price d; change r
# of the close; log volume x; their products. d and x count from anchors.
_V, _CHANGE, _PLACE, _BULK, _SIZE, _VD, _VDD, _R, _X, _RX, _RR, _XX = range(12)
_SERIES = 12
_TINY = 1e-13  # a variance this small beside the square it is left of is rounding


@compiled
def _normal_imbalance(z):  # type: ignore[no-untyped-def]
    """Twice the normal distribution function less one, within 3e-7, odd, the same bits anywhere.

    Abramowitz and Stegun (1964), Handbook of Mathematical Functions, 7.1.28.
    """
    x = abs(z) * 0.7071067811865476
    square = x * x
    p = (0.0001520143 + 0.0002765672 * x) + 0.0000430638 * square
    p = (1.0 + 0.0705230784 * x) + square * ((0.0422820123 + 0.0092705272 * x) + square * p)
    p *= p
    p *= p
    p *= p
    p *= p
    return math.copysign(1.0 - 1.0 / p, z)


@compiled
def _within(value, low, high):  # type: ignore[no-untyped-def]
    return min(max(value, low), high)


@inlined
def _move_anchor(ring, kept, price, log_volume):  # type: ignore[no-untyped-def]
    """Count the rows of a full ring from here, so that no digits are lost far from the anchor."""
    for at in range(ring.shape[0]):
        d, x = kept[at, 0] - price, kept[at, 1] - log_volume
        ring[at, _VD], ring[at, _VDD] = ring[at, _V] * d, ring[at, _V] * d * d
        ring[at, _X], ring[at, _RX], ring[at, _XX] = x, ring[at, _R] * x, x * x


@inlined
def _step(  # type: ignore[no-untyped-def]
    high, low, close, volume, log_volume, windows, money_windows, deviation_window, shares,
    ring, totals, turn, kept, money_ring, money_totals, money_turn,
    square_ring, square_totals, square_turn, last, clock, out, t,
):  # fmt: skip
    # last: close, typical price, log volume, change; anchors of typical price and log volume;
    # typical price of the last bar with volume. clock: bars seen, length of the run without volume,
    # without money flow, of equal changes, of equal volumes; age of the newest bar with volume
    # whose typical price differs from that of the last one.
    typical, count = (high + low + close) / 3.0, clock[0] + 1
    same = tie(typical)
    if count == 1:
        last[0], last[1], last[4], last[5] = close, typical, typical, log_volume
    change, moved, money = close - last[0], typical - last[1], typical * volume
    clock[0] = count
    clock[5] += 1
    if volume > 0:
        if abs(typical - last[6]) > same and clock[1] < count - 1:
            clock[5] = clock[1] + 1
        last[6] = typical
    clock[1] = 0 if volume > 0 else clock[1] + 1
    clock[2] = 0 if abs(moved) > same and volume > 0 else clock[2] + 1
    clock[3] = clock[3] + 1 if count > 1 and abs(change - last[3]) <= same else 1
    clock[4] = clock[4] + 1 if count > 1 and log_volume == last[2] else 1

    slide_totals(
        (change * change, volume), deviation_window, square_ring, square_totals, square_turn
    )
    deviation, square, bulk = deviation_window[0], square_totals[0, 0] * shares[0], 0.0
    if count > deviation and change != 0 and square > 0:
        bulk = volume * _normal_imbalance(change / math.sqrt(square))
    rise, fall = money * (moved > same), money * (moved < -same)  # a branch costs more
    slide_totals((rise, fall), money_windows, money_ring, money_totals, money_turn)

    slot, d, x = turn[0], typical - last[4], log_volume - last[5]
    place = volume * ((close - low) - (high - close)) / (high - low) if high > low else 0.0
    signed = volume * (change > 0) - volume * (change < 0)
    slide_totals(
        (
            volume, signed, place, bulk, abs(bulk), volume * d, volume * d * d,
            change, x, change * x, change * change, x * x,
        ),
        windows, ring, totals, turn,
    )  # fmt: skip
    kept[slot, 0], kept[slot, 1] = typical, log_volume
    last[0], last[1], last[2], last[3] = close, typical, log_volume, change
    if added_up(turn):
        last[4], last[5] = typical, log_volume
        _move_anchor(ring, kept, typical, log_volume)
        add_up(windows, ring, totals)

    n = windows.shape[0]
    for k in range(n):
        window = windows[k]
        obv = money_flow = distance = imbalance = toxic = correlation = np.nan
        if count >= window and clock[1] < window and totals[k, _V] > 0:
            share = 1.0 / totals[k, _V]
            money_flow = _within(totals[k, _PLACE] * share, -1.0, 1.0)
            mean, mean_square = totals[k, _VD] * share, totals[k, _VDD] * share
            spread = mean_square - mean * mean
            if clock[5] < window and spread > _TINY * mean_square:
                distance = (close - last[4] - mean) / math.sqrt(spread)
            if count > window:
                obv = _within(totals[k, _CHANGE] * share, -1.0, 1.0)
            if count >= deviation + window:
                imbalance = _within(totals[k, _BULK] * share, -1.0, 1.0)
                toxic = _within(totals[k, _SIZE] * share, 0.0, 1.0)
        if count > window:
            share, r, x, correlation = shares[1 + k], totals[k, _R], totals[k, _X], 0.0
            product = (totals[k, _RR] - r * r * share) * (totals[k, _XX] - x * x * share)
            if product > 0 and clock[3] < window and clock[4] < window:
                covariance = totals[k, _RX] - r * x * share
                correlation = _within(covariance / math.sqrt(product), -1.0, 1.0)
        out[k, t], out[n + k, t], out[2 * n + k, t] = obv, money_flow, distance
        out[3 * n + k, t], out[4 * n + k, t], out[5 * n + k, t] = imbalance, toxic, correlation
    traded, newest = square_totals[0, 1], np.nan
    if count > deviation and clock[1] < deviation and traded > 0:
        newest = _within(bulk * deviation / traded, -deviation, deviation)
    out[6 * n, t] = newest
    for k in range(money_windows.shape[0]):
        index = np.nan
        if count > money_windows[k]:
            rise, both = money_totals[k, 0], money_totals[k, 0] + money_totals[k, 1]
            moved = clock[2] < money_windows[k] and both > 0
            index = _within(100.0 * rise / both, 0.0, 100.0) if moved else 50.0
        out[6 * n + 1 + k, t] = index


@compiled
def _run(inputs, first, last_row, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close, volume, log_volume = inputs
    windows, money_windows, deviation_window, shares = params
    ring, totals, turn, kept, money_ring, money_totals, money_turn = state[:7]
    square_ring, square_totals, square_turn, last, clock = state[7:]
    for t in range(first, last_row):
        if np.isnan(close[t] + volume[t]):
            out[:, t] = np.nan
        else:
            _step(
                high[t], low[t], close[t], volume[t], log_volume[t],
                windows, money_windows, deviation_window, shares,
                ring, totals, turn, kept, money_ring, money_totals, money_turn,
                square_ring, square_totals, square_turn, last, clock, out, t,
            )  # fmt: skip


class FlowFeatures(BaseFeature):
    """Balance of buying and selling, as far as prices and volumes of bars tell it.

    Row t uses rows up to and including t. Columns: ``obv_{w}``, ``chaikin_money_flow_{w}``,
    ``vwap_distance_{w}``, ``bulk_volume_imbalance_{w}``, ``vpin_{w}``,
    ``price_volume_correlation_{w}``, ``signed_volume_{w}``, ``money_flow_index_{w}``;
    ``describe()`` says what they mean.

    A bar with a missing price or volume gives NaN and is passed over; a bar with volume 0 counts
    as a bar on which nothing was bought or sold. Bars whose volume is NaN throughout raise; a plain
    series without a volume column gives NaN.

    Parameters
    ----------
    windows : tuple of int, default=(30, 120)
        Of all columns but the last two, in bars, each at least 2.
    money_flow_windows : tuple of int, default=(14,)
        Of the money flow index, in bars, each at least 2.
    deviation_window : int, default=60
        Of the deviation of price changes that sorts volume into bought and sold, and of
        ``signed_volume_{w}``, in bars.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window, and before it the ``deviation_window`` less one.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import FlowFeatures
    >>> features = FlowFeatures(windows=(30,))
    >>> features.fit_transform(simulate_bars(200, seed=0).bars).isna().sum()
    obv_30                         30
    chaikin_money_flow_30          29
    vwap_distance_30               29
    bulk_volume_imbalance_30       89
    vpin_30                        89
    price_volume_correlation_30    30
    signed_volume_60               60
    money_flow_index_14            14
    dtype: int64
    """

    _parameter_rules = {
        "windows": each(integer(2)),
        "money_flow_windows": each(integer(2)),
        "deviation_window": integer(2),
    }
    _inputs = ("high", "low", "close", "volume", "log_volume")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self,
        windows: tuple[int, ...] = (30, 120),
        money_flow_windows: tuple[int, ...] = (14,),
        deviation_window: int = 60,
    ) -> None:
        self.windows = windows
        self.money_flow_windows = money_flow_windows
        self.deviation_window = deviation_window
        super().__init__()

    @property
    def lookback(self) -> int:
        """Rows before row t on which it depends."""
        bulk = max(self.windows) + self.deviation_window - 1
        return int(max(bulk, *self.money_flow_windows))

    def _kernel_params(self) -> tuple[Any, ...]:
        windows = np.array(self.windows, dtype=np.int64)
        deviation = np.array([self.deviation_window], dtype=np.int64)
        money = np.array(self.money_flow_windows, dtype=np.int64)
        return windows, money, deviation, 1.0 / np.concatenate([deviation, windows])

    def _initial_state(self) -> dict[str, Any]:
        state = {
            **new_totals(self.windows, _SERIES),
            "kept": np.zeros((max(self.windows), 2)),
            **new_totals(self.money_flow_windows, 2, "money_"),
            **new_totals((self.deviation_window,), 2, "square_"),
        }
        return {**state, "last": np.zeros(7), "clock": np.zeros(6, dtype=np.int64)}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (2, 5), "money_flow_windows": (3,), "deviation_window": 4},
            {"windows": (6,), "money_flow_windows": (2, 7), "deviation_window": 3},
        ]
