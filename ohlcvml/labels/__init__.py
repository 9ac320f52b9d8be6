"""Labels: what each decision would have earned after costs, and which bars it lasted."""

from ohlcvml.labels._fixed_horizon import FixedHorizonLabeller
from ohlcvml.labels._from import labels_from
from ohlcvml.labels._race import SLACK
from ohlcvml.labels._side import primary_side
from ohlcvml.labels._spec import LabelSpec
from ohlcvml.labels._table import EXIT_CODES, LABEL_COLUMNS, check_labels, label_positions
from ohlcvml.labels._triple_barrier import TripleBarrierLabeller
from ohlcvml.labels._uniqueness import average_uniqueness, time_decay_weights
from ohlcvml.registry import register_tags

__all__ = [
    "time_decay_weights",
    "SLACK",
    "EXIT_CODES",
    "LABEL_COLUMNS",
    "FixedHorizonLabeller",
    "LabelSpec",
    "TripleBarrierLabeller",
    "average_uniqueness",
    "check_labels",
    "label_positions",
    "labels_from",
    "primary_side",
]

register_tags()
