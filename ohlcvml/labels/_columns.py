"""The columns of the labels table, from what became of the decisions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ohlcvml.labels import _race
from ohlcvml.labels._market import Market
from ohlcvml.labels._table import end_stamps
from ohlcvml.typing import FloatArray, IntArray, Labels

__all__ = ["Decided", "label_table"]


class Decided(NamedTuple):
    """Decisions that opened a position, ascending, each array of shape (n_decisions,)."""

    rows: IntArray
    outcome: _race.Outcome
    cost: FloatArray  # round trip in price units

    @classmethod
    def joined(cls, parts: list[Decided]) -> Decided:
        """One of several parts, its rows put in order."""
        if len(parts) == 1:
            return parts[0]
        rows = np.concatenate([part.rows for part in parts])
        order = np.argsort(rows, kind="stable")
        columns: list[Any] = [
            np.concatenate([part.outcome[k] for part in parts])[order] for k in range(4)
        ]
        cost = np.concatenate([part.cost for part in parts])[order]
        return cls(rows[order], _race.Outcome(*columns), cost)


def label_table(
    market: Market,
    decided: Decided,
    *,
    at_open: bool,
    hold: bool,
    barriers: bool,
    net: bool,
    side: FloatArray | None,
    weighting: str | None,
) -> tuple[Labels, str]:
    """Return the labels table and the unit of its returns.

    Parameters
    ----------
    at_open : bool
        Entered at the open of the next bar.
    hold : bool
        Positions were rolled.
    barriers : bool
        The label is the barrier's verdict, else the sign of the return.
    net : bool
        A return within its cost has no sign.
    side : float64 array of shape (n_bars,) or None
        Of the primary model: then the label says whether following it paid.
    weighting : str or None
    """
    rows, outcome, cost = decided
    entry_row = rows + 1 if at_open else rows
    entry = (market.open if at_open else market.close)[entry_row]
    resolved = outcome.exit_row >= 0
    exit_price = outcome.price
    if hold and market.rolls:
        # In prices of the contract that was entered: a roll is no profit.
        held_to = np.where(resolved, outcome.exit_row, entry_row)
        exit_price = exit_price + (market.offset[held_to] - market.offset[entry_row])
    unit = "log"
    if len(rows) and (entry.min() <= 0.0 or exit_price[resolved].min(initial=np.inf) <= 0.0):
        unit, ret = "points", exit_price - entry
    else:
        ret = np.log(exit_price / entry)
        cost = cost / entry
    if side is not None:
        long = side[rows]
        earned = long * ret - cost  # NaN while unresolved
        label = (earned > 0.0).astype(np.int8)
    else:
        label = _direction(outcome, ret, cost, barriers=barriers, net=net)
        earned = np.where(label != 0, label * ret - cost, np.where(resolved, 0.0, np.nan))
    censored = (outcome.flags & _race.CENSORED) > 0
    data: dict[str, Any] = {"label": label}
    if side is not None:
        data["side"] = long.astype(np.int8)
    data |= {
        "end": end_stamps(market.index, outcome.exit_row),
        "ret": ret,
        "cost": cost,
        "net_ret": earned,
        "weight": _weights(ret, censored, weighting),
        "exit": outcome.code,
        "censored": censored,
    }
    index = market.index if len(rows) == len(market.index) else market.index[rows]
    return pd.DataFrame(data, index=index, copy=False), unit


def _direction(
    outcome: _race.Outcome, ret: FloatArray, cost: FloatArray, *, barriers: bool, net: bool
) -> Any:
    if barriers:
        return (outcome.code == _race.UP).astype(np.int8) - (outcome.code == _race.DOWN)
    sign = np.sign(np.nan_to_num(ret)).astype(np.int8)
    return np.where(np.abs(ret) > cost, sign, np.int8(0)) if net else sign  # NaN compares false


def _weights(ret: FloatArray, censored: Any, weighting: str | None) -> FloatArray:
    """The labeller's own weighting; 0 for rows that nobody may use."""
    own = np.abs(ret) if weighting == "return" else 1.0
    return np.where(censored, 0.0, own)
