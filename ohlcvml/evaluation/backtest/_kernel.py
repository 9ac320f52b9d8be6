"""The backtest's compiled pass: one walk over the bars, every order, cost and limit in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ohlcvml._compiling import njit
from ohlcvml.labels import EXIT_CODES
from ohlcvml.typing import BoolArray, FloatArray, IntArray

Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]

# What became of a decision.
FILLED, CAPPED, BUSY, HALTED, REDUCED = 0, 1, 2, 3, 4

# Exits: those of labels, and of decisions that a stop or the end of their block closed.
EXITS = (*EXIT_CODES, "stop", "block")
STOPPED_EXIT, BLOCK_EXIT = EXITS.index("stop"), EXITS.index("block")
LAST_BARRIER = max(EXIT_CODES["up"], EXIT_CODES["down"])  # barriers fill inside the bar


class Market(NamedTuple):
    """Per bar, each of shape (n_bars,)."""

    open: FloatArray  # traded price
    close: FloatArray  # traded price
    mark: FloatArray  # close without roll gaps: differences are P&L per unit
    fresh: BoolArray  # no order nets across the boundary before this bar
    day: IntArray  # session date number, for the stops; shape (0,) without any
    tradable: BoolArray  # shape (n_bars,), or (0,) where every bar is
    fund_long: FloatArray  # paid per open unit at the bar's close; shape (0,) for none
    fund_short: FloatArray


class Orders(NamedTuple):
    """Per decision in order of entry, each of shape (n_decisions,)."""

    first: Int32Array  # bar at whose open the decision is filled (first bar it is held in)
    last: Int32Array  # bar in which it is closed
    entry: FloatArray  # fill price
    gain: FloatArray  # exit − entry, long-sided, in price units
    side: Int8Array  # −1 or +1
    cost: FloatArray  # round trip in price units; shape (1,) where all pay the same
    exit: Int8Array  # exit code; barriers fill inside the bar, the others at its close


class Account(NamedTuple):
    """What the pass leaves behind. The first four have shape (n_bars,), the rest (n_decisions,).

    It is allocated by numpy, whose large arrays come in large pages, and in few pieces, whose
    edges are small pages: page faults may cost more time than the account.
    """

    net: FloatArray  # net P&L of the bar
    paid: FloatArray  # its costs: orders and funding
    traded: FloatArray  # units bought plus sold
    position: FloatArray  # net units held through the bar: after its open's orders, before exits
    quantity: FloatArray  # units filled
    charge: FloatArray  # cost of the decision's orders, and in the end of its funding
    result: FloatArray  # its net P&L
    status: Int8Array  # what became of it
    exit: Int8Array  # how it was closed
    chain: Int32Array  # scratch: next decision in the same list


def new_account(n_bars: int, orders: Orders) -> Account:
    """Return an account to be filled; it takes over ``orders.exit``."""
    m = len(orders.first)
    bars, money = np.empty((4, n_bars)), np.empty((2, m))
    return Account(
        bars[0],
        bars[1],
        bars[2],
        bars[3],
        np.empty(m),
        money[0],
        money[1],
        np.empty(m, dtype=np.int8),
        orders.exit,
        np.empty(m, dtype=np.int32),
    )


class Limits(NamedTuple):
    """Rules of the account, in units and price units."""

    unit: float
    cap: float
    one_at_a_time: bool
    netting: bool
    day_loss: float  # infinity for none
    fall: float  # infinity for none


@njit(cache=True)
def run_orders(market: Market, orders: Orders, limits: Limits, account: Account) -> None:
    """Fill, hold, mark, charge and close every decision, bar by bar, into ``account``.

    Within bar j the order of events is: the open (a flattening stop; new decisions), barriers
    touched inside the bar, the close (time, session, roll, block ends). The close of a bar and the
    open of the next are one trading instant, unless the bar is ``fresh``: what closes there and
    what opens there net out. Orders inside a bar are fills of their own and net with nothing.

    ``last``, ``gain`` and ``exit`` are overwritten for decisions closed by a stop.
    """
    n, m = len(market.close), len(orders.first)
    net, paid, traded, position = account.net, account.paid, account.traded, account.position
    quantity, charge, chain = account.quantity, account.charge, account.chain
    status, exit_ = account.status, account.exit
    each = 1 if len(orders.cost) == m else 0  # step from one decision's cost to the next one's

    span = 1
    for k in range(m):
        span = max(span, orders.last[k] - orders.first[k] + 1)
    head = np.full(span + 1, -1, np.int64)  # a ring: decisions to close at bar j start at `slot`

    longs = shorts = 0.0
    n_open = 0
    nxt, slot = 0, -1
    day_pnl = total = peak = 0.0
    day_halt = halt = flatten = False
    # What closed at the last close and may still net with orders at this open.
    due, due_net, due_gross, due_charge, due_share = -1, 0.0, 0.0, 0.0, 0.0
    has_tradable, has_funding = len(market.tradable) > 0, len(market.fund_long) > 0
    stops = limits.day_loss < np.inf or limits.fall < np.inf

    start, done = (orders.first[0] if m else n), n
    for j in range(start):
        net[j] = paid[j] = traded[j] = position[j] = 0.0
    for j in range(start, n):
        if m == nxt and n_open == 0 and due < 0:
            done = j
            break
        net[j] = paid[j] = traded[j] = 0.0
        if stops and j > start and market.day[j] != market.day[j - 1]:
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
                    open_charge += 0.5 * q * orders.cost[k * each]
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
            quantity[k] = charge[k] = 0.0
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
                status[k] = REDUCED if q < limits.unit else FILLED
                if side > 0:
                    longs += q
                else:
                    shorts += q
                n_open += 1
                pnl += q * side * (market.close[j] - orders.entry[k])
                open_net += q * side
                open_gross += q
                open_charge += 0.5 * q * orders.cost[k * each]
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
                back = (due_share - share) * due_charge
                net[j - 1] += back
                paid[j - 1] -= back
                if stops:
                    total += back
                    peak = max(peak, total)
                    day_pnl += back if market.day[j] == market.day[j - 1] else 0.0
                more = share - due_share
                traded[j - 1] += more * due_gross
                k = due
                while k >= 0:
                    charge[k] += more * 0.5 * quantity[k] * orders.cost[k * each]
                    k = chain[k]
            pnl -= share * open_charge
            paid[j] += share * open_charge
            traded[j] += share * open_gross
            for k in range(begun, nxt):
                charge[k] += share * 0.5 * quantity[k] * orders.cost[k * each]
            k = flat_head
            while k >= 0:
                charge[k] += share * 0.5 * quantity[k] * orders.cost[k * each]
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
            half = 0.5 * q * orders.cost[k * each]
            if side > 0:
                longs -= q
            else:
                shorts -= q
            n_open -= 1
            if exit_[k] <= LAST_BARRIER:
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
            due_share = abs(due_net) / due_gross if limits.netting else 1.0
            pnl -= due_share * due_charge
            paid[j] += due_share * due_charge
            traded[j] += due_share * due_gross
            k = due
            while k >= 0:
                charge[k] += due_share * 0.5 * quantity[k] * orders.cost[k * each]
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
    for j in range(done, n):
        net[j] = paid[j] = traded[j] = position[j] = 0.0


@njit(cache=True)
def settle(
    orders: Orders,
    account: Account,
    long_paid: FloatArray,
    short_paid: FloatArray,
    worth: float,
) -> tuple[IntArray, IntArray]:
    """Write the net ``account.result`` of each decision, and its whole ``charge``, in money.

    ``long_paid`` and ``short_paid`` are the funding of one unit before each bar's close, of shape
    (n_bars + 1,), or (0,) without funding; ``worth`` is the money in one price unit.

    Returns
    -------
    status, exits : int64 arrays of shape (5,) and (8,)
        Decisions by what became of them, and those filled by how they were closed.
    """
    funded = len(long_paid) > 0
    status, exits = np.zeros(5, np.int64), np.zeros(len(EXITS), np.int64)
    for k in range(len(account.result)):
        q, side = account.quantity[k], orders.side[k]
        cost = account.charge[k]
        if funded:
            paid = long_paid if side > 0 else short_paid
            cost += q * (paid[orders.last[k]] - paid[orders.first[k]])
        account.charge[k] = cost * worth
        account.result[k] = (q * side * orders.gain[k] - cost) * worth
        status[account.status[k]] += 1
        exits[account.exit[k]] += q > 0.0
    return status, exits
