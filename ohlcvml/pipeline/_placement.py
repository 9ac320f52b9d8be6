"""The area under the ROC curve, and how far each row moves it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ohlcvml.exceptions import DataError
from ohlcvml.typing import FloatArray

__all__ = ["placement_auc"]


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
    values, at = np.unique(s, return_inverse=True)
    ups = np.bincount(at, w * kind, minlength=len(values))
    downs = np.bincount(at, w * ~kind, minlength=len(values))
    beaten = (np.cumsum(downs) - 0.5 * downs) / total_down
    beating = 1.0 - (np.cumsum(ups) - 0.5 * ups) / total_up
    area = float((ups * beaten).sum()) / total_up
    total = total_up + total_down
    influence = np.where(
        kind, (beaten[at] - area) * (total / total_up), (beating[at] - area) * (total / total_down)
    )
    return area, influence
