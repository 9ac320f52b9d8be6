"""From bars to a labels table: one path for every labeller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._elementary import logarithms
from ohlcvml._time import run_ends
from ohlcvml.bars import Contract, Costs, Sessions
from ohlcvml.exceptions import DataError
from ohlcvml.labels import _race
from ohlcvml.labels._market import (
    Market,
    latest_specification,
    limits,
    read_market,
    settlement,
    specifications,
)
from ohlcvml.labels._spec import CLASSES, LabelSpec
from ohlcvml.labels._table import LABEL_COLUMNS, end_stamps
from ohlcvml.labels._uniqueness import average_uniqueness, time_decay_weights
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray, Labels

__all__ = ["Scheme", "label_bars"]

# Why a decision has no row, in the order in which the reasons are tried.
REASONS: tuple[str, ...] = (
    "no_side",
    "warm_up",
    "no_next_bar",
    "next_session",
    "no_fill",
    "locked",
    "closed",
    "no_range",
    "wrong_side",
)


@dataclass(frozen=True)
class Scheme:
    """What a labeller asks for; see ``TripleBarrierLabeller`` for the meaning of each."""

    horizon: int
    atr_window: int
    entry: str
    contract: str | Contract | None
    costs: Costs | None
    session_exit: bool
    cross_session: bool
    roll: str
    weighting: str | None
    time_decay: float
    k_up: float = np.inf
    k_down: float = np.inf
    cost_adjustment: str | None = None
    side: str | int | None = None
    both: str = "zero"

    @property
    def barriers(self) -> bool:
        """False for labels by the return at the horizon alone."""
        return bool(np.isfinite(self.k_up))


def label_bars(bars: Bars, scheme: Scheme, who: str) -> Labels:
    """Label every bar that can be traded.

    Returns
    -------
    pd.DataFrame
        ``attrs`` holds the specification, and the counts that are no assumptions.
    """
    sessions = Sessions.of(scheme.contract)
    market = read_market(bars, scheme.atr_window, sessions, who)
    if scheme.roll == "hold" and not market.by_difference:
        raise DataError(
            f"{who}: roll='hold' needs bars adjusted by difference, to know what the roll moves; "
            "adjusted minus raw price changes within a contract. Use "
            "ohlcvml.bars.continuous(..., adjustment='difference') or roll='exit'."
        )
    side = _sides(bars, scheme.side, len(market.index), who)
    reason = np.full(len(market.index), -1, dtype=np.int8)
    outcomes: list[tuple[IntArray, _race.Outcome, FloatArray]] = []
    gaps = ties = 0
    specs = specifications(scheme.contract, market.index)
    for direction in (0,) if side is None else (1, -1):
        mine = None if side is None else side == direction
        track, legs = _direction(market, scheme, direction, mine, reason)
        for spec, holds in specs:
            rows = legs if holds is None else legs[holds[legs]]
            terms = _terms(scheme, spec, direction)
            result = _race.race(rows, track, terms)
            invalid = result.code == _race.INVALID
            if invalid.any():
                reason[rows[invalid]] = REASONS.index("wrong_side")
                rows = rows[~invalid]
                result = result.at(~invalid)
            gaps, ties = gaps + result.count(_race.GAP), ties + result.count(_race.TIE)
            outcomes.append((rows, result, _costs(market, rows, result.exit_row, terms)))
    if side is not None:
        reason[side == 0] = REASONS.index("no_side")
    table, unit = _table(market, scheme, outcomes, side)
    counts = np.bincount(reason[reason >= 0], minlength=len(REASONS))
    unused = {name: int(count) for name, count in zip(REASONS, counts, strict=True)}
    unused["censored"] = int(table["censored"].sum())
    fixed = {t.cost for t in (_terms(scheme, spec, 1) for spec, _ in specs) if not t.rate}
    constant = len(fixed) == 1 and not (scheme.costs and scheme.costs.rate_per_side)
    table.attrs.update(unused=unused, both=ties, gap_fills=gaps)
    spec = _specification(scheme, market.index, unit, fixed.pop() if constant else None)
    return spec.attach(table)


def _specification(
    scheme: Scheme, index: pd.Index, unit: str, round_trip: float | None
) -> LabelSpec:
    kind = "direction" if scheme.side is None else "meta"
    return LabelSpec(
        kind=kind,
        rule="triple_barrier" if scheme.barriers else "fixed_horizon",
        classes=CLASSES[kind],
        horizon=int(scheme.horizon),
        atr_window=int(scheme.atr_window),
        entry=scheme.entry,
        session_exit=bool(scheme.session_exit),
        cross_session=bool(scheme.cross_session),
        roll=scheme.roll,
        side=scheme.side,
        k_up=float(scheme.k_up) if scheme.barriers else None,
        k_down=float(scheme.k_down) if scheme.barriers else None,
        unit="atr",
        trailing=False,
        cost_adjustment=scheme.cost_adjustment,
        both=scheme.both,
        weighting=scheme.weighting,
        time_decay=float(scheme.time_decay),
        return_unit=unit,
        round_trip=round_trip,
        contract=latest_specification(scheme.contract, index),
        costs=scheme.costs,
    )


def _sides(bars: Bars, side: str | int | None, n: int, who: str) -> FloatArray | None:
    if side is None:
        return None
    if not isinstance(side, str):
        return np.full(n, float(side))
    if side not in bars.columns:
        raise DataError(
            f"{who}: parameter 'side' must name a column of the bars; {side!r} is not among "
            f"{list(map(str, bars.columns))}. Join the primary model's side (-1, 0, +1) to them."
        )
    values = bars[side].to_numpy(dtype=np.float64, na_value=0.0)
    values = np.nan_to_num(values, nan=0.0)
    if not np.isin(values, (-1.0, 0.0, 1.0)).all():
        raise DataError(
            f"{who}: the side column {side!r} must hold -1, 0, +1 or NaN; got "
            f"{values[~np.isin(values, (-1.0, 0.0, 1.0))][0]}. Take the sign of a score."
        )
    return np.asarray(values, dtype=np.float64)


def _direction(
    market: Market, scheme: Scheme, direction: int, mine: BoolArray | None, reason: Any
) -> tuple[_race.Track, IntArray]:
    """Track as one direction of trading sees it, and the decisions that open a position.

    A locked market takes no orders in its direction: at limit up nothing can be bought, at limit
    down nothing can be sold. A label without a side stands for a long at the upper barrier and a
    short at the lower, so its timed exit and its entry need both.
    """
    buys = sells = market.trades
    if market.lock is not None:
        buys, sells = market.trades & (market.lock <= 0), market.trades & (market.lock >= 0)
    enters, up, down, settles = {
        0: (buys & sells, sells, buys, buys & sells),
        1: (buys, sells, sells, sells),
        -1: (sells, buys, buys, buys),
    }[direction]
    limit, limit_code = limits(
        market, session_exit=scheme.session_exit, roll_exit=scheme.roll == "exit"
    )
    rolled = scheme.roll == "hold" and market.rolls
    track = _race.make_track(
        market.starts,
        market.open,
        market.close,
        market.high if up.all() else np.where(up, market.high, -np.inf),
        market.low if down.all() else np.where(down, market.low, np.inf),
        market.atr if scheme.barriers else np.ones(len(market.atr)),
        limit=limit,
        limit_code=limit_code,
        settle=settlement(market, settles),
        segment=run_ends(market.contract_run) if rolled else None,
        offset=market.offset if rolled else None,
    )
    rows = _decisions(market, scheme, mine, enters, limit, reason)
    return track, rows


def _decisions(
    market: Market,
    scheme: Scheme,
    mine: BoolArray | None,
    enters: BoolArray,
    limit: IntArray | None,
    reason: Any,
) -> IntArray:
    """Rows that open a position; the others get their reason."""
    n = len(market.index)
    rows = np.arange(n)
    last = market.final == rows
    following = np.minimum(rows + 1, n - 1)
    at_open = scheme.entry == "next_open"
    entry = following if at_open else rows
    todo = np.ones(n, dtype=bool) if mine is None else mine.copy()

    def reject(name: str, bad: BoolArray) -> None:
        hit = todo & bad
        reason[hit] = REASONS.index(name)
        todo[hit] = False

    reject("warm_up", np.isnan(market.atr))
    reject("no_next_bar", last)
    if not scheme.cross_session:
        reject("next_session", market.session_run[following] != market.session_run)
    if not enters.all():
        if not market.trades.all():
            reject("no_fill", ~market.trades[entry])
        reject("locked", ~enters[entry])
    if scheme.session_exit:
        reject("closed", market.after_close[entry])
    if limit is not None:
        reject("closed", limit[entry] < rows + 1)
    if scheme.barriers:
        reject("no_range", market.atr <= 0.0)
    return np.flatnonzero(todo).astype(np.int64)


def _terms(scheme: Scheme, spec: Contract | None, direction: int) -> _race.Terms:
    cost = rate = 0.0
    if scheme.costs is not None:
        cost = float(scheme.costs.round_trip(spec, price=0.0))
        rate = 2.0 * scheme.costs.rate_per_side
    signs = {None: (0.0, 0.0), "net": (1.0, -1.0), "shift": (-1.0, -1.0)}[scheme.cost_adjustment]
    if direction and scheme.cost_adjustment == "net":
        # Target and stop both move against the trade: the target is net of costs, and so is the
        # stop, which is hit earlier.
        signs = (float(direction), float(direction))
    target, stop = scheme.k_up, scheme.k_down
    return _race.Terms(
        scheme.entry == "next_open",
        int(scheme.horizon),
        float(target if direction >= 0 else stop),
        float(stop if direction >= 0 else target),
        *signs,
        cost,
        rate,
        float(spec.tick_size) if spec is not None else 0.0,
        scheme.both == "open_proximity",
    )


def _costs(market: Market, rows: IntArray, exits: IntArray, terms: _race.Terms) -> FloatArray:
    """Round trip in price units; one more for each roll that was traded through."""
    entry_row = rows + 1 if terms.next_open else rows
    cost = np.full(len(rows), terms.cost)
    if terms.rate:
        cost += terms.rate * np.abs((market.open if terms.next_open else market.close)[entry_row])
    if market.rolls:
        held_to = np.where(exits >= 0, exits, entry_row)
        cost *= 1.0 + (market.contract_run[held_to] - market.contract_run[entry_row])
    return cost


def _table(
    market: Market,
    scheme: Scheme,
    outcomes: list[tuple[IntArray, _race.Outcome, FloatArray]],
    side: FloatArray | None,
) -> tuple[Labels, str]:
    rows = np.concatenate([part[0] for part in outcomes])
    cost = np.concatenate([part[2] for part in outcomes])
    columns: list[Any] = [np.concatenate([part[1][k] for part in outcomes]) for k in range(4)]
    result = _race.Outcome(*columns)
    if len(outcomes) > 1:
        order = np.argsort(rows, kind="stable")
        rows, cost = rows[order], cost[order]
        result = result.at(order)
    at_open = scheme.entry == "next_open"
    entry_row = rows + 1 if at_open else rows
    entry = (market.open if at_open else market.close)[entry_row]
    resolved = result.exit_row >= 0
    exit_price = result.price
    if scheme.roll == "hold" and market.rolls:
        # In prices of the contract that was entered: a roll is no profit.
        held_to = np.where(resolved, result.exit_row, entry_row)
        exit_price = exit_price + (market.offset[held_to] - market.offset[entry_row])
    unit = "log"
    if len(rows) and (entry.min() <= 0.0 or exit_price[resolved].min(initial=np.inf) <= 0.0):
        unit, ret = "points", exit_price - entry
    else:
        ret = logarithms(exit_price / entry)
        cost = cost / entry
    long = np.ones(len(rows)) if side is None else side[rows]
    if scheme.barriers:
        label = np.where(result.code == _race.UP, 1, np.where(result.code == _race.DOWN, -1, 0))
        if side is not None:
            label = (label == long).astype(np.int64)  # 1: the trade reached its target
    elif scheme.cost_adjustment is None:
        label = np.sign(np.nan_to_num(ret))
    else:
        label = np.where(np.abs(ret) > cost, np.sign(ret), 0.0)  # NaN compares false: 0
    net = np.where(label != 0, label * long * ret - cost, 0.0)
    values = (
        label.astype(np.int8),
        end_stamps(market.index, result.exit_row),
        ret,
        cost,
        np.where(resolved, net, np.nan),
        _weights(market, scheme, rows, result, ret),
        result.code,
        (result.flags & _race.CENSORED) > 0,
    )
    index = market.index if len(rows) == len(market.index) else market.index[rows]
    data = dict(zip(LABEL_COLUMNS, values, strict=True))
    return pd.DataFrame(data, index=index, copy=False), unit


def _weights(
    market: Market, scheme: Scheme, rows: IntArray, result: _race.Outcome, ret: FloatArray
) -> FloatArray:
    """Average uniqueness among usable rows times the labeller's own weighting; 0 if censored."""
    weight = np.zeros(len(rows))
    usable = (result.flags & _race.CENSORED) == 0
    if not usable.any():
        return weight
    start, end = rows[usable], result.exit_row[usable]
    unique = average_uniqueness(start, end, len(market.index))
    own = np.ones(len(start))
    if scheme.weighting == "return":
        size = np.abs(ret[usable])
        own = size / size.mean() if size.any() else own
    if scheme.time_decay < 1.0:
        symbol = np.searchsorted(market.starts, start, side="right")
        own = own * time_decay_weights(unique, symbol, scheme.time_decay)
    weight[usable] = unique * own
    return weight
