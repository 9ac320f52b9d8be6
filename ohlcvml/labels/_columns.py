"""The columns of the labels table, from what became of the decisions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ohlcvml._compiling import njit
from ohlcvml._elementary import log
from ohlcvml.labels import _race
from ohlcvml.labels._market import Market
from ohlcvml.labels._race import CENSORED, DOWN, UP
from ohlcvml.labels._table import end_stamps
from ohlcvml.typing import FloatArray, IntArray, Labels

BLOCK = 256  # decisions whose columns are made together


class Decided(NamedTuple):
    """Decisions that opened a position, ascending, each array of shape (n_decisions,)."""

    rows: IntArray
    outcome: _race.Outcome
    cost: FloatArray  # round trip in price units; shape (1,) where all pay the same

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
        cost = np.concatenate([np.broadcast_to(p.cost, len(p.rows)) for p in parts])[order]
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
    n = len(rows)
    label, censored = np.empty(n, dtype=np.int8), np.empty(n, dtype=bool)
    ret, fraction, earned, weight = (np.empty(n) for _ in range(4))
    for points in (False, True):
        positive = _columns(
            rows,
            market.open if at_open else market.close,
            int(at_open),
            outcome.exit_row,
            exit_price,
            outcome.code,
            outcome.flags,
            cost,
            np.empty(0) if side is None else side,
            barriers,
            net,
            weighting == "return",
            points,
            np.empty(BLOCK),
            label,
            ret,
            fraction,
            earned,
            weight,
            censored,
        )
        if positive:
            break
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
    return pd.DataFrame(
        data, index=_index_of(market.index, rows), copy=False
    ), "points" if points else "log"


def _index_of(index: pd.Index, rows: IntArray) -> pd.Index:
    """The index of some rows; a stretch of it is not copied."""
    if len(rows) == 0 or rows[-1] - rows[0] + 1 != len(rows):
        return index[rows]
    stretch = index[rows[0] : rows[-1] + 1]
    if isinstance(stretch, pd.DatetimeIndex):
        stretch.freq = None  # type: ignore[misc]  # as for any other selection of rows
    return stretch


@njit(cache=True, error_model="numpy")
def _columns(  # type: ignore[no-untyped-def]
    rows,
    price,
    shift,
    exit_row,
    exit_price,
    code,
    flags,
    cost,
    side,
    barriers,
    net,
    by_return,
    points,
    entry,
    label,
    ret,
    fraction,
    earned,
    weight,
    censored,
):
    """Write what each decision was worth, and return whether every price is positive.

    ``cost`` has one value, or one for each decision. Returns are logarithms, or price differences
    with ``points``. Each loop does one thing to a block that stays in the first cache, so that the
    compiler turns it into vector instructions.
    """
    positive, follows, each = True, len(side) > 0, len(cost) > 1
    for start in range(0, len(rows), BLOCK):
        stop = min(start + BLOCK, len(rows))
        row, last, closing = rows[start:stop], exit_row[start:stop], exit_price[start:stop]
        exits, flag, e = code[start:stop], flags[start:stop], entry[: stop - start]
        out, verdict, share = ret[start:stop], label[start:stop], fraction[start:stop]
        gain, heavy, cut = earned[start:stop], weight[start:stop], censored[start:stop]
        n = stop - start
        for k in range(n):
            e[k] = price[np.uint64(row[k] + shift)]
        for k in range(n):
            positive &= (e[k] > 0.0) & ((last[k] < 0) | (closing[k] > 0.0))
        if points:
            for k in range(n):
                out[k] = closing[k] - e[k]
        else:
            for k in range(n):
                out[k] = log(closing[k] / e[k])
        for k in range(n):
            share[k] = cost[start + k] if each else cost[0]
        if not points:
            for k in range(n):
                share[k] /= e[k]
        if follows:
            for k in range(n):
                gain[k] = side[np.uint64(row[k])] * out[k] - share[k]  # NaN while unresolved
                verdict[k] = gain[k] > 0.0
        else:
            if barriers:
                for k in range(n):
                    verdict[k] = np.int8(exits[k] == UP) - np.int8(exits[k] == DOWN)
            else:
                for k in range(n):
                    least = share[k] if net else 0.0  # NaN, too, is not above the cost
                    beyond = np.int8(abs(out[k]) > least)
                    verdict[k] = beyond * (np.int8(out[k] > 0.0) - np.int8(out[k] < 0.0))
            for k in range(n):
                flat = 0.0 if last[k] >= 0 else np.nan
                worth = verdict[k] * out[k] - share[k]
                gain[k] = worth if verdict[k] != 0 else flat
        for k in range(n):
            cut[k] = (flag[k] & CENSORED) > 0
        for k in range(n):
            heavy[k] = 0.0 if cut[k] else (abs(out[k]) if by_return else 1.0)
    return positive
