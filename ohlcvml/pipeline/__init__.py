"""Pipeline: the classifier contract and the chain from bars to a model."""

from ohlcvml.pipeline._bar_pipeline import BarPipeline
from ohlcvml.pipeline._base import BaseBarClassifier
from ohlcvml.pipeline._selector import FeatureSelector
from ohlcvml.pipeline._signal import SIGNAL_COLUMNS, SignalModel, atr_scale, signal_table

__all__ = [
    "SIGNAL_COLUMNS",
    "BarPipeline",
    "BaseBarClassifier",
    "FeatureSelector",
    "SignalModel",
    "atr_scale",
    "signal_table",
]
