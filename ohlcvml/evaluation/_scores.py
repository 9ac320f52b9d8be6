"""Classification scores over the labeller's fixed class set.

Every score takes the classes from the caller, not from the rows at hand: a fold that lacks a class
is scored on the same footing as one that has them all, and what cannot be defined there is NaN
rather than a guess. Wherever scikit-learn defines the number, scikit-learn computes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score, recall_score, roc_auc_score
from sklearn.metrics import log_loss as _sklearn_log_loss

from ohlcvml.evaluation._calibration import calibration_error
from ohlcvml.exceptions import DataError
from ohlcvml.typing import FloatArray, IntArray

__all__ = [
    "auc",
    "balanced_accuracy",
    "class_priors",
    "classification_scores",
    "log_loss",
    "log_loss_skill",
    "macro_f1",
]


def check_rows(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int],
    weight: npt.ArrayLike | None,
    who: str,
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the rows that can be scored as (class number, probabilities, weights).

    Rows whose probabilities are not finite (bars without history) are left out; a label outside
    ``classes``, probabilities that do not sum to one and negative weights raise.
    """
    p = np.asarray(proba, dtype=np.float64)
    labels = np.asarray(y)
    known = np.asarray(classes)
    if p.ndim != 2 or p.shape != (len(labels), len(known)):
        raise DataError(
            f"{who}: 'proba' must have shape (n_rows, n_classes) = ({len(labels)}, {len(known)}) "
            f"to go with 'y' and 'classes'; got {p.shape}."
        )
    if len(known) < 2 or (np.diff(known) <= 0).any():
        raise DataError(
            f"{who}: 'classes' must be two or more labels in increasing order; got "
            f"{known.tolist()}. Use LabelSpec.of(labels).classes or model.classes_."
        )
    codes = np.searchsorted(known, labels).clip(max=len(known) - 1)
    if (known[codes] != labels).any():
        strange = np.unique(labels[known[codes] != labels]).tolist()
        raise DataError(
            f"{who}: every label of 'y' must be one of 'classes' {known.tolist()}; got {strange}. "
            "Score with the labeller's class set, LabelSpec.of(labels).classes."
        )
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
    return codes[scored].astype(np.int64), p, w[scored]


def class_priors(
    y: npt.ArrayLike, classes: Sequence[int], weight: npt.ArrayLike | None = None
) -> FloatArray:
    """Weighted share of each class in the training rows: the forecast of someone without skill.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels of the *training* rows.
    classes : sequence of int
        The labeller's class set.
    weight : array-like of shape (n_rows,), optional
        Sample weights.

    Returns
    -------
    np.ndarray of shape (n_classes,)
        Sums to 1; zero for a class that training never saw.

    Examples
    --------
    >>> from ohlcvml.evaluation import class_priors
    >>> class_priors([1, 1, -1, 0], [-1, 0, 1]).tolist()
    [0.25, 0.25, 0.5]
    """
    labels = np.asarray(y)
    w = np.ones(len(labels)) if weight is None else np.asarray(weight, dtype=np.float64)
    total = np.array([w[labels == c].sum() for c in classes], dtype=np.float64)
    if not total.sum() > 0:
        raise DataError("class_priors: 'y' must hold at least one row of positive weight.")
    return np.asarray(total / total.sum())


def log_loss(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int],
    weight: npt.ArrayLike | None = None,
) -> float:
    """Weighted mean of −log(probability given to the label), in nats; less is better.

    Probabilities are clipped at the float64 resolution, as scikit-learn does, so a certainty that
    turns out wrong costs 36 nats and not infinity.

    Examples
    --------
    >>> from ohlcvml.evaluation import log_loss
    >>> round(log_loss([1, -1], [[0.2, 0.8], [0.5, 0.5]], [-1, 1]), 4)  # mean of -ln .8, -ln .5
    0.4581
    """
    codes, p, w = check_rows(y, proba, classes, weight, "log_loss")
    return _log_loss(codes, p, w)


