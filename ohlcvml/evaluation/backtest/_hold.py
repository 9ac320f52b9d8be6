"""Buy and hold: the row every strategy has to stand beside."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ohlcvml._checks import (
    boolean,
    check_value,
    either,
    instance_of,
    optional,
    real,
    string,
)
from ohlcvml._time import nanoseconds
from ohlcvml.bars import Contract, Costs, Sessions, check_bars
from ohlcvml.bars import contract as look_up
from ohlcvml.evaluation.backtest._account import Run, assemble, funding_streams
from ohlcvml.evaluation.backtest._decisions import round_trips, traded_prices
from ohlcvml.evaluation.backtest._kernel import Limits, Orders
from ohlcvml.evaluation.backtest._result import Backtest
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, IntArray

__all__ = ["buy_and_hold"]

_RULES = {
    "contract": optional(either(string(), instance_of(Contract))),
    "costs": optional(either(instance_of(Costs), real(0.0))),
    "capital": optional(real(0.0, open_low=True)),
    "overnight": optional(boolean()),
    "like": optional(instance_of(Backtest)),
}


def buy_and_hold(
    bars: Bars,
    *,
    contract: str | Contract | None = None,
    costs: Costs | float | None = None,
    capital: float | None = None,
    overnight: bool | None = None,
    like: Backtest | None = None,
    funding: pd.Series | pd.DataFrame | None = None,
    regime: pd.Series | pd.DataFrame | None = None,
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
    contract, costs, capital, funding, regime
        As for :func:`backtest`; ``costs`` default to those of ``like``, else to none.
    overnight : bool, optional
        Keep the position between sessions of the contract's calendar. Default: as ``like``, else
        True.
    like : Backtest, optional
        The strategy to stand beside: gives the evaluated stretches, the capital, the mean round
        trip and the session policy, wherever they are not passed.

    Returns
    -------
    Backtest
        ``decisions`` holds one row for each stretch that was held.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.evaluation import buy_and_hold
    >>> index = pd.date_range("2025-01-06 15:00", periods=4, freq="1min", tz="UTC")
    >>> close = [100.0, 101.0, 103.0, 102.0]
    >>> bars = pd.DataFrame({"open": close, "high": close, "low": close, "close": close}, index)
    >>> held = buy_and_hold(bars.assign(volume=1.0), costs=0.5)
    >>> held.pnl.tolist()  # bought at 101, half of the cost at either end
    [0.0, -0.25, 2.0, -1.25]
    """
    given = locals()
    for name, rule in _RULES.items():
        check_value("buy_and_hold", name, rule, given[name])
    check_bars(bars, "buy_and_hold")
    if isinstance(bars.index, pd.MultiIndex) or len(bars) < 2:
        raise DataError(
            "buy_and_hold: 'bars' must hold two or more bars of one symbol; got "
            f"{len(bars)} rows, index {type(bars.index).__name__}."
        )
    spec = look_up(contract, on=bars.index[-1]) if isinstance(contract, str) else contract
    sessions = Sessions.of(spec)
    number = np.empty(0, np.int64)
    if sessions.calendar is not None:
        number = sessions.number(bars.index)
    spans = np.array([[0, len(bars) - 1]], dtype=np.int64)
    if like is not None:
        spans = _spans_of(like, bars)
        costs = like.round_trip if costs is None else costs
        capital = like.capital if capital is None else capital
        overnight = like.overnight if overnight is None else overnight
    prices = traded_prices(bars)
    cuts = [prices.rolls] if len(prices.rolls) else []
    if overnight is False and len(number):
        cuts.append(number)
    first, last = _stretches(spans, cuts)
    n = len(first)
    entry = prices.open[first]
    paid = round_trips(0.0 if costs is None else costs, spec, entry)
    orders = Orders(
        first.astype(np.int32),
        last.astype(np.int32),
        entry,
        prices.close[last] - entry,
        np.ones(n, dtype=np.int8),
        paid,
        np.full(n, 2, dtype=np.int8),
    )
    run = Run(
        bars=bars,
        prices=prices,
        contract=spec,
        sessions=sessions,
        session=number,
        capital=capital,
        spans=spans,
        execution="buy_and_hold",
        round_trip=float(paid.mean()) if n else 0.0,
        overnight=overnight is not False,
        regime=regime,
        funding=funding_streams(funding, bars.index),
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
