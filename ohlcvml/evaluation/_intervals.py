"""Block-t intervals of the scores that cross-validation and evaluation print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._time import distinct, nanoseconds
from ohlcvml.evaluation._scores import side_hits, sided_rows
from ohlcvml.evaluation.backtest import Backtest
from ohlcvml.pipeline import (
    BlockEstimate,
    block_t,
    block_t_influence,
    brier_losses,
    class_codes,
    log_losses,
    number_blocks,
    placement_auc,
)
from ohlcvml.samples import Samples
from ohlcvml.typing import BoolArray, FloatArray, IntArray

BLOCK_HORIZONS = 4
COLUMNS = ["estimate", "low", "high", "blocks"]


def bar_numbers(samples: Samples, rows: pd.Index) -> tuple[IntArray, IntArray]:
    """Number of each row's bar on the stamps of all symbols, and those stamps in nanoseconds."""
    stamps = distinct(_nanoseconds(samples.bars.index))
    return np.searchsorted(stamps, _nanoseconds(rows)).astype(np.int64), stamps


def _nanoseconds(index: pd.Index) -> IntArray:
    time = index.get_level_values(-1)
    if isinstance(time, pd.DatetimeIndex):
        return nanoseconds(time, nat="keep")
    return np.asarray(time, dtype=np.int64)  # bars without stamps are numbered


def score_intervals(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int] | IntArray,
    shares: Mapping[Any, FloatArray],
    *,
    fold: npt.ArrayLike,
    position: IntArray,
    horizon: int,
    stamps: IntArray | None = None,
    n_folds: int | None = None,
) -> pd.DataFrame:
    """Return fold means of the scores, each with its 95 % block-t interval.

    Parameters
    ----------
    y, proba, classes
        As for :func:`~ohlcvml.evaluation.classification_scores`, the rows of all folds.
    shares : mapping from fold to array of shape (n_classes,)
        The forecast without skill of each fold.
    fold : array-like of shape (n_rows,)
    position : int64 array of shape (n_rows,)
        Number of each row's bar.
    horizon : int
        Label horizon in bars; a block is four of them.
    stamps : int64 array of shape (n_bars,), optional
        Nanoseconds of the bars.
    n_folds : int, optional
        Folds there should be, where some failed; those in ``fold`` by default.

    Returns
    -------
    pd.DataFrame
        One row a score: ``estimate`` (the mean of the folds' scores; NaN where a fold has none),
        ``low``, ``high`` (NaN below 6 effective blocks), ``blocks`` (effective).
    """
    p, marks = np.asarray(proba, dtype=np.float64), np.asarray(fold)
    n_folds = len(distinct(marks)) if n_folds is None else n_folds
    known = np.isfinite(p).all(axis=1)
    p, labels, marks = p[known], np.asarray(y)[known], marks[known]
    block = number_blocks(position[known], BLOCK_HORIZONS * horizon, fold=marks, stamps=stamps)
    rows = _Rows(marks, block, n_folds)
    codes = class_codes(labels, classes, "score_intervals")
    loss = log_losses(labels, p, classes)
    each = np.array([shares[mark] for mark in rows.folds]).reshape(-1, len(classes))
    without = each[rows.at]
    no_skill = log_losses(labels, without, classes)
    sided, up, given = sided_rows(codes, p, classes)
    found = {
        "log_loss": rows.mean(loss),
        "skill": rows.skill(loss, no_skill),
        "brier": rows.mean(brier_losses(labels, p, classes)),
        "auc": rows.only(sided).area([up[sided]], [given[sided]]),
    }
    if len(classes) > 2:
        kinds = range(len(classes))
        found["auc_macro"] = rows.area([codes == c for c in kinds], [p[:, c] for c in kinds])
    if classes[0] < 0 < classes[-1]:
        found["directional_accuracy"] = rows.only(sided).mean(side_hits(up, given)[sided])
    found["accuracy"] = rows.mean((p.argmax(axis=1) == codes).astype(np.float64))
    return _table(found)


def with_sharpe(intervals: pd.DataFrame, run: Backtest | None) -> pd.DataFrame:
    """Add the row ``net_sharpe`` of one run over all rows."""
    if run is None:
        return intervals
    sharpe = run.sharpe
    row = BlockEstimate(float(sharpe), sharpe.low, sharpe.high, sharpe.blocks)
    return pd.concat([intervals, _table({"net_sharpe": row})])


def _table(found: dict[str, BlockEstimate]) -> pd.DataFrame:
    rows = [[getattr(one, name) for name in COLUMNS] for one in found.values()]
    return pd.DataFrame(rows, index=pd.Index(list(found), name="score"), columns=COLUMNS)


class _Rows:
    """Fold and block of each row; each fold weighs the same, as in a mean of fold scores."""

    def __init__(self, fold: npt.NDArray[Any], block: IntArray, n_folds: int) -> None:
        self.fold, self.block, self.n_folds = fold, block, n_folds
        self.folds, self.at, self.count = np.unique(fold, return_inverse=True, return_counts=True)
        self.weight = 1.0 / self.count[self.at]

    def only(self, kept: BoolArray) -> _Rows:
        """Some of the rows."""
        return _Rows(self.fold[kept], self.block[kept], self.n_folds)

    @property
    def complete(self) -> bool:
        """Whether every fold has rows."""
        return len(self.folds) == self.n_folds

    def mean(self, values: FloatArray) -> BlockEstimate:
        """Mean over folds of the mean over their rows."""
        if not self.complete:
            return _missing()
        return block_t(values, self.block, weight=self.weight)

    def skill(self, loss: FloatArray, no_skill: FloatArray) -> BlockEstimate:
        """Mean over folds of 1 − mean loss / mean loss of no skill."""
        if not self.complete:
            return _missing()
        base = np.bincount(self.at, no_skill) / self.count
        ratio = np.bincount(self.at, loss) / self.count / base
        influence = (ratio[self.at] * no_skill - loss) / base[self.at]
        return self._of(float((1.0 - ratio).mean()), influence)

    def area(self, kinds: list[BoolArray], scores: list[FloatArray]) -> BlockEstimate:
        """Mean over folds of the AUC, or of the mean AUC over the classes that have a curve."""
        areas, influence = np.full(len(self.folds), np.nan), np.zeros(len(self.fold))
        for k in range(len(self.folds)):
            mine = self.at == k
            curves = [placement_auc(u[mine], s[mine]) for u, s in zip(kinds, scores, strict=True)]
            met = [curve for curve in curves if np.isfinite(curve[0])]
            if met:
                areas[k] = np.mean([area for area, _ in met])
                influence[mine] = np.mean([moves for _, moves in met], axis=0)
        if not self.complete or np.isnan(areas).any():
            return _missing()
        return self._of(float(areas.mean()), influence)

    def _of(self, estimate: float, influence: FloatArray) -> BlockEstimate:
        return block_t_influence(
            estimate, influence, self.block, weight=self.weight, n_centred=self._n_centred()
        )

    def _n_centred(self) -> int:
        """Stretches of bars that the folds tell apart; combinatorial folds share theirs."""
        tested = np.zeros((int(self.block.max()) + 1, len(self.folds)))
        tested[self.block, self.at] = 1.0
        return int(np.linalg.matrix_rank(tested))


def _missing() -> BlockEstimate:
    nan = float("nan")
    return BlockEstimate(nan, nan, nan, 0.0)
