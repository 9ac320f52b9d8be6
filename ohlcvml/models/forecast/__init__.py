"""Forecasts of the price path, and the law that turns them into barrier probabilities."""

from ohlcvml.models.forecast._barriers import BarrierSpec
from ohlcvml.models.forecast._base import PATH_RULES, BasePathClassifier
from ohlcvml.models.forecast._copula import simulate_paths
from ohlcvml.models.forecast._deepar import DeepARClassifier
from ohlcvml.models.forecast._forecast import Forecast, PathForecast, QuantileForecast
from ohlcvml.models.forecast._forecast_classifier import ForecastClassifier
from ohlcvml.models.forecast._path_law import barrier_probabilities, threshold_probabilities
from ohlcvml.models.forecast._quantile_rnn import QuantileRNNClassifier
from ohlcvml.models.forecast._tails import quantiles_at
from ohlcvml.models.forecast._windows import WindowBatch

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
    "quantiles_at",
    "simulate_paths",
    "threshold_probabilities",
]
