"""Losses of each row, and the forecast without skill that they are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ohlcvml.exceptions import DataError
from ohlcvml.typing import FloatArray, IntArray

FLOOR_ROWS = 0.5  # a class counts as at least half a row


def class_shares(y: npt.ArrayLike, classes: Sequence[int] | IntArray) -> FloatArray:
    """Share of each class in the training rows: the forecast of someone without skill.

    A class that does not occur counts as half a row. With a share of 0 the forecast without skill
    would lose 36 nats on each row of that class, and any constant that gives the class a
    little would look skilled beside it.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels of the *training* rows.
    classes : sequence of int
        The labeller's class set, increasing.

    Returns
    -------
    np.ndarray of shape (n_classes,)
        Positive; sums to 1.

    Raises
    ------
    DataError
        No rows, or a label that is none of the classes.

    Examples
    --------
    >>> from ohlcvml.pipeline import class_shares
    >>> class_shares([1, 1, -1, 0], [-1, 0, 1]).tolist()
    [0.25, 0.25, 0.5]
    >>> class_shares([1, 1, -1], [-1, 0, 1]).round(3).tolist()  # 1, ½ and 2 of 3½ rows
    [0.286, 0.143, 0.571]
    """
    codes = class_codes(y, classes, "class_shares")
    if len(codes) == 0:
        raise DataError("class_shares: 'y' must hold at least one row; got none.")
    rows = np.bincount(codes, minlength=len(classes)).astype(np.float64)
    floored = np.maximum(rows, FLOOR_ROWS)
    return np.asarray(floored / floored.sum())


def log_losses(
    y: npt.ArrayLike, proba: npt.ArrayLike, classes: Sequence[int] | IntArray
) -> FloatArray:
    """Minus the log of the probability given to each label, in nats; NaN without an answer.

    Probabilities are clipped at the resolution of float64, as in scikit-learn, so that a certainty
    which turns out wrong costs 36 nats and not infinity.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels.
    proba : array-like of shape (n_rows, n_classes)
        Probabilities, columns in the order of ``classes``; NaN rows have no answer.
    classes : sequence of int
        The labeller's class set, increasing.

    Returns
    -------
    float64 array of shape (n_rows,)

    Examples
    --------
    >>> from ohlcvml.pipeline import log_losses
    >>> log_losses([1, -1], [[0.2, 0.8], [0.5, 0.5]], [-1, 1]).round(4).tolist()
    [0.2231, 0.6931]
    """
    p = _matrix(proba, "log_losses")
    codes = class_codes(y, classes, "log_losses")
    given = p[np.arange(len(codes)), codes]
    # clip, as maximum does, would let NaN through as well; it is what says "no answer"
    return np.asarray(-np.log(np.maximum(given, np.finfo(np.float64).eps))) + 0.0


def brier_losses(
    y: npt.ArrayLike, proba: npt.ArrayLike, classes: Sequence[int] | IntArray
) -> FloatArray:
    """Squared distance between the probabilities of each row and its outcome, in [0, 2].

    Parameters are those of :func:`log_losses`.

    Examples
    --------
    >>> from ohlcvml.pipeline import brier_losses
    >>> brier_losses([1, -1], [[0.2, 0.8], [0.5, 0.5]], [-1, 1]).round(4).tolist()
    [0.08, 0.5]
    """
    p = _matrix(proba, "brier_losses")
    codes = class_codes(y, classes, "brier_losses")
    return np.asarray(((p - np.eye(p.shape[1])[codes]) ** 2).sum(axis=1))


def class_codes(y: npt.ArrayLike, classes: Sequence[int] | IntArray, who: str) -> IntArray:
    """Position of each label in ``classes``, shape (n_rows,); ``who`` asks, for the message.

    Raises
    ------
    DataError
        Classes that do not increase, or a label that is none of them.

    Examples
    --------
    >>> from ohlcvml.pipeline import class_codes
    >>> class_codes([1, -1, 0], [-1, 0, 1], "me").tolist()
    [2, 0, 1]
    """
    labels, known = np.asarray(y), np.asarray(classes)
    if len(known) < 2 or (np.diff(known) <= 0).any():
        raise DataError(
            f"{who}: 'classes' must be two or more labels in increasing order; got "
            f"{known.tolist()}. Use samples.classes or model.classes_."
        )
    codes = np.searchsorted(known, labels).clip(max=len(known) - 1)
    wrong = known[codes] != labels
    if wrong.any():
        raise DataError(
            f"{who}: every label of 'y' must be one of 'classes' {known.tolist()}; got "
            f"{np.unique(labels[wrong]).tolist()}. Use the labeller's class set, samples.classes."
        )
    return codes.astype(np.int64)


def _matrix(proba: npt.ArrayLike, who: str) -> FloatArray:
    p = np.asarray(proba, dtype=np.float64)
    if p.ndim != 2:
        raise DataError(f"{who}: 'proba' must have shape (n_rows, n_classes); got {p.shape}.")
    return p
