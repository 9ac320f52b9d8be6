"""Backtest of a table of signals by the rules of their labels, net of costs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._checks import (
    boolean,
    check_value,
    either,
    instance_of,
    integer,
    one_of,
    optional,
    real,
    string,
)
from ohlcvml.bars import Contract, Costs, Sessions
from ohlcvml.bars import contract as look_up
from ohlcvml.evaluation.backtest import _decisions as _d
from ohlcvml.evaluation.backtest import _match as _m
from ohlcvml.evaluation.backtest._account import Run, assemble, funding_streams
from ohlcvml.evaluation.backtest._hold import buy_and_hold
from ohlcvml.evaluation.backtest._kernel import Limits, Orders
from ohlcvml.evaluation.backtest._result import Backtest
from ohlcvml.labels import LabelSpec
from ohlcvml.typing import Bars, FloatArray, Labels

__all__ = ["Backtest", "backtest", "buy_and_hold"]

_RULES = {
    "execution": one_of("average_active", "bracket"),
    "contract": optional(either(string(), instance_of(Contract))),
    "costs": optional(either(instance_of(Costs), real(0.0))),
    "capital": optional(real(0.0, open_low=True)),
    "max_position": real(0.0, open_low=True),
    "daily_loss_stop": optional(real(0.0, open_low=True)),
    "max_drawdown_stop": optional(real(0.0, open_low=True)),
    "entry": optional(one_of("next_open", "close")),
    "cross_session": optional(boolean()),
    "horizon": optional(integer(1)),
}


def backtest(
    bars: Bars,
    signals: pd.DataFrame,
    labels: Labels,
    *,
    execution: str = "average_active",
    contract: str | Contract | None = None,
    costs: Costs | float | None = None,
    capital: float | None = None,
    max_position: float = 1.0,
    daily_loss_stop: float | None = None,
    max_drawdown_stop: float | None = None,
    blocks: npt.ArrayLike | pd.Series | None = None,
    funding: pd.Series | pd.DataFrame | None = None,
    regime: pd.Series | pd.DataFrame | None = None,
    entry: str | None = None,
    cross_session: bool | None = None,
    horizon: int | None = None,
) -> Backtest:
    """Trade the signals by the rules of their labels, in one compiled pass over the bars.

    A decision taken at bar t uses bars up to and including t; it is filled at the open of the next
    bar (or at the close of t, ``entry="close"``) and closed where its own label ended: at the
    barrier, after the horizon, at the session's close, at the roll. Nothing after that bar touches
    it. Raw prices of the traded contract are used where the bars carry them.

    Parameters
    ----------
    bars : pd.DataFrame
        One symbol, uncut.
    signals : pd.DataFrame
        Decisions to evaluate, on bars in increasing order; column ``side`` −1, 0 or +1 (NaN counts
        as 0), as from ``predict_signal``. Rows that are not to be evaluated do not belong in it.
    labels : pd.DataFrame
        The labels table of those bars. Decisions without a row, or with a censored one, are not
        traded, and are counted.
    execution : {"average_active", "bracket"}, default "average_active"
        ``average_active``: every decision opens 1/``horizon`` unit, so the net position is the
        average of the labels that are alive; what closes at a bar's close and what opens at the
        next open is one order, and opposite parts of it cancel and cost nothing. ``bracket``: one
        whole unit, one decision at a time; decisions met while in a position are passed over.
    contract : str or Contract, optional
        Point value (P&L in money, otherwise in price units) and calendar (sessions, otherwise UTC
        dates).
    costs : Costs or float, optional
        Round trip; a number is in price units. Default: the ``cost`` column of ``labels``. Half is
        paid on every change of the net position, the closing ones included; an exit at a barrier
        happens inside a bar and nets with nothing.
    capital : float, optional
        Fixed capital in the unit of the P&L; nothing is reinvested. Default: the close of the
        first evaluated bar × point value, i.e. one unit without leverage.
    max_position : float, default 1.0
        Largest position in units. Open longs never exceed it and neither do open shorts, so the
        net position cannot, whichever closes first; the excess is not opened, and is counted.
    daily_loss_stop : float, optional
        Fraction of capital. When a session's net P&L at a bar's close is at or below −this, all is
        closed at the next tradable open and nothing opened until the session date changes.
    max_drawdown_stop : float, optional
        Fraction of capital. When the fall from the equity's peak reaches it, all is closed at the
        next tradable open and nothing opened any more.
    blocks : array-like of shape (n_signals,), optional
        Mark of the evaluation stretch of each signal row, e.g. the fold number. Positions of a
        block are closed at the close of the bar at which the next block takes its first decision.
    funding : pd.Series or pd.DataFrame, optional
        Cost per unit held at a bar's close, in price units, per bar: a Series is paid by longs and
        received by shorts; a DataFrame has columns ``long`` and ``short``, both costs. Bars not in
        it pay nothing.
    regime : pd.Series or pd.DataFrame, optional
        Regime of each bar, known at its close; all figures are also given by regime
        (``regime_scores``). A bar's P&L counts to the regime of the bar before it, a decision's to
        that of its own bar.
    entry : {"next_open", "close"}, optional
        Default: as the labels say (:class:`~ohlcvml.labels.LabelSpec`).
    cross_session : bool, optional
        Fill decisions whose next bar lies in another session of the contract's calendar. Default:
        as the labels say.
    horizon : int, optional
        h of ``average_active``; default: as the labels say.

    Returns
    -------
    Backtest

    Raises
    ------
    DataError
        Labels that do not say what was assumed in making them (``join``, ``merge`` and CSV files
        lose it); tables that do not belong together: stamps that are not bars, labels that end at
        a price the bars never traded, several symbols.
    ParameterError
        A parameter that breaks its rule.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.evaluation import backtest
    >>> from ohlcvml.labels import FixedHorizonLabeller
    >>> bars = simulate_bars(2000, seed=1).bars
    >>> labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> always_long = pd.DataFrame({"side": 1}, index=bars.index)
    >>> result = backtest(bars, always_long, labels, costs=0.25)
    >>> round(float(result.position.max()), 9), result.counts["filled"] == len(result.decisions)
    (1.0, True)
    >>> bool(abs(result.decisions["net"].sum() - result.pnl.sum()) < 1e-6)
    True
    """
    given = locals()
    for name, rule in _RULES.items():
        check_value("backtest", name, rule, given[name])
    _d.check_tables(bars, signals, labels)
    made = LabelSpec.of(labels, "backtest")
    next_open = (entry or made.entry) == "next_open"
    over = made.cross_session if cross_session is None else cross_session
    unit = 1.0
    if execution == "average_active":
        unit = 1.0 / (made.horizon if horizon is None else horizon)
    spec = look_up(contract, on=bars.index[-1]) if isinstance(contract, str) else contract
    calendar = Sessions.of(spec)

    prices = _d.traded_prices(bars)
    number = np.empty(0, np.int64) if calendar.calendar is None else calendar.number(bars.index)
    stretches = _d.find_blocks(blocks, bars.index, signals)
    session = np.empty(0, np.int64) if over else number
    matched = _m.match(
        bars, signals, labels, made, prices, session, stretches, next_open, costs is None
    )
    paid = _costs(costs, spec, matched, prices)
    run = Run(
        bars=bars,
        prices=prices,
        contract=spec,
        sessions=calendar,
        session=number,
        capital=capital,
        spans=np.column_stack([stretches.first, stretches.last]),
        execution=execution,
        round_trip=_mean_round_trip(paid, labels, made, prices),
        overnight=not made.session_exit,
        regime=regime,
        funding=funding_streams(funding, bars.index),
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
        unit,
        float(max_position),
        execution == "bracket",
        execution == "average_active",
        *(np.inf if stop is None else stop for stop in (daily_loss_stop, max_drawdown_stop)),
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


def _costs(
    costs: Costs | float | None, spec: Contract | None, matched: _m.Matched, prices: _d.Prices
) -> FloatArray:
    if costs is None:
        return matched.cost
    paid = _d.round_trips(costs, spec, matched.entry)
    if len(prices.rolls):  # a position that is rolled pays once more
        paid = paid * (1.0 + prices.rolls[matched.last] - prices.rolls[matched.first])
    return paid


def _mean_round_trip(paid: FloatArray, labels: Labels, made: LabelSpec, prices: _d.Prices) -> float:
    if len(paid):
        return float(paid.mean())
    # Without a decision to look at, the labels' own cost at the first price.
    scale = 1.0 if made.return_unit == "points" else abs(prices.close[0])
    return float(labels["cost"].mean() * scale)
