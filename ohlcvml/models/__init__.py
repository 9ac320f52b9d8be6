"""Models: classifiers of bars, each with the same contract."""

from ohlcvml.models._configs import make_model, model_config
from ohlcvml.models.neural import LSTMClassifier, TCNClassifier, TrainingOptions
from ohlcvml.models.tabular import (
    LightGBMClassifier,
    LogisticClassifier,
    SklearnClassifier,
    XGBoostClassifier,
)

__all__ = [
    "LSTMClassifier",
    "LightGBMClassifier",
    "LogisticClassifier",
    "SklearnClassifier",
    "TCNClassifier",
    "TrainingOptions",
    "XGBoostClassifier",
    "make_model",
    "model_config",
]
