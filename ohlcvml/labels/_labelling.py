"""From bars to a labels table: one path for every labeller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from ohlcvml._time import run_ends
from ohlcvml.bars import Contract, Costs, Sessions
from ohlcvml.exceptions import DataError
from ohlcvml.labels import _race
from ohlcvml.labels._columns import Decided, label_table
from ohlcvml.labels._decisions import REASONS, count_reasons, decide
from ohlcvml.labels._market import (
    Market,
    latest_specification,
    limits,
    read_market,
    settlement,
    specifications,
)
from ohlcvml.labels._race_trailing import race_trailing
from ohlcvml.labels._side import primary_side
from ohlcvml.labels._spec import CLASSES, LabelSpec
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray, Labels


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
    unit: str = "atr"
    trailing: bool = False
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
    side = None
    if scheme.side is not None:
        side = np.nan_to_num(primary_side(bars, scheme.side, who), nan=0.0)
    reason = np.full(len(market.index), -1, dtype=np.int8)
    parts: list[Decided] = []
    gaps = ties = 0
    specs = specifications(scheme.contract, market.index)
    for direction in (0,) if side is None else (1, -1):
        mine = None if side is None else side == direction
        track, legs = _direction(market, scheme, direction, mine, reason)
        for spec, holds in specs:
            rows = legs if holds is None else legs[holds[legs]]
            terms = _terms(scheme, spec, direction)
            if scheme.unit != "atr":
                track = track._replace(atr=_distances(market, scheme, spec))
            if scheme.trailing:
                result = race_trailing(rows, track, terms, direction)
            else:
                result = _race.race(rows, track, terms)
            invalid = result.code == _race.INVALID
            if invalid.any():
                reason[rows[invalid]] = REASONS.index("wrong_side")
                rows = rows[~invalid]
                result = result.at(~invalid)
            gaps, ties = gaps + result.count(_race.GAP), ties + result.count(_race.TIE)
            parts.append(Decided(rows, result, _costs(market, rows, result.exit_row, terms)))
    if side is not None:
        reason[side == 0] = REASONS.index("no_side")
    table, unit = label_table(
        market,
        Decided.joined(parts),
        at_open=scheme.entry == "next_open",
        hold=scheme.roll == "hold",
        barriers=scheme.barriers,
        net=scheme.cost_adjustment is not None,
        side=side,
        weighting=scheme.weighting,
    )
    counts = count_reasons(reason, len(REASONS))
    unused = {name: int(count) for name, count in zip(REASONS, counts, strict=True)}
    unused["censored"] = int(table["censored"].sum())
    fixed = {t.cost for t in (_terms(scheme, spec, 1) for spec, _ in specs) if not t.rate}
    constant = len(fixed) == 1 and not (scheme.costs and scheme.costs.rate_per_side)
    table.attrs.update(unused=unused, both=ties, gap_fills=gaps)
    round_trip = fixed.pop() if constant else None
    return _specification(scheme, market.index, unit, round_trip).attach(table)


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
        unit=scheme.unit,
        trailing=bool(scheme.trailing),
        cost_adjustment=scheme.cost_adjustment,
        both=scheme.both,
        weighting=scheme.weighting,
        time_decay=float(scheme.time_decay),
        return_unit=unit,
        round_trip=round_trip,
        contract=latest_specification(scheme.contract, index),
        costs=scheme.costs,
    )


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
    nothing, whole = np.empty(0, dtype=bool), np.empty(0, dtype=np.int64)
    free = bool(enters.all())  # and then every bar trades
    rows = np.empty(len(market.atr), dtype=np.int64)
    count = decide(
        reason,
        nothing if mine is None else mine,
        market.starts,
        market.atr,
        whole if scheme.cross_session or not market.session_run[-1] else market.session_run,
        nothing if free else market.trades,
        nothing if free else enters,
        market.after_close if scheme.session_exit else nothing,
        whole if limit is None else limit,
        bool(scheme.barriers and scheme.unit == "atr"),
        scheme.entry == "next_open",
        rows,
    )
    return rows[:count]


def _distances(market: Market, scheme: Scheme, spec: Contract | None) -> FloatArray:
    """What a distance of 1 is in price units, for a decision at each bar."""
    if scheme.unit == "percent":
        entry = market.close
        if scheme.entry == "next_open":
            entry = np.append(market.open[1:], np.nan)  # nothing is decided at the last bar
        return 0.01 * np.abs(entry)
    stated = cast("Contract", spec)  # the labeller asks for one with these units
    one = stated.tick_size if scheme.unit == "ticks" else 1.0 / stated.point_value
    return np.full(len(market.index), one)


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
    """Round trip in price units; one more for each roll that was traded through.

    One value where all decisions cost the same.
    """
    if not terms.rate and not market.rolls:
        return np.array([terms.cost])
    entry_row = rows + 1 if terms.next_open else rows
    cost = np.full(len(rows), terms.cost)
    if terms.rate:
        cost += terms.rate * np.abs((market.open if terms.next_open else market.close)[entry_row])
    if market.rolls:
        held_to = np.where(exits >= 0, exits, entry_row)
        cost *= 1.0 + (market.contract_run[held_to] - market.contract_run[entry_row])
    return cost
