"""Networks of the distributional models. Importing this package loads torch."""

from ohlcvml._requires import require

# ruff: noqa: E402 - the one error comes before any import of torch
require("torch", extra="neural", who="ohlcvml.models.paths.networks")

from ohlcvml.models.paths.networks._deepar import DeepARNetwork
from ohlcvml.models.paths.networks._quantile_rnn import QuantileRNNNetwork

__all__ = [
    "DeepARNetwork",
    "QuantileRNNNetwork",
]
