"""Order flow read off price and volume: who traded, at which price, and how one-sidedly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._totals import new_totals, slide_totals

__all__ = ["FlowFeatures"]

# Series of the ring: volume v; v signed by the change of the close, by the place of the close in
# its bar, by the bulk rule, and the size of the last; v d and v d^2 for typical price d; change r
# of the close; log volume x; their products. d and x count from anchors.
_V, _CHANGE, _PLACE, _BULK, _SIZE, _VD, _VDD, _R, _X, _RX, _RR, _XX = range(12)
_SERIES = 12
_TINY = 1e-10  # a variance this small beside the square it is left of is rounding


@compiled
def _normal_imbalance(z):  # type: ignore[no-untyped-def]
    """Twice the normal distribution function less one, within 3e-7, odd, the same bits anywhere.

    Abramowitz and Stegun (1964), Handbook of Mathematical Functions, 7.1.28.
    """
    x = abs(z) * 0.7071067811865476
    p = 0.0001520143 + x * (0.0002765672 + x * 0.0000430638)
    p = 1.0 + x * (0.0705230784 + x * (0.0422820123 + x * (0.0092705272 + x * p)))
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
    ring, totals, kept, money_ring, money_totals, square_ring, square_totals, last, clock, out, t,
):  # fmt: skip
    # last: close, typical price, log volume, change; anchors of typical price and log volume.
    # clock: slots of the three rings, bars seen, length of the run without volume, without money
    # flow, of equal changes, of equal volumes.
    typical, count = (high + low + close) / 3.0, clock[3] + 1
    if count == 1:
        last[0], last[1], last[4], last[5] = close, typical, typical, log_volume
    change, money = close - last[0], typical * volume
    clock[3] = count
    clock[4] = 0 if volume > 0 else clock[4] + 1
    clock[5] = 0 if typical != last[1] and volume > 0 else clock[5] + 1
    clock[6] = clock[6] + 1 if count > 1 and change == last[3] else 1
    clock[7] = clock[7] + 1 if count > 1 and log_volume == last[2] else 1

    square_ring[clock[1], 0] = change * change
    clock[1] = slide_totals(square_ring, clock[1], deviation_window, square_totals)
    square = square_totals[0, 0] * shares[0]
    bulk = 0.0
    if count > deviation_window[0] and change != 0 and square > 0:
        bulk = volume * _normal_imbalance(change / math.sqrt(square))

    money_ring[clock[2], 0] = money if typical > last[1] else 0.0
    money_ring[clock[2], 1] = money if typical < last[1] else 0.0
    clock[2] = slide_totals(money_ring, clock[2], money_windows, money_totals)

    slot, d, x = clock[0], typical - last[4], log_volume - last[5]
    place = (2.0 * close - high - low) / (high - low) if high > low else 0.0
    sign = 1.0 if change > 0 else (-1.0 if change < 0 else 0.0)
    ring[slot, _V], ring[slot, _CHANGE], ring[slot, _PLACE] = volume, sign * volume, place * volume
    ring[slot, _BULK], ring[slot, _SIZE] = bulk, abs(bulk)
    ring[slot, _VD], ring[slot, _VDD] = volume * d, volume * d * d
    ring[slot, _R], ring[slot, _X] = change, x
    ring[slot, _RX], ring[slot, _RR], ring[slot, _XX] = change * x, change * change, x * x
    kept[slot, 0], kept[slot, 1] = typical, log_volume
    if slot + 1 == ring.shape[0]:
        _move_anchor(ring, kept, typical, log_volume)
        last[4], last[5] = typical, log_volume
    clock[0] = slide_totals(ring, slot, windows, totals)
    last[0], last[1], last[2], last[3] = close, typical, log_volume, change

    n = windows.shape[0]
    for k in range(n):
        window, traded = windows[k], totals[k, _V]
        for j in range(7):
            out[j * n + k, t] = np.nan
        if count >= window and clock[4] < window and traded > 0:
            share = 1.0 / traded
            out[n + k, t] = _within(totals[k, _PLACE] * share, -1.0, 1.0)
            mean, mean_square = totals[k, _VD] * share, totals[k, _VDD] * share
            spread = mean_square - mean * mean
            if spread > _TINY * mean_square:
                out[2 * n + k, t] = (close - last[4] - mean) / math.sqrt(spread)
            if count > window:
                out[k, t] = _within(totals[k, _CHANGE] * share, -1.0, 1.0)
            if count >= deviation_window[0] + window:
                out[3 * n + k, t] = _within(totals[k, _BULK] * share, -1.0, 1.0)
                out[4 * n + k, t] = _within(totals[k, _SIZE] * share, 0.0, 1.0)
                out[5 * n + k, t] = _within(bulk * window * share, -window, window)
        if count > window and clock[6] < window and clock[7] < window:
            share = shares[1 + k]
            r, x = totals[k, _R] * share, totals[k, _X]
            product = (totals[k, _RR] - r * totals[k, _R]) * (totals[k, _XX] - x * x * share)
            if product > 0:
                value = (totals[k, _RX] - r * x) / math.sqrt(product)
                out[6 * n + k, t] = _within(value, -1.0, 1.0)
    for k in range(money_windows.shape[0]):
        rise, fall = max(money_totals[k, 0], 0.0), max(money_totals[k, 1], 0.0)
        defined = count > money_windows[k] and clock[5] < money_windows[k] and rise + fall > 0
        out[7 * n + k, t] = 100.0 * rise / (rise + fall) if defined else np.nan


@compiled
def _run(inputs, first, last_row, params, state, out):  # type: ignore[no-untyped-def]
    high, low, close, volume, log_volume = inputs
    windows, money_windows, deviation_window, shares = params
    ring, totals, kept, money_ring, money_totals, square_ring, square_totals, last, clock = state
    for t in range(first, last_row):
        if np.isnan(close[t] + volume[t]):
            out[:, t] = np.nan
        else:
            _step(
                high[t], low[t], close[t], volume[t], log_volume[t],
                windows, money_windows, deviation_window, shares,
                ring, totals, kept, money_ring, money_totals, square_ring, square_totals,
                last, clock, out, t,
            )  # fmt: skip


class FlowFeatures(BaseFeature):
    """Balance of buying and selling, as far as prices and volumes of bars tell it.

    Row t uses rows up to and including t. Columns: ``obv_{w}``, ``chaikin_money_flow_{w}``,
    ``vwap_distance_{w}``, ``bulk_volume_imbalance_{w}``, ``vpin_{w}``, ``signed_volume_{w}``,
    ``price_volume_correlation_{w}``, ``money_flow_index_{w}``; ``describe()`` says what they mean.

    A bar with a missing price or volume gives NaN and is passed over; a bar with volume 0 counts
    as a bar on which nothing was bought or sold. Bars whose volume is NaN throughout raise; a plain
    series without a volume column gives NaN.

    Parameters
    ----------
    windows : tuple of int, default=(30, 120)
        Of all columns but the money flow index, in bars, each at least 2.
    money_flow_windows : tuple of int, default=(14,)
        Of the money flow index, in bars, each at least 2.
    deviation_window : int, default=60
        Of the deviation of price changes that sorts volume into bought and sold, in bars.

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
    signed_volume_30               89
    price_volume_correlation_30    30
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

    def _columns(self) -> list[Column]:
        quiet = "and while the window has no volume"
        change = f"NaN in the first w rows {quiet}"
        first = f"NaN in the first w - 1 rows {quiet}"
        bulk = f"NaN in the first w + deviation_window - 1 rows {quiet}"
        signed = (
            "s = v (2 Z(change of the close / its root mean square over deviation_window bars) - 1)"
        )
        easley = "Easley, Lopez de Prado and O'Hara (2012), Review of Financial Studies 25"
        return [
            *windowed(
                "obv",
                self.windows,
                "sum over w bars of v sign(c_t - c_{t-1}) / sum of v: change of the on-balance "
                "volume, relative",
                unit="-1 to 1",
                undefined=change,
                source="Granville (1963), New Key to Stock Market Profits; TA-Lib",
            ),
            *windowed(
                "chaikin_money_flow",
                self.windows,
                "sum over w bars of v (2 c - h - l) / (h - l) / sum of v; a bar with h = l adds 0",
                unit="-1 to 1",
                undefined=first,
                source="Chaikin; the change of TA-Lib's AD line, relative",
            ),
            *windowed(
                "vwap_distance",
                self.windows,
                "(close - VWAP) / deviation about it, both of (h + l + c) / 3 weighted by volume",
                unit="deviations",
                undefined=f"{first} or all of it at one price",
            ),
            *windowed(
                "bulk_volume_imbalance",
                self.windows,
                f"sum over w bars of s / sum of v, {signed}, Z the normal distribution function",
                unit="-1 to 1",
                undefined=bulk,
                source=easley,
            ),
            *windowed(
                "vpin",
                self.windows,
                "sum over w bars of |s| / sum of v, s as in bulk_volume_imbalance; bars of time "
                "stand in for the paper's buckets of volume",
                unit="0 to 1",
                undefined=bulk,
                source=easley,
            ),
            *windowed(
                "signed_volume",
                self.windows,
                "s_t / mean of the last w v, s as in bulk_volume_imbalance",
                undefined=bulk,
                source=easley,
            ),
            *windowed(
                "price_volume_correlation",
                self.windows,
                "correlation of c_t - c_{t-1} and log(1 + v_t) over w bars",
                unit="-1 to 1",
                undefined="NaN in the first w rows and where either is constant",
                source="Karpoff (1987), Journal of Financial and Quantitative Analysis 22",
            ),
            *windowed(
                "money_flow_index",
                self.money_flow_windows,
                "100 P / (P + N), sums over w bars of v p where p = (h + l + c) / 3 rose, fell",
                unit="0 to 100",
                undefined="NaN in the first w rows and while no bar has moved p on volume "
                "(TA-Lib: 0 while P + N < 1)",
                source="Quong and Soudack (1989), Stocks & Commodities 7; TA-Lib",
            ),
        ]

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
        ring, totals = new_totals(self.windows, _SERIES)
        money_ring, money_totals = new_totals(self.money_flow_windows, 2)
        square_ring, square_totals = new_totals((self.deviation_window,), 1)
        return {
            "ring": ring,
            "totals": totals,
            "kept": np.zeros((len(ring), 2)),
            "money_ring": money_ring,
            "money_totals": money_totals,
            "square_ring": square_ring,
            "square_totals": square_totals,
            "last": np.zeros(6),
            "clock": np.zeros(8, dtype=np.int64),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (2, 5), "money_flow_windows": (3,), "deviation_window": 4},
            {"windows": (6,), "money_flow_windows": (2, 7), "deviation_window": 3},
        ]
