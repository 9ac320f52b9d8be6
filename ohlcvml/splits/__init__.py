"""Splits: cross-validation in time, purged by label interval and embargoed.

Bars are numbered 0 ... n - 1; a row decided at bar i and resolved in bar e occupies bars i to e,
and no training row may meet the bars of a test row. Every splitter is an sktime splitter and a
scikit-learn ``cv=`` for :class:`ohlcvml.samples.Samples`.
"""

from ohlcvml.registry import register_tags
from ohlcvml.splits._combinatorial import CombinatorialPurgedCV
from ohlcvml.splits._holdout import HoldoutParts, PurgedHoldout
from ohlcvml.splits._inner import InnerHoldout, inner_holdout
from ohlcvml.splits._kfold import PurgedKFold
from ohlcvml.splits._numbering import MINIMUM_PURGE
from ohlcvml.splits._walk_forward import WalkForward

__all__ = [
    "MINIMUM_PURGE",
    "CombinatorialPurgedCV",
    "HoldoutParts",
    "InnerHoldout",
    "PurgedHoldout",
    "PurgedKFold",
    "WalkForward",
    "inner_holdout",
]

register_tags()
