"""The account a backtest leaves behind, and how it is assembled."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml.bars import Contract, Sessions
from ohlcvml.evaluation import _backtest_kernel as _k
from ohlcvml.evaluation._backtest_decisions import Prices, nanoseconds
from ohlcvml.evaluation._performance import SharpeEstimate, performance, sharpe_ratio
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, FloatArray, IntArray

__all__ = ["Backtest", "Run", "assemble"]

EXIT_NAMES = ("up", "down", "time", "session", "roll", "both", "stop", "block")
_DAY = 24 * 3600 * 1_000_000_000


@dataclass(frozen=True)
class Run:
    """What a backtest needs besides its orders."""

    bars: Bars
    prices: Prices
    contract: Contract | None
    sessions: Sessions
    session: IntArray  # session numbers of the bars; shape (0,) without a calendar
    capital: float | None
    spans: IntArray  # (n_blocks, 2): first and last evaluated bar
    execution: str
    regime: Any
    funding: tuple[FloatArray, FloatArray]


@dataclass(frozen=True, repr=False)
class Backtest:
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
    capital : float
        Fixed capital behind every fraction.
    currency : str
        Unit of money.
    per_year : float
        Sessions a year used to annualise.
    execution : str
        Execution rule.
    spans : pd.DataFrame
        ``first`` and ``last`` stamp of each evaluated block.
    """

    pnl: pd.Series
    costs: pd.Series
    position: pd.Series
    traded: pd.Series
    daily: pd.Series
    scores: dict[str, float]
    regime_scores: pd.DataFrame | None
    counts: dict[str, int]
    capital: float
    currency: str
    per_year: float
    execution: str
    spans: pd.DataFrame
    _ledger: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def equity(self) -> pd.Series:
        """Capital plus cumulative net P&L at each bar's close."""
        return (self.capital + self.pnl.cumsum()).rename("equity")

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """One row for each decision that was filled, indexed by the decision bar.

        Columns ``side``, ``quantity`` (units), ``entry_time`` and ``exit_time`` (bars of the
        fills), ``entry``, ``exit_price``, ``exit`` (up, down, time, session, roll, both, stop,
        block), ``gross``, ``cost``, ``net`` (money). Orders that net out share their saving in
        proportion to their size.
        """
        led = self._ledger
        index: pd.DatetimeIndex = led["index"]
        columns = {
            "side": led["side"],
            "quantity": led["quantity"],
            "entry_time": index[led["filled_in"]],
            "exit_time": index[led["last"]],
            "entry": led["entry"],
            "exit_price": led["entry"] + led["gain"],
            "exit": pd.Categorical.from_codes(led["exit"], list(EXIT_NAMES)),
            "gross": led["gross"],
            "cost": led["cost"],
            "net": led["gross"] - led["cost"],
        }
        return pd.DataFrame(columns, index=index[led["decided"]])

    @property
    def round_trip(self) -> float:
        """Mean round trip of the decisions before netting, in price units; 0 without any."""
        cost = self._ledger["round_trip"]
        return float(cost.mean()) if len(cost) else 0.0

    def holds_overnight(self, number: IntArray, index: pd.Index) -> bool:
        """Whether any decision was held from one session into another.

        ``number`` are the session numbers of the bars of ``index``, or empty without a calendar.
        """
        if len(number) == 0:
            return True
        stamps = nanoseconds(index)
        ends = (
            nanoseconds(pd.DatetimeIndex(self.decisions[c])) for c in ("entry_time", "exit_time")
        )
        entered, left = (number[np.searchsorted(stamps, e).clip(max=len(stamps) - 1)] for e in ends)
        return bool((entered != left).any())

    @property
    def trades(self) -> pd.DataFrame:
        """The same as ``decisions``."""
        return self.decisions

    @property
    def sharpe(self) -> SharpeEstimate:
        """Annualised net Sharpe ratio with its interval and session count."""
        return sharpe_ratio(self.daily.to_numpy(), self.per_year)

    def plot(self, **options: Any) -> Any:
        """Draw equity with drawdown beneath; see :func:`plot_equity`."""
        from ohlcvml.evaluation._plots import plot_equity

        return plot_equity(self, **options)

    def __repr__(self) -> str:
        s = self.scores
        share = "n/a" if np.isnan(s["cost_share"]) else f"{s['cost_share']:.0%} of gross"
        return (
            f"Backtest ({self.execution}), {s['sessions']:.0f} sessions, "
            f"{self.per_year:g} a year\n"
            f"  capital        {self.capital:,.2f} {self.currency}, fixed\n"
            f"  net return     {s['net_return']:.2%} ({s['annual_return']:.2%} a year)\n"
            f"  net Sharpe     {self.sharpe}\n"
            f"  max drawdown   {s['max_drawdown']:.2%}\n"
            f"  decisions      {s['decisions']:.0f} filled of {self.counts['rows']}, "
            f"win rate {s['win_rate']:.1%}, costs {share}"
        )


