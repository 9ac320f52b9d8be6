"""Hold-out: train, validation and test in order of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ohlcvml._checks import boolean, check_value, real
from ohlcvml.exceptions import DataError
from ohlcvml.splits._base import SHARED_RULES, BaseLabelSplitter, Plan
from ohlcvml.splits._folds import Interval, select_rows
from ohlcvml.splits._kfold import example_bars, example_ends
from ohlcvml.splits._stamps import Positions
from ohlcvml.typing import IntArray


class HoldoutParts(NamedTuple):
    """Rows of each part, as positions in what was split."""

    train: Positions
    validation: Positions
    test: Positions


class PurgedHoldout(BaseLabelSplitter):
    """One split into training, validation and test rows in order of time, purged.

    The rows are cut, in order of time, by shares of their number (70 / 15 / 15 by default). A row
    is dropped from a part if it reaches the next: decided at bar i and resolved in bar e, it must
    have max(e, i + p) before the first bar of the part that follows, where p = max(60, largest
    horizon of the labeller). ``split`` yields (train, test) once and leaves the validation rows
    out; :meth:`parts` gives all three.

    Parameters
    ----------
    validation : float, default=0.15
        Share of the rows in [0, 1) between training and test; 0 for none.
    test : float, default=0.15
        Share of the rows in (0, 1) at the end.
    bar_index : pd.Index or None, default=None
        As for :class:`PurgedKFold`.
    refit : bool, default=False
        Whether ``split`` trains on the validation rows as well, as one does when everything has
        been chosen; they are then purged against the test rows only. ``parts`` does not change.
    horizon, label_ends, allow_missing_ends
        As for :class:`PurgedKFold`.

    Raises
    ------
    ParameterError
        If a parameter breaks its rule, or nothing is left for training.
    DataError
        From ``split`` and ``parts``: missing ends, unknown bars, an empty part.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.splits import PurgedHoldout
    >>> bars = pd.date_range("2025-01-06", periods=2000, freq="5min", tz="UTC")
    >>> labels = pd.DataFrame({"end": bars[20:]}, index=bars[:-20])
    >>> cv = PurgedHoldout(bar_index=bars)
    >>> [len(rows) for rows in cv.parts(labels)]
    [1326, 237, 297]
    >>> print(cv.picture(labels))
    #######################################...--------TTTTTTTTTT
    >>> print(PurgedHoldout(bar_index=bars, refit=True).picture(labels))
    ################################################..TTTTTTTTTT
    """

    _parameter_rules = {
        "validation": real(0.0, 1.0),
        "test": real(0.0, 1.0, open_low=True),
        **SHARED_RULES,
        "refit": boolean(),
    }

    def __init__(
        self,
        validation: float = 0.15,
        *,
        test: float = 0.15,
        bar_index: pd.Index | None = None,
        refit: bool = False,
        horizon: int | None = None,
        label_ends: Any = None,
        allow_missing_ends: bool = False,
    ) -> None:
        self.validation = validation
        self.test = test
        self.bar_index = bar_index
        self.refit = refit
        self.horizon = horizon
        self.label_ends = label_ends
        self.allow_missing_ends = allow_missing_ends
        super().__init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        left = real(0.0, 1.0 - self.test)
        check_value(
            type(self).__name__,
            "validation",
            left,
            self.validation,
            "Shares are of all rows; the rest is for training.",
        )

    @property
    def two_sided(self) -> bool:
        """Always false: training rows lie before test rows."""
        return False

    def parts(self, X: Any, y: Any = None, groups: Any = None) -> HoldoutParts:
        """Return training, validation and test rows, each purged against what follows.

        Parameters
        ----------
        X, y, groups
            As for :meth:`split`.

        Returns
        -------
        HoldoutParts
            ``train``, ``validation`` (empty if its share is 0) and ``test``: positions into ``X``.
        """
        plan = self._plan(X, y, groups)
        n_groups = len(plan.groups.last)
        rows = [select_rows(plan.rows, [self._before(plan, group)]) for group in range(n_groups)]
        if n_groups == 2:
            rows.insert(1, rows[0][:0])
        parts = HoldoutParts(*rows)
        for name, part in parts._asdict().items():
            if len(part) == 0 and not (name == "validation" and n_groups == 2):
                raise DataError(
                    f"{type(self).__name__}: the {name} part has no rows left: "
                    f"{len(plan.rows.bars)} rows on {len(plan.rows.stamps.values)} bars, purge "
                    f"{plan.rows.purge} bars. Use more bars or other shares."
                )
        return parts

    def _cuts(self, n_rows: int) -> IntArray:
        test = n_rows - round(self.test * n_rows)
        validation = test - round(self.validation * n_rows)
        cuts = [0, validation, test, n_rows] if self.validation > 0 else [0, test, n_rows]
        return np.minimum(np.array(cuts, dtype=np.int64), n_rows)

    def _tests(self) -> list[tuple[int, ...]]:
        return [(2,)] if self.validation > 0 else [(1,)]

    @staticmethod
    def _before(plan: Plan, group: int, low: int | None = None) -> Interval:
        """Rows of a group (or from ``low`` on) that do not reach the next group."""
        edges = plan.groups.edges
        low = int(edges[group]) if low is None else low
        end = int(edges[group + 1])
        if group == len(edges) - 2:
            return Interval(low, end)
        return Interval(low, end - plan.rows.purge, end)

    def _train(self, plan: Plan, test: Sequence[int], keep: bool = False) -> list[Interval]:
        last = test[0] - 1 if self.refit else 0
        if keep:
            return [Interval(0, int(plan.groups.edges[last + 1]))]
        return [self._before(plan, last, low=0)]

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Return parameter sets for tests; days on 15-minute bars, so that p leaves something."""
        return [
            {"validation": 0.3, "test": 0.3, **example_bars()},
            {"validation": 0.0, "test": 0.4, "refit": True, **example_ends()},
        ]
