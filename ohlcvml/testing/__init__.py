"""Public checks: sktime's and our laws, for your own estimators as well as for ours.

>>> from ohlcvml.splits import PurgedKFold
>>> from ohlcvml.testing import check_estimator
>>> set(check_estimator(PurgedKFold(n_splits=3, embargo=10), sktime_suite=False).values())
{'PASSED'}
"""

from ohlcvml.testing._check import check_estimator
from ohlcvml.testing._future import check_past_unchanged, law_bars
from ohlcvml.testing._parameters import check_parameters_matter
from ohlcvml.testing._planted_edge import edge_table
from ohlcvml.testing._report import LawBroken
from ohlcvml.testing._splitter_laws import random_labels
from ohlcvml.testing._stationarity import near_unit_root_columns, weekly_share
from ohlcvml.testing.leaks import planted_leaks

__all__ = [
    "LawBroken",
    "check_estimator",
    "check_parameters_matter",
    "check_past_unchanged",
    "edge_table",
    "law_bars",
    "near_unit_root_columns",
    "planted_leaks",
    "random_labels",
    "weekly_share",
]