def assemble(
    run: Run, orders: _k.Orders, limits: _k.Limits, decided: IntArray, fate: dict[str, int]
) -> Backtest:
    """Run the orders through the kernel and put the account together."""
    bars, spec, spans = run.bars, run.contract, run.spans
    first, last = int(spans[0, 0]), int(spans[-1, 1])
    worth = 1.0 if spec is None else spec.point_value
    capital = run.capital or abs(float(run.prices.close[first])) * worth
    day = _session_days(run)
    stops = np.isfinite(limits.day_loss) or np.isfinite(limits.fall)
    market = _k.Market(
        run.prices.open,
        run.prices.close,
        run.prices.mark,
        _fresh(run),
        day,
        _tradable(bars) if stops else np.empty(0, np.bool_),
        *run.funding,
    )
    money = limits._replace(
        day_loss=limits.day_loss * capital / worth, fall=limits.fall * capital / worth
    )
    result = _k.run_orders(market, orders, money)
    net, paid, traded, position, quantity, charge, status, exits = result
    filled = status == _k.FILLED
    counts = dict(fate)
    for name, code in (("capped", _k.CAPPED), ("busy", _k.BUSY), ("halted", _k.HALTED)):
        counts[name] = int(np.count_nonzero(status == code))
    counts["filled"] = int(np.count_nonzero(filled))
    counts["reduced"] = int(np.count_nonzero(filled & (quantity < limits.unit * (1.0 - 1e-9))))
    counts["stopped"] = int(np.count_nonzero(filled & (exits == _k.STOPPED_EXIT)))
    counts["cut"] = int(np.count_nonzero(filled & (exits == _k.BLOCK_EXIT)))

    keep = slice(None) if filled.all() else filled
    side, size = orders.side[keep], quantity[keep]
    gross = size * side * orders.gain[keep] * worth
    cost = charge[keep] * worth
    if len(run.funding[0]):
        cost = cost + size * _funding_paid(run, orders.first[keep], orders.last[keep], side) * worth
    ledger = {
        "index": bars.index,
        "decided": decided[keep],
        "filled_in": orders.first[keep],
        "last": orders.last[keep],
        "side": side,
        "quantity": size,
        "entry": orders.entry[keep],
        "gain": orders.gain[keep],
        "exit": exits[keep],
        "round_trip": orders.cost[keep],
        "gross": gross,
        "cost": cost,
    }
    window = slice(first, last + 1)
    if worth != 1.0:
        net *= worth
        paid *= worth
    flows = {"pnl": net, "paid": paid, "traded": traded, "position": position}
    rows = _evaluated(spans)
    starts = _session_starts(day, rows)
    per_year = run.sessions.per_year_of(bars.index)
    account = {"capital": capital, "per_year": per_year}
    cut = {name: values[rows] for name, values in flows.items()}
    scores = performance(cut.pop("pnl"), starts, **cut, decision_pnl=gross - cost, **account)
    index = bars.index[window]
    dates = np.asarray(day[rows][starts], dtype="datetime64[D]").astype("datetime64[ns]")
    daily = np.add.reduceat(net[rows], starts) / capital
    regimes = None
    if run.regime is not None:
        regimes = _by_regime(run, flows, day, rows, decided[keep], gross - cost, account)
    return Backtest(
        pnl=pd.Series(net[window], index, name="pnl"),
        costs=pd.Series(paid[window], index, name="costs"),
        position=pd.Series(position[window], index, name="position"),
        traded=pd.Series(traded[window], index, name="traded"),
        daily=pd.Series(daily, pd.DatetimeIndex(dates, name="session"), name="daily"),
        scores=scores,
        regime_scores=regimes,
        counts=counts,
        capital=capital,
        currency="price units" if spec is None else spec.currency,
        per_year=per_year,
        execution=run.execution,
        spans=pd.DataFrame({"first": bars.index[spans[:, 0]], "last": bars.index[spans[:, 1]]}),
        _ledger=ledger,
    )


def _session_days(run: Run) -> IntArray:
    """Session date of each bar as a day number."""
    if run.sessions.calendar is None:
        return nanoseconds(run.bars.index) // _DAY
    dates = run.sessions.date(run.bars.index)
    return np.asarray(dates.as_unit("ns").asi8) // _DAY


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
    return np.concatenate(parts)


def _session_starts(day: IntArray, rows: Any) -> IntArray:
    days = day[rows]
    return np.r_[0, np.flatnonzero(days[1:] != days[:-1]) + 1].astype(np.int64)


def _funding_paid(run: Run, first: IntArray, last: IntArray, side: Any) -> FloatArray:
    """Funding of one unit held at the closes of bars first … last − 1, in price units."""
    total = [np.r_[0.0, np.cumsum(stream)] for stream in run.funding]
    long, short = (t[last] - t[first] for t in total)
    return np.asarray(np.where(side > 0, long, short))


def _by_regime(
    run: Run,
    flows: dict[str, FloatArray],
    day: IntArray,
    rows: Any,
    decided: IntArray,
    decision_pnl: FloatArray,
    account: dict[str, float],
) -> pd.DataFrame:
    given = run.regime
    table = given.to_frame(given.name or "regime") if isinstance(given, pd.Series) else given
    if not isinstance(table, pd.DataFrame) or not table.index.isin(run.bars.index).all():
        raise DataError(
            "backtest: 'regime' must be a Series or DataFrame indexed by stamps of 'bars'; got "
            f"{type(given).__name__}. Pass the regime detector's output on these bars."
        )
    found: dict[tuple[Any, Any], dict[str, float]] = {}
    position = np.arange(len(run.bars))[rows]
    for name, column in table.reindex(run.bars.index).items():
        codes, kinds = pd.factorize(column.to_numpy(), sort=True)
        # The regime at a bar's close has seen that bar, so the bar's own P&L counts to the one
        # before it.
        before = np.r_[-1, codes[:-1]][position]
        for code, kind in enumerate(kinds):
            mine = position[before == code]
            if len(mine) == 0:
                continue
            cut = {key: values[mine] for key, values in flows.items()}
            found[name, kind] = performance(
                cut.pop("pnl"),
                _session_starts(day, mine),
                **cut,
                decision_pnl=decision_pnl[codes[decided] == code],
                **account,
            )
    frame = pd.DataFrame.from_dict(found, orient="index")
    frame.index = pd.MultiIndex.from_tuples(list(found) or [], names=["column", "regime"])
    return frame
