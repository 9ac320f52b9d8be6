"""From orders to the account: run the kernel, mark, group by session and by regime."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars import Contract, Sessions, TradedPrices
from ohlcvml.evaluation._performance import daily_and_figures
from ohlcvml.evaluation.backtest import _kernel as _k
from ohlcvml.evaluation.backtest._execution import Execution
from ohlcvml.evaluation.backtest._regimes import Book, regime_figures, sessions_in_block
from ohlcvml.evaluation.backtest._result import Backtest
from ohlcvml.evaluation.backtest._whole import run_whole
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, FloatArray, IntArray

_DAY = 24 * 3600 * 1_000_000_000


@dataclass(frozen=True)
class Run:
    """What an account needs besides its orders."""

    bars: Bars
    prices: TradedPrices
    execution: Execution  # settled: contract and costs are filled in
    sessions: Sessions
    session: IntArray  # session numbers of the bars; shape (0,) without a calendar
    opens: IntArray  # first bar of each session
    spans: IntArray  # (n_blocks, 2): first and last evaluated bar
    rule: str
    round_trip: float  # price units
    overnight: bool
    regime: pd.DataFrame | None
    funding: tuple[FloatArray, FloatArray]
    notes: list[str]
    horizon: int | None  # bars a label may live; None where nothing is labelled
    block: int = 1  # sessions in a block of intervals, where there is no horizon

    @property
    def contract(self) -> Contract | None:
        """Specification in force."""
        spec = self.execution.contract
        assert not isinstance(spec, str)  # settled
        return spec


def assemble(run: Run, orders: _k.Orders, limits: _k.Limits, fate: dict[str, int]) -> Backtest:
    """Run the orders through the kernel and put the account together."""
    bars, spec, spans = run.bars, run.contract, run.spans
    first, last = int(spans[0, 0]), int(spans[-1, 1])
    worth = 1.0 if spec is None else spec.point_value
    capital = float(run.execution.capital or abs(float(run.prices.close[first])) * worth)
    opens = run.opens
    stops = bool(np.isfinite(limits.day_loss) or np.isfinite(limits.fall))
    market = _k.Market(
        run.prices.open,
        run.prices.close,
        run.prices.mark,
        _fresh(run),
        np.repeat(np.arange(len(opens)), np.diff(np.r_[opens, len(bars)]))
        if stops
        else np.empty(0, np.int64),
        _tradable(bars) if stops else np.empty(0, np.bool_),
        *run.funding,
    )
    money = limits._replace(
        day_loss=limits.day_loss * capital / worth, fall=limits.fall * capital / worth
    )
    account = _k.new_account(len(bars), orders)
    found = run_whole(market, orders, money, worth, account)
    if found is None:
        _k.run_orders(market, orders, money, account)
        paid = [np.r_[0.0, np.cumsum(stream)] if len(stream) else stream for stream in run.funding]
        found = _k.settle(orders, account, paid[0], paid[1], worth)
    else:
        account = account._replace(quantity=np.broadcast_to(money.unit, len(orders.first)))
    status, ends = found
    if worth != 1.0:
        account.net[:] *= worth
        account.paid[:] *= worth
    counts = {
        **fate,
        "capped": int(status[_k.CAPPED]),
        "busy": int(status[_k.BUSY]),
        "halted": int(status[_k.HALTED]),
        "filled": int(status[_k.FILLED] + status[_k.REDUCED]),
        "reduced": int(status[_k.REDUCED]),
        "stopped": int(ends[_k.STOPPED_EXIT]),
        "cut": int(ends[_k.BLOCK_EXIT]),
    }
    filled: Any = slice(None)
    if counts["filled"] < len(orders.first):
        filled = account.quantity > 0.0
    ledger: dict[str, Any] = {
        "index": bars.index,
        "first": orders.first[filled],
        "last": orders.last[filled],
        "side": orders.side[filled],
        "quantity": account.quantity[filled],
        "entry": orders.entry[filled],
        "gain": orders.gain[filled],
        "exit": account.exit[filled],
        "cost": account.charge[filled],
        "net": account.result[filled],
    }
    rows = _evaluated(spans)
    starts, stamps = _sessions_of(rows, opens, bars.index)
    block = run.block if run.horizon is None else sessions_in_block(run.horizon, rows, starts)
    book = Book(account, capital, run.sessions.per_year_of(bars.index[opens]), block)
    window = slice(first, last + 1)
    index = bars.index[window]
    dates = pd.DatetimeIndex(run.sessions.date(stamps), name="session")
    daily, scores = book.figures(rows, starts, ledger["net"])
    regimes = None
    if run.regime is not None:
        regimes = regime_figures(book, run.regime, bars.index, rows, starts, ledger)
    return Backtest(
        pnl=pd.Series(account.net[window], index, name="pnl", copy=False),
        costs=pd.Series(account.paid[window], index, name="costs", copy=False),
        position=pd.Series(account.position[window], index, name="position", copy=False),
        traded=pd.Series(account.traded[window], index, name="traded", copy=False),
        daily=pd.Series(daily, dates, name="daily", copy=False),
        scores=scores,
        regime_scores=regimes,
        counts=counts,
        currency="price units" if spec is None else spec.currency,
        per_year=book.per_year,
        block=block,
        execution=replace(run.execution, capital=capital),
        rule=run.rule,
        notes=list(run.notes),
        spans=pd.DataFrame({"first": bars.index[spans[:, 0]], "last": bars.index[spans[:, 1]]}),
        round_trip=run.round_trip,
        overnight=run.overnight,
        _ledger=ledger,
    )


def idle_figures(first: int, last: int, opens: IntArray, index: pd.Index) -> dict[str, float]:
    """Performance of an account that is open from bar ``first`` to ``last`` and never trades."""
    starts, _ = _sessions_of(slice(first, last + 1), opens, index)
    nothing = np.zeros(last + 1 - first)
    account = (nothing, starts, nothing, nothing, nothing, np.empty(0))
    return daily_and_figures(*account, capital=1.0, per_year=1.0, block=1)[1]


def session_opens(session: IntArray, index: pd.Index) -> IntArray:
    """First bar of each session, increasing from 0; sessions are UTC dates without a calendar."""
    if len(session):
        return np.append(0, np.flatnonzero(np.diff(session)) + 1)
    stamps = nanoseconds(index)
    midnights = np.arange(stamps[0] // _DAY + 1, stamps[-1] // _DAY + 1) * _DAY
    return np.unique(np.append(np.searchsorted(stamps, midnights), 0))


def _fresh(run: Run) -> npt.NDArray[np.bool_]:
    """Bars before which nothing nets: a new session, contract or block begins."""
    fresh = np.zeros(len(run.bars), dtype=np.bool_)
    for number in (run.session, run.prices.rolls):
        if len(number):
            fresh[1:] |= number[1:] != number[:-1]
    # A block's positions are closed at the close of its last bar, the next opens one bar on.
    fresh[np.minimum(run.spans[:, 0] + 1, len(fresh) - 1)] = True
    return fresh


def _tradable(bars: Bars) -> npt.NDArray[np.bool_]:
    volume = bars["volume"].to_numpy(dtype=np.float64)
    return np.asarray(~(volume <= 0.0))  # unknown volume counts as traded


def _evaluated(spans: IntArray) -> Any:
    """Rows inside a block: a slice where the blocks touch, else their row numbers."""
    if (spans[1:, 0] <= spans[:-1, 1] + 1).all():
        return slice(int(spans[0, 0]), int(spans[-1, 1]) + 1)
    parts, after = [], -1
    for first, last in spans:
        parts.append(np.arange(max(int(first), after + 1), int(last) + 1))
        after = int(last)
    return np.concatenate(parts).astype(np.int64)


def _sessions_of(rows: Any, opens: IntArray, index: pd.Index) -> tuple[IntArray, pd.DatetimeIndex]:
    """Where each session starts among ``rows``, and the stamps of those bars."""
    if isinstance(rows, slice):
        at, n = opens - rows.start, rows.stop - rows.start
    else:
        at, n = np.searchsorted(rows, opens), len(rows)
    inner = np.unique(at[(at > 0) & (at < n)])
    starts = np.r_[0, inner].astype(np.int64)
    bars = starts + rows.start if isinstance(rows, slice) else rows[starts]
    return starts, pd.DatetimeIndex(index)[bars]


def funding_streams(given: Any, index: pd.Index) -> tuple[FloatArray, FloatArray]:
    """Costs per long and per short unit at each bar's close; empty arrays for none."""
    if given is None:
        return np.empty(0), np.empty(0)
    if isinstance(given, pd.Series):
        given = pd.DataFrame({"long": given, "short": -given})
    alien = ~given.index.isin(index)
    if alien.any():
        raise DataError(
            f"Execution: 'funding' must be indexed by stamps of 'bars'; {int(alien.sum())} are "
            f"not, first {given.index[alien][0]}. Give each charge the stamp of the bar at whose "
            "close it is due."
        )
    stream = given[["long", "short"]].reindex(index).fillna(0.0).to_numpy(dtype=np.float64)
    return np.ascontiguousarray(stream[:, 0]), np.ascontiguousarray(stream[:, 1])
