"""One execution settled on one market: what no signal changes is computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.bars import Contract, Sessions, TradedPrices, check_bars, traded_prices
from ohlcvml.evaluation.backtest import _decisions as _d
from ohlcvml.evaluation.backtest import _match as _m
from ohlcvml.evaluation.backtest._account import (
    Run,
    assemble,
    funding_streams,
    idle_figures,
    session_opens,
)
from ohlcvml.evaluation.backtest._execution import Execution, check_execution
from ohlcvml.evaluation.backtest._kernel import Limits, Orders
from ohlcvml.evaluation.backtest._result import Backtest
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.labels import LabelSpec
from ohlcvml.typing import Bars, FloatArray, IntArray, Labels


@dataclass(frozen=True)
class Trading:
    """Bars, and an execution with nothing left open; trades any signals on them.

    Attributes
    ----------
    bars : pd.DataFrame
        Uncut. With several symbols nothing can be traded: contracts and capital differ.
    execution : Execution
        Contract and costs are filled in.
    own_costs : bool
        Decisions pay the ``cost`` column of their labels; otherwise ``execution.costs``.
    notes : list of str
        What was not as the labels have it.
    regime : pd.DataFrame or None
        Regime of each bar, known at its close.
    """

    bars: Bars
    execution: Execution
    own_costs: bool
    notes: list[str]
    regime: pd.DataFrame | None

    @property
    def several(self) -> bool:
        """Whether the bars hold several symbols."""
        return isinstance(self.bars.index, pd.MultiIndex)

    @cached_property
    def prices(self) -> TradedPrices:
        """Prices of the traded contract, one symbol's and finite."""
        _d.check_market(self.bars)
        return traded_prices(self.bars, "backtest")

    @cached_property
    def sessions(self) -> Sessions:
        """Days that P&L is counted in: the contract's, else the market's, else UTC dates."""
        spec = self.contract
        if spec is None or spec.calendar is None:
            return Sessions.of(self.execution.market)
        return Sessions.of(spec)

    @cached_property
    def session(self) -> IntArray:
        """Session number of each bar; shape (0,) without a calendar."""
        if self.sessions.calendar is None:
            return np.empty(0, np.int64)
        return self.sessions.number(self.bars.index)

    @cached_property
    def opens(self) -> IntArray:
        """First bar of each session, increasing from 0."""
        return session_opens(self.session, self.bars.index)

    @cached_property
    def funding(self) -> tuple[FloatArray, FloatArray]:
        """Costs per long and per short unit at each bar's close."""
        return funding_streams(self.execution.funding, self.bars.index)

    @property
    def contract(self) -> Contract | None:
        """Specification in force."""
        spec = self.execution.contract
        assert not isinstance(spec, str)  # settled
        return spec

    def run(self, signals: pd.DataFrame, labels: Labels, blocks: Any = None) -> Backtest:
        """Trade the signals by the rules of their labels."""
        prices = self.prices
        _d.check_tables(self.bars, signals, labels)
        spec, execution = LabelSpec.of(labels, "backtest"), self.execution
        if spec.kind == "meta":
            _d.check_follows(signals, labels)
        average = execution.rule == "average_active"
        stretches = _d.find_blocks(blocks, self.bars.index, signals)
        session = np.empty(0, np.int64) if spec.cross_session else self.session
        matched = _m.match(
            self.bars,
            signals,
            labels,
            prices,
            session,
            stretches,
            spec.entry == "next_open",
            self.own_costs,
            spec.return_unit == "points",
        )
        paid = matched.cost if self.own_costs else self._paid(matched)
        run = self.account_of(
            np.column_stack([stretches.first, stretches.last]),
            execution,
            rule=execution.rule,
            round_trip=float(paid.mean()) if len(paid) else self._usual_cost(labels, spec),
            overnight=not spec.session_exit,
            horizon=spec.horizon,
        )
        orders = Orders(
            matched.first,
            matched.last,
            matched.entry,
            matched.gain,
            matched.side,
            paid,
            matched.exit,
        )
        limits = Limits(
            1.0 / spec.horizon if average else 1.0,
            float(execution.max_position),
            not average,
            average,
            _or_never(execution.daily_loss_stop),
            _or_never(execution.max_drawdown_stop),
        )
        fate = {
            "rows": len(signals),
            "flat": int(matched.fate[_m.FLAT]),
            "no_label": int(matched.fate[_m.UNLABELLED]),
            "unresolved": int(matched.fate[_m.UNRESOLVED]),
            "next_session": int(matched.fate[_m.OTHER_SESSION]),
            "block_over": int(matched.fate[_m.BLOCK_OVER]),
        }
        return assemble(run, orders, limits, fate)

    def idle_scores(self, signals: pd.DataFrame) -> dict[str, float]:
        """Scores of trading nothing over the stretch of these rows: those of a run, without one."""
        stretch = _d.find_blocks(None, self.bars.index, signals)
        return idle_figures(
            int(stretch.first[0]), int(stretch.last[0]), self.opens, self.bars.index
        )

    def account_of(self, spans: IntArray, execution: Execution, **known: Any) -> Run:
        """What the account needs besides orders, over the stretches ``spans``."""
        return Run(
            bars=self.bars,
            prices=self.prices,
            execution=execution,
            sessions=self.sessions,
            session=self.session,
            opens=self.opens,
            spans=spans,
            regime=self.regime,
            funding=self.funding,
            notes=self.notes,
            **known,
        )

    def _paid(self, matched: _m.Matched) -> FloatArray:
        costs = self.execution.costs
        assert costs is not None  # otherwise decisions pay their own
        paid = _d.round_trips(costs, self.contract, matched.entry)
        rolls = self.prices.rolls
        if len(rolls):  # a position that is rolled pays once more
            paid = paid * (1.0 + rolls[matched.last] - rolls[matched.first])
        return paid

    def _usual_cost(self, labels: Labels, spec: LabelSpec) -> float:
        """Without a decision to look at: the labels' own cost at the first price."""
        scale = 1.0 if spec.return_unit == "points" else abs(self.prices.close[0])
        return float(labels["cost"].mean() * scale)


