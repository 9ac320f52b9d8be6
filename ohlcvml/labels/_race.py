"""The barrier race on arrays: which barrier is touched first, where, and at what price."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ohlcvml._compiling import njit
from ohlcvml.typing import BoolArray, FloatArray, IntArray

# Exit codes as stored in the labels table; INVALID never leaves the labeller.
UP, DOWN, TIME, SESSION, ROLL, BOTH = 0, 1, 2, 3, 4, 5
UNRESOLVED, INVALID = -1, -2

# How many of eight bars stand before the first one whose bit is set.
LEADING = np.array([8, *((x & -x).bit_length() - 1 for x in range(1, 256))], dtype=np.uint64)

# A last row that no position reaches: the session may go on beyond the data.
UNKNOWN = np.iinfo(np.int64).max

CENSORED = 1  # the horizon runs past the data
GAP = 2  # filled at an open beyond the barrier
TIE = 4  # both barriers inside the exit bar, whatever the policy made of it

# Sixteen bars share one extreme: a barrier that clears the block's high and low clears its bars.
SHIFT = 4
WITHIN = (1 << SHIFT) - 1
ZERO, ONE, SHIFT_U, EIGHT, WITHIN_U = map(np.uint64, (0, 1, SHIFT, 8, WITHIN))

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
    flags: npt.NDArray[np.uint8]  # sum of CENSORED, GAP, TIE

    @classmethod
    def empty(cls, n: int) -> Outcome:
        """Room for ``n`` decisions. A large array of numpy's lies in fewer, larger pages."""
        row, code = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int8)
        return cls(row, code, np.empty(n), np.empty(n, dtype=np.uint8))

    def at(self, which: BoolArray | IntArray) -> Outcome:
        """Outcome of some of the decisions."""
        return Outcome(self.exit_row[which], self.code[which], self.price[which], self.flags[which])

    def count(self, flag: int) -> int:
        """Number of decisions with a flag."""
        return int(np.count_nonzero(self.flags & flag))


@njit(cache=True)
def block_extremes(high, low):  # type: ignore[no-untyped-def]
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
    block_high, block_low = block_extremes(high, low)
    return Track(
        starts,
        open_,
        close,
        high,
        low,
        block_high,
        block_low,
        atr,
        rows if limit is None else limit,
        codes if limit_code is None else limit_code,
        rows if settle is None else settle,
        rows if segment is None else segment,
        np.empty(0) if offset is None else offset,
    )


