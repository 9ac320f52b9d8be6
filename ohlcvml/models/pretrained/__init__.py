"""Pretrained forecasters as classifiers of bars: nothing is trained here but a calibration."""

from ohlcvml.models.pretrained._chronos2 import Chronos2Classifier
from ohlcvml.models.pretrained._chronos_bolt import ChronosBoltClassifier
from ohlcvml.models.pretrained._kronos import KronosClassifier
from ohlcvml.models.pretrained._timesfm import TimesFMClassifier
from ohlcvml.models.pretrained._tiny import random_weights

__all__ = [
    "Chronos2Classifier",
    "ChronosBoltClassifier",
    "KronosClassifier",
    "TimesFMClassifier",
    "random_weights",
]
