"""What the four splitters share: reading rows, selecting them, and saying what was done."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sktime.split.base import BaseSplitter

from ohlcvml._checks import (
    Rule,
    any_value,
    boolean,
    check_parameters,
    instance_of,
    integer,
    optional,
)
from ohlcvml.exceptions import DataError
from ohlcvml.splits._folds import Groups, Interval, cut_groups, select_rows
from ohlcvml.splits._numbering import LabelRows, number_rows
from ohlcvml.splits._span import BarSpan
from ohlcvml.splits._stamps import Positions
from ohlcvml.typing import IntArray

SHARED_RULES: dict[str, Rule] = {
    "bar_index": optional(instance_of(pd.Index)),
    "horizon": optional(integer(1)),
    "label_ends": any_value(),  # matched with the rows when they are known
    "allow_missing_ends": boolean(),
}


def even_cuts(n_rows: int, n_groups: int, first: int = 0) -> IntArray:
    """Boundaries of groups of equal size; where it does not divide, the first are one larger."""
    size, larger = divmod(n_rows - first, n_groups)
    sizes = np.full(n_groups, size, dtype=np.int64)
    sizes[:larger] += 1
    cuts: IntArray = first + np.r_[0, np.cumsum(sizes)].astype(np.int64)
    return cuts


class Plan(NamedTuple):
    """Everything that is the same for all splits of one call."""

    rows: LabelRows
    groups: Groups
    embargo: BarSpan | None


class BaseLabelSplitter(BaseSplitter):  # type: ignore[misc]
    """Base of the splitters. Do not grow it: a fold is `_tests` and `_train`, nothing more.

    Splitters keep nothing from a call; what was done is told by :meth:`report`.
    """

    _tags = {
        "object_type": "splitter",
        "split_hierarchical": True,  # several symbols are split by common time
        "split_series_uses": "iloc",
        "split_type": "temporal",
        "is_production_safe": True,
        "authors": "ohlcvml developers",
        "maintainers": "ohlcvml developers",
    }
    _parameter_rules: dict[str, Rule] = {}

    bar_index: pd.Index | None
    horizon: int | None
    label_ends: Any
    allow_missing_ends: bool

    def __post_init__(self) -> None:
        check_parameters(self)
        self.fh = None  # folds of labels have no forecasting horizon

    # ---- what a splitter is
    @property
    @abstractmethod
    def two_sided(self) -> bool:
        """Whether training rows may lie after test rows."""

    @abstractmethod
    def _cuts(self, n_rows: int) -> IntArray:
        """Rows before each boundary between groups."""

    @abstractmethod
    def _tests(self) -> list[tuple[int, ...]]:
        """Groups that are tested, for each split."""

    @abstractmethod
    def _train(self, plan: Plan, test: Sequence[int], keep: bool = False) -> list[Interval]:
        """Training rows of a split; with ``keep``, those before purge and embargo."""

    def _embargo(self, rows: LabelRows) -> BarSpan | None:
        return None

    # ---- the public side
    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[Positions, Positions]]:
        """Yield training and test rows of each split.

        Parameters
        ----------
        X : Samples, labels table, time series or index
            What to split, of n rows. Samples and labels tables bring their label ends.
        y : ignored, or a labels table
            A labels table beside an ``X`` without label ends brings them.
        groups : array-like of shape (n,) or None, default=None
            Label ends, row by row, instead of any others.

        Yields
        ------
        train, test : int32 arrays (int64 from 2**31 rows on)
            Positions into ``X``, ascending.

        Raises
        ------
        DataError
            Label ends are missing without the opt-out, the bars cannot be told, or a fold is
            empty.
        """
        # Checked at the call, not at the first fold: a generator would keep the error to itself.
        return self._generate(self._plan(X, y, groups))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits, which does not depend on the data."""
        return len(self._tests())

    def get_cutoffs(self, y: Any = None) -> IntArray:
        """Return the position before the first test row of each split."""
        return np.array([int(test[0]) - 1 for _, test in self.split(y)], dtype=np.int64)

    def split_loc(self, y: Any) -> Iterator[tuple[pd.Index, pd.Index]]:
        """Yield training and test rows as index labels of ``y``."""
        index = y if isinstance(y, pd.Index) else getattr(y, "index", None)
        index = self._coerce_to_index(y) if index is None else index
        for train, test in self.split(y):
            yield index[train], index[test]

    def split_series(self, y: Any) -> Iterator[tuple[Any, Any]]:
        """Yield training and test rows of ``y`` itself."""
        if not isinstance(y, (pd.DataFrame, pd.Series)):
            yield from super().split_series(y)
            return
        for train, test in self.split(y):
            yield y.iloc[train], y.iloc[test]

    def report(self, X: Any, y: Any = None, groups: Any = None) -> pd.DataFrame:
        """Say what each split holds, and what was dropped.

        Parameters
        ----------
        X, y, groups
            As for :meth:`split`.

        Returns
        -------
        pd.DataFrame
            One row per split: ``n_train``, ``n_test``, ``n_purged``, ``n_embargoed`` and
            ``n_outside`` (rows that are not candidates, such as those after a walk-forward test).
            ``attrs`` records ``splitter``, ``two_sided``, ``purge`` and ``embargo`` (bars, or ns
            under ``embargo_time``), ``n_bars``, ``n_rows``, ``n_censored``,
            ``n_missing_ends`` and ``allow_missing_ends``.
        """
        plan = self._plan(X, y, groups)
        rows, total = plan.rows, len(plan.rows.bars)
        lines = []
        for test in self._tests():
            n_test = len(select_rows(rows, self._test_intervals(plan, test)))
            n_train = len(select_rows(rows, self._train(plan, test)))
            purged = len(select_rows(rows, self._train(plan._replace(embargo=None), test)))
            candidates = len(select_rows(rows, self._train(plan, test, keep=True)))
            lines.append(
                {
                    "n_train": n_train,
                    "n_test": n_test,
                    "n_purged": candidates - purged,
                    "n_embargoed": purged - n_train,
                    "n_outside": total - n_test - candidates,
                }
            )
        table = pd.DataFrame(lines, index=pd.RangeIndex(len(lines), name="split"))
        embargo = plan.embargo or BarSpan()
        table.attrs = {
            "splitter": type(self).__name__,
            "two_sided": self.two_sided,
            "purge": rows.purge,
            "embargo": embargo.bars,
            "embargo_time": embargo.time,
            "n_bars": len(rows.stamps.values),
            "n_rows": total,
            "n_censored": rows.censored,
            "n_missing_ends": rows.missing,
            "allow_missing_ends": bool(self.allow_missing_ends),
        }
        return table

    def picture(self, X: Any, y: Any = None, groups: Any = None, width: int = 60) -> str:
        """Draw the splits over the bars, one line each.

        ``#`` training, ``T`` test, ``.`` dropped by purge or embargo, ``-`` not used, a space no
        row. A column that holds several kinds shows the last of ``#-.T`` among them.
        """
        plan = self._plan(X, y, groups)
        rows = plan.rows
        column = rows.bars * width // len(rows.stamps.values)
        lines = []
        for (train, test), tested in zip(self._generate(plan), self._tests(), strict=True):
            kind = np.ones(int(rows.positions[-1]) + 1, dtype=np.int64)
            kind[select_rows(rows, self._train(plan, tested, keep=True))] = 2
            kind[train] = 0
            kind[test] = 3
            shown = np.full(width, -1)
            np.maximum.at(shown, column, kind[rows.positions])
            lines.append("".join(" #-.T"[k + 1] for k in shown).rstrip())
        return "\n".join(lines)

    # ---- the machinery
    def _plan(self, X: Any, y: Any, groups: Any) -> Plan:
        who = type(self).__name__
        rows = number_rows(
            X,
            y,
            groups,
            who=who,
            bar_index=self.bar_index,
            label_ends=self.label_ends,
            horizon=self.horizon,
            allow_missing_ends=self.allow_missing_ends,
        )
        return Plan(rows, cut_groups(rows, self._cuts(len(rows.bars)), who), self._embargo(rows))

    @staticmethod
    def _test_intervals(plan: Plan, test: Sequence[int]) -> list[Interval]:
        edges = plan.groups.edges
        return [Interval(int(edges[g]), int(edges[g + 1])) for g in test]

    def _generate(self, plan: Plan) -> Iterator[tuple[Positions, Positions]]:
        for number, test in enumerate(self._tests()):
            train = select_rows(plan.rows, self._train(plan, test))
            if len(train) == 0:
                raise DataError(self._no_training_rows(plan, number, test))
            yield train, select_rows(plan.rows, self._test_intervals(plan, test))

    def _no_training_rows(self, plan: Plan, number: int, test: Sequence[int]) -> str:
        rows = plan.rows
        n_test = len(select_rows(rows, self._test_intervals(plan, test)))
        embargo = "none" if plan.embargo is None else f"{plan.embargo.bars} bars"
        if plan.embargo is not None and plan.embargo.time is not None:
            embargo = str(pd.Timedelta(plan.embargo.time, "ns"))
        return (
            f"{type(self).__name__}: split {number} of {len(self._tests())} has no training rows: "
            f"{len(rows.bars)} rows on {len(rows.stamps.values)} bars, {n_test} of them tested, "
            f"purge {rows.purge} bars, embargo {embargo}. Use more bars, fewer splits or a shorter "
            "embargo."
        )
