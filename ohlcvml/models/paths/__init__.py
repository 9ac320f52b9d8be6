"""Forecasts of the price path, and the law that turns them into barrier probabilities."""

from ohlcvml.models.paths._barriers import BarrierSpec
from ohlcvml.models.paths._base import PATH_RULES, BasePathClassifier
from ohlcvml.models.paths._copula import simulate_paths
from ohlcvml.models.paths._deepar import DeepARClassifier
from ohlcvml.models.paths._forecast import Forecast, PathForecast, QuantileForecast
from ohlcvml.models.paths._forecast_classifier import ForecastClassifier
from ohlcvml.models.paths._path_law import barrier_probabilities, threshold_probabilities
from ohlcvml.models.paths._quantile_rnn import QuantileRNNClassifier
from ohlcvml.models.paths._windows import WindowBatch

__all__ = [
    "PATH_RULES",
    "BarrierSpec",
    "BasePathClassifier",
    "DeepARClassifier",
    "Forecast",
    "ForecastClassifier",
    "PathForecast",
    "QuantileForecast",
    "QuantileRNNClassifier",
    "WindowBatch",
    "barrier_probabilities",
    "simulate_paths",
    "threshold_probabilities",
]
