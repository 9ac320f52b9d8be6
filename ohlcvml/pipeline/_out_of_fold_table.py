"""What the fold loop found: one row for each tested row, and what its model had seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._saved import SavedResult
from ohlcvml.exceptions import LeakageError
from ohlcvml.labels import LabelSpec
from ohlcvml.pipeline._answer import Answer
from ohlcvml.pipeline._fold import Fold
from ohlcvml.pipeline._training_record import joined, meeting, occupied
from ohlcvml.samples import Samples
from ohlcvml.splits import MINIMUM_PURGE
from ohlcvml.typing import IntArray, Labels

OUTCOME = ["label", "end", "ret", "cost", "net_ret"]


@dataclass(frozen=True, eq=False)
class OutOfFold(SavedResult):
    """Answers to rows that the answering model had not seen.

    One entry for each test row of each fold, folds one after the other. Rows that no fold tests,
    such as the first block of a walk-forward, are absent. ``save(folder)`` and ``load(folder)``
    write and read it as parquet and JSON.

    Attributes
    ----------
    rows : int64 array of shape (n,)
        Positions in the samples that were split.
    fold : int64 array of shape (n,)
        Fold whose model answers.
    path : int64 array of shape (n,) or None
        Where rows are tested several times (combinatorial splits): the backtest path each entry
        belongs to. None where every row is tested once.
    labels : pd.DataFrame of n rows
        The rows' labels, on their stamps.
    signal : pd.DataFrame of n rows
        What ``predict_signal`` says of them.
    answer : Answer of n rows
        Everything the models say of them.
    folds : pd.DataFrame
        By fold that was run: rows, first and last stamp tested, seconds.
    class_shares : pd.DataFrame
        By fold, the share of each class among the training rows.
    training_intervals : dict of int to int64 array of shape (m, 2)
        By fold, what its training rows occupy with their purge zones: [i, max(e, i + p)], in ns,
        p = max(60, horizon).
    tested_intervals : int64 array of shape (m, 2)
        The same of all tested rows.
    failures : dict of int to str
        By fold that failed, its error.
    untested : int
        Rows of the samples that no successful fold tested.
    loaded : bool
        Read from disk: it then serves only rows later than all of it.
    """

    rows: IntArray
    fold: IntArray
    path: IntArray | None
    labels: Labels
    signal: pd.DataFrame
    answer: Answer
    folds: pd.DataFrame
    class_shares: pd.DataFrame
    training_intervals: dict[int, IntArray]
    tested_intervals: IntArray
    failures: dict[int, str]
    untested: int
    loaded: bool = False

    @classmethod
    def of(cls, folds: list[Fold], samples: Samples, paths: list[IntArray] | None) -> OutOfFold:
        """Join folds, of which at least one did not fail; ``paths`` are those of each fold."""
        good: list[Any] = [fold for fold in folds if fold.error is None]
        numbers = [fold.number for fold in good]
        rows = np.concatenate([fold.rows for fold in good])
        path = None
        if paths is not None:
            path = np.concatenate([paths[number] for number in numbers])
        spec = LabelSpec.of(good[0].labels)
        number = pd.Index(numbers, name="fold")
        tested = np.concatenate([fold.tested_intervals for fold in good])
        reports = pd.DataFrame([fold.report for fold in good], index=number)
        shares = [fold.class_shares for fold in good]
        return cls(
            rows=rows,
            fold=np.repeat(np.array(numbers, dtype=np.int64), [len(f.rows) for f in good]),
            path=path,
            labels=spec.attach(pd.concat([fold.labels for fold in good])),
            signal=pd.concat([fold.signal for fold in good]),
            answer=Answer.joined([fold.answer for fold in good]),
            folds=reports,
            class_shares=pd.DataFrame(shares, index=number, columns=samples.classes.tolist()),
            training_intervals={fold.number: fold.training_intervals for fold in good},
            tested_intervals=joined(tested[:, 0], tested[:, 1]),
            failures={fold.number: str(fold.error) for fold in folds if fold.error is not None},
            untested=len(samples) - len(np.unique(rows)),
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        found = f"{len(self.folds)} folds, {len(self):,} rows"
        if self.path is not None:
            found += f" on {int(self.path.max()) + 1} paths"
        if self.untested:
            found += f"; {self.untested:,} rows never tested"
        if self.failures:
            found += f"; failed: {', '.join(f'fold {number}' for number in self.failures)}"
        return f"OutOfFold({found})"

    @property
    def table(self) -> pd.DataFrame:
        """One row for each entry: fold, path where there are any, outcome and signal."""
        out = pd.concat([self.labels[OUTCOME], self.signal], axis=1)
        out.insert(0, "fold", self.fold)
        if self.path is not None:
            out.insert(1, "path", self.path)
        return out

    def of_fold(self, number: int) -> IntArray:
        """Positions of a fold's entries."""
        return np.flatnonzero(self.fold == number)

    def check_unseen(self, samples: Samples) -> None:
        """Raise unless this may be used to predict ``samples``.

        What is learnt from out-of-fold answers (a stack, a calibration, a threshold) knows all
        that their models were fitted on, and the labels of their rows. It may serve rows whose
        time none of that meets: each outer fold builds its own inside its training rows. A table
        that was read from disk serves only rows later than all of it.

        Parameters
        ----------
        samples : Samples
            The rows to be predicted. Row i that resolves in bar e occupies bars i to
            max(e, i + p), with p = max(60, horizon).

        Raises
        ------
        LeakageError
            A training row of a fold, or a tested row, meets one of them, or its purge zone.
        """
        first, last = occupied(samples, max(MINIMUM_PURGE, samples.spec.horizon))
        seen = [*self.training_intervals.values(), self.tested_intervals]
        met = np.zeros(len(first), dtype=bool)
        for intervals in seen:
            met |= meeting(first, last, intervals)
        reached = max(int(intervals[:, 1].max()) for intervals in seen)
        if not met.any() and not (self.loaded and first.min() <= reached):
            return
        stamp: Any = reached
        if isinstance(samples.index.get_level_values(-1), pd.DatetimeIndex):
            stamp = pd.Timestamp(reached, tz="UTC")
        told = f"{int(met.sum())} of {len(samples)} rows meet what its models were fitted on"
        if not met.any():
            told = "a table that was saved serves only rows later than all of it"
        raise LeakageError(
            f"OutOfFold.check_unseen: {told}; the table reaches {stamp}, the rows to be predicted "
            f"begin at {samples.index[int(first.argmin())]}. Call out_of_fold inside the training "
            "rows of each outer fold."
        )

    def saved_fields(self) -> dict[str, Any]:
        """What is stored, by field: what comes back is marked as read from disk."""
        return {**super().saved_fields(), "loaded": True}
