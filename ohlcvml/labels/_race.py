"""The barrier race on arrays: which barrier is touched first, where, and at what price."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from ohlcvml.typing import BoolArray, FloatArray, IntArray

__all__ = ["INVALID", "UNRESOLVED", "Outcome", "Terms", "Track", "make_track", "race"]

# Exit codes as stored in the labels table; INVALID never leaves the labeller.
UP, DOWN, TIME, SESSION, ROLL, BOTH = 0, 1, 2, 3, 4, 5
UNRESOLVED, INVALID = -1, -2

# Sixteen bars share one extreme: a barrier that clears the block's high and low clears its bars.
SHIFT = 4
WITHIN = (1 << SHIFT) - 1

# Share of a tick by which prices may miss a barrier: 19003 · 0.1 is not the float 1900.3.
SLACK = 1e-6


class Track(NamedTuple):
    """What the race runs over. Arrays have shape (n_bars,) unless said.

    ``high`` and ``low`` are −inf and +inf on bars that cannot fill an exit at the upper or lower
    barrier. Optional arrays are empty where they do not apply.
    """

    starts: IntArray  # (n_symbols + 1,) first row of each symbol, then n_bars
    open: FloatArray
    close: FloatArray
    high: FloatArray
    low: FloatArray
    block_high: FloatArray  # (ceil(n_bars / 16),)
    block_low: FloatArray
    atr: FloatArray
    limit: IntArray  # optional: last row a position opened here may be held to
    limit_code: npt.NDArray[np.int8]  # optional: exit code at that row
    settle: IntArray  # optional: first row from here on that fills a timed exit; -1 if none
    segment: IntArray  # optional: last row of the traded contract, where positions are rolled
    offset: FloatArray  # optional: adjusted minus raw price, where positions are rolled


class Terms(NamedTuple):
    """Parameters of the race, prices in price units."""

    next_open: bool
    horizon: int
    k_up: float
    k_down: float
    up_sign: float  # +1 adds the cost to the upper barrier, -1 subtracts it
    down_sign: float
    cost: float  # round trip, fixed part
    rate: float  # round trip, fraction of the entry price
    tick: float  # 0: barriers are not rounded
    nearest: bool  # both barriers in one bar: the one nearer to the open came first


class Outcome(NamedTuple):
    """Result per decision, each of shape (n_decisions,)."""

    exit_row: IntArray  # -1 while unresolved
    code: npt.NDArray[np.int8]
    price: FloatArray  # exit price of the contract traded at exit_row
    censored: BoolArray
    gap: BoolArray  # filled at an open beyond the barrier
    both: BoolArray  # both barriers inside the exit bar, whatever the policy made of it


@njit(cache=True)
def block_extremes(high: FloatArray, low: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Highest high and lowest low of each aligned block of 16 bars."""
    n = len(high)
    blocks = (n + WITHIN) >> SHIFT
    top, bottom = np.empty(blocks), np.empty(blocks)
    for b in range(blocks):
        highest, lowest = -np.inf, np.inf
        for j in range(b << SHIFT, min(n, (b + 1) << SHIFT)):
            highest = max(highest, high[j])
            lowest = min(lowest, low[j])
        top[b], bottom[b] = highest, lowest
    return top, bottom


def make_track(
    starts: IntArray,
    open_: FloatArray,
    close: FloatArray,
    high: FloatArray,
    low: FloatArray,
    atr: FloatArray,
    *,
    limit: IntArray | None = None,
    limit_code: npt.NDArray[np.int8] | None = None,
    settle: IntArray | None = None,
    segment: IntArray | None = None,
    offset: FloatArray | None = None,
) -> Track:
    """Fill in block extremes and the empty arrays that stand for "does not apply"."""
    rows, codes = np.empty(0, np.int64), np.empty(0, np.int8)
    return Track(
        starts,
        open_,
        close,
        high,
        low,
        *block_extremes(high, low),
        atr,
        rows if limit is None else limit,
        codes if limit_code is None else limit_code,
        rows if settle is None else settle,
        rows if segment is None else segment,
        np.empty(0) if offset is None else offset,
    )


