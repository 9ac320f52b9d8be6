"""From orders to the account: run the kernel, mark, group by session and by regime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml.bars import Contract, Sessions
from ohlcvml.evaluation import _backtest_kernel as _k
from ohlcvml.evaluation._backtest_decisions import Prices, nanoseconds
from ohlcvml.evaluation._backtest_result import Backtest
from ohlcvml.evaluation._performance import performance
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, FloatArray, IntArray

__all__ = ["Run", "assemble"]

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


class Flows(NamedTuple):
    """What happened in each bar, each of shape (n_bars,); the first two in money."""

    pnl: FloatArray
    paid: FloatArray
    traded: FloatArray
    position: FloatArray


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
    rows = _evaluated(spans)
    starts = _session_starts(day, rows)
    last_bars = np.arange(len(bars))[rows][np.r_[starts[1:], 0] - 1]
    ledger = {
        "session_ends": bars.index[last_bars],
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
    flows = Flows(net, paid, traded, position)
    per_year = run.sessions.per_year_of(bars.index)
    scores = _figures(flows, day, rows, gross - cost, capital, per_year)
    index = bars.index[window]
    dates = np.asarray(day[rows][starts], dtype="datetime64[D]").astype("datetime64[ns]")
    daily = np.add.reduceat(net[rows], starts) / capital
    regimes = None
    if run.regime is not None:
        regimes = _by_regime(run, flows, day, rows, decided[keep], gross - cost, capital, per_year)
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
    return np.concatenate(parts).astype(np.int64)


def _session_starts(day: IntArray, rows: Any) -> IntArray:
    days = day[rows]
    return np.asarray(np.r_[0, np.flatnonzero(days[1:] != days[:-1]) + 1], dtype=np.int64)


def _funding_paid(run: Run, first: IntArray, last: IntArray, side: Any) -> FloatArray:
    """Funding of one unit held at the closes of bars first … last − 1, in price units."""
    total = [np.r_[0.0, np.cumsum(stream)] for stream in run.funding]
    long, short = (t[last] - t[first] for t in total)
    return np.asarray(np.where(side > 0, long, short))


def _figures(
    flows: Flows,
    day: IntArray,
    rows: Any,
    decision_pnl: FloatArray,
    capital: float,
    per_year: float,
) -> dict[str, float]:
    return performance(
        flows.pnl[rows],
        _session_starts(day, rows),
        paid=flows.paid[rows],
        traded=flows.traded[rows],
        position=flows.position[rows],
        decision_pnl=decision_pnl,
        capital=capital,
        per_year=per_year,
    )


def _by_regime(
    run: Run,
    flows: Flows,
    day: IntArray,
    rows: Any,
    decided: IntArray,
    decision_pnl: FloatArray,
    capital: float,
    per_year: float,
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
            taken = decision_pnl[codes[decided] == code]
            found[name, kind] = _figures(flows, day, mine, taken, capital, per_year)
    frame = pd.DataFrame.from_dict(found, orient="index")
    frame.index = pd.MultiIndex.from_tuples(list(found) or [], names=["column", "regime"])
    return frame
