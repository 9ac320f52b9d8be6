"""What the models of one feature row share: rows in, the full class set out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._checks import Rule, real
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.pipeline import BaseBarClassifier, check_unseen
from ohlcvml.samples import BarPanel, Samples
from ohlcvml.typing import FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]

CLASS_WEIGHT = Rule(
    "None, 'balanced' or a mapping of class labels to finite weights above 0",
    lambda value: (
        value is None
        or (isinstance(value, str) and value == "balanced")
        or (
            isinstance(value, Mapping)
            and len(value) > 0
            and all(real(0.0, open_low=True).accepts(weight) for weight in value.values())
        )
    ),
    "even",
)


class BaseTabularClassifier(BaseBarClassifier):
    """A model of the features at the decision bar.

    Subclasses implement ``_fit_rows(values, codes, n_codes, weight)`` and
    ``_predict_rows(values)`` on float32 rows, with classes coded 0..n_codes-1; a class that does
    not occur in training gets probability 0. They may implement ``_gain()`` and
    ``_contributions(values)``.
    """

    _tags = {"representation": "row"}
    importance_kinds: tuple[str, ...] = ("permutation",)
    _present: IntArray
    _column_names: list[str]

    def _fit(self, X: BarPanel, y: npt.NDArray[Any]) -> BaseTabularClassifier:
        values = X.last()
        present, codes = np.unique(y, return_inverse=True)
        self._present = np.searchsorted(self.classes_, present)
        names = getattr(self, "feature_names_", None)
        self._column_names = names or [f"channel_{k}" for k in range(values.shape[1])]
        self._fit_rows(values, codes, len(present), self._class_weighted(X.weight, y, present))
        return self

    def _class_weighted(
        self, weight: FloatArray | None, y: npt.NDArray[Any], present: npt.NDArray[Any]
    ) -> FloatArray | None:
        """Sample weights times those of the classes, where the model has ``class_weight``."""
        given = getattr(self, "class_weight", None)
        if given is None:
            return weight
        if given == "balanced":
            factor = {c: len(y) / (len(present) * (y == c).sum()) for c in present}
        else:
            unknown = [c for c in given if c not in self.classes_]
            if unknown:
                raise ParameterError(
                    f"{type(self).__name__}: parameter 'class_weight' must name classes of the "
                    f"labels, {list(self.classes_)}; got {unknown}. Classes left out weigh 1."
                )
            factor = {c: float(given.get(c, 1.0)) for c in present}
        of_rows = np.array([factor[c] for c in present])[np.searchsorted(present, y)]
        return of_rows if weight is None else weight * of_rows

    def _predict_proba(self, X: BarPanel) -> FloatArray:
        out = np.zeros((len(X), self.n_classes_))
        out[:, self._present] = self._predict_rows(X.last())
        return out

    def _fit_rows(
        self, values: Float32Array, codes: IntArray, n_codes: int, weight: FloatArray | None
    ) -> None:
        raise NotImplementedError

    def _predict_rows(self, values: Float32Array) -> FloatArray:
        raise NotImplementedError

    def _gain(self) -> FloatArray:
        raise NotImplementedError

    def _contributions(self, values: Float32Array) -> FloatArray:
        """Additive contributions of shape (n, C, n_codes) to the scores of the classes."""
        raise NotImplementedError

    def feature_importance(self, kind: str = "gain", samples: Samples | None = None) -> pd.Series:
        """Importance of each column, largest first.

        Parameters
        ----------
        kind : {"gain", "permutation", "shap"}, default="gain"
            ``gain``: what splits on the column improved the training loss by, as a share (tree
            models). ``shap``: mean absolute additive contribution to the class scores over
            ``samples``, exact for trees and linear models (Lundberg and Lee, 2017).
            ``permutation``: how much the log-loss on ``samples`` grows when the column is
            shuffled, mean of 5 shuffles.
        samples : Samples or None, default=None
            Needed by ``shap`` and ``permutation``; the latter refuses training rows.

        Returns
        -------
        pd.Series
            One value per column.
        """
        self.check_is_fitted()
        if kind not in self.importance_kinds:
            raise ParameterError(
                f"{type(self).__name__}.feature_importance: 'kind' must be one of "
                f"{', '.join(self.importance_kinds)}; got {kind!r}."
            )
        if hasattr(self, "_constant_class"):
            values = np.zeros(len(self.feature_names_))
            return pd.Series(values, index=self.feature_names_, name=kind)
        if kind == "gain":
            values = self._gain()
            values = values / max(values.sum(), np.finfo(float).tiny)
        elif self._door != "bars":
            raise DataError(
                f"{type(self).__name__}.feature_importance: kind={kind!r} needs a model fitted on "
                "bars or Samples; this one was fitted on an sktime Panel."
            )
        elif samples is None:
            raise ParameterError(
                f"{type(self).__name__}.feature_importance: kind={kind!r} needs 'samples'; got "
                "None. Pass Samples held out from training."
            )
        elif kind == "shap":
            rows = self._rows_with_history(samples)
            values = np.abs(self._contributions(rows)).mean(axis=(0, 2))
        else:
            values = self._permutation(samples)
        series = pd.Series(values, index=self._column_names, name=kind)
        return series.sort_values(ascending=False, kind="stable")

    def _rows_with_history(self, samples: Samples) -> Float32Array:
        panel, _ = self._feature_table(samples).panel(samples.pos, 1)
        return panel.last()

    def _permutation(self, samples: Samples) -> FloatArray:
        check_unseen(samples, self.training_intervals_, type(self).__name__)
        panel, good = self._feature_table(samples).panel(samples.pos, 1)
        values, codes = panel.last(), np.searchsorted(self.classes_, samples.y[good])
        base = _log_loss(self._predict_proba(panel), codes)
        generator = np.random.default_rng(0)
        out = np.zeros(values.shape[1])
        for column in range(values.shape[1]):
            for _ in range(5):
                shuffled = values.copy()
                shuffled[:, column] = generator.permutation(shuffled[:, column])
                rows = BarPanel(shuffled, np.arange(len(shuffled)))
                out[column] += (_log_loss(self._predict_proba(rows), codes) - base) / 5
        return out


def _log_loss(proba: FloatArray, codes: IntArray) -> float:
    chosen = proba[np.arange(len(codes)), codes]
    return float(-np.log(np.clip(chosen, 1e-15, 1.0)).mean())
