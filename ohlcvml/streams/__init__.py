"""Streams: what features, regimes and selectors are made of; batch and stream share one step."""

from ohlcvml.registry import register_tags
from ohlcvml.streams._bar_transformer import BaseBarTransformer
from ohlcvml.streams._base import BaseFeature, check_unique
from ohlcvml.streams._chain import BarFeatureChain
from ohlcvml.streams._channels import BarRow, Channels
from ohlcvml.streams._clock import DAY, NO_TIME, stamps_of
from ohlcvml.streams._columns import Column, ColumnFile
from ohlcvml.streams._parts import as_step, is_ours
from ohlcvml.streams._probe import (
    FutureSeen,
    changed_futures,
    future_cuts,
    future_seen,
    same_bits,
)
from ohlcvml.streams._row import RowTransformer
from ohlcvml.streams._stream import (
    FeatureStream,
    GrowingArray,
    KernelNode,
    Node,
    ParallelNodes,
    SerialNodes,
)
from ohlcvml.streams._union import BarFeatureUnion, stripes, write_parts
from ohlcvml.streams._warm import warm_up
from ohlcvml.streams.kernels import average_true_range

__all__ = [
    "average_true_range",
    "BarFeatureChain",
    "BarFeatureUnion",
    "BarRow",
    "BaseBarTransformer",
    "BaseFeature",
    "Channels",
    "Column",
    "ColumnFile",
    "DAY",
    "FeatureStream",
    "FutureSeen",
    "GrowingArray",
    "KernelNode",
    "NO_TIME",
    "Node",
    "ParallelNodes",
    "RowTransformer",
    "SerialNodes",
    "as_step",
    "changed_futures",
    "check_unique",
    "future_cuts",
    "future_seen",
    "is_ours",
    "same_bits",
    "stamps_of",
    "stripes",
    "warm_up",
    "write_parts",
]

register_tags()
