"""Pretrained forecasters as classifiers of bars: nothing is trained here but a calibration."""

from ohlcvml.models.foundation._chronos2 import Chronos2Classifier
from ohlcvml.models.foundation._chronos_bolt import ChronosBoltClassifier
from ohlcvml.models.foundation._kronos import KronosClassifier
from ohlcvml.models.foundation._timesfm import TimesFMClassifier
from ohlcvml.models.foundation._tiny import random_weights

__all__ = [
    "Chronos2Classifier",
    "ChronosBoltClassifier",
    "KronosClassifier",
    "TimesFMClassifier",
    "random_weights",
]
