"""Planted leaks with known answers: honest checks catch every one of them.

Each is wrong on purpose, in a way that has been published as right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sktime.split.base import BaseSplitter

from ohlcvml.streams import BaseBarTransformer
from ohlcvml.typing import Bars, Features, IntArray

__all__ = [
    "CentredMean",
    "ForwardFilledResample",
    "FullSampleScaler",
    "IgnoredLabelEnds",
    "SmoothedState",
    "planted_leaks",
]


class _Leak(BaseBarTransformer):
    """A stateless transformer that claims to be production safe."""

    _tags = {
        "X_inner_mtype": "pd.DataFrame",
        "y_inner_mtype": "None",
        "scitype:transform-input": "Series",
        "scitype:transform-output": "Series",
        "fit_is_empty": True,
        "capability:multivariate": True,
        "is_production_safe": True,
    }


class CentredMean(_Leak):
    """Distance to a moving average whose window is centred on the bar."""

    def _transform(self, X: Bars, y: Any = None) -> Features:
        return X[["close"]] - X[["close"]].rolling(9, center=True, min_periods=1).mean()


class FullSampleScaler(_Leak):
    """Returns scaled by the mean and deviation of the whole table given."""

    def _transform(self, X: Bars, y: Any = None) -> Features:
        returns = X[["close"]].pct_change().fillna(0.0)
        return (returns - returns.mean()) / returns.std()


class SmoothedState(_Leak):
    """A volatility state smoothed forward and then backward, as a Viterbi path is."""

    def _transform(self, X: Bars, y: Any = None) -> Features:
        size = X[["close"]].pct_change().abs().fillna(0.0)
        forward = size.ewm(span=20).mean()
        return forward[::-1].ewm(span=20).mean()[::-1]


class ForwardFilledResample(_Leak):
    """Fifteen-minute closes joined by the stamp of their opening instead of when they are known."""

    def _transform(self, X: Bars, y: Any = None) -> Features:
        coarse = X["close"].resample("15min").last()
        return (coarse.reindex(X.index, method="ffill") - X["close"]).to_frame("close_15min")


class IgnoredLabelEnds(BaseSplitter):  # type: ignore[misc]
    """Five folds cut at row numbers, as if every label resolved at once."""

    _tags = {"split_hierarchical": False}

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield (training rows, test rows)."""
        rows = np.arange(len(X))
        for test in np.array_split(rows, 5):
            yield np.setdiff1d(rows, test), test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Five."""
        return 5


def planted_leaks() -> list[Any]:
    """One object of each planted leak.

    Examples
    --------
    >>> from ohlcvml.testing import check_estimator, planted_leaks
    >>> results = check_estimator(planted_leaks()[0], sktime_suite=False)
    >>> any(result != "PASSED" for result in results.values())
    True
    """
    return [
        CentredMean(),
        FullSampleScaler(),
        SmoothedState(),
        ForwardFilledResample(),
        IgnoredLabelEnds(),
    ]
