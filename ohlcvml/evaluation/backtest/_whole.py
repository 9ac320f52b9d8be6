"""The compiled pass where no limit binds: every decision is filled whole, whatever the others do.

What the account is in a bar is then a sum over the decisions that open or close there: each adds
what it does at its exit when it opens, and no list of open decisions is kept. With a stop,
a cap that binds, one position at a time or funding, the pass of ``_kernel`` runs instead;
where both apply they give the same account.
"""

from __future__ import annotations

import numpy as np

from ohlcvml._compiling import njit
from ohlcvml.evaluation.backtest._kernel import (
    BLOCK_EXIT,
    EXITS,
    FILLED,
    LAST_BARRIER,
    Account,
    Limits,
    Market,
    Orders,
)
from ohlcvml.typing import FloatArray, IntArray

_BLOCK = 128  # bars between two looks for decisions that have been closed
_LONGEST = 4096  # bars a decision may live, or the sums would not stay in cache
# What is summed of that which closes in a bar, at a barrier inside it and then at its close.
_SIDE, _NUMBER, _HALF, _GAINED, _AT_CLOSE, _ROW = (np.uint64(i) for i in (0, 1, 2, 3, 4, 8))


def run_whole(
    market: Market, orders: Orders, limits: Limits, worth: float, account: Account
) -> tuple[IntArray, IntArray] | None:
    """Do what ``run_orders`` and ``settle`` do, several times as fast, or return None.

    Parameters
    ----------
    market, orders, limits
        As for ``run_orders``; not written to.
    worth : float
        Money in one price unit, for ``charge`` and ``result``; the bars stay in price units.
    account : Account
        Its bars, ``charge`` and ``result`` are filled; ``quantity`` and ``status`` are not: all is
        filled with ``limits.unit``.

    Returns
    -------
    status, exits : int64 arrays of shape (5,) and (8,)
        As from ``settle``, of the exits those by a block's end only. None where decisions may not
        all be filled whole: the account then holds nothing of use.
    """
    stops = limits.day_loss < np.inf or limits.fall < np.inf
    if stops or limits.one_at_a_time or not limits.netting or len(market.fund_long):
        return None
    span = _longest(orders)
    if span > _LONGEST:
        return None
    size = 1 << int(span + _BLOCK).bit_length()
    closed, shares = np.zeros(size * 8), np.empty((size, 2))
    most = _run(market, orders, limits.unit, worth, account, closed, shares)
    if limits.cap - limits.unit * (most - 1.0) <= limits.unit * (1.0 - 1e-9):
        return None  # the last to open had no room
    status, exits = np.zeros(5, np.int64), np.zeros(len(EXITS), np.int64)
    status[FILLED] = len(orders.first)
    exits[BLOCK_EXIT] = np.count_nonzero(orders.exit == BLOCK_EXIT)
    return status, exits


@njit(cache=True)
def _longest(orders: Orders) -> int:
    """Bars that the longest decision is held, at least 1."""
    first, last = orders.first, orders.last
    span = 1
    for k in range(len(first)):
        span = max(span, last[k] - first[k] + 1)
    return span


@njit(cache=True, error_model="numpy")
def _run(
    market: Market,
    orders: Orders,
    unit: float,
    worth: float,
    account: Account,
    closed: FloatArray,
    shares: FloatArray,
) -> float:
    """Fill the account as if every decision got one unit; return the most held on one side.

    At most one decision opens at a bar's open. ``closed`` (eight numbers a bar of the ring) is
    zero. It takes the sums over what closes at a barrier inside a bar, and from ``_AT_CLOSE`` over
    what closes at its close: side, number, half round trips, and the P&L before costs beyond the
    bars' moves from close to close. ``shares`` (ring, 2) takes the charged share of the orders at a
    bar's open and at its close.
    """
    n, m = len(market.close), len(orders.first)
    close, mark, fresh = market.close, market.mark, market.fresh
    first, last, entry, gain = orders.first, orders.last, orders.entry, orders.gain
    sides, cost, exit_ = orders.side, orders.cost, orders.exit
    net, paid, traded, position = account.net, account.paid, account.traded, account.position
    charge, result = account.charge, account.result
    each = 1 if len(cost) == m else 0  # step from one decision's cost to the next one's
    # Unsigned indices spare the test for negative ones, a third of the time.
    mask, one = np.uint64(len(shares) - 1), np.uint64(1)
    span = len(shares) - _BLOCK  # at least the longest life, and one more

    position_now = held = twice = 0.0
    opening = 1.0  # share charged of the orders at the open of the bar
    added = settled = 0
    start = first[0] if m else n
    opens = m > 0  # whether decision number `added` opens at the bar
    net[:start] = paid[:start] = traded[:start] = position[:start] = 0.0
    done = start
    for begin in range(start, n, _BLOCK):
        if settled == m:
            break
        end = min(begin + _BLOCK, n)
        for j in range(begin, end):
            u = np.uint64(j)
            x = u & mask
            inside = x * _ROW
            at_close = inside + _AT_CLOSE
            side = number = half = gained = 0.0
            if opens:
                k = np.uint64(added)
                side, number, half = float(sides[k]), 1.0, 0.5 * cost[np.uint64(added * each)]
                move = close[u] - entry[k]
                gained = side * move
                e = np.uint64(last[k])
                y = (e & mask) * _ROW + (_SIDE if exit_[k] <= LAST_BARRIER else _AT_CLOSE)
                closed[y + _SIDE] += side
                closed[y + _NUMBER] += 1.0
                closed[y + _HALF] += half
                closed[y + _GAINED] += side * (gain[k] - (move + (mark[e] - mark[u])))
                added += 1
            pnl = 0.0 + gained + closed[inside + _GAINED] + closed[at_close + _GAINED]
            pnl += position_now * (mark[u] - mark[u - one])
            position_now += side
            held += number
            twice = max(twice, held + abs(position_now))
            position[u] = position_now * unit

            # What closes now and opens next is charged half a round trip on the net change.
            opens = added < m and first[np.uint64(added)] == j + 1
            following = float(sides[np.uint64(added)]) if opens else 0.0  # a side, then a share
            change, gross = closed[at_close + _SIDE], closed[at_close + _NUMBER]
            if j + 1 < n and not fresh[u + one]:
                following = abs(following - change) / max(gross + opens, 1.0)
                closing = following
            else:
                following = abs(following)
                closing = abs(change) / max(gross, 1.0)
            shares[x, 0], shares[x, 1] = opening, closing
            spent = opening * half + closed[inside + _HALF] + closing * closed[at_close + _HALF]
            volume = opening * number + closed[inside + _NUMBER] + closing * gross
            opening = following
            net[u], paid[u], traded[u] = (pnl - spent) * unit, spent * unit, volume * unit

            position_now -= closed[inside + _SIDE] + change
            held -= closed[inside + _NUMBER] + gross
            for column in range(8):
                closed[inside + np.uint64(column)] = 0.0
        done = end

        # What has lived its time is closed, and whatever nets with its close is known.
        i = settled
        while i < added and (first[np.uint64(i)] + span <= end or end == n):
            k = np.uint64(i)
            share = shares[np.uint64(last[k]) & mask, 1]
            if exit_[k] <= LAST_BARRIER:
                share = 1.0
            both = shares[np.uint64(first[k]) & mask, 0] + share
            spent = 0.5 * both * cost[np.uint64(i * each)]
            charge[k] = spent * unit * worth
            result[k] = (sides[k] * gain[k] - spent) * unit * worth
            i += 1
        settled = i
    net[done:] = paid[done:] = traded[done:] = position[done:] = 0.0
    return 0.5 * twice