def _log_loss(codes: IntArray, p: FloatArray, w: FloatArray) -> float:
    if len(codes) == 0:
        return float("nan")
    number = np.arange(p.shape[1])
    return float(_sklearn_log_loss(codes, p, sample_weight=w, labels=number))


def log_loss_skill(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int],
    prior: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
) -> float:
    """Log-loss skill over no-skill: 1 − LL(proba) / LL(prior).

    1 is perfect, 0 is no better than always answering the training class shares ``prior`` of shape
    (n_classes,), negative is worse than that.

    Examples
    --------
    >>> from ohlcvml.evaluation import log_loss_skill
    >>> log_loss_skill([1, -1], [[0.5, 0.5], [0.5, 0.5]], [-1, 1], prior=[0.5, 0.5])
    0.0
    """
    codes, p, w = check_rows(y, proba, classes, weight, "log_loss_skill")
    return _skill(codes, p, w, _check_prior(prior, len(classes), "log_loss_skill"))


def _skill(codes: IntArray, p: FloatArray, w: FloatArray, prior: FloatArray) -> float:
    no_skill = _log_loss(codes, np.tile(prior, (len(codes), 1)), w)
    # A one-class fold whose prior is certain of that class leaves nothing to be skilful about.
    return 1.0 - _log_loss(codes, p, w) / no_skill if no_skill > 1e-12 else float("nan")


def _check_prior(prior: npt.ArrayLike, n_classes: int, who: str) -> FloatArray:
    p = np.asarray(prior, dtype=np.float64)
    if p.shape != (n_classes,) or not (p >= 0).all() or abs(p.sum() - 1.0) > 1e-6:
        raise DataError(
            f"{who}: 'prior' must hold {n_classes} shares that sum to 1, one for each class; got "
            f"{p.tolist()}. Use class_priors(y_train, classes)."
        )
    return p


def balanced_accuracy(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int],
    weight: npt.ArrayLike | None = None,
) -> float:
    """Mean recall over the classes that occur in ``y``; the likeliest class is the answer.

    A class absent from these rows has no recall and is left out, as in scikit-learn.

    Examples
    --------
    >>> from ohlcvml.evaluation import balanced_accuracy
    >>> balanced_accuracy([1, 1, 1, -1], [[0.1, 0.9]] * 4, [-1, 1])
    0.5
    """
    codes, p, w = check_rows(y, proba, classes, weight, "balanced_accuracy")
    return _balanced_accuracy(codes, p, w)


def _balanced_accuracy(codes: IntArray, p: FloatArray, w: FloatArray) -> float:
    if len(codes) == 0:
        return float("nan")
    answer = p.argmax(axis=1)
    return float(
        recall_score(codes, answer, labels=np.unique(codes), average="macro", sample_weight=w)
    )


def macro_f1(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int],
    weight: npt.ArrayLike | None = None,
) -> float:
    """Unweighted mean of the classes' F1; the likeliest class is the answer.

    A class that neither occurs nor is answered in these rows is left out; one that is answered
    but never occurs scores 0, as does one that occurs but is never answered.

    Examples
    --------
    >>> from ohlcvml.evaluation import macro_f1
    >>> round(macro_f1([1, 1, 1, -1], [[0.1, 0.9]] * 4, [-1, 1]), 4)  # (0 + 6/7) / 2
    0.4286
    """
    codes, p, w = check_rows(y, proba, classes, weight, "macro_f1")
    return _macro_f1(codes, p, w)


def _macro_f1(codes: IntArray, p: FloatArray, w: FloatArray) -> float:
    if len(codes) == 0:
        return float("nan")
    answer = p.argmax(axis=1)
    met = np.union1d(codes, answer)
    return float(
        f1_score(codes, answer, labels=met, average="macro", sample_weight=w, zero_division=0.0)
    )


