"""What a model says of some rows, all of it: probabilities, expected return, quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ohlcvml._saved import SavedResult
from ohlcvml.exceptions import DataError
from ohlcvml.typing import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class Answer(SavedResult):
    """Everything a model says of n rows, asked once.

    Returns are those of the labels, in units of the ATR at the decision; times ATR over price they
    are log returns, as ``predict_signal`` and ``predict_quantiles`` give them. A row without
    history is NaN everywhere.

    Parameters
    ----------
    probabilities : float64 array of shape (n, n_classes)
        Columns in the order of the model's ``classes_``.
    expected_return : float64 array of shape (n,) or None, default=None
        None where the model has no expectation of its own, and the class means are taken.
    quantiles : float64 array of shape (n, n_levels) or None, default=None
        None where the model has no distribution of returns, or no level was asked for.
    levels : tuple of float, default=()
        Levels of the quantiles, in (0, 1).
    extrapolated : tuple of float, default=()
        Levels beyond those the model knows, where a Gaussian tail is assumed.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.pipeline import Answer
    >>> answer = Answer(np.array([[0.2, 0.3, 0.5], [np.nan, np.nan, np.nan]]))
    >>> answer
    Answer(2 rows, 1 unanswered, 3 classes)
    >>> answer.known.tolist()
    [True, False]
    """

    probabilities: FloatArray
    expected_return: FloatArray | None = None
    quantiles: FloatArray | None = None
    levels: tuple[float, ...] = ()
    extrapolated: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.probabilities)
        shapes = {
            "probabilities": (self.probabilities.shape, (n, self.probabilities.shape[-1])),
            "expected_return": (_shape(self.expected_return), (n,)),
            "quantiles": (_shape(self.quantiles), (n, len(self.levels))),
        }
        for name, (got, wanted) in shapes.items():
            if got is not None and got != wanted:
                raise DataError(
                    f"Answer: {name!r} must have the shape {wanted} beside {n} rows and "
                    f"{len(self.levels)} levels; got {got}."
                )

    def __len__(self) -> int:
        return len(self.probabilities)

    def __repr__(self) -> str:
        n_classes = self.probabilities.shape[1]
        parts = [f"{len(self)} rows", f"{int((~self.known).sum())} unanswered"]
        parts.append(f"{n_classes} classes")
        if self.expected_return is not None:
            parts.append("expected return")
        if self.quantiles is not None:
            parts.append(f"{len(self.levels)} quantiles")
        return f"Answer({', '.join(parts)})"

    @property
    def known(self) -> BoolArray:
        """Which rows are answered, shape (n,)."""
        return np.asarray(~np.isnan(self.probabilities).any(axis=1))

    def __getitem__(self, rows: Any) -> Answer:
        """The answer of some rows: a slice, a mask or positions."""

        def taken(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else values[rows]

        probabilities = self.probabilities[rows]
        others = taken(self.expected_return), taken(self.quantiles)
        return Answer(probabilities, *others, self.levels, self.extrapolated)

    def spread(self, where: BoolArray) -> Answer:
        """The same rows among others that have no answer; ``where`` says which are these."""

        def placed(values: FloatArray | None) -> FloatArray | None:
            if values is None:
                return None
            out = np.full((len(where), *values.shape[1:]), np.nan)
            out[where] = values
            return out

        probabilities = np.full((len(where), self.probabilities.shape[1]), np.nan)
        probabilities[where] = self.probabilities
        others = placed(self.expected_return), placed(self.quantiles)
        return Answer(probabilities, *others, self.levels, self.extrapolated)

    @staticmethod
    def joined(answers: Sequence[Answer]) -> Answer:
        """Answers of the same model, or of models alike, one below the other.

        Where only some have an expected return, or a quantile, the rows of the others are NaN.
        """
        sets = {answer.levels for answer in answers if answer.quantiles is not None}
        if len(sets) > 1:
            raise DataError(
                "Answer.joined: answers must have quantiles at the same levels; got "
                f"{sorted(sets)}. Ask each model for the same levels."
            )
        levels = next(iter(sets), ())

        def column(name: str, width: tuple[int, ...]) -> FloatArray | None:
            found = [getattr(answer, name) for answer in answers]
            if all(values is None for values in found):
                return None
            blank = [np.full((len(answer), *width), np.nan) for answer in answers]
            return np.concatenate(
                [b if v is None else v for v, b in zip(found, blank, strict=True)]
            )

        beyond = sorted({level for answer in answers for level in answer.extrapolated})
        return Answer(
            np.concatenate([answer.probabilities for answer in answers]),
            column("expected_return", ()),
            column("quantiles", (len(levels),)),
            levels,
            tuple(beyond),
        )


def _shape(values: FloatArray | None) -> tuple[int, ...] | None:
    return None if values is None else values.shape
