"""Pipeline: the classifier contract and the chain from bars to a model."""

from ohlcvml.pipeline._answer import Answer
from ohlcvml.pipeline._bar_pipeline import BarPipeline
from ohlcvml.pipeline._base import BaseBarClassifier
from ohlcvml.pipeline._block_t import (
    BlockEstimate,
    block_sums,
    block_t,
    block_t_influence,
    number_blocks,
)
from ohlcvml.pipeline._composite import BaseBarComposite, stands_alone
from ohlcvml.pipeline._fold import Fold
from ohlcvml.pipeline._losses import brier_losses, class_codes, class_shares, log_losses
from ohlcvml.pipeline._memo import FeatureMemo, feature_memo
from ohlcvml.pipeline._out_of_fold import out_of_fold
from ohlcvml.pipeline._out_of_fold_table import OutOfFold
from ohlcvml.pipeline._placement import placement_auc
from ohlcvml.pipeline._search import check_search_scores
from ohlcvml.pipeline._selector import FeatureSelector
from ohlcvml.pipeline._signal import (
    META_SIGNAL_COLUMNS,
    SIGNAL_COLUMNS,
    SignalModel,
    atr_scale,
    return_units,
    signal_table,
)
from ohlcvml.pipeline._step_checks import StepChecks, check_steps
from ohlcvml.pipeline._steps import fit_step
from ohlcvml.pipeline._training_record import check_unseen
from ohlcvml.registry import register_tags

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
    "BaseBarComposite",
    "FeatureMemo",
    "FeatureSelector",
    "SignalModel",
    "StepChecks",
    "atr_scale",
    "check_search_scores",
    "check_steps",
    "feature_memo",
    "BlockEstimate",
    "block_sums",
    "block_t",
    "block_t_influence",
    "brier_losses",
    "class_codes",
    "class_shares",
    "log_losses",
    "number_blocks",
    "placement_auc",
    "signal_table",
    "stands_alone",
]

register_tags()
