"""Models: classifiers of bars, each with the same contract."""

from ohlcvml.models.tabular import (
    LightGBMClassifier,
    LogisticClassifier,
    SklearnClassifier,
    XGBoostClassifier,
)

__all__ = [
    "LightGBMClassifier",
    "LogisticClassifier",
    "SklearnClassifier",
    "XGBoostClassifier",
]
