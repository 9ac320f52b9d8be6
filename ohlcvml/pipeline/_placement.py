"""The area under the ROC curve, and how far each row moves it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ohlcvml._compiling import njit
from ohlcvml.exceptions import DataError
from ohlcvml.typing import BoolArray, FloatArray, IntArray


def placement_auc(
    up: npt.ArrayLike, score: npt.ArrayLike, *, weight: npt.ArrayLike | None = None
) -> tuple[float, FloatArray]:
    """Area under the ROC curve, and the influence of each row on it.

    The placement value of a row of one kind is the share of the other kind that it is ranked
    rightly against, ties counting half. Their mean over either kind is the area, and how far a
    row's own value lies from that mean says how far the row moves the area.

    Parameters
    ----------
    up : array-like of bool, shape (n_rows,)
        Which of the two kinds each row is.
    score : array-like of shape (n_rows,)
        Finite; larger says ``up`` is likelier.
    weight : array-like of shape (n_rows,), optional
        Non-negative; 1 by default.

    Returns
    -------
    (float, float64 array of shape (n_rows,))
        The area, and influence values whose weighted mean is 0, for
        :func:`~ohlcvml.pipeline.block_t_influence`. NaN and zeros where a kind does not occur.

    Notes
    -----
    DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988), 837-845. Compute it within a fold:
    scores of different models have no common scale.

    Examples
    --------
    >>> from ohlcvml.pipeline import placement_auc
    >>> area, influence = placement_auc([True, False, True, False], [0.9, 0.4, 0.3, 0.1])
    >>> area, influence.tolist()
    (0.75, [0.5, -0.5, -0.5, 0.5])
    """
    kind, s = np.asarray(up, dtype=bool), np.asarray(score, dtype=np.float64)
    w = np.ones(len(s)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not kind.shape == s.shape == w.shape or not np.isfinite(s).all():
        raise DataError(
            "placement_auc: 'up', 'score' and 'weight' must be of one length and 'score' finite; "
            f"got shapes {kind.shape}, {s.shape}, {w.shape}. Leave out rows without an answer."
        )
    total_up, total_down = float(w[kind].sum()), float(w[~kind].sum())
    if not (total_up > 0 and total_down > 0):
        return float("nan"), np.zeros(len(s))
    placement = np.empty(len(s))
    # Ones add up to the same in any order; other weights of tied scores are added in row order.
    order = np.argsort(s, kind=None if (w == w[0]).all() else "stable")
    area = _placements(order, s, kind, w, total_up, total_down, placement)
    total = total_up + total_down
    placement -= area
    placement *= np.where(kind, total / total_up, total / total_down)
    return area, placement


@njit(cache=True)
def _placements(
    order: IntArray,
    score: FloatArray,
    up: BoolArray,
    weight: FloatArray,
    total_up: float,
    total_down: float,
    placement: FloatArray,
) -> float:
    """Write the placement value of each row, rows in ``order`` of their scores; give the area."""
    n = len(order)
    ups = downs = won = 0.0
    start = 0
    while start < n:
        tied_up = tied_down = 0.0
        stop = start
        while stop < n and score[order[stop]] == score[order[start]]:
            row = order[stop]
            if up[row]:
                tied_up += weight[row]
            else:
                tied_down += weight[row]
            stop += 1
        beaten = (downs + 0.5 * tied_down) / total_down
        beating = 1.0 - (ups + 0.5 * tied_up) / total_up
        for k in range(start, stop):
            row = order[k]
            placement[row] = beaten if up[row] else beating
        won += tied_up * beaten
        ups += tied_up
        downs += tied_down
        start = stop
    return won / total_up
