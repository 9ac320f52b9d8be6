"""Where a bar stands among the last bars, quantiles of returns, and how ordered they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import Rule, each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.features._entropy import entropies, entropy_params, new_entropies
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    ROUNDING,
    compiled,
    count_ranks,
    double_spreads,
    inlined,
    keep_stretches,
    new_orders,
    new_spreads,
    new_stretches,
    order_params,
    pack,
    quantile,
    quantile_params,
    replace,
    unpack,
    window_params,
    window_spreads,
)

_ORDER = ("keys", "bounds", "before", "spare")
_CODES = ("closes", "places", "codes", "code_sums")
_NO_SPREAD = math.sqrt(ROUNDING)
_COUNTED = 400  # the longest window whose ranks are counted: longer ones are faster kept in order


@inlined
def _series(log_high, log_low, log_close, first, last, before, spans, changes):  # type: ignore[no-untyped-def]
    for t in range(first, last):
        spans[t] = changes[t] = log_close[t] - before
        if not np.isnan(changes[t]):
            spans[t] = max(log_high[t], before) - min(log_low[t], before)
        if not np.isnan(log_close[t]):
            before = log_close[t]


@inlined
def _deviations(changes, first, last, windows, shares, room, means, spreads, units):  # type: ignore[no-untyped-def]
    # 1 / standard deviation, in the rows of both tails.
    before = means.shape[1] - BLOCK
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(changes, changes, start, stop, means[0], before)
        double_spreads(means, spreads, n)
        for k in range(windows.shape[0]):
            row, other = units[k, start:], units[windows.shape[0] + k, start:]
            window_spreads(means, spreads, n, windows[k], room, row)
            for b in range(n):
                square = row[b] * shares[1, k]
                row[b] = 1.0 / math.sqrt(square) if square > ROUNDING else np.nan
            unpack(changes, start, stop, n, units, k)
            for b in range(stop - start):
                other[b] = row[b]
        keep_stretches(means, n)
        keep_stretches(spreads, n)


@inlined
def _counted_ranks(log_close, spans, first, last, n, windows, places, slots, rings, out):  # type: ignore[no-untyped-def]
    for series in range(2):
        ranks = out[series * n :]
        for t in range(first, last):
            value = log_close[t] if series == 0 else spans[t]
            if np.isnan(value):
                for k in range(windows.shape[0]):
                    ranks[places[k], t] = np.nan
                continue
            slots[1, series] += 1
            slots[0, series] = count_ranks(
                value, slots[0, series], windows, places, rings[series], ranks, t
            )
            for k in range(windows.shape[0]):
                if slots[1, series] < windows[k]:
                    ranks[places[k], t] = np.nan


@inlined
def _ordered(  # type: ignore[no-untyped-def]
    log_close, spans, changes, first, last, windows, layout, below, share,
    slots, rings, orders, five, out,
):  # fmt: skip
    keys, bounds, before, spare = orders
    n = windows.shape[0]
    for row in range(3 * n):
        series, k = row // n, row % n
        window, blocks, room = windows[k], np.uintp(layout[0, row]), np.uintp(layout[1, row])
        if series < 2 and window <= _COUNTED:
            continue
        slot, count = slots[0, row], slots[1, row]
        for t in range(first, last):
            value = log_close[t] if series == 0 else spans[t] if series == 1 else changes[t]
            rank = np.nan
            if not np.isnan(value):
                oldest, count = rings[row, np.uintp(slot)], count + 1
                rings[row, np.uintp(slot)] = value
                slot = slot + 1 if slot + 1 < window else 0
                rank = replace(
                    oldest, value, count > window, True, blocks, room,
                    keys[row], bounds[row], before[row], spare,
                )  # fmt: skip
                rank = rank / window if count >= window else np.nan
            out[row, t] = rank
            if series < 2:
                continue
            low, high, skew, middle = np.nan, np.nan, np.nan, np.nan
            if not np.isnan(rank):
                for j in range(5):
                    five[j] = quantile(
                        below[j, k], share[j, k], blocks, room, keys[row], before[row]
                    )
                low, high, spread = five[0], five[4], five[4] - five[0]
                skew = (high + low - 2 * five[2]) / spread if spread > _NO_SPREAD else 0.0
                middle = (five[3] - five[1]) / spread if spread > _NO_SPREAD else np.nan
            out[3 * n + k, t] *= low  # by 1 / standard deviation
            out[4 * n + k, t] *= high
            out[5 * n + k, t], out[6 * n + k, t] = skew, middle
        slots[0, row], slots[1, row] = slot, count


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    log_high, log_low, log_close = inputs
    windows, shares, layout, below, share, counted, places, entropy, room = params
    slots, rings, orders, five = state[0], state[1], state[2:6], state[6]
    counted_slots, counted_rings = state[7], state[8]
    means, spreads, codes = state[9], state[10], state[11:]
    n = windows.shape[0]
    # Two rows are on loan: the entropies are written last.
    spans, changes = out[9 * n - 2], out[9 * n - 1]
    _series(log_high, log_low, log_close, first, last, codes[0][1], spans, changes)
    _deviations(changes, first, last, windows, shares, room, means, spreads, out[3 * n :])
    _counted_ranks(
        log_close, spans, first, last, n, counted, places, counted_slots, counted_rings, out
    )
    _ordered(
        log_close, spans, changes, first, last, windows, layout, below, share,
        slots, rings, orders, five, out,
    )  # fmt: skip
    entropies(log_close, first, last, windows, entropy, codes, out[7 * n :], out[8 * n :])


class QuantileFeatures(BaseFeature):
    """Ranks of the bar among the last bars, quantiles of returns, and entropies.

    Row t uses the closes of rows t - w to t. Columns: ``close_rank_{w}``, ``true_range_rank_{w}``,
    ``return_rank_{w}``, ``return_quantile_{p}_{w}`` at both tails, ``return_quantile_skew_{w}``,
    ``return_iqr_share_{w}``, ``permutation_entropy_{w}``, ``return_sign_entropy_{w}``;
    ``describe()`` says what they mean. All are exact: no grid, no decay.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    windows : tuple of int, default=(120,)
        In bars, each at least 4.
    tail : float, default=0.05
        Share of returns beyond each tail quantile, above 0 and below 0.25.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import QuantileFeatures
    >>> table = QuantileFeatures(windows=(60,)).fit_transform(simulate_bars(500, seed=0).bars)
    >>> print(table.iloc[-1].round(3).to_string())
    close_rank_60              0.242
    true_range_rank_60         0.092
    return_rank_60             0.500
    return_quantile_05_60     -1.398
    return_quantile_95_60      1.406
    return_quantile_skew_60    0.003
    return_iqr_share_60        0.461
    permutation_entropy_60     0.940
    return_sign_entropy_60     0.987
    """

    _parameter_rules = {
        "windows": each(integer(4)),
        "tail": Rule(
            "a number above 0 and below 0.25",
            lambda v: isinstance(v, float | np.floating) and bool(0 < v < 0.25),
            0.25,
        ),
    }
    _inputs = ("log_high", "log_low", "log_close")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(self, windows: tuple[int, ...] = (120,), tail: float = 0.05) -> None:
        self.windows = windows
        self.tail = tail
        super().__init__()

    def _column_values(self) -> dict[str, Any]:
        return {"lower": _percent(self.tail), "upper": _percent(1 - self.tail)}

    @property
    def lookback(self) -> int:
        """The largest window."""
        return int(max(self.windows))

    def _kernel_params(self) -> tuple[Any, ...]:
        windows, shares = window_params(self.windows)
        quantiles = (self.tail, 0.25, 0.5, 0.75, 1 - self.tail)
        below, share = quantile_params(quantiles, self.windows)
        places = np.argsort(windows)
        places = places[windows[places] <= _COUNTED]
        return (
            windows,
            shares,
            order_params(tuple(self.windows) * 3),
            below,
            share,
            windows[places],
            places,
            entropy_params(self.windows),
            np.zeros(BLOCK),
        )

    def _initial_state(self) -> dict[str, Any]:
        n, longest = len(self.windows), max(self.windows)
        longest_counted = max((w for w in self.windows if w <= _COUNTED), default=1)
        order = dict(zip(_ORDER, new_orders(tuple(self.windows) * 3), strict=True))
        codes = dict(zip(_CODES, new_entropies(self.windows), strict=True))
        return {
            "slots": np.zeros((2, 3 * n), dtype=np.int64),  # place in the ring, values so far
            "rings": np.zeros((3 * n, longest)),
            **order,
            "five": np.zeros(5),  # quantiles of a bar
            "counted_slots": np.zeros((2, 2), dtype=np.int64),
            "counted_rings": np.full((2, 2 * longest_counted), np.nan),
            "means": new_stretches(self.windows),
            "spreads": new_spreads(self.windows),
            **codes,
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"windows": (20, 9), "tail": 0.1}, {"windows": (12,), "tail": 0.2}]


def _percent(p: float) -> str:
    """A quantile in percent, for a name: 05, 2p5, 95."""
    return f"{100 * p:.10g}".replace(".", "p").zfill(2)
