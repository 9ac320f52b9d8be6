"""Classification scores over the labeller's fixed class set.

Every score takes the classes from the caller, not from the rows at hand: a fold that lacks a class
is scored on the same footing as one that has them all, and what cannot be defined there is NaN
rather than a guess.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ohlcvml.evaluation._calibration import calibration_error
from ohlcvml.exceptions import DataError
from ohlcvml.pipeline import brier_losses, class_codes, log_losses, placement_auc
from ohlcvml.typing import BoolArray, FloatArray, IntArray


def check_rows(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int] | IntArray,
    weight: npt.ArrayLike | None,
    who: str,
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the rows that can be scored as (class number, probabilities, weights).

    Rows whose probabilities are not finite (bars without history) are left out; a label outside
    ``classes``, probabilities that do not sum to one and negative weights raise.
    """
    p = np.asarray(proba, dtype=np.float64)
    labels = np.asarray(y)
    if p.ndim != 2 or p.shape != (len(labels), len(np.asarray(classes))):
        raise DataError(
            f"{who}: 'proba' must have shape (n_rows, n_classes) = ({len(labels)}, "
            f"{len(np.asarray(classes))}) to go with 'y' and 'classes'; got {p.shape}."
        )
    codes = class_codes(labels, classes, who)
    w = np.ones(len(p)) if weight is None else np.asarray(weight, dtype=np.float64)
    if w.shape != (len(p),) or not (w >= 0).all():
        raise DataError(
            f"{who}: 'weight' must hold one non-negative number for each of the {len(p)} rows."
        )
    scored = np.isfinite(p).all(axis=1) & (w > 0)
    p = p[scored]
    if len(p) and (np.abs(p.sum(axis=1) - 1.0) > 1e-6).any():
        worst = float(p.sum(axis=1)[np.abs(p.sum(axis=1) - 1.0).argmax()])
        raise DataError(
            f"{who}: each row of 'proba' must sum to 1; got a row summing to {worst:g}."
        )
    return codes[scored], p, w[scored]


def check_shares(prior: npt.ArrayLike, n_classes: int, who: str) -> FloatArray:
    """Return the shares of the forecast without skill; raise unless they are positive shares."""
    p = np.asarray(prior, dtype=np.float64)
    if p.shape != (n_classes,) or not (p > 0).all() or abs(p.sum() - 1.0) > 1e-6:
        raise DataError(
            f"{who}: 'prior' must hold {n_classes} positive shares that sum to 1, one for each "
            f"class; got {p.tolist()}. Use ohlcvml.pipeline.class_shares(y_train, classes), which "
            "counts a class that training never saw as half a row."
        )
    return p


def sided_rows(
    codes: IntArray, p: FloatArray, classes: Sequence[int] | IntArray
) -> tuple[BoolArray, BoolArray, FloatArray]:
    """Which rows went up or down, whether they went up, and the probability of up given either.

    Meta-labels (0 skip, 1 take) have no flat rows: take counts as up.
    """
    known = [int(c) for c in classes]
    if len(known) == 2:
        down, up = 0, 1
    elif {-1, 1} <= set(known):
        down, up = known.index(-1), known.index(1)
    else:
        raise DataError(
            f"auc: 'classes' must hold -1 and 1, or two classes; got {known}. Label with down -1, "
            "flat 0 and up 1, or with skip 0 and take 1."
        )
    sided = (codes == down) | (codes == up)
    low, high = p[:, down], p[:, up]
    either = low + high
    # A row that is certain to be flat says nothing of the direction.
    given = np.where(either > 0, high / np.where(either > 0, either, 1.0), 0.5)
    return sided, codes == up, given


def auc(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int] | IntArray,
    *,
    weight: npt.ArrayLike | None = None,
) -> float:
    """Area under the ROC curve of up against down; of take against skip for meta-labels.

    Rows labelled flat are left out, and the others are ranked by p_up / (p_up + p_down), the
    probability of up given that it was either. That is the ranking with the largest area that any
    forecast can reach (Neyman and Pearson), and it does not change with how likely flat is; the
    difference p_up − p_down does. ``simulate_bars(...).attainable`` and ``oracle_auc`` are the
    same figure for the best forecast there is.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels.
    proba : array-like of shape (n_rows, n_classes)
        Probabilities, columns in the order of ``classes``; rows with NaN are left out.
    classes : sequence of int
        The labeller's class set, increasing.
    weight : array-like of shape (n_rows,), optional
        Sample weights.

    Returns
    -------
    float
        0.5 without skill, whatever the share of flat rows; NaN where a side does not occur.

    Examples
    --------
    >>> from ohlcvml.evaluation import auc
    >>> auc([-1, 0, 1, 1], [[0.3, 0.5, 0.2], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.6, 0, 0.4]],
    ...     [-1, 0, 1])
    0.75
    """
    codes, p, w = check_rows(y, proba, classes, weight, "auc")
    sided, up, given = sided_rows(codes, p, classes)
    return placement_auc(up[sided], given[sided], weight=w[sided])[0]


