"""A full labels table from labels of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import (
    boolean,
    check_value,
    either,
    instance_of,
    integer,
    none,
    one_of,
    optional,
    real,
    string,
)
from ohlcvml._elementary import logarithms
from ohlcvml.bars import Contract, Costs, Sessions
from ohlcvml.exceptions import DataError
from ohlcvml.labels import _race
from ohlcvml.labels._given import WHO, numbers, read_given
from ohlcvml.labels._market import Market, latest_specification, read_market, specifications
from ohlcvml.labels._spec import CLASSES, LabelSpec
from ohlcvml.labels._table import check_labels, end_stamps
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray, Labels

_RULES = {
    "horizon": optional(integer(1)),
    "entry": one_of("next_open", "close"),
    "contract": either(string(), instance_of(Contract), none()),
    "costs": optional(instance_of(Costs)),
    "atr_window": integer(1),
    "time_decay": real(0.0, 1.0),
    "session_exit": boolean(),
    "cross_session": boolean(),
}


def labels_from(
    bars: Bars,
    label: Any,
    end: Any,
    *,
    side: Any = None,
    weight: Any = None,
    exit_price: Any = None,
    horizon: int | None = None,
    entry: str = "next_open",
    contract: str | Contract | None = None,
    costs: Costs | None = None,
    atr_window: int = 14,
    time_decay: float = 1.0,
    session_exit: bool = False,
    cross_session: bool = False,
) -> Labels:
    """Make a full labels table, with its specification, of labels of one's own.

    You say what each decision's label is and which bar resolved it; returns, costs and what may
    not be used follow from the bars. A decision at bar i enters at the open of bar i+1 (or at the
    close of i) and exits at the close of its ``end``, or at ``exit_price`` inside that bar.

    Parameters
    ----------
    bars : pd.DataFrame
        Every bar, not only those with a label.
    label : pd.Series, or array of shape (n_bars,)
        −1, 0, +1; with ``side``: 0 skip, 1 take. A Series stands on a part of the bar index in its
        order, an array on all of it. Rows that are NaN have no label.
    end : pd.Series or array, one for each ``label``
        Stamp of the bar that resolved the label; NaT while it is unresolved.
    side : str, int, pd.Series or array, optional
        Meta-labels: the side of the primary model, as the name of a bar column, one side for all,
        or one for each ``label``. Rows where it is 0 or NaN have no label. A model can predict on
        bars only where it has a name or is one for all.
    weight : pd.Series or array, optional
        Weight of your own for each ``label``, finite and at least 0; 1 by default. Do not put
        uniqueness or age into it: ``Samples`` makes these.
    exit_price : pd.Series or array, optional
        Price of the exit for each ``label``, inside the range of its last bar; NaN: its close.
    horizon : int, optional
        Largest number of bars a label may live. It decides which rows are censored (their horizon
        runs past the data) and how much is purged. Default: the longest label given.
    entry, contract, costs, atr_window, time_decay, cross_session
        As in :class:`TripleBarrierLabeller`.
    session_exit : bool, default=False
        Your labels end within the session in which they are entered; checked.

    Returns
    -------
    pd.DataFrame
        A labels table with its :class:`LabelSpec`; ``attrs["unused"]`` counts the labels that got
        no row.

    Raises
    ------
    DataError
        Labels, ends or prices are not of these bars, or do not keep the table's contract.
    ParameterError
        A parameter breaks its rule.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.bars import Costs, simulate_bars
    >>> from ohlcvml.labels import LabelSpec, labels_from
    >>> bars = simulate_bars(200, seed=0).bars
    >>> later = bars["close"].shift(-10)
    >>> label = np.sign(later - bars["close"]).where(later.notna())
    >>> end = bars.index.to_series().shift(-10)
    >>> labels = labels_from(bars, label, end, horizon=10, costs=Costs(spread=0.5))
    >>> len(labels), LabelSpec.of(labels).horizon, labels["weight"].unique().tolist()
    (190, 10, [1.0])
    """
    given = locals()
    for name, rule in _RULES.items():
        check_value(WHO, name, rule, given[name])
    if costs is not None:
        costs.round_trip(contract, price=1.0)  # says itself when it needs a contract
    market = read_market(bars, atr_window, Sessions.of(contract), WHO)
    told = read_given(bars, market, label, end, side, weight, exit_price)
    told, unused = _tradable(told, market, entry, cross_session)
    start, last = told["start"], told["last"]
    entry_row = start + 1 if entry == "next_open" else start
    _check_spans(market, entry_row, last, session_exit)
    longest = int((last - start)[last >= 0].max(initial=1))
    if horizon is not None and horizon < longest:
        raise DataError(
            f"{WHO}: parameter 'horizon' must not be shorter than a label; got {horizon}, the "
            f"longest lives {longest} bars. Leave it out, or pass the largest number of bars a "
            "label may live."
        )
    h = longest if horizon is None else horizon
    entry_price = (market.open if entry == "next_open" else market.close)[entry_row]
    code, price = _exits(market, last, told["price"], entry_price)
    resolved = last >= 0
    unit = "log"
    cost = _cost(market, start, entry_price, contract, costs)
    if (np.minimum(entry_price, np.where(resolved, price, np.inf)) <= 0.0).any():
        unit, ret = "points", price - entry_price
    else:
        ret, cost = logarithms(price / entry_price), cost / entry_price
    verdict = told["label"]
    traded = told.get("side", verdict)
    net = traded * ret - cost
    if side is None:
        net = np.where(verdict != 0, net, np.where(resolved, 0.0, np.nan))
    data: dict[str, Any] = {"label": verdict}
    if side is not None:
        data["side"] = told["side"]
    data |= {
        "end": end_stamps(market.index, last),
        "ret": ret,
        "cost": cost,
        "net_ret": net,
        "weight": told["weight"],
        "exit": code,
        "censored": start + h > market.final[start],
    }
    table = pd.DataFrame(data, index=market.index[start], copy=False)
    unused["censored"] = int(table["censored"].sum())
    table.attrs["unused"] = unused
    kind = "direction" if side is None else "meta"
    spec = LabelSpec(
        kind=kind,
        rule="own",
        classes=CLASSES[kind],
        horizon=h,
        atr_window=atr_window,
        entry=entry,
        session_exit=session_exit,
        cross_session=cross_session,
        roll="exit",
        side=side if isinstance(side, (str, int)) else None,
        k_up=None,
        k_down=None,
        unit="atr",
        trailing=False,
        cost_adjustment=None,
        both="zero",
        weighting=None if weight is None else "own",
        time_decay=float(time_decay),
        return_unit=unit,
        round_trip=_constant(contract, costs, market.index),
        contract=latest_specification(contract, market.index),
        costs=costs,
    )
    table = spec.attach(table)
    check_labels(table, bars, WHO)
    return table


def _tradable(
    told: dict[str, Any], market: Market, entry: str, cross_session: bool
) -> tuple[dict[str, Any], dict[str, int]]:
    """Leave out decisions that open no position; say how many, by reason."""
    start = told["start"]
    following = np.minimum(start + 1, len(market.index) - 1)
    entry_row = following if entry == "next_open" else start
    label = numbers(told["label"], "label")
    keep, unused = ~np.isnan(label), {}

    def leave_out(reason: str, bad: BoolArray) -> None:
        unused[reason] = int((keep & bad).sum())
        keep[bad] = False

    if "side" in told:
        leave_out("no_side", ~np.isin(told["side"], (-1.0, 1.0)))
    leave_out("no_next_bar", market.final[start] == start)
    if not cross_session:
        leave_out("next_session", market.session_run[following] != market.session_run[start])
    leave_out("no_fill", ~market.trades[entry_row])
    if (label[keep] != np.round(label[keep])).any():
        raise DataError(
            f"{WHO}: 'label' must hold integers; got {label[keep][label[keep] % 1 != 0][0]}. "
            "Cut a score into classes first, e.g. by its sign."
        )
    whole = {name: values[keep] for name, values in told.items()} | {"label": label[keep]}
    whole["label"] = whole["label"].astype(np.int64)
    if (np.abs(whole["label"]) > 127).any():
        raise DataError(
            f"{WHO}: 'label' must be -1, 0 or 1; got {np.abs(whole['label']).max()}. Recode it."
        )
    whole["label"] = whole["label"].astype(np.int8)
    if "side" in told:
        whole["side"] = whole["side"].astype(np.int8)
    return whole, unused


def _check_spans(market: Market, entry_row: IntArray, last: IntArray, session_exit: bool) -> None:
    """Labels end in the contract, and where they say so in the session, that they enter."""
    known = last >= 0
    first, last = entry_row[known], last[known]
    spans = {"contract": (market.contract_run, "roll there: end it at the old contract's last bar")}
    if session_exit:
        spans["session"] = (market.session_run, "end it by the session's close (session_exit=True)")
    for what, (run, remedy) in spans.items():
        bad = run[first] != run[last]
        if bad.any():
            at = market.index[first[bad][0]]
            raise DataError(
                f"{WHO}: a label must end in the {what} in which it is entered; {int(bad.sum())} "
                f"do not, the first is entered at {at}. Positions that {remedy}."
            )


def _exits(
    market: Market, last: IntArray, given: FloatArray, entry: FloatArray
) -> tuple[Any, FloatArray]:
    """Exit codes and prices: at the close, or inside the bar at the price given."""
    known = last >= 0
    row = np.where(known, last, 0)
    inside = known & ~np.isnan(given)
    slack = 1e-9 * np.abs(market.close[row])
    odd = inside & ((given > market.high[row] + slack) | (given < market.low[row] - slack))
    if odd.any():
        at = int(np.flatnonzero(odd)[0])
        raise DataError(
            f"{WHO}: 'exit_price' must lie in the range of the label's last bar; got {given[at]} "
            f"at {market.index[row[at]]}, which traded {market.low[row[at]]} to "
            f"{market.high[row[at]]}. Give prices of the traded contract, or NaN for the close."
        )
    price = np.where(known, np.where(inside, given, market.close[row]), np.nan)
    code = np.where(known, _race.TIME, _race.UNRESOLVED)
    code = np.where(inside, np.where(given >= entry, _race.UP, _race.DOWN), code)
    return code.astype(np.int8), price


def _cost(
    market: Market,
    start: IntArray,
    entry: FloatArray,
    contract: str | Contract | None,
    costs: Costs | None,
) -> FloatArray:
    """Round trip of each label in price units, at the specification of its day."""
    cost = np.zeros(len(start))
    if costs is not None:
        for spec, holds in specifications(contract, market.index):
            mine = np.ones(len(start), dtype=bool) if holds is None else holds[start]
            cost[mine] = costs.round_trip(spec, price=entry[mine])
    return cost


def _constant(
    contract: str | Contract | None, costs: Costs | None, index: pd.Index
) -> float | None:
    """Round trip in price units where all labels pay the same."""
    if costs is None:
        return 0.0
    found = {costs.round_trip(spec, price=0.0) for spec, _ in specifications(contract, index)}
    return None if costs.rate_per_side or len(found) > 1 else float(found.pop())
