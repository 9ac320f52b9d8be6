"""Which columns wander like a price: near-unit-root columns, found on a random walk."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds, run_starts, utc_days
from ohlcvml.testing._future import told_size
from ohlcvml.testing._report import LawBroken
from ohlcvml.typing import Bars, Features, FloatArray

_LIMIT, _WEEKS, _BARS = 0.5, 10, 7 * 1440


def near_unit_root_columns(transformer: Any, *, limit: float = _LIMIT) -> dict[str, float]:
    """Columns that drift like a price even on bars without any memory.

    The bars are a random walk of independent, identical 1-minute steps over ten weeks, so nothing
    in them lasts: what lasts in a column, the column makes. Each column is judged by the share of
    its variance that lies between weeks (:func:`weekly_share`): about 0.9 for the price itself, at
    most 2 m / 10,080 or so for a column that remembers m bars, 0 for the time of day. Such columns
    tell a model which period it is in, and two-sided splits leak through them.

    Parameters
    ----------
    transformer : transformer
        Of bars, with nothing to learn or fitted.
    limit : float, default=0.5
        Share above which a column is reported.

    Returns
    -------
    dict of str to float
        Name and share of each column above the limit.

    Examples
    --------
    >>> from ohlcvml.features import ReturnFeatures, TrendFeatures
    >>> from ohlcvml.testing import near_unit_root_columns
    >>> near_unit_root_columns(ReturnFeatures(lags=(1, 60)))
    {}
    >>> list(near_unit_root_columns(ReturnFeatures(lags=(60, 20_000))))
    ['log_return_20000']
    """
    bars = _random_walk()
    if told_size(transformer) != "1min":  # the same walk, at that size
        bars = bars.set_axis(_time(told_size(transformer)))
    if not transformer.is_fitted:
        transformer = transformer.clone().fit(bars.iloc[:1440])
    share = weekly_share(transformer.transform(bars))
    return {str(name): float(value) for name, value in share.items() if value > limit}


def weekly_share(table: Features) -> pd.Series:
    """Share of each column's variance that lies between its weekly means.

    Parameters
    ----------
    table : pd.DataFrame
        Columns on a time index, several weeks long. NaN are left out.

    Returns
    -------
    pd.Series
        Between 0 and 1, indexed by column; 0 for a constant.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.testing import weekly_share
    >>> time = pd.date_range("2024-01-04", periods=4, freq="84h", tz="UTC")
    >>> weekly_share(pd.DataFrame({"level": [1, 1, 5, 5], "switch": [0, 1, 0, 1]}, index=time))
    level     1.0
    switch    0.0
    dtype: float64
    """
    values = table.to_numpy(dtype=np.float64)
    week = utc_days(nanoseconds(table.index)) // 7
    starts = run_starts(week)
    return pd.Series([_share(column, starts) for column in values.T], index=table.columns)


def _share(column: FloatArray, starts: Any) -> float:
    known = ~np.isnan(column)
    if not known.any():
        return 0.0
    centred = np.where(known, column - column[known].mean(), 0.0)
    total = float((centred**2).sum())
    count = np.add.reduceat(known.astype(np.float64), starts)
    sums = np.add.reduceat(centred, starts)
    between = float((sums[count > 0] ** 2 / count[count > 0]).sum())
    return between / total if total > 0 else 0.0


@lru_cache(maxsize=1)
def _random_walk() -> Bars:
    generator = np.random.default_rng(20240101)
    n, steps = _WEEKS * _BARS, 8
    path = np.cumsum(generator.normal(0, 2e-4 / np.sqrt(steps), n * steps)).reshape(n, steps)
    before = np.r_[0.0, path[:-1, -1]]
    path = 5000 * np.exp(np.column_stack([before, path]))
    columns = {
        "open": path[:, 0],
        "high": path.max(axis=1),
        "low": path.min(axis=1),
        "close": path[:, -1],
        "volume": np.round(generator.lognormal(5, 1, n)) + 1,
    }
    return pd.DataFrame(columns, index=_time("1min"))


def _time(bar_size: str) -> pd.DatetimeIndex:
    # From a Thursday, as weeks are counted from the first of 1970.
    return pd.date_range("2024-01-04", periods=_WEEKS * _BARS, freq=bar_size, tz="UTC", name="time")


def stationary_by_design(transformer: Any) -> None:
    """No column of a feature that learns nothing wanders like a price."""
    if not (hasattr(transformer, "describe") and transformer.get_tag("fit_is_empty")):
        return
    wandering = near_unit_root_columns(transformer)
    if wandering:
        raise LawBroken(
            f"{type(transformer).__name__}: columns {wandering} are near a unit root: so much of "
            "their variance lies between weeks of a random walk. Relate them to a recent level."
        )
