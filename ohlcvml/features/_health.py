"""The state of a feature table: what is missing, constant, wild or drifting."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, rankdata

from ohlcvml._threads import one_blas_thread
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Features, FloatArray

_WILD = 10.0  # robust deviations from the median


def feature_health(table: Features) -> pd.DataFrame:
    """Judge each column of a feature table over its whole length.

    For looking at data, not for choosing columns to trade on: the figures see all rows.

    Parameters
    ----------
    table : pd.DataFrame
        Features, shape (n_rows, n_columns), on a time index or on (symbol, time).

    Returns
    -------
    pd.DataFrame
        One row per column:

        - ``warm_up``: rows before the first value;
        - ``missing``: share of NaN after them;
        - ``constant``: whether there are fewer than two different values;
        - ``outliers``: share of values more than ten robust deviations (1.4826 times the median
          absolute deviation) from the median; 0 where that deviation is 0;
        - ``shift``: difference of the medians of the later and the earlier half of time, in robust
          deviations of the whole;
        - ``drift``: largest difference between the distribution functions of the two halves
          (Kolmogorov and Smirnov's distance), 0 to 1;
        - ``persistence``: autocorrelation at lag 1;
        - ``twin``, ``twin_correlation``: the other column whose rank correlation is largest in
          absolute value, and that correlation.

    Raises
    ------
    DataError
        If the table has no rows or columns that are not numbers.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnFeatures, feature_health
    >>> table = ReturnFeatures(lags=(1, 2)).fit_transform(simulate_bars(2000, seed=0).bars)
    >>> feature_health(table)[["warm_up", "missing", "constant", "twin"]]
                  warm_up  missing  constant          twin
    log_return_1        1      0.0     False  log_return_2
    log_return_2        2      0.0     False  log_return_1
    """
    if len(table) == 0 or any(dtype.kind not in "fiub" for dtype in table.dtypes):
        raise DataError(
            "feature_health: 'table' must have rows, and numbers in every column; got shape "
            f"{table.shape}, dtypes {sorted({str(dtype) for dtype in table.dtypes})}. Pass what "
            "the transform of a feature returns."
        )
    time = table.index.get_level_values(-1)
    late = np.asarray(time >= time.sort_values()[len(time) // 2])
    values = table.to_numpy(dtype=np.float64)
    health = pd.DataFrame([_judge(column, late) for column in values.T], index=table.columns)
    return health.join(_twins(table))


def _judge(column: FloatArray, late: np.ndarray) -> dict[str, float | int | bool]:
    known = ~np.isnan(column)
    warm_up = int(np.argmax(known)) if known.any() else len(column)
    present = column[known]
    median = float(np.median(present)) if len(present) else np.nan
    scale = 1.4826 * float(np.median(np.abs(present - median))) if len(present) else 0.0
    before, after = column[known & ~late], column[known & late]
    both = min(len(before), len(after)) > 0
    shift = float(np.median(after) - np.median(before)) / scale if both and scale > 0 else np.nan
    return {
        "warm_up": warm_up,
        "missing": float(np.mean(~known[warm_up:])) if warm_up < len(column) else 1.0,
        "constant": len(present) == 0 or bool((present == present[0]).all()),
        "outliers": float(np.mean(np.abs(present - median) > _WILD * scale)) if scale > 0 else 0.0,
        "shift": shift,
        "drift": _distance(before, after) if both else np.nan,
        "persistence": _persistence(column),
    }


def _distance(a: FloatArray, b: FloatArray) -> float:
    return float(ks_2samp(a, b, method="asymp").statistic)


def _persistence(column: FloatArray) -> float:
    before, after = column[:-1], column[1:]
    both = ~np.isnan(before) & ~np.isnan(after)
    before, after = before[both], after[both]
    if len(before) < 2 or before.std() == 0 or after.std() == 0:
        return np.nan
    return float(np.corrcoef(before, after)[0, 1])


def rank_correlation(values: FloatArray) -> FloatArray:
    """Spearman's correlation of the columns, 0 with a constant one; shape (columns, columns).

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.features import rank_correlation
    >>> rank_correlation(np.array([[1.0, 9.0], [2.0, 4.0], [3.0, 1.0]])).round(2)
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    ranks = rankdata(values, axis=0)
    spread = ranks.std(axis=0)
    scaled = (ranks - ranks.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    with one_blas_thread():
        return np.asarray(scaled.T @ scaled / len(scaled))


def _twins(table: Features) -> pd.DataFrame:
    values = table.to_numpy(dtype=np.float64)
    complete = values[~np.isnan(values).any(axis=1)]
    names = list(map(str, table.columns))
    if len(complete) < 3 or len(names) < 2:
        return pd.DataFrame({"twin": "", "twin_correlation": np.nan}, index=table.columns)
    correlation = rank_correlation(complete)
    np.fill_diagonal(correlation, 0.0)
    at = np.abs(correlation).argmax(axis=1)
    found = correlation[np.arange(len(names)), at]
    twin = [names[k] if value else "" for k, value in zip(at, found, strict=True)]
    return pd.DataFrame({"twin": twin, "twin_correlation": found}, index=table.columns)
