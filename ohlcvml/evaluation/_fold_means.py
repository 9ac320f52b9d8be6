"""Means over folds, in which a missing fold is not passed over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


def fold_means(tables: Sequence[pd.DataFrame], *, n_folds: int | None = None) -> pd.DataFrame:
    """Mean over folds of tables with one row for each thing scored.

    A mean is missing where a fold lacks the row or its value, or where there are fewer tables than
    ``n_folds``: the mean of the folds that happen to have one is another figure. (The profit factor
    of a fold that lost nothing is undefined; left out, buying and holding had a profit factor of
    0.00 where it earned 0.86 of what it lost.)

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.evaluation._fold_means import fold_means
    >>> one = pd.DataFrame({"auc": [0.5, 0.6], "win_rate": [0.5, 0.4]}, ["calm", "wild"])
    >>> two = pd.DataFrame({"auc": [0.7], "win_rate": [float("nan")]}, ["calm"])
    >>> fold_means([one, two])
          auc  win_rate
    calm  0.6       NaN
    wild  NaN       NaN
    """
    rows: dict[Any, None] = {}  # in order of appearance; an index would sort mixed types
    for table in tables:
        rows |= dict.fromkeys(table.index)
    index = tables[0].index if len(rows) == len(tables[0]) else _index_of(list(rows), tables[0])
    stack = np.stack([table[tables[0].columns].reindex(index).to_numpy(float) for table in tables])
    mean = stack.mean(axis=0)
    if n_folds is not None and n_folds > len(tables):
        mean[:] = np.nan
    return pd.DataFrame(mean, index=index, columns=tables[0].columns)


def _index_of(rows: list[Any], like: pd.DataFrame) -> pd.Index:
    if isinstance(like.index, pd.MultiIndex):
        return pd.MultiIndex.from_tuples(rows, names=like.index.names)
    return pd.Index(rows, name=like.index.name)


def fold_summary(folds: pd.DataFrame) -> pd.DataFrame:
    """Mean, spread and range of each score over the folds, and how many folds have none.

    Index: the numeric columns of ``folds``. Columns ``mean std min max``, NaN where a fold has no
    value, and ``missing``, the number of such folds.
    """
    scores = folds.select_dtypes("number")
    kinds = {
        "mean": scores.mean(skipna=False),
        "std": scores.std(skipna=False),
        "min": scores.min(skipna=False),
        "max": scores.max(skipna=False),
        "missing": scores.isna().sum(),
    }
    return pd.DataFrame(kinds)
