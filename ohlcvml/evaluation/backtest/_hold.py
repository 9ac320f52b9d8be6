"""Buy and hold: the baseline that every strategy is compared with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import boolean, check_value, instance_of, optional
from ohlcvml._time import nanoseconds
from ohlcvml.bars import check_bars
from ohlcvml.evaluation.backtest._account import assemble
from ohlcvml.evaluation.backtest._decisions import round_trips
from ohlcvml.evaluation.backtest._execution import Execution, check_execution, refuse_unknown
from ohlcvml.evaluation.backtest._kernel import Limits, Orders
from ohlcvml.evaluation.backtest._result import Backtest
from ohlcvml.evaluation.backtest._trading import Trading, regime_table
from ohlcvml.exceptions import DataError
from ohlcvml.labels import EXIT_CODES
from ohlcvml.typing import Bars, IntArray


def buy_and_hold(
    bars: Bars,
    *,
    execution: Execution | None = None,
    overnight: bool | None = None,
    like: Backtest | None = None,
    regime: str | pd.Series | pd.DataFrame | None = None,
    **unknown: Any,
) -> Backtest:
    """Hold one unit long, with the same capital, session policy and costs as a strategy.

    Buys at the open of the second evaluated bar, as a decision at the first would, and sells at
    the close of the last. Without ``overnight`` it also sells at each session's last close and
    buys at the next session's first open. Across a roll it sells the old contract at its last
    close and buys the new one at its first open, paying a round trip: the gap between contracts is
    no profit.

    Parameters
    ----------
    bars : pd.DataFrame
        One symbol.
    execution : Execution, optional
        Contract, costs, capital and funding; rule and limits have no effect. Default: that of
        ``like``, else ``Execution()``, which has no costs.
    overnight : bool, optional
        Keep the position between sessions of the contract's calendar. Default: as ``like``, else
        True.
    like : Backtest, optional
        The strategy to compare with: gives the evaluated stretches, the execution with its
        capital, the mean round trip and the session policy, wherever they are not passed.
    regime : str, pd.Series or pd.DataFrame, optional
        As for :func:`backtest`.
    **unknown
        Refused.

    Returns
    -------
    Backtest
        ``decisions`` holds one row for each stretch that was held.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.evaluation import Execution, buy_and_hold
    >>> index = pd.date_range("2025-01-06 15:00", periods=4, freq="1min", tz="UTC")
    >>> close = [100.0, 101.0, 103.0, 102.0]
    >>> bars = pd.DataFrame({"open": close, "high": close, "low": close, "close": close}, index)
    >>> held = buy_and_hold(bars.assign(volume=1.0), execution=Execution(costs=0.5))
    >>> held.pnl.tolist()  # bought at 101, half of the cost at either end
    [0.0, -0.25, 2.0, -1.25]
    """
    who = "buy_and_hold"
    refuse_unknown(who, unknown, ["execution", "overnight", "like", "regime"])
    check_value(who, "overnight", optional(boolean()), overnight)
    check_value(who, "like", optional(instance_of(Backtest)), like)
    check_bars(bars, who)
    if isinstance(bars.index, pd.MultiIndex) or len(bars) < 2:
        raise DataError(
            "buy_and_hold: 'bars' must hold two or more bars of one symbol; got "
            f"{len(bars)} rows, index {type(bars.index).__name__}."
        )
    given = check_execution(who, execution)
    if like is not None:
        own = like.execution
        given = own if execution is None else _completed(given, own)
    settled, notes = given.settle(None, None, bars.index[-1])
    trading = Trading(bars, settled, False, notes, regime_table(who, regime, bars))
    return hold(trading, like, overnight)


def _completed(given: Execution, own: Execution) -> Execution:
    """Fill what is not given from the strategy's execution."""
    names = ("contract", "costs", "capital", "funding")
    missing = {name: getattr(own, name) for name in names if getattr(given, name) is None}
    return replace(given, **missing)


def hold(trading: Trading, like: Backtest | None, overnight: bool | None = None) -> Backtest:
    """Buy and hold on an open market, over the bars of a strategy or all bars."""
    bars, prices, execution = trading.bars, trading.prices, trading.execution
    spans = np.array([[0, len(bars) - 1]], dtype=np.int64)
    if like is not None:
        spans = _spans_of(like, bars)
        overnight = like.overnight if overnight is None else overnight
        execution = replace(execution, capital=execution.capital or like.capital)
    cuts = [prices.rolls] if len(prices.rolls) else []
    if overnight is False and len(trading.session):
        cuts.append(trading.session)
    first, last = _stretches(spans, cuts)
    n = len(first)
    entry = prices.open[first]
    costs = execution.costs
    if costs is None:
        costs = 0.0 if like is None else like.round_trip
    paid = round_trips(costs, trading.contract, entry)
    orders = Orders(
        first.astype(np.int32),
        last.astype(np.int32),
        entry,
        prices.close[last] - entry,
        np.ones(n, dtype=np.int8),
        paid,
        np.full(n, EXIT_CODES["time"], dtype=np.int8),
    )
    run = trading.account_of(
        spans,
        execution,
        rule="buy_and_hold",
        round_trip=float(paid.mean()) if n else 0.0,
        overnight=overnight is not False,
        horizon=None,
        block=1 if like is None else like.block,
    )
    limits = Limits(1.0, 1.0, False, False, np.inf, np.inf)
    return assemble(run, orders, limits, {"rows": n})


def _spans_of(like: Backtest, bars: Bars) -> IntArray:
    stamps = nanoseconds(bars.index)
    ends = np.column_stack([nanoseconds(like.spans[c]) for c in like.spans])
    at = np.searchsorted(stamps, ends).clip(max=len(stamps) - 1)
    if (stamps[at] != ends).any():
        raise DataError(
            "buy_and_hold: the evaluated stretches of 'like' are not in 'bars': they run from "
            f"{like.spans['first'].iloc[0]} to {like.spans['last'].iloc[-1]}. Pass the bars the "
            "strategy was backtested on."
        )
    return at.astype(np.int64)


def _stretches(spans: IntArray, cuts: list[IntArray]) -> tuple[IntArray, IntArray]:
    """First and last bar of each stretch held: spans, cut where a number changes."""
    first: list[IntArray] = []
    last: list[IntArray] = []
    for begin, end in spans:
        if end <= begin:
            continue
        edges = np.zeros(end - begin, dtype=bool)  # bars begin + 1 … end; True: a stretch begins
        edges[0] = True
        for number in cuts:
            edges[1:] |= np.diff(number[begin + 1 : end + 1]) != 0
        starts = np.flatnonzero(edges) + begin + 1
        first.append(starts)
        last.append(np.r_[starts[1:] - 1, end])
    if not first:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(first), np.concatenate(last)
