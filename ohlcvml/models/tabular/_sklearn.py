"""Any scikit-learn classifier as a bar classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import has_fit_parameter

from ohlcvml._checks import Rule
from ohlcvml.exceptions import ParameterError
from ohlcvml.models.tabular._base import BaseTabularClassifier, Float32Array
from ohlcvml.typing import FloatArray, IntArray

__all__ = ["SklearnClassifier"]


class SklearnClassifier(BaseTabularClassifier):
    """A scikit-learn classifier on the features of the decision bar.

    Row t sees the features of bar t alone. Sample weights are passed on where the classifier takes
    them. Its predictions are asked row-wise in one call, so a classifier whose answer for a row
    depends on the other rows would break the contract; none of scikit-learn's does.

    Parameters
    ----------
    estimator : scikit-learn classifier with ``predict_proba``
        Cloned before it is fitted.

    Attributes
    ----------
    estimator_ : the fitted classifier

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import OHLCVFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import SklearnClassifier
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> model = OHLCVFeatures() * SklearnClassifier(forest)
    >>> model.fit(bars, labels).predict_proba(bars).shape
    (800, 3)
    """

    _tags = {"model_family": "scikit-learn", "capability:missing_values": False}
    _parameter_rules = {
        "estimator": Rule(
            "a scikit-learn classifier with predict_proba",
            lambda value: (
                not isinstance(value, type)
                and is_classifier(value)
                and hasattr(value, "predict_proba")
            ),
            "logistic",
        )
    }

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        super().__init__()

    @property
    def importance_kinds(self) -> tuple[str, ...]:  # type: ignore[override]
        """Trees of scikit-learn have a gain (decrease of impurity) of their own."""
        fitted = getattr(self, "estimator_", None)
        gain = ("gain",) if hasattr(fitted, "feature_importances_") else ()
        return (*gain, "permutation")

    def _fit_rows(
        self, values: Float32Array, codes: IntArray, n_codes: int, weight: FloatArray | None
    ) -> None:
        self.estimator_ = clone(self.estimator)
        weighted = weight is not None and has_fit_parameter(self.estimator_, "sample_weight")
        self.estimator_.fit(values, codes, **({"sample_weight": weight} if weighted else {}))
        if len(self.estimator_.classes_) != n_codes:
            raise ParameterError(
                f"SklearnClassifier: {type(self.estimator).__name__} learned "
                f"{len(self.estimator_.classes_)} classes of {n_codes}. Use a classifier that "
                "keeps every class it is shown."
            )

    def _predict_rows(self, values: Float32Array) -> FloatArray:
        return np.asarray(self.estimator_.predict_proba(values), dtype=np.float64)

    def _gain(self) -> FloatArray:
        return np.asarray(self.estimator_.feature_importances_, dtype=np.float64)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """A linear classifier and a tree."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.tree import DecisionTreeClassifier

        return [
            {"estimator": LogisticRegression(C=0.1)},
            {"estimator": DecisionTreeClassifier(max_depth=2, random_state=0)},
        ]
