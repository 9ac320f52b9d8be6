"""Forecasts of the price path, and the law that turns them into barrier probabilities."""

from ohlcvml.models.forecast._forecast import Forecast, PathForecast, QuantileForecast

__all__ = [
    "Forecast",
    "PathForecast",
    "QuantileForecast",
]
