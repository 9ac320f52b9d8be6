"""The backtest's compiled pass: one walk over the bars, every order, cost and limit in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from ohlcvml.typing import BoolArray, FloatArray, IntArray

__all__ = ["BUSY", "CAPPED", "FILLED", "HALTED", "Limits", "Orders", "Market", "run_orders"]

Int8Array = npt.NDArray[np.int8]

# What became of a decision.
FILLED, CAPPED, BUSY, HALTED = 0, 1, 2, 3

# The exit of a decision that a stop closed; labels use 0 to 5.
STOPPED_EXIT, BLOCK_EXIT = 6, 7


class Market(NamedTuple):
    """Per bar, each of shape (n_bars,)."""

    open: FloatArray  # traded price
    close: FloatArray  # traded price
    mark: FloatArray  # close without roll gaps: differences are P&L per unit
    fresh: BoolArray  # no order nets across the boundary before this bar
    day: IntArray  # session date number, for the daily loss stop
    tradable: BoolArray  # shape (n_bars,), or (0,) where every bar is
    fund_long: FloatArray  # paid per open unit at the bar's close; shape (0,) for none
    fund_short: FloatArray


class Orders(NamedTuple):
    """Per decision in order of entry, each of shape (n_decisions,)."""

    first: IntArray  # bar at whose open the decision is filled (first bar it is held in)
    last: IntArray  # bar in which it is closed
    entry: FloatArray  # fill price
    gain: FloatArray  # exit − entry, long-sided, in price units
    side: Int8Array  # −1 or +1
    cost: FloatArray  # round trip in price units
    exit: Int8Array  # exit code; 0 and 1 (a barrier) fill inside the bar, the others at its close


class Limits(NamedTuple):
    """Rules of the account, in units and price units."""

    unit: float
    cap: float
    one_at_a_time: bool
    netting: bool
    day_loss: float  # infinity for none
    fall: float  # infinity for none


@njit(cache=True)  # type: ignore[untyped-decorator]
def run_orders(
    market: Market, orders: Orders, limits: Limits
) -> tuple[
    FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, Int8Array, Int8Array
]:
    """Fill, hold, mark, charge and close every decision, bar by bar.

    Within bar j the order of events is: the open (a flattening stop; new decisions), barriers
    touched inside the bar, the close (time, session, roll, block ends). The close of a bar and the
    open of the next are one trading instant, unless the bar is ``fresh``: what closes there and
    what opens there net out. Orders inside a bar are fills of their own and net with nothing.

    Returns
    -------
    net, paid, traded, position : float64 arrays of shape (n_bars,)
        Net P&L of the bar, its costs (orders and funding), units bought or sold, and the net
        units held through the bar: after the orders at its open, before its exits.
    quantity, charge : float64 arrays of shape (n_decisions,)
        Units filled and trading costs charged to the decision.
    status, exit_ : integer arrays of shape (n_decisions,)
        What became of it, and how it was closed. ``orders.last`` and ``orders.gain`` are
        overwritten for decisions closed by a stop.
    """
    n, m = len(market.close), len(orders.first)
    net, paid, traded = np.zeros(n), np.zeros(n), np.zeros(n)
    position = np.zeros(n)
    quantity, charge = np.zeros(m), np.zeros(m)
    status, exit_ = np.zeros(m, np.int8), orders.exit.copy()

    span = 1
    for k in range(m):
        span = max(span, orders.last[k] - orders.first[k] + 1)
    head = np.full(span + 1, -1, np.int64)  # a ring: decisions to close at bar j start at `slot`
    chain = np.full(m, -1, np.int32)

    longs = shorts = 0.0
    n_open = 0
    nxt, slot = 0, -1
    day_pnl = total = peak = 0.0
    day_halt = halt = flatten = False
    # What closed at the last close and may still net with orders at this open.
    due, due_net, due_gross, due_charge, due_booked = -1, 0.0, 0.0, 0.0, 0.0
    has_tradable, has_funding = len(market.tradable) > 0, len(market.fund_long) > 0
    stops = limits.day_loss < np.inf or limits.fall < np.inf

    start = orders.first[0] if m else n
    for j in range(start, n):
        if m == nxt and n_open == 0 and due < 0:
            break
        if j > start and market.day[j] != market.day[j - 1]:
            day_pnl, day_halt = 0.0, False
        carried = longs - shorts
        pnl = carried * (market.mark[j] - market.mark[j - 1]) if carried != 0.0 else 0.0
        if due >= 0 and market.fresh[j]:
            due = -1  # settled among themselves at the close before
        open_net, open_gross, open_charge = 0.0, 0.0, 0.0
        slot = slot + 1 if slot + 1 < len(head) else 0

        # The open: a stop flattens everything. Decisions due in the future are found in the ring.
        flat_head = -1
        if flatten and n_open > 0 and (not has_tradable or market.tradable[j]):
            for s in range(len(head)):
                k = head[s]
                head[s] = -1
                while k >= 0:
                    follow = chain[k]
                    q, side = quantity[k], orders.side[k]
                    pnl += q * side * (market.open[j] - market.close[j])
                    a = orders.first[k]
                    orders.gain[k] = (
                        (market.close[a] - orders.entry[k])
                        + (market.mark[j] - market.mark[a])
                        + (market.open[j] - market.close[j])
                    )
                    orders.last[k] = j
                    exit_[k] = STOPPED_EXIT
                    open_net -= q * side
                    open_gross += q
                    open_charge += 0.5 * q * orders.cost[k]
                    chain[k] = flat_head
                    flat_head = k
                    k = follow
            longs = shorts = 0.0
            n_open = 0
            flatten = False
        if n_open == 0:
            flatten = False

        # The open: new decisions.
        begun = nxt
        while nxt < m and orders.first[nxt] == j:
            k = nxt
            nxt += 1
            side = orders.side[k]
            room = limits.cap - (longs if side > 0 else shorts)
            q = limits.unit if room > limits.unit * (1.0 - 1e-9) else room
            if halt or day_halt:
                status[k] = HALTED
            elif limits.one_at_a_time and n_open > 0:
                status[k] = BUSY
            elif q <= 1e-9 * limits.unit:
                status[k] = CAPPED
            else:
                quantity[k] = q
                if side > 0:
                    longs += q
                else:
                    shorts += q
                n_open += 1
                pnl += q * side * (market.close[j] - orders.entry[k])
                open_net += q * side
                open_gross += q
                open_charge += 0.5 * q * orders.cost[k]
                at = slot + orders.last[k] - j
                at -= len(head) if at >= len(head) else 0
                chain[k] = head[at]
                head[at] = k

        # Charge this boundary: half a round trip on the change of the net position.
        gross = open_gross + (due_gross if due >= 0 else 0.0)
        if gross > 0.0 and open_gross > 0.0:
            change = open_net + (due_net if due >= 0 else 0.0)
            share = min(abs(change) / gross, 1.0) if limits.netting else 1.0
            if due >= 0:
                back = due_booked - share * due_charge
                net[j - 1] += back
                paid[j - 1] -= back
                total += back
                peak = max(peak, total)
                if market.day[j] == market.day[j - 1]:
                    day_pnl += back
                was = due_booked / due_charge if due_charge > 0.0 else 0.0
                traded[j - 1] += (share - (abs(due_net) / due_gross if limits.netting else 1.0)) * (
                    due_gross
                )
                k = due
                while k >= 0:
                    if quantity[k] > 0.0:
                        charge[k] += (share - was) * 0.5 * quantity[k] * orders.cost[k]
                    k = chain[k]
            pnl -= share * open_charge
            paid[j] += share * open_charge
            traded[j] += share * open_gross
            for k in range(begun, nxt):
                charge[k] += share * 0.5 * quantity[k] * orders.cost[k]
            k = flat_head
            while k >= 0:
                charge[k] += share * 0.5 * quantity[k] * orders.cost[k]
                k = chain[k]
        due = -1
        position[j] = longs - shorts

        # Exits of this bar: barriers inside it, everything else at its close.
        due_net, due_gross, due_charge = 0.0, 0.0, 0.0
        k = head[slot]
        head[slot] = -1
        while k >= 0:
            follow = chain[k]
            q, side = quantity[k], orders.side[k]
            a = orders.first[k]
            held = (market.close[a] - orders.entry[k]) + (market.mark[j] - market.mark[a])
            pnl += q * side * (orders.gain[k] - held)
            half = 0.5 * q * orders.cost[k]
            if side > 0:
                longs -= q
            else:
                shorts -= q
            n_open -= 1
            if exit_[k] <= 1:
                pnl -= half
                paid[j] += half
                traded[j] += q
                charge[k] += half
            else:
                due_net -= q * side
                due_gross += q
                due_charge += half
                chain[k] = due
                due = k
            k = follow
        if n_open == 0:
            longs = shorts = 0.0  # sums of 1/h come back to exactly zero
        if due >= 0:
            share = abs(due_net) / due_gross if limits.netting else 1.0
            due_booked = share * due_charge
            pnl -= due_booked
            paid[j] += due_booked
            traded[j] += share * due_gross
            k = due
            while k >= 0:
                charge[k] += share * 0.5 * quantity[k] * orders.cost[k]
                k = chain[k]
        if has_funding:
            funding = longs * market.fund_long[j] + shorts * market.fund_short[j]
            pnl -= funding
            paid[j] += funding
        net[j] += pnl

        if stops:
            day_pnl += pnl
            total += pnl
            peak = max(peak, total)
            if day_pnl <= -limits.day_loss and not day_halt:
                day_halt = flatten = True
            if peak - total >= limits.fall and not halt:
                halt = flatten = True
    return net, paid, traded, position, quantity, charge, status, exit_
