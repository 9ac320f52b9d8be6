"""The columns of the labels table, from what became of the decisions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ohlcvml._compiling import njit
from ohlcvml._elementary import logarithms
from ohlcvml.labels import _race
from ohlcvml.labels._market import Market
from ohlcvml.labels._race import CENSORED, DOWN, UP
from ohlcvml.labels._table import end_stamps
from ohlcvml.typing import FloatArray, IntArray, Labels


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
    exit_price = outcome.price
    if hold and market.rolls:
        # In prices of the contract that was entered: a roll is no profit.
        entry_row, resolved = rows + int(at_open), outcome.exit_row >= 0
        held_to = np.where(resolved, outcome.exit_row, entry_row)
        exit_price = exit_price + (market.offset[held_to] - market.offset[entry_row])
    entry, growth, positive = _growth(
        rows, market.open if at_open else market.close, int(at_open), exit_price, outcome.exit_row
    )
    unit = "log" if positive else "points"
    ret = logarithms(growth, growth) if positive else exit_price - entry
    label, fraction, earned, weight, censored = _worth(
        rows,
        entry,
        ret,
        outcome.exit_row,
        outcome.code,
        outcome.flags,
        cost,
        np.empty(0) if side is None else side,
        barriers,
        net,
        weighting == "return",
        not positive,
    )
    data: dict[str, Any] = {"label": label}
    if side is not None:
        data["side"] = side[rows].astype(np.int8)
    data |= {
        "end": end_stamps(market.index, outcome.exit_row),
        "ret": ret,
        "cost": fraction,
        "net_ret": earned,
        "weight": weight,
        "exit": outcome.code,
        "censored": censored,
    }
    return pd.DataFrame(data, index=_index_of(market.index, rows), copy=False), unit


def _index_of(index: pd.Index, rows: IntArray) -> pd.Index:
    """The index of some rows; a stretch of it is not copied."""
    if len(rows) == len(index):
        return index
    if len(rows) == 0 or rows[-1] - rows[0] + 1 != len(rows):
        return index[rows]
    stretch = index[rows[0] : rows[-1] + 1]
    if isinstance(stretch, pd.DatetimeIndex):
        stretch.freq = None  # type: ignore[misc]  # as for any other selection of rows
    return stretch


@njit(cache=True, error_model="numpy")
def _growth(rows, price, shift, exit_price, exit_row):  # type: ignore[no-untyped-def]
    """Entry prices, exit over entry, and whether all of them are positive."""
    n, positive = len(rows), True
    entry, growth = np.empty(n), np.empty(n)
    for k in range(n):
        entry[k] = price[rows[k] + shift]
        growth[k] = exit_price[k] / entry[k]
        positive &= (entry[k] > 0.0) & ((exit_row[k] < 0) | (exit_price[k] > 0.0))
    return entry, growth, positive


@njit(cache=True, error_model="numpy")
def _worth(  # type: ignore[no-untyped-def]
    rows,
    entry,
    ret,
    exit_row,
    code,
    flags,
    cost,
    side,
    barriers,
    net,
    by_return,
    points,
):
    """Label, cost, net return, weight, and whether censored: what each decision was worth."""
    n, follows = len(rows), len(side) > 0
    label, fraction, earned = np.empty(n, np.int8), np.empty(n), np.empty(n)
    weight, censored = np.empty(n), np.empty(n, np.bool_)
    for k in range(n):
        r, resolved = ret[k], exit_row[k] >= 0
        c = cost[k] if points else cost[k] / entry[k]
        fraction[k] = c
        if follows:
            worth = side[rows[k]] * r - c  # NaN while unresolved
            label[k], earned[k] = worth > 0.0, worth
        else:
            if barriers:
                verdict = (1 if code[k] == UP else 0) - (1 if code[k] == DOWN else 0)
            elif net and not abs(r) > c:  # NaN, too, is not above the cost
                verdict = 0
            else:
                verdict = (1 if r > 0.0 else 0) - (1 if r < 0.0 else 0)
            label[k] = verdict
            earned[k] = verdict * r - c if verdict != 0 else (0.0 if resolved else np.nan)
        censored[k] = (flags[k] & CENSORED) > 0
        weight[k] = 0.0 if censored[k] else (abs(r) if by_return else 1.0)
    return label, fraction, earned, weight, censored
