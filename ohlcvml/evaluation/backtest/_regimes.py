"""Figures of an account as a whole and by regime, annualised by the same sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml.evaluation._performance import daily_and_figures
from ohlcvml.evaluation.backtest import _kernel as _k
from ohlcvml.typing import FloatArray, IntArray

UNKNOWN = "unknown"  # name of the bars for which there is no regime


@dataclass(frozen=True)
class Book:
    """An account and what it takes to judge parts of it."""

    account: _k.Account
    capital: float
    per_year: float
    block: int

    def figures(
        self, rows: Any, starts: IntArray, decision_pnl: FloatArray
    ) -> tuple[FloatArray, dict[str, float]]:
        """Session returns and performance over some bars; sessions start at ``rows[starts]``."""
        return daily_and_figures(
            self.account.net[rows],
            starts,
            self.account.paid[rows],
            self.account.traded[rows],
            self.account.position[rows],
            decision_pnl,
            self.capital,
            self.per_year,
            self.block,
        )


def named_regimes(column: pd.Series) -> npt.NDArray[Any]:
    """Regime of each row; "unknown" where there is none."""
    values = column.to_numpy()
    gone = np.asarray(pd.isna(values))
    if not gone.any():
        return np.asarray(values)
    named = values.astype(object)
    named[gone] = UNKNOWN
    return np.asarray(named)


def sessions_in_block(horizon: int, rows: Any, starts: IntArray) -> int:
    """Sessions that four label horizons fill, at least 1."""
    n = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
    bars = float(np.median(np.diff(np.r_[starts, n])))
    return max(int(np.ceil(4 * horizon / bars)), 1)


def regime_figures(
    book: Book,
    table: pd.DataFrame,
    index: pd.Index,
    rows: Any,
    starts: IntArray,
    ledger: dict[str, Any],
) -> pd.DataFrame:
    """Performance by regime: index (column, regime).

    Every regime has all sessions of the whole, those without a bar of it at 0, so that returns,
    costs and turnover of the regimes add up to those of the whole. Bars without a regime are the
    part "unknown".
    """
    found: dict[tuple[Any, Any], dict[str, float]] = {}
    position = np.arange(len(index))[rows]
    opens = position[starts]
    for name, column in table.reindex(index).items():
        codes, kinds = pd.factorize(column.to_numpy(), sort=True)
        # The regime at a bar's close has seen that bar, so the bar's own P&L counts to the one
        # before it.
        before = np.r_[-1, codes[:-1]][position]
        decided = codes[ledger["first"] - 1]
        for code, kind in [*enumerate(kinds), (-1, UNKNOWN)]:
            mine = position[before == code]
            if len(mine):
                net = ledger["net"][decided == code]
                found[name, kind] = book.figures(mine, np.searchsorted(mine, opens), net)[1]
    frame = pd.DataFrame.from_dict(found, orient="index")
    frame.index = pd.MultiIndex.from_tuples(list(found) or [], names=["column", "regime"])
    return frame