def auc(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int],
    weight: npt.ArrayLike | None = None,
    average: str = "macro",
) -> float:
    """Area under the ROC curve, one class against the rest, averaged over classes.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels.
    proba : array-like of shape (n_rows, n_classes)
        Probabilities, columns in the order of ``classes``.
    classes : sequence of int
        The labeller's class set, increasing.
    weight : array-like of shape (n_rows,), optional
        Sample weights.
    average : {"macro", "weighted"}, default "macro"
        Plain mean over classes, or mean weighted by the class shares in ``y``.

    Returns
    -------
    float
        0.5 without skill. A class that is absent from ``y``, or is all of it, has no curve: the
        mean is over the other classes, and NaN when none is left.

    Examples
    --------
    >>> from ohlcvml.evaluation import auc
    >>> auc([-1, 1, 1], [[0.6, 0.4], [0.7, 0.3], [0.2, 0.8]], [-1, 1])
    0.5
    """
    if average not in ("macro", "weighted"):
        raise DataError(f"auc: 'average' must be 'macro' or 'weighted'; got {average!r}.")
    codes, p, w = check_rows(y, proba, classes, weight, "auc")
    return _mean_auc(*_class_auc(codes, p, w), average)


def _class_auc(codes: IntArray, p: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    areas = np.full(p.shape[1], np.nan)
    share = np.zeros(p.shape[1])
    for c in range(p.shape[1]):
        is_c = codes == c
        share[c] = w[is_c].sum()
        if is_c.any() and not is_c.all():
            areas[c] = roc_auc_score(is_c, p[:, c], sample_weight=w)
    return areas, share


def _mean_auc(areas: FloatArray, share: FloatArray, average: str) -> float:
    met = np.isfinite(areas)
    if not met.any():
        return float("nan")
    if average == "macro":
        return float(areas[met].mean())
    return float(np.average(areas[met], weights=share[met]))


def classification_scores(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int],
    prior: npt.ArrayLike,
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
        The labeller's class set, increasing: ``LabelSpec.of(labels).classes``.
    prior : array-like of shape (n_classes,)
        Class shares of the *training* rows, ``class_priors(y_train, classes)``: the no-skill row.
    weight : array-like of shape (n_rows,), optional
        Sample weights; rows of weight 0 are not scored.

    Returns
    -------
    dict
        ``log_loss``, ``log_loss_no_skill``, ``skill`` (1 − their ratio), ``balanced_accuracy``,
        ``f1`` (macro), ``auc`` (one against the rest, macro), ``auc_weighted``,
        ``calibration_error`` (top label, 10 bins), ``accuracy``, ``rows``, ``rows_missing``.

    Raises
    ------
    DataError
        Shapes that do not match, labels outside ``classes``, rows that do not sum to 1.

    Examples
    --------
    >>> from ohlcvml.evaluation import classification_scores
    >>> proba = [[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]]
    >>> scores = classification_scores([-1, 0, 1, 1], proba, [-1, 0, 1], prior=[0.3, 0.2, 0.5])
    >>> {name: round(value, 3) for name, value in scores.items()}  # doctest: +ELLIPSIS
    {'log_loss': 0.619, 'log_loss_no_skill': 1.05, 'skill': 0.41, 'balanced_accuracy': 0.833, ...
    """
    codes, p, w = check_rows(y, proba, classes, weight, "classification_scores")
    shares = _check_prior(prior, len(classes), "classification_scores")
    areas, share = _class_auc(codes, p, w)
    known = np.asarray(classes)
    right = (p.argmax(axis=1) == codes).astype(np.float64)
    scores: dict[str, Any] = {
        "log_loss": _log_loss(codes, p, w),
        "log_loss_no_skill": _log_loss(codes, np.tile(shares, (len(codes), 1)), w),
        "skill": _skill(codes, p, w, shares),
        "balanced_accuracy": _balanced_accuracy(codes, p, w),
        "f1": _macro_f1(codes, p, w),
        "auc": _mean_auc(areas, share, "macro"),
        "auc_weighted": _mean_auc(areas, share, "weighted"),
        "calibration_error": calibration_error(known[codes], p, classes, weight=w),
        "accuracy": float(np.average(right, weights=w)) if len(codes) else float("nan"),
        "rows": float(len(codes)),
        "rows_missing": float(len(np.asarray(y)) - len(codes)),
    }
    return scores
