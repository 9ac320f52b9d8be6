"""Training: the one loop, its feeds, losses and checkpoints. Importing this package loads torch."""

from ohlcvml._requires import require

# ruff: noqa: E402 - the one error comes before any import of torch
require("torch", extra="neural", who="ohlcvml.models.neural.training")

from ohlcvml.models.neural.training._feeds import WindowFeed
from ohlcvml.models.neural.training._loss import begin_at_shares, make_targets
from ohlcvml.models.neural.training._statistics import channel_statistics
from ohlcvml.models.neural.training._training import (
    NetworkParts,
    Objective,
    TrainingRun,
    epoch_seed,
    lower,
    predict,
    train,
)

__all__ = [
    "NetworkParts",
    "Objective",
    "TrainingRun",
    "WindowFeed",
    "begin_at_shares",
    "channel_statistics",
    "epoch_seed",
    "lower",
    "make_targets",
    "predict",
    "train",
]