@njit(cache=True)
def _race(  # type: ignore[no-untyped-def]
    rows,
    starts,
    open_,
    close,
    high,
    low,
    block_high,
    block_low,
    atr,
    limit,
    limit_code,
    settle,
    segment,
    offset,
    next_open,
    horizon,
    k_up,
    k_down,
    up_sign,
    down_sign,
    fixed,
    rate,
    tick,
    nearest,
    exit_row,
    code,
    price,
    flags,
):
    # Arrays come one by one and nothing is a function of its own: passing arrays in tuples or to
    # inner functions costs more than the race itself.
    m = len(rows)
    limited, settles, rolls = len(limit) > 0, len(settle) > 0, len(segment) > 0
    slack = tick * SLACK
    safe = np.uint64(max(0, len(high) - 8))
    s = 0
    final = starts[1] - 1
    for r in range(m):
        i = rows[r]
        while i > final:
            s += 1
            final = starts[s + 1] - 1
        e = i + 1 if next_open else i
        entry = open_[e] if next_open else close[e]
        cost = fixed + rate * abs(entry)
        up = raw_up = entry + k_up * atr[i] + up_sign * cost
        down = raw_down = entry - k_down * atr[i] + down_sign * cost
        wrong = (up <= entry) | (down >= entry)
        if tick > 0.0:  # outward, and still beyond the entry
            up = np.ceil(up / tick - SLACK) * tick
            down = np.floor(down / tick + SLACK) * tick
            wrong |= (up - slack <= entry) | (down + slack >= entry)
        if wrong:
            exit_row[r], code[r], price[r], flags[r] = -1, INVALID, np.nan, 0
            continue

        # When the position ends if no barrier is touched; x = -1 while that cannot be known.
        stop, x, timed = i + horizon, -1, TIME
        if limited and limit[e] < stop:
            stop = limit[e]
            x, timed = stop, limit_code[e]
        elif stop <= final:
            x = settle[stop] if settles else stop
            if limited and limit[e] < UNKNOWN and (x < 0 or x > limit[e]):
                x, timed = limit[e], limit_code[e]
        flag = CENSORED if x < 0 else 0
        last = min(stop, final)

        cursor, j = e, i + 1
        while True:
            high_mark, low_mark = up - slack, down + slack
            end = min(last, segment[cursor]) if rolls else last
            # Unsigned, so that the compiler leaves out the test for negative indices.
            u, to = np.uint64(j), np.uint64(end)
            while u <= to:
                if u > safe:
                    while u <= to and (high[u] < high_mark) & (low[u] > low_mark):
                        u += ONE
                    break
                # Eight bars without a branch: where a race ends cannot be predicted.
                bits = ZERO
                for q in range(EIGHT):
                    bits |= np.uint64((high[u + q] >= high_mark) | (low[u + q] <= low_mark)) << q
                clear = LEADING[bits]
                u += clear
                if clear < EIGHT:
                    break
                while u <= to and (
                    (block_high[u >> SHIFT_U] < high_mark) & (block_low[u >> SHIFT_U] > low_mark)
                ):
                    u = (u | WITHIN_U) + ONE
            j = np.int64(u)
            if j <= end or end == last:
                break
            # The position is rolled: the barriers move to the prices of the next contract and
            # one more round trip has to be earned.
            j = cursor = end + 1
            shift = offset[end] - offset[j]
            up = raw_up = raw_up + shift + up_sign * cost
            down = raw_down = raw_down + shift + down_sign * cost
            if tick > 0.0:
                up = np.ceil(up / tick - SLACK) * tick
                down = np.floor(down / tick + SLACK) * tick

        if j > last:
            exit_row[r], flags[r] = x, flag
            if x < 0:
                code[r], price[r] = UNRESOLVED, np.nan
            else:
                # An exit that had to wait for a bar that trades is done at that bar's open; at
                # the end of a session or contract there is nothing to wait for.
                waited = timed == TIME and x != stop
                code[r], price[r] = timed, open_[x] if waited else close[x]
            continue
        exit_row[r] = j
        above, below, opening = high[j] >= high_mark, low[j] <= low_mark, open_[j]
        if (opening >= high_mark) | (opening <= low_mark) | (above & below):
            if above and opening >= high_mark:
                code[r], price[r], flags[r] = UP, opening, flag | GAP
            elif below and opening <= low_mark:
                code[r], price[r], flags[r] = DOWN, opening, flag | GAP
            elif not below:
                code[r], price[r], flags[r] = UP, up, flag
            elif not above:
                code[r], price[r], flags[r] = DOWN, down, flag
            else:
                flags[r] = flag | TIE
                nearer = (up - opening) - (opening - down)
                if nearest and nearer < 0.0:
                    code[r], price[r] = UP, up
                elif nearest and nearer > 0.0:
                    code[r], price[r] = DOWN, down
                else:
                    code[r], price[r] = BOTH, close[j]
        else:
            flags[r] = flag
            code[r] = UP if above else DOWN
            price[r] = up if above else down


def race(rows: IntArray, track: Track, terms: Terms) -> Outcome:
    """Run the race for the decisions taken at ``rows`` (ascending).

    A decision at row i enters at the open of i + 1 (or the close of i) and lives on the bars
    i + 1 … i + horizon, or to ``limit``.
    """
    outcome = Outcome.empty(len(rows))
    _race(rows, *track, *terms, *outcome)
    return outcome
