"""Pipeline: the classifier contract and the chain from bars to a model."""

from ohlcvml.pipeline._answer import Answer
from ohlcvml.pipeline._bar_pipeline import BarPipeline
from ohlcvml.pipeline._base import BaseBarClassifier
from ohlcvml.pipeline._fold import Fold
from ohlcvml.pipeline._out_of_fold import out_of_fold
from ohlcvml.pipeline._out_of_fold_table import OutOfFold
from ohlcvml.pipeline._selector import FeatureSelector
from ohlcvml.pipeline._signal import (
    META_SIGNAL_COLUMNS,
    SIGNAL_COLUMNS,
    SignalModel,
    atr_scale,
    primary_of,
    return_units,
    signal_table,
)
from ohlcvml.pipeline._steps import fit_step
from ohlcvml.pipeline._training_record import check_unseen

__all__ = [
    "return_units",
    "fit_step",
    "check_unseen",
    "META_SIGNAL_COLUMNS",
    "SIGNAL_COLUMNS",
    "Answer",
    "BarPipeline",
    "BaseBarClassifier",
    "Fold",
    "OutOfFold",
    "out_of_fold",
    "FeatureSelector",
    "SignalModel",
    "atr_scale",
    "primary_of",
    "signal_table",
]
