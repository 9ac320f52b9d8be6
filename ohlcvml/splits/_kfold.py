"""Purged k-fold: every row is tested once, by a model fitted on both sides of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import Rule, integer, optional
from ohlcvml.splits._base import SHARED_RULES, BaseLabelSplitter, Plan, even_cuts
from ohlcvml.splits._folds import Interval, blocks_of, two_sided
from ohlcvml.splits._numbering import LabelRows
from ohlcvml.splits._span import BarSpan, default_embargo, read_span, span_rule
from ohlcvml.typing import IntArray

EMBARGO_RULE: Rule = optional(span_rule(0, fraction=True))


class TwoSidedSplitter(BaseLabelSplitter):
    """Training rows on both sides of the test rows: purge before, purge and embargo after."""

    embargo: int | float | str | timedelta | np.timedelta64 | None

    @property
    def two_sided(self) -> bool:
        """Always true: such results serve selection and dispersion, not the headline score."""
        return True

    def _embargo(self, rows: LabelRows) -> BarSpan:
        who = type(self).__name__
        if self.embargo is None:
            return default_embargo(rows.stamps, who)
        return read_span(self.embargo, rows.stamps, who, "embargo")

    def _train(self, plan: Plan, test: Sequence[int], keep: bool = False) -> list[Interval]:
        if keep:
            edges, groups = plan.groups.edges, range(len(plan.groups.last))
            return [Interval(int(edges[g]), int(edges[g + 1])) for g in groups if g not in test]
        return list(two_sided(plan.rows, blocks_of(plan.groups, test), plan.embargo))


class PurgedKFold(TwoSidedSplitter):
    """K-fold in time, purged by label interval and embargoed.

    The rows are cut, in order of time, into ``n_splits`` groups of equal numbers of rows, and each
    group is tested once. A row decided at bar i whose label resolved in bar e occupies bars i to
    e; with p = max(60, largest horizon of the labeller), training rows are dropped

    - by the *purge*, if [i, max(e, i + p)] meets the test block [a, z], where a is the block's
      first bar and z the last of max(e, i + p) over its rows;
    - then by the *embargo*, if z < i <= z + embargo.

    Both count bars, never rows. Because p is at least the horizon, slow labels near a boundary are
    dropped no more than quick ones. The folds are two-sided: a model sees bars after those it is
    tested on. Take the headline score from :class:`WalkForward` or :class:`PurgedHoldout`.

    Parameters
    ----------
    n_splits : int, default=5
        Number of groups, at least 2. Where the rows do not divide, the first groups have one more.
        Rows of several symbols with one stamp are always in the same group.
    embargo : int, float, str, timedelta or None, default=None
        Bars (int, 0 for none), a fraction of the bars (float in (0, 1), rounded up) or a span of
        time ("2D", ``pd.Timedelta``). None: 1440 bars for 1-minute bars, otherwise one session
        (the median number of bars in a UTC day).
    bar_index : pd.Index or None, default=None
        Index of all bars, which are numbered 0 ... n - 1 on it (for several symbols, on the union
        of their stamps). None: the bars of the Samples, or the labels' own index if it is every
        bar; otherwise an error.
    horizon : int or None, default=None
        Raises p where it is larger than the labeller's horizon (its ``LabelSpec``, or the
        longest label where ends come without labels). It never lowers it.
    label_ends : pd.Series, array-like or None, default=None
        Stamps of the resolving bars: a Series is matched by the rows' stamps, an array by
        position. None: column ``end`` of the table, or ``groups`` of ``split``.
    allow_missing_ends : bool, default=False
        Take rows without a label end as occupying their own bar (p still applies) instead of
        raising; ``report`` records how many.

    Raises
    ------
    ParameterError
        If a parameter breaks its rule.
    DataError
        From ``split``: missing ends, unknown bars, an empty fold.

    See Also
    --------
    CombinatorialPurgedCV : several groups at a time.

    References
    ----------
    M. López de Prado, Advances in Financial Machine Learning, Wiley 2018, chapter 7.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.splits import PurgedKFold
    >>> bars = pd.date_range("2025-01-06", periods=1200, freq="5min", tz="UTC")
    >>> labels = pd.DataFrame({"end": bars[20:]}, index=bars[:-20])
    >>> cv = PurgedKFold(n_splits=4, embargo=100, bar_index=bars)
    >>> for train, test in cv.split(labels):
    ...     print(len(train), test[0], test[-1])
    725 0 294
    665 295 589
    665 590 884
    825 885 1179
    >>> print(cv.picture(labels))
    TTTTTTTTTTTTTTT........####################################
    ###########...TTTTTTTTTTTTTTTT........#####################
    ##########################...TTTTTTTTTTTTTTTT........######
    #########################################...TTTTTTTTTTTTTTT
    """

    _parameter_rules = {
        "n_splits": integer(2),
        "embargo": EMBARGO_RULE,
        **SHARED_RULES,
    }

    def __init__(
        self,
        n_splits: int = 5,
        *,
        embargo: int | float | str | timedelta | np.timedelta64 | None = None,
        bar_index: pd.Index | None = None,
        horizon: int | None = None,
        label_ends: Any = None,
        allow_missing_ends: bool = False,
    ) -> None:
        self.n_splits = n_splits
        self.embargo = embargo
        self.bar_index = bar_index
        self.horizon = horizon
        self.label_ends = label_ends
        self.allow_missing_ends = allow_missing_ends
        super().__init__()

    def _cuts(self, n_rows: int) -> IntArray:
        return even_cuts(n_rows, self.n_splits)

    def _tests(self) -> list[tuple[int, ...]]:
        return [(group,) for group in range(self.n_splits)]

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Return parameter sets for tests; days on 15-minute bars, so that p leaves something."""
        return [
            {"n_splits": 3, **example_bars()},
            {"n_splits": 4, "embargo": 24, **example_ends()},
        ]


def example_bars() -> dict[str, Any]:
    """Return shared parameters for tests, without label ends."""
    return {"bar_index": _quarter_hours(), "allow_missing_ends": True}


def example_ends() -> dict[str, Any]:
    """Return shared parameters for tests, with label ends."""
    days = pd.date_range("2000-01-01", periods=60, freq="D")
    ends = pd.Series(days + pd.Timedelta(hours=10), index=days)
    return {"bar_index": _quarter_hours(), "horizon": 61, "label_ends": ends}


def _quarter_hours() -> pd.DatetimeIndex:
    return pd.date_range("2000-01-01", periods=96 * 60, freq="15min")
