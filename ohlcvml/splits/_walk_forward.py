"""Walk-forward: train on the past, test on what comes next, move on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import either, integer, one_of, optional, real
from ohlcvml.splits._base import SHARED_RULES, BaseLabelSplitter, Plan, even_cuts
from ohlcvml.splits._folds import Interval
from ohlcvml.splits._kfold import example_bars, example_ends
from ohlcvml.splits._span import read_span, span_rule
from ohlcvml.typing import IntArray


class WalkForward(BaseLabelSplitter):
    """Train on the past and test on the next rows, expanding or rolling, purged.

    The first rows are only ever trained on; the others are cut, in order of time, into
    ``n_splits`` test groups of equal numbers of rows. A test group that starts at bar a is
    predicted from rows decided before it: a row decided at bar i whose label resolved in bar e is
    dropped if max(e, i + p) >= a, where p = max(60, largest horizon of the labeller). So every
    label that is trained on was resolved before the first bar that is tested. Nothing after a test
    row is trained on, so an embargo would do nothing and there is none.

    Parameters
    ----------
    n_splits : int, default=5
        Number of test groups, at least 1. Where the rows do not divide, the first groups have one
        more. Rows of several symbols with one stamp are always in the same group.
    bar_index : pd.Index or None, default=None
        As for :class:`PurgedKFold`.
    window : "expanding", int, str or timedelta, default="expanding"
        All past rows, or a rolling window: the rows decided in the last ``window`` bars (or span
        of time) before bar a - p, so that the purge does not shorten it.
    initial : float or None, default=None
        Share of the rows before the first test group, in (0, 1). None: 1 / (n_splits + 1), the
        size of a test group.
    horizon, label_ends, allow_missing_ends
        As for :class:`PurgedKFold`.

    Raises
    ------
    ParameterError
        If a parameter breaks its rule.
    DataError
        From ``split``: missing ends, unknown bars, an empty fold.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.splits import WalkForward
    >>> bars = pd.date_range("2025-01-06", periods=1200, freq="5min", tz="UTC")
    >>> labels = pd.DataFrame({"end": bars[20:]}, index=bars[:-20])
    >>> print(WalkForward(n_splits=4, bar_index=bars).picture(labels))
    ########...TTTTTTTTTTTTT-----------------------------------
    ####################...TTTTTTTTTTTTT-----------------------
    ################################...TTTTTTTTTTTTT-----------
    ############################################...TTTTTTTTTTTT
    >>> print(WalkForward(n_splits=4, bar_index=bars, window=150).picture(labels))
    --######...TTTTTTTTTTTTT-----------------------------------
    --------------######...TTTTTTTTTTTTT-----------------------
    -------------------------#######...TTTTTTTTTTTTT-----------
    -------------------------------------#######...TTTTTTTTTTTT
    """

    _parameter_rules = {
        "n_splits": integer(1),
        **SHARED_RULES,
        "window": either(one_of("expanding"), span_rule(1, fraction=False)),
        "initial": optional(real(0.0, 1.0, open_low=True)),
    }

    def __init__(
        self,
        n_splits: int = 5,
        *,
        bar_index: pd.Index | None = None,
        window: int | str | timedelta | np.timedelta64 = "expanding",
        initial: float | None = None,
        horizon: int | None = None,
        label_ends: Any = None,
        allow_missing_ends: bool = False,
    ) -> None:
        self.n_splits = n_splits
        self.bar_index = bar_index
        self.window = window
        self.initial = initial
        self.horizon = horizon
        self.label_ends = label_ends
        self.allow_missing_ends = allow_missing_ends
        super().__init__()

    @property
    def two_sided(self) -> bool:
        """Always false: training rows lie before test rows."""
        return False

    def _cuts(self, n_rows: int) -> IntArray:
        if self.initial is None:
            return even_cuts(n_rows, self.n_splits + 1)
        first = min(round(self.initial * n_rows), n_rows - self.n_splits)
        cuts: IntArray = np.r_[0, even_cuts(n_rows, self.n_splits, first=first)]
        return cuts

    def _tests(self) -> list[tuple[int, ...]]:
        return [(group,) for group in range(1, self.n_splits + 1)]

    def _train(self, plan: Plan, test: Sequence[int], keep: bool = False) -> list[Interval]:
        rows = plan.rows
        first = int(plan.groups.edges[test[0]])
        low = 0
        if self.window != "expanding":
            span = read_span(self.window, rows.stamps, type(self).__name__, "window")
            low = max(0, span.before(first - rows.purge, rows.stamps))
        if keep:
            return [Interval(low, first)]
        return [Interval(low, first - rows.purge, first)]

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Return parameter sets for tests; days on 15-minute bars, so that p leaves something."""
        return [
            {"n_splits": 2, **example_bars()},
            {"n_splits": 3, "window": 96, "initial": 0.5, **example_ends()},
        ]