def classification_scores(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int] | IntArray,
    prior: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """All scores of one stretch of rows. Take fold means; a pooled AUC is biased on noise.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels.
    proba : array-like of shape (n_rows, n_classes)
        Probabilities, columns in the order of ``classes``. Rows with NaN (no history) are left
        out and counted in ``rows_missing``.
    classes : sequence of int
        The labeller's class set, increasing.
    prior : array-like of shape (n_classes,)
        Class shares of the *training* rows, ``class_shares(y_train, classes)`` from
        ``ohlcvml.pipeline``: the forecast without skill. Positive.
    weight : array-like of shape (n_rows,), optional
        Sample weights; rows of weight 0 are not scored.

    Returns
    -------
    dict
        ``log_loss``, ``log_loss_no_skill``, ``skill`` (1 − their ratio), ``brier``, ``auc`` (up
        against down, or take against skip), ``auc_macro`` (each class against the rest, mean over
        the classes that have a curve; three classes or more), ``directional_accuracy`` (of the
        rows that went up or down, the share whose likelier side was right, ties half; labels with
        directions only), ``balanced_accuracy`` (mean recall of the classes that occur), ``f1``
        (mean over the classes that occur or are answered), ``calibration_error`` (top label, 10
        bins), ``accuracy``, ``rows``, ``rows_missing``.

    Raises
    ------
    DataError
        Shapes that do not match, labels outside ``classes``, rows that do not sum to 1, a share
        of 0 in ``prior``.

    Examples
    --------
    >>> from ohlcvml.evaluation import classification_scores
    >>> proba = [[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]]
    >>> scores = classification_scores([-1, 0, 1, 1], proba, [-1, 0, 1], prior=[0.3, 0.2, 0.5])
    >>> {name: round(value, 3) for name, value in scores.items()}  # doctest: +ELLIPSIS
    {'log_loss': 0.619, 'log_loss_no_skill': 1.05, 'skill': 0.41, 'brier': 0.33, 'auc': 1.0, ...
    """
    who = "classification_scores"
    codes, p, w = check_rows(y, proba, classes, weight, who)
    shares = check_shares(prior, len(classes), who)
    known = np.asarray(classes)
    labels = known[codes]
    loss = _mean(log_losses(labels, p, classes), w)
    no_skill = _mean(log_losses(labels, np.tile(shares, (len(codes), 1)), classes), w)
    sided, up, given = sided_rows(codes, p, classes)
    scores = {
        "log_loss": loss,
        "log_loss_no_skill": no_skill,
        "skill": 1.0 - loss / no_skill if len(codes) else float("nan"),
        "brier": _mean(brier_losses(labels, p, classes), w),
        "auc": placement_auc(up[sided], given[sided], weight=w[sided])[0],
    }
    if len(known) > 2:
        scores["auc_macro"] = _macro_auc(codes, p, w)
    if known[0] < 0 < known[-1]:
        scores["directional_accuracy"] = _mean(side_hits(up, given)[sided], w[sided])
    recalls, f1s = _recall_and_f1(codes, p.argmax(axis=1), w, len(known))
    scores |= {
        "balanced_accuracy": recalls,
        "f1": f1s,
        "calibration_error": calibration_error(labels, p, classes, weight=w),
        "accuracy": _mean((p.argmax(axis=1) == codes).astype(np.float64), w),
        "rows": float(len(codes)),
        "rows_missing": float(len(np.asarray(y)) - len(codes)),
    }
    return scores


def side_hits(up: BoolArray, given: FloatArray) -> FloatArray:
    """1 where the likelier side was right, 0 where it was wrong, ½ where both are as likely."""
    return np.asarray(np.where(given == 0.5, 0.5, (given > 0.5) == up), dtype=np.float64)


def _mean(values: FloatArray, weight: FloatArray) -> float:
    return float(np.average(values, weights=weight)) if len(values) else float("nan")


def _macro_auc(codes: IntArray, p: FloatArray, w: FloatArray) -> float:
    """Mean over the classes that occur beside others; a class that is absent has no curve."""
    areas = np.array([placement_auc(codes == c, p[:, c], weight=w)[0] for c in range(p.shape[1])])
    met = np.isfinite(areas)
    return float(areas[met].mean()) if met.any() else float("nan")


def _recall_and_f1(
    codes: IntArray, answer: IntArray, w: FloatArray, n_classes: int
) -> tuple[float, float]:
    """Mean recall of the classes that occur, mean F1 of those that occur or are answered."""
    if len(codes) == 0:
        return float("nan"), float("nan")
    hits = np.bincount(codes, w * (answer == codes), minlength=n_classes)
    occurs = np.bincount(codes, w, minlength=n_classes)
    met = occurs + np.bincount(answer, w, minlength=n_classes)
    return (
        float((hits[occurs > 0] / occurs[occurs > 0]).mean()),
        float((2.0 * hits[met > 0] / met[met > 0]).mean()),
    )
