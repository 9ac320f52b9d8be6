"""The out-of-fold rows as backtests: one where each row is tested once, one a path otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ohlcvml.evaluation.backtest import Backtest, Trading
from ohlcvml.typing import IntArray, Labels


def trade_paths(
    labels: Labels, predictions: pd.DataFrame, trading: Trading, path: IntArray | None = None
) -> list[Backtest]:
    """Trade the out-of-fold rows once for each time that they are tested.

    Combinatorial splits test each row several times. Path j is made of the j-th test of each row,
    in order of the splits, as :meth:`~ohlcvml.splits.CombinatorialPurgedCV.paths` assigns them;
    positions are closed where the split changes. Where each row is tested once there is one path.

    Parameters
    ----------
    labels : pd.DataFrame of n rows
        Labels that the rows were scored on, with their specification, fold after fold.
    predictions : pd.DataFrame of n rows
        Columns ``fold`` and ``side``, in the same order.
    trading : Trading
    path : int array of shape (n,), optional
        Path of each row; told from the order of the folds by default.

    Returns
    -------
    list of Backtest
        Empty with several symbols, which are not traded.
    """
    if trading.several:
        return []
    bar = trading.bars.index.get_indexer(labels.index)
    number = pd.Series(bar).groupby(bar).cumcount().to_numpy() if path is None else path
    runs = []
    for one in range(int(number.max()) + 1):
        mine = np.flatnonzero(number == one)
        mine = mine[np.argsort(bar[mine], kind="stable")]
        table = predictions.iloc[mine]
        runs.append(trading.run(table[["side"]], labels.iloc[mine], table["fold"].to_numpy()))
    return runs


def median_path(paths: Sequence[Backtest]) -> Backtest | None:
    """Path of the median net Sharpe ratio (the lower of two); the only one, if there is one."""
    ranked = sorted(paths, key=lambda run: run.scores["net_sharpe"])
    return ranked[(len(ranked) - 1) // 2] if ranked else None