@njit(cache=True)
def _first_touch(track: Track, j: int, last: int, up: float, down: float) -> int:
    """First row in [j, last] that reaches a barrier; last + 1 if none does."""
    high, low = track.high, track.low
    head = min(last, j | WITHIN)
    while j <= head:
        if (high[j] >= up) | (low[j] <= down):
            return j
        j += 1
    while j <= last:
        b = j >> SHIFT
        if (track.block_high[b] >= up) | (track.block_low[b] <= down):
            break
        j += WITHIN + 1
    while j <= last:
        if (high[j] >= up) | (low[j] <= down):
            return j
        j += 1
    return last + 1


@njit(cache=True)
def _outward(up: float, down: float, tick: float) -> tuple[float, float]:
    """Round barriers to the tick that is not nearer to the entry."""
    if tick > 0.0:
        up = np.ceil(up / tick - SLACK) * tick
        down = np.floor(down / tick + SLACK) * tick
    return up, down


@njit(cache=True)
def race(rows: IntArray, track: Track, terms: Terms) -> Outcome:
    """Run the race for the decisions taken at ``rows`` (ascending).

    A decision at row i enters at the open of i + 1 (or the close of i) and lives on the bars
    i + 1 … i + horizon, or to ``limit``.
    """
    m = len(rows)
    exit_row, code, price = np.empty(m, np.int64), np.empty(m, np.int8), np.empty(m)
    censored, gap, both = np.zeros(m, np.bool_), np.zeros(m, np.bool_), np.zeros(m, np.bool_)
    limited, settles, rolls = len(track.limit) > 0, len(track.settle) > 0, len(track.segment) > 0
    slack = terms.tick * SLACK
    s = 0
    for r in range(m):
        i = rows[r]
        while i >= track.starts[s + 1]:
            s += 1
        final = track.starts[s + 1] - 1
        e = i + 1 if terms.next_open else i
        entry = track.open[e] if terms.next_open else track.close[e]
        cost = terms.cost + terms.rate * abs(entry)
        raw_up = entry + terms.k_up * track.atr[i] + terms.up_sign * cost
        raw_down = entry - terms.k_down * track.atr[i] + terms.down_sign * cost
        up, down = _outward(raw_up, raw_down, terms.tick)
        wrong = (raw_up <= entry) | (raw_down >= entry)
        if wrong | (up - slack <= entry) | (down + slack >= entry):
            exit_row[r], code[r], price[r] = -1, INVALID, np.nan
            continue

        # When the position ends if no barrier is touched; x = -1 while that cannot be known.
        stop, x, timed = i + terms.horizon, -1, TIME
        if limited and track.limit[e] < stop:
            stop = track.limit[e]
            x, timed = stop, track.limit_code[e]
        elif stop <= final:
            x = track.settle[stop] if settles else stop
        censored[r] = x < 0
        last = min(stop, final)

        cursor, j = e, i + 1
        while True:
            end = min(last, track.segment[cursor]) if rolls else last
            t = _first_touch(track, j, end, up - slack, down + slack)
            if t <= end or end >= last:
                break
            # The position is rolled: the barriers move to the prices of the next contract and
            # one more round trip has to be earned.
            j = cursor = end + 1
            shift = track.offset[end] - track.offset[j]
            raw_up += shift + terms.up_sign * cost
            raw_down += shift + terms.down_sign * cost
            up, down = _outward(raw_up, raw_down, terms.tick)

        if t > last:
            exit_row[r] = x
            if x < 0:
                code[r], price[r] = UNRESOLVED, np.nan
            else:
                # An exit that had to wait for a bar that trades is done at that bar's open.
                code[r], price[r] = timed, track.close[x] if x == stop else track.open[x]
            continue
        exit_row[r] = t
        above, below = track.high[t] >= up - slack, track.low[t] <= down + slack
        opening = track.open[t]
        if above and opening >= up - slack:
            code[r], price[r], gap[r] = UP, opening, True
        elif below and opening <= down + slack:
            code[r], price[r], gap[r] = DOWN, opening, True
        elif above and below:
            both[r] = True
            nearer = (up - opening) - (opening - down)
            if terms.nearest and nearer < 0.0:
                code[r], price[r] = UP, up
            elif terms.nearest and nearer > 0.0:
                code[r], price[r] = DOWN, down
            else:
                code[r], price[r] = BOTH, track.close[t]
        elif above:
            code[r], price[r] = UP, up
        else:
            code[r], price[r] = DOWN, down
    return Outcome(exit_row, code, price, censored, gap, both)
