"""Multinomial logistic regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ohlcvml._checks import integer, real
from ohlcvml._threads import one_blas_thread
from ohlcvml.models.tabular._base import CLASS_WEIGHT, BaseTabularClassifier, Float32Array
from ohlcvml.typing import FloatArray, IntArray


class LogisticClassifier(BaseTabularClassifier):
    """Multinomial logistic regression on standardised features of the decision bar.

    Row t sees the features of bar t alone. Columns are standardised with the mean and standard
    deviation of the training rows, so the penalty treats them alike; a column that is constant in
    training is ignored. The fit runs in one BLAS thread: the same bits for any number of
    processors.

    Parameters
    ----------
    C : float, default=0.01
        Inverse of the L2 penalty, as in scikit-learn.
    max_iter : int, default=500
    tol : float, default=1e-4
    class_weight : {"balanced"}, dict or None, default=None
        Weight of each class, by its label, times the sample weights; "balanced": rows over classes
        times the rows of the class. Probabilities then answer for the weighted classes, not for
        the market's shares, so signals trade more than costs allow: a means against a rare class
        that is never chosen, not a default.

    Attributes
    ----------
    coef_ : float64 array of shape (n_present_classes or 1, C)
        On standardised columns.
    intercept_ : float64 array
    center_, scale_ : float64 arrays of shape (C,)

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LogisticClassifier
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> model = (ReturnFeatures() + MomentumFeatures()) * LogisticClassifier()
    >>> model.fit(bars, labels).predict_signal(bars).columns.tolist()[:3]
    ['p_down', 'p_flat', 'p_up']
    """

    _tags = {"model_family": "linear", "capability:missing_values": False}
    _parameter_rules = {
        "C": real(0.0, open_low=True),
        "max_iter": integer(1),
        "tol": real(0.0, open_low=True),
        "class_weight": CLASS_WEIGHT,
    }
    importance_kinds = ("permutation", "shap")

    coef_: FloatArray
    intercept_: FloatArray
    center_: FloatArray
    scale_: FloatArray

    def __init__(
        self,
        C: float = 0.01,
        max_iter: int = 500,
        tol: float = 1e-4,
        class_weight: str | Mapping[int, float] | None = None,
    ) -> None:
        self.C = C
        self.max_iter = max_iter
        self.tol = tol
        self.class_weight = class_weight
        super().__init__()

    def _fit_rows(
        self, values: Float32Array, codes: IntArray, n_codes: int, weight: FloatArray | None
    ) -> None:
        from sklearn.linear_model import LogisticRegression

        rows = values.astype(np.float64)
        self.center_ = rows.mean(axis=0)
        spread = rows.std(axis=0)
        constant = spread <= 1e-12 * np.maximum(np.abs(self.center_), 1.0)
        self.scale_ = np.where(constant, np.inf, spread)
        model = LogisticRegression(C=self.C, max_iter=self.max_iter, tol=self.tol)
        with one_blas_thread():
            model.fit(self._standardise(values), codes, sample_weight=weight)
        self.coef_, self.intercept_ = model.coef_, model.intercept_

    def _standardise(self, values: Float32Array) -> FloatArray:
        return (values.astype(np.float64) - self.center_) / self.scale_

    def _predict_rows(self, values: Float32Array) -> FloatArray:
        rows = self._standardise(values)
        # A row of its own at a time: a matrix product may round a row differently beside others.
        score = np.einsum("nc,kc->nk", rows, self.coef_) + self.intercept_
        if score.shape[1] == 1:
            score = np.concatenate([np.zeros_like(score), score], axis=1)
        score = np.exp(score - score.max(axis=1, keepdims=True))
        return score / score.sum(axis=1, keepdims=True)

    def _contributions(self, values: Float32Array) -> FloatArray:
        return self._standardise(values)[:, :, None] * self.coef_.T[None, :, :]

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two penalties."""
        return [{}, {"C": 1.0, "max_iter": 3, "tol": 0.1, "class_weight": "balanced"}]