def _or_never(stop: float | None) -> float:
    return np.inf if stop is None else float(stop)


def open_trading(
    who: str,
    bars: Bars,
    labels: Labels,
    execution: Execution | None,
    regime: Any = None,
) -> Trading:
    """Settle an execution on bars and their labels; everything wrong with it is told here.

    Raises
    ------
    ParameterError
        ``execution`` is none, ``regime`` names no column.
    DataError
        Contract or costs contradict the labels; funding or regime are not of these bars.
    """
    given = check_execution(who, execution)
    check_bars(bars, who)
    spec = LabelSpec.of(labels, who)
    last = bars.index.get_level_values(-1)[-1]
    settled, notes = given.settle(spec.contract, spec.costs, last)
    cost = labels["cost"].to_numpy()
    charged = bool(np.fmax.reduce(cost) > 0.0 or np.fmin.reduce(cost) < 0.0)  # NaN aside
    own_costs = given.costs is None or not notes
    if given.costs is not None and spec.costs is None:
        own_costs = False
        if charged:
            notes.append(_foreign_costs(given))
    several = isinstance(bars.index, pd.MultiIndex)  # nothing is traded then
    if not several and not charged and settled.costs is None:
        notes.append("no costs: the labels were made without, and the execution has none")
    trading = Trading(bars, settled, own_costs, notes, regime_table(who, regime, bars))
    if not several:
        _ = trading.funding  # stamps that are no bars are told before anything is fitted
    return trading


def _foreign_costs(given: Execution) -> str:
    what = f"costs ({given.costs}), the labels carry others in their column 'cost'"
    if not given.as_given:
        raise DataError(
            f"Execution: costs must be those of the labels; got {what}. Leave them out to use the "
            "labels' own, or pass as_given=True: results then carry a note."
        )
    return f"as given: {what}"


def regime_table(who: str, regime: Any, bars: Bars) -> pd.DataFrame | None:
    """Regime of each bar as a table: a column of the bars, a Series or a DataFrame on them."""
    if regime is None:
        return None
    if isinstance(regime, str):
        if regime not in bars.columns:
            raise ParameterError(
                f"{who}: parameter 'regime' must name a column of 'bars', or be a Series or "
                f"DataFrame on them; got {regime!r}, the columns are "
                f"{', '.join(map(str, bars.columns))}. Join the detector's output to the bars."
            )
        regime = bars[regime]
    if isinstance(regime, pd.Series):
        regime = regime.to_frame("regime" if regime.name is None else regime.name)
    if not isinstance(regime, pd.DataFrame) or not bars.index.isin(regime.index).any():
        raise DataError(
            f"{who}: 'regime' must be a Series or DataFrame indexed by stamps of 'bars'; got "
            f"{type(regime).__name__}. Pass the regime detector's output on these bars."
        )
    if not regime.index.is_unique:
        twice = regime.index[regime.index.duplicated()]
        raise DataError(
            f"{who}: 'regime' must have one row for each bar; {len(twice)} rows stand on a stamp "
            f"that occurs before, the first at {twice[0]}. Pass the regime detector's output on "
            "these bars."
        )
    return regime
