"""Models of one feature row: boosting, logistic regression and the scikit-learn adapter."""

from ohlcvml.models.tabular._lightgbm import LightGBMClassifier
from ohlcvml.models.tabular._logistic import LogisticClassifier
from ohlcvml.models.tabular._sklearn import SklearnClassifier
from ohlcvml.models.tabular._xgboost import XGBoostClassifier

__all__ = [
    "LightGBMClassifier",
    "LogisticClassifier",
    "SklearnClassifier",
    "XGBoostClassifier",
]
