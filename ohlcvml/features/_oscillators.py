"""Stochastic, Williams %R, ultimate oscillator, commodity channel index, Chande momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import Rule, each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.features._ultimate import new_ultimate, run_ultimate
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    compiled,
    inlined,
    keep,
    new_ranges,
    new_sums,
    pack,
    roll_range,
    roll_sum,
    tie,
    unpack,
)


@inlined
def _stochastic(inputs, first, last, windows, smoothing, n, ranges, sums, out):  # type: ignore[no-untyped-def]
    # Rows of sums: raw %K of each window, then slow %K of each.
    high, low, close = inputs
    slots, ends, tops, bottoms = ranges
    places, totals, tails = sums
    k_window, d_window = smoothing[0], smoothing[1]
    k_share, d_share = 1.0 / k_window, 1.0 / d_window
    for k in range(n):
        slot, top, bottom = slots[k], ends[0, k], ends[1, k]
        k_slot, k_total, d_slot, d_total = places[k], totals[k], places[n + k], totals[n + k]
        for t in range(first, last):
            out[k, t] = out[n + k, t] = np.nan
            if np.isnan(close[t]):
                continue
            slot, top, bottom, highest, lowest = roll_range(
                high[t], low[t], windows[k], slot, top, bottom, tops[k], bottoms[k]
            )
            width = highest - lowest
            if np.isnan(width):
                continue
            raw = 100.0 * (close[t] - lowest) / width if width != 0 else 50.0
            k_slot, k_total, value = roll_sum(raw, k_window, k_slot, k_total, tails[k])
            if np.isnan(value):
                continue
            out[k, t] = value * k_share
            d_slot, d_total, value = roll_sum(
                value * k_share, d_window, d_slot, d_total, tails[n + k]
            )
            out[n + k, t] = value * d_share
        slots[k], ends[0, k], ends[1, k] = slot, top, bottom
        places[k], totals[k], places[n + k], totals[n + k] = k_slot, k_total, d_slot, d_total


@inlined
def _williams(inputs, first, last, windows, n, ranges, out):  # type: ignore[no-untyped-def]
    # Windows and ranges of the stochastic come first.
    high, low, close = inputs
    slots, ends, tops, bottoms = ranges
    for k in range(n, windows.shape[0]):
        slot, top, bottom = slots[k], ends[0, k], ends[1, k]
        for t in range(first, last):
            if np.isnan(close[t]):
                out[k - n, t] = np.nan
                continue
            slot, top, bottom, highest, lowest = roll_range(
                high[t], low[t], windows[k], slot, top, bottom, tops[k], bottoms[k]
            )
            width = highest - lowest
            out[k - n, t] = -100.0 * (highest - close[t]) / width if width != 0 else -50.0
        slots[k], ends[0, k], ends[1, k] = slot, top, bottom


@inlined
def _index(recent, before, n, window, offset, row):  # type: ignore[no-untyped-def]
    # Distances from the newest price, not prices: equal ones are 0 and no digits are lost.
    # Three ages a turn, so that less time goes into fetching the sums and putting them back.
    now, share, threes = recent[before:], 1.0 / window, 1 + (window - 1) // 3 * 3
    for b in range(n):
        offset[b] = 0.0
    for age in range(1, threes, 3):
        at = before - age
        one, two, three = recent[at:], recent[at - 1 :], recent[at - 2 :]
        for b in range(n):
            offset[b] += (one[b] - now[b]) + (two[b] - now[b]) + (three[b] - now[b])
    for age in range(threes, window):
        one = recent[before - age :]
        for b in range(n):
            offset[b] += one[b] - now[b]
    for b in range(n):
        offset[b] *= share
        row[b] = abs(offset[b])
    for age in range(1, threes, 3):
        at = before - age
        one, two, three = recent[at:], recent[at - 1 :], recent[at - 2 :]
        for b in range(n):
            level = now[b] + offset[b]
            row[b] += abs(one[b] - level) + abs(two[b] - level) + abs(three[b] - level)
    for age in range(threes, window):
        one = recent[before - age :]
        for b in range(n):
            row[b] += abs(one[b] - (now[b] + offset[b]))
    for b in range(n):
        still = row[b] <= tie(now[b])
        row[b] = 0.0 if still else -offset[b] / (0.015 * share * row[b])


@inlined
def _channel_index(inputs, first, last, windows, offset, recent, out):  # type: ignore[no-untyped-def]
    high, low, close = inputs
    before = recent.shape[0] - BLOCK
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        highs, lows, closes, typical = (
            high[start:stop], low[start:stop], close[start:stop], out[0, start:stop],
        )  # fmt: skip
        for b in range(stop - start):
            typical[b] = (highs[b] + lows[b] + closes[b]) / 3.0
        n = pack(out[0], close, start, stop, recent, before)
        for k in range(windows.shape[0]):
            _index(recent, before, n, windows[k], offset, out[k, start : start + n])
            unpack(close, start, stop, n, out, k)
        keep(recent, before, n)


@inlined
def _chande(close, first, last, windows, before, row, sums, out):  # type: ignore[no-untyped-def]
    # Rows of sums from ``row`` on: rises of each window, then falls of each.
    slots, totals, tails = sums
    n = windows.shape[0]
    for k in range(n):
        window, previous = windows[k], before
        a, b = row + k, row + n + k
        a_slot, a_total, b_slot, b_total = slots[a], totals[a], slots[b], totals[b]
        for t in range(first, last):
            change = close[t] - previous
            previous = previous if np.isnan(close[t]) else close[t]
            if np.isnan(change):
                out[k, t] = np.nan
                continue
            rise, fall = (change, 0.0) if change > 0 else (0.0, -change)
            a_slot, a_total, rise = roll_sum(rise, window, a_slot, a_total, tails[a])
            b_slot, b_total, fall = roll_sum(fall, window, b_slot, b_total, tails[b])
            moved = rise + fall
            out[k, t] = 100.0 * (rise - fall) / moved if moved != 0 else 0.0
        slots[a], totals[a], slots[b], totals[b] = a_slot, a_total, b_slot, b_total


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    windows, n, smoothing, ultimate, ccis, cmos, offset = params
    ranges, sums, (recent, clock, bought, totals, previous) = state[:4], state[4:7], state[7:]
    m, before, close = windows.shape[0] - n, previous[0], inputs[2]
    _stochastic(inputs, first, last, windows, smoothing, n, ranges, sums, out)
    _williams(inputs, first, last, windows, n, ranges, out[2 * n :])
    run_ultimate(inputs, first, last, ultimate, before, clock, bought, totals, out[2 * n + m])
    _channel_index(inputs, first, last, ccis, offset, recent, out[2 * n + m + 1 :])
    _chande(close, first, last, cmos, before, 2 * n, sums, out[2 * n + m + 1 + ccis.shape[0] :])
    for t in range(last - 1, first - 1, -1):
        if not np.isnan(close[t]):
            previous[0] = close[t]
            break


def _is_rising(value: Any) -> bool:
    whole = each(integer(2)).accepts(value) and len(value) == 3
    return bool(whole and value[0] < value[1] < value[2])


class OscillatorFeatures(BaseFeature):
    """Stochastic, Williams %R, ultimate oscillator, commodity channel index, Chande momentum.

    Row t uses rows up to and including t. Columns: ``stochastic_k_{w}``, ``stochastic_d_{w}``,
    ``williams_r_{w}``, ``ultimate_oscillator_{a}_{b}_{c}``, ``cci_{w}``, ``cmo_{w}``;
    ``describe()`` says what they mean. A bar with a missing price gives NaN and is passed over.
    Where a market stands still each is at the middle of its scale.

    %K, %R and the Donchian position are one formula, up to smoothing and sign: give them different
    windows.

    Parameters
    ----------
    stochastic_windows : tuple of int, default=(14, 42)
        In bars, each at least 2.
    stochastic_smoothing : tuple of two int, default=(3, 3)
        Bars over which %K is averaged, and over which %D averages %K.
    williams_windows : tuple of int, default=(7, 120)
        In bars, each at least 2.
    ultimate : tuple of three int, default=(7, 14, 28)
        Windows, rising.
    cci_windows : tuple of int, default=(14, 40)
        In bars, each at least 2.
    cmo_windows : tuple of int, default=(20, 90)
        In bars, each at least 2.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        Of the column that reaches back furthest; exact.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import OscillatorFeatures
    >>> features = OscillatorFeatures((14,), williams_windows=(7,), cci_windows=(20,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    stochastic_k_14                15
    stochastic_d_14                17
    williams_r_7                    6
    ultimate_oscillator_7_14_28    28
    cci_20                         19
    cmo_20                         20
    cmo_90                         90
    dtype: int64
    """

    _parameter_rules = {
        "stochastic_windows": each(integer(2)),
        "stochastic_smoothing": Rule(
            "two integers of at least 1",
            lambda value: each(integer(1)).accepts(value) and len(value) == 2,
            (3,),
        ),
        "williams_windows": each(integer(2)),
        "ultimate": Rule("three rising integers of at least 2", _is_rising, (14, 7, 28)),
        "cci_windows": each(integer(2)),
        "cmo_windows": each(integer(2)),
    }
    _inputs = ("high", "low", "close")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self,
        stochastic_windows: tuple[int, ...] = (14, 42),
        stochastic_smoothing: tuple[int, ...] = (3, 3),
        williams_windows: tuple[int, ...] = (7, 120),
        ultimate: tuple[int, ...] = (7, 14, 28),
        cci_windows: tuple[int, ...] = (14, 40),
        cmo_windows: tuple[int, ...] = (20, 90),
    ) -> None:
        self.stochastic_windows = stochastic_windows
        self.stochastic_smoothing = stochastic_smoothing
        self.williams_windows = williams_windows
        self.ultimate = ultimate
        self.cci_windows = cci_windows
        self.cmo_windows = cmo_windows
        super().__init__()

    def _column_values(self) -> dict[str, Any]:
        k, d = self.stochastic_smoothing
        a, b, c = self.ultimate
        return {"k_rows": k - 2, "d_rows": k + d - 3, "a": a, "b": b, "c": c}

    @property
    def lookback(self) -> int:
        """Rows before row t on which row t depends."""
        stochastic = max(self.stochastic_windows) - 1 + sum(self.stochastic_smoothing) - 2
        levels = max(*self.williams_windows, *self.cci_windows) - 1
        return int(max(stochastic, levels, self.ultimate[2], *self.cmo_windows))

    def _kernel_params(self) -> tuple[Any, ...]:
        windows = (*self.stochastic_windows, *self.williams_windows)
        rest = (self.stochastic_smoothing, self.ultimate, self.cci_windows, self.cmo_windows)
        smoothing, ultimate, ccis, cmos = (np.array(w, dtype=np.int64) for w in rest)
        whole, n = np.array(windows, dtype=np.int64), len(self.stochastic_windows)
        return whole, n, smoothing, ultimate, ccis, cmos, np.empty(BLOCK)

    def _initial_state(self) -> dict[str, Any]:
        ranges = new_ranges((*self.stochastic_windows, *self.williams_windows))
        (k, d), n = self.stochastic_smoothing, len(self.stochastic_windows)
        sums = new_sums((*[k] * n, *[d] * n, *self.cmo_windows * 2))
        return {
            **dict(zip(("slots", "ends", "tops", "bottoms"), ranges, strict=True)),
            **dict(zip(("places", "totals", "tails"), sums, strict=True)),
            "recent": np.full(max(self.cci_windows) - 1 + BLOCK, np.nan),
            **dict(
                zip(("clock", "bought", "bought_sums"), new_ultimate(self.ultimate), strict=True)
            ),
            "previous": np.full(1, np.nan),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {
                "stochastic_windows": (3, 5),
                "stochastic_smoothing": (2, 3),
                "williams_windows": (4,),
                "ultimate": (2, 3, 5),
                "cci_windows": (3,),
                "cmo_windows": (3, 4),
            },
            {
                "stochastic_windows": (4,),
                "stochastic_smoothing": (1, 2),
                "williams_windows": (2, 6),
                "ultimate": (3, 4, 6),
                "cci_windows": (2, 5),
                "cmo_windows": (5,),
            },
        ]
