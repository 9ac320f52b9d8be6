"""The out-of-fold rows as backtests: one where each row is tested once, one a path otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ohlcvml.evaluation.backtest import Backtest, Trading
from ohlcvml.samples import Samples

__all__ = ["median_path", "trade_paths"]


def trade_paths(
    tests: Sequence[Samples], predictions: pd.DataFrame, trading: Trading
) -> list[Backtest]:
    """Trade the out-of-fold rows once for each time that they are tested.

    Combinatorial splits test each row several times. Path j is made of the j-th test of each row,
    in order of the splits, as :meth:`~ohlcvml.splits.CombinatorialPurgedCV.paths` assigns them;
    positions are closed where the split changes. Where each row is tested once there is one path.

    Parameters
    ----------
    tests : sequence of Samples
        Test rows of each fold, with the labels it was scored on.
    predictions : pd.DataFrame
        Their predictions, one below the other: columns ``fold`` and ``side``.
    trading : Trading

    Returns
    -------
    list of Backtest
        Empty with several symbols, which are not traded.
    """
    if trading.several:
        return []
    labels = pd.concat([test.labels.iloc[test.rows] for test in tests])
    bar = trading.bars.index.get_indexer(labels.index)
    path = pd.Series(bar).groupby(bar).cumcount().to_numpy()
    runs = []
    for number in range(int(path.max()) + 1):
        mine = np.flatnonzero(path == number)
        mine = mine[np.argsort(bar[mine], kind="stable")]
        table = predictions.iloc[mine]
        own = tests[0].spec.attach(labels.iloc[mine])
        runs.append(trading.run(table[["side"]], own, table["fold"].to_numpy()))
    return runs


def median_path(paths: Sequence[Backtest]) -> Backtest | None:
    """Path of the median net Sharpe ratio (the lower of two); the only one, if there is one."""
    ranked = sorted(paths, key=lambda run: run.scores["net_sharpe"])
    return ranked[(len(ranked) - 1) // 2] if ranked else None
