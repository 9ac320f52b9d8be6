"""Combinatorial purged cross-validation: every choice of test groups, and the paths they form."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import check_value, integer
from ohlcvml.splits._base import SHARED_RULES, even_cuts
from ohlcvml.splits._folds import select_rows
from ohlcvml.splits._kfold import EMBARGO_RULE, TwoSidedSplitter, example_bars, example_ends
from ohlcvml.splits._stamps import Positions
from ohlcvml.typing import IntArray


class CombinatorialPurgedCV(TwoSidedSplitter):
    """Test every choice of k out of N groups in time, purged by label interval and embargoed.

    The rows are cut, in order of time, into N groups of equal numbers of rows; each of the
    C(N, k) splits tests k of them and trains on what purge and embargo leave of the others, as in
    :class:`PurgedKFold`. Neighbouring test groups are one block; purge and embargo apply to each
    block by itself, so training rows between two blocks stay. Each group is tested C(N-1, k-1)
    times, which makes that many backtest paths over all rows (:meth:`paths`).

    The folds are two-sided: a model sees bars after those it is tested on. They serve selection
    and dispersion; take the headline score from :class:`WalkForward` or :class:`PurgedHoldout`.

    Parameters
    ----------
    n_groups : int, default=10
        N, at least 2.
    n_test_groups : int, default=2
        k, from 1 to N - 1.
    embargo, bar_index, horizon, label_ends, allow_missing_ends
        As for :class:`PurgedKFold`.

    Attributes
    ----------
    n_paths : int
        C(N-1, k-1).

    Raises
    ------
    ParameterError
        If a parameter breaks its rule.
    DataError
        From ``split``: missing ends, unknown bars, an empty fold.

    References
    ----------
    M. López de Prado, Advances in Financial Machine Learning, Wiley 2018, chapter 12.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.splits import CombinatorialPurgedCV
    >>> bars = pd.date_range("2025-01-06", periods=2400, freq="5min", tz="UTC")
    >>> labels = pd.DataFrame({"end": bars[20:]}, index=bars[:-20])
    >>> cv = CombinatorialPurgedCV(n_groups=4, n_test_groups=2, embargo=100, bar_index=bars)
    >>> cv.get_n_splits(), cv.n_paths
    (6, 3)
    >>> print(cv.picture(labels))
    TTTTTTTTTTTTTTTTTTTTTTTTTTTTTT....##########################
    TTTTTTTTTTTTTTT....#########.TTTTTTTTTTTTTTTT....###########
    TTTTTTTTTTTTTTT....########################.TTTTTTTTTTTTTTTT
    #############.TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT....###########
    #############.TTTTTTTTTTTTTTTT....#########.TTTTTTTTTTTTTTTT
    ############################.TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT
    >>> cv.paths()
    array([[0, 0, 1, 2],
           [1, 3, 3, 4],
           [2, 4, 5, 5]])
    """

    _parameter_rules = {
        "n_groups": integer(2),
        "n_test_groups": integer(1),
        "embargo": EMBARGO_RULE,
        **SHARED_RULES,
    }

    def __init__(
        self,
        n_groups: int = 10,
        *,
        n_test_groups: int = 2,
        embargo: int | float | str | timedelta | np.timedelta64 | None = None,
        bar_index: pd.Index | None = None,
        horizon: int | None = None,
        label_ends: Any = None,
        allow_missing_ends: bool = False,
    ) -> None:
        self.n_groups = n_groups
        self.n_test_groups = n_test_groups
        self.embargo = embargo
        self.bar_index = bar_index
        self.horizon = horizon
        self.label_ends = label_ends
        self.allow_missing_ends = allow_missing_ends
        super().__init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        rule = integer(1, self.n_groups - 1)
        check_value(
            type(self).__name__,
            "n_test_groups",
            rule,
            self.n_test_groups,
            "At least one of the n_groups groups must be left for training.",
        )

    @property
    def n_paths(self) -> int:
        """Number of backtest paths, C(N-1, k-1)."""
        return comb(self.n_groups - 1, self.n_test_groups - 1)

    def paths(self) -> IntArray:
        """Assign splits to backtest paths.

        Returns
        -------
        int64 array of shape (n_paths, n_groups)
            Entry [j, g] is the split whose predictions of group g belong to path j. Every pair of
            a split and one of its test groups is used exactly once.
        """
        tested: list[list[int]] = [[] for _ in range(self.n_groups)]
        for split, test in enumerate(self._tests()):
            for group in test:
                tested[group].append(split)
        return np.array(tested, dtype=np.int64).T

    def group_rows(self, X: Any, y: Any = None, groups: Any = None) -> list[Positions]:
        """Return the rows of each group, as positions into ``X``; arguments as for ``split``."""
        plan = self._plan(X, y, groups)
        return [
            select_rows(plan.rows, self._test_intervals(plan, (g,))) for g in range(self.n_groups)
        ]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits, C(N, k)."""
        return comb(self.n_groups, self.n_test_groups)

    def _cuts(self, n_rows: int) -> IntArray:
        return even_cuts(n_rows, self.n_groups)

    def _tests(self) -> list[tuple[int, ...]]:
        return list(combinations(range(self.n_groups), self.n_test_groups))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Return parameter sets for tests; days on 15-minute bars, so that p leaves something."""
        return [
            {"n_groups": 3, "n_test_groups": 1, **example_bars()},
            {"n_groups": 4, "n_test_groups": 2, "embargo": 24, **example_ends()},
        ]
