"""The account a backtest leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._card import Card, Shown
from ohlcvml._saved import SavedResult, saves_as_dict
from ohlcvml.bars import Contract
from ohlcvml.evaluation._sharpe import SharpeEstimate, sharpe_ratio
from ohlcvml.evaluation.backtest._execution import Execution
from ohlcvml.evaluation.backtest._kernel import EXITS

saves_as_dict(Execution)


@dataclass(frozen=True, repr=False)
class Backtest(Shown, SavedResult):
    """Result of :func:`backtest` or :func:`buy_and_hold`.

    Series run over the evaluated bars, from the first signal to the last exit; money is in
    ``currency`` (price units without a contract).

    Attributes
    ----------
    pnl : pd.Series
        Net P&L of each bar, marked to its close.
    costs : pd.Series
        Costs paid in each bar: orders and funding.
    position : pd.Series
        Net units held through each bar: after the orders at its open, before its exits.
    traded : pd.Series
        Units bought plus sold in each bar, after netting.
    daily : pd.Series
        Net P&L of each session as a fraction of capital, flat sessions included, indexed by
        session date. Sums to the decisions' net results over capital.
    scores : dict
        See :func:`performance`; floats.
    regime_scores : pd.DataFrame or None
        The same by regime: index (column, regime).
    counts : dict
        ``rows`` of signals; of these not traded, by reason: ``flat``, ``no_label``,
        ``unresolved`` (censored), ``next_session``, ``block_over``, ``capped`` (no room),
        ``busy`` (bracket in a position), ``halted`` (by a stop); ``filled``; of the filled:
        ``reduced`` (opened in part), ``stopped`` and ``cut`` (closed by a stop, by a block's end).
    execution : Execution
        How signals became trades, with contract, costs and capital filled in.
    rule : str
        The execution's, or ``buy_and_hold``.
    notes : list of str
        What was not as the labels have it.
    currency : str
        Unit of money.
    per_year : float
        Sessions a year used to annualise, of the kind that ``daily`` counts.
    block : int
        Sessions in a block of the Sharpe ratio's interval: as many as four label horizons touch.
    spans : pd.DataFrame
        ``first`` and ``last`` stamp of each evaluated block.
    round_trip : float
        Mean round trip of a decision before netting, in price units.
    overnight : bool
        Whether positions may be held from one session into the next.
    """

    pnl: pd.Series
    costs: pd.Series
    position: pd.Series
    traded: pd.Series
    daily: pd.Series
    scores: dict[str, float]
    regime_scores: pd.DataFrame | None
    counts: dict[str, int]
    execution: Execution
    rule: str
    notes: list[str]
    currency: str
    per_year: float
    block: int
    spans: pd.DataFrame
    round_trip: float
    overnight: bool
    _ledger: dict[str, Any] = field(default_factory=dict)

    @property
    def capital(self) -> float:
        """Fixed capital behind every fraction."""
        assert self.execution.capital is not None  # settled
        return self.execution.capital

    @cached_property
    def equity(self) -> pd.Series:
        """Capital plus cumulative net P&L at each bar's close."""
        money = np.cumsum(self.pnl.to_numpy())
        money += self.capital
        return pd.Series(money, self.pnl.index, name="equity", copy=False)

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """One row for each decision that was filled, indexed by the decision bar.

        Columns ``side``, ``quantity`` (units), ``entry_time`` and ``exit_time`` (bars of the
        fills), ``entry``, ``exit_price``, ``exit`` (up, down, time, session, roll, both, stop,
        block), ``gross``, ``cost``, ``net`` (money). Orders that net out share their saving in
        proportion to their size.
        """
        led = self._ledger
        if "decisions" in led:  # of a saved result
            decisions: pd.DataFrame = led["decisions"]
            return decisions
        index: pd.DatetimeIndex = led["index"]
        columns = {
            "side": led["side"],
            "quantity": led["quantity"],
            "entry_time": index[led["first"]],
            "exit_time": index[led["last"]],
            "entry": led["entry"],
            "exit_price": led["entry"] + led["gain"],
            "exit": pd.Categorical.from_codes(led["exit"], pd.Index(EXITS)),
            "gross": led["net"] + led["cost"],
            "cost": led["cost"],
            "net": led["net"],
        }
        return pd.DataFrame(columns, index=index[led["first"] - 1])

    def saved_fields(self) -> dict[str, Any]:
        """What :meth:`save` stores."""
        return {**super().saved_fields(), "_ledger": {"decisions": self.decisions}}

    @property
    def trades(self) -> pd.DataFrame:
        """The same as ``decisions``."""
        return self.decisions

    @property
    def sharpe(self) -> SharpeEstimate:
        """Annualised net Sharpe ratio with its interval and session count."""
        return sharpe_ratio(self.daily.to_numpy(), self.per_year, block=self.block)

    def plot(self, **options: Any) -> Any:
        """Draw equity with drawdown beneath; see :func:`plot_equity`."""
        from ohlcvml.evaluation._plots import plot_equity

        return plot_equity(self, **options)

    def _card(self) -> Card:
        s, counts = self.scores, self.counts
        share = "n/a" if np.isnan(s["cost_share"]) else f"{s['cost_share']:.0%} of gross"
        limits = {
            name: value
            for name in ("max_position", "daily_loss_stop", "max_drawdown_stop")
            if (value := getattr(self.execution, name)) != getattr(Execution, name)
        }
        stopped = {name: counts[name] for name in ("stopped", "halted", "capped") if counts[name]}
        rows = [
            ("net return", f"{s['net_return']:.2%}, {s['annual_return']:.2%} a year"),
            ("net Sharpe", str(self.sharpe)),
            ("maximum drawdown", f"{s['max_drawdown']:.2%}"),
            ("decisions", f"{s['decisions']:,.0f} filled of {counts['rows']:,}"),
            ("win rate", f"{s['win_rate']:.1%}"),
            ("costs", f"{self.costs.sum():,.2f} {self.currency}, {share}"),
            ("capital", f"{self.capital:,.2f} {self.currency}, fixed"),
        ]
        if limits:
            rows.append(("limits", ", ".join(f"{k} {v:g}" for k, v in limits.items())))
        if stopped:
            rows.append(("by limits", ", ".join(f"{v:,} {k}" for k, v in stopped.items())))
        contract = self.execution.contract
        traded = f"{contract.symbol}, " if isinstance(contract, Contract) else ""
        first, last = (f"{day:%Y-%m-%d}" for day in (self.daily.index[0], self.daily.index[-1]))
        title = (
            f"Backtest ({self.rule}): {traded}{s['sessions']:,.0f} sessions, {first} to {last}, "
            f"{self.per_year:g} a year"
        )
        return Card(title, rows, notes=list(self.notes))
