"""Any scikit-learn classifier as a bar classifier."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import has_fit_parameter

from ohlcvml._checks import Rule
from ohlcvml._threads import one_blas_thread
from ohlcvml.exceptions import LeakageWarning, ParameterError
from ohlcvml.models.tabular._base import BaseTabularClassifier, Float32Array
from ohlcvml.pipeline import BaseBarClassifier, check_search_scores
from ohlcvml.registry import adapter
from ohlcvml.typing import FloatArray, IntArray

BLOCK = 256  # rows; a multiple of the tiles in which matrix products are computed


def _ask(classifier: Any, rows: Float32Array) -> FloatArray:
    return np.asarray(classifier.predict_proba(rows), dtype=np.float64)


def _ask_in_blocks(classifier: Any, rows: Float32Array) -> FloatArray:
    """Every call has the same shape: the last block is filled up with its last row."""
    missing = -len(rows) % BLOCK
    filled = np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)])
    blocks = [_ask(classifier, filled[k : k + BLOCK]) for k in range(0, len(filled), BLOCK)]
    return np.concatenate(blocks)[: len(rows)]


def _block_mates_do_not_matter(classifier: Any, rows: Float32Array) -> bool:
    """Whether a row has the same bits at every place of a block, whatever rows stand beside it."""
    sample = rows[: 2 * BLOCK]
    together = _ask_in_blocks(classifier, sample)
    shifted = _ask_in_blocks(classifier, np.concatenate([sample[-7:], sample]))[7:]
    alone = [_ask_in_blocks(classifier, sample[k : k + 1]) for k in range(0, len(sample), 9)]
    return np.array_equal(together, shifted) and np.array_equal(
        together[::9], np.concatenate(alone)
    )


def _stacks_by_default(value: Any) -> bool:
    """A stack whose final estimator is left out has probabilities: it takes a logistic one."""
    from sklearn.ensemble import StackingClassifier

    return isinstance(value, StackingClassifier) and value.final_estimator is None


def _own_splits(estimator: Any, n_rows: int) -> str | None:
    """Which part splits its training rows without knowing of label ends, and by what."""
    for name, value in {"": estimator, **estimator.get_params(deep=True)}.items():
        if not hasattr(value, "get_params") or isinstance(value, type):
            continue
        own = value.get_params(deep=False)
        who = type(value).__name__ + (f" ({name})" if name else "")
        if "cv" in own and not (isinstance(own["cv"], str) and own["cv"] == "prefit"):
            return f"{who} splits its training rows by cv={own['cv']!r}"
        if own.get("validation_fraction") is not None and _stops_early(own, n_rows):
            return f"{who} holds out validation_fraction={own['validation_fraction']} at random"
    return None


def _stops_early(own: dict[str, Any], n_rows: int) -> bool:
    if "early_stopping" not in own:
        return own.get("n_iter_no_change") is not None
    return own["early_stopping"] is True or (own["early_stopping"] == "auto" and n_rows > 10_000)


@adapter
class SklearnClassifier(BaseTabularClassifier):
    """A scikit-learn classifier on the features of the decision bar.

    Row t sees the features of bar t alone. Sample weights are passed on where the classifier takes
    them. A matrix product may round a row differently beside other rows, so rows are asked in
    blocks of one size; where a row's answer depends on its block mates even so, every row is asked
    alone, which is slow.

    An estimator that splits its training rows itself (``cv=`` of a stack, a search or a
    calibration, early stopping) does so without purging, and labels that overlap lie on both
    sides: ``fit`` warns, and names what to use instead. A search without a score for a candidate
    raises.

    Parameters
    ----------
    estimator : scikit-learn classifier with ``predict_proba``
        Cloned before it is fitted.

    Attributes
    ----------
    estimator_ : the fitted classifier
    asks_alone_ : bool
        Whether every row is asked alone.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import SklearnClassifier
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> model = (ReturnFeatures() + MomentumFeatures()) * SklearnClassifier(forest)
    >>> model.fit(bars, labels).predict_proba(bars).shape
    (800, 3)
    """

    _tags = {"model_family": "scikit-learn", "capability:missing_values": False}
    _parameter_rules = {
        "estimator": Rule(
            "a scikit-learn classifier with predict_proba",
            lambda value: (
                hasattr(value, "__sklearn_tags__")
                and not isinstance(value, type)
                and is_classifier(value)
                and (hasattr(value, "predict_proba") or _stacks_by_default(value))
            ),
            "logistic",
        )
    }

    @classmethod
    def _adapts(cls, obj: Any) -> bool:
        """A classifier of scikit-learn; a search over a bar classifier is none."""
        inner = getattr(obj, "estimator", None)
        return cls._parameter_rules["estimator"].accepts(obj) and not isinstance(
            inner, BaseBarClassifier
        )

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
        splits = _own_splits(self.estimator, len(values))
        if splits is not None:
            warnings.warn(
                f"SklearnClassifier: {splits}, without purging: labels that overlap lie on both "
                "sides, so what is chosen there is chosen by leaks. To search, use "
                "GridSearchCV(SklearnClassifier(...), cv=WalkForward(3)) on Samples, with a cv of "
                "ohlcvml.splits; to calibrate or stop early, hold out rows with PurgedHoldout.",
                LeakageWarning,
                stacklevel=2,
            )
        self.estimator_ = clone(self.estimator)
        weighted = weight is not None and has_fit_parameter(self.estimator_, "sample_weight")
        with one_blas_thread():
            self.estimator_.fit(values, codes, **({"sample_weight": weight} if weighted else {}))
        check_search_scores(self.estimator_, type(self).__name__)
        if len(self.estimator_.classes_) != n_codes:
            raise ParameterError(
                f"SklearnClassifier: {type(self.estimator).__name__} learned "
                f"{len(self.estimator_.classes_)} classes of {n_codes}. Use a classifier that "
                "keeps every class it is shown."
            )

        self.asks_alone_ = not _block_mates_do_not_matter(self.estimator_, values)

    def _predict_rows(self, values: Float32Array) -> FloatArray:
        if self.asks_alone_:
            return np.concatenate([_ask(self.estimator_, row[None]) for row in values])
        return _ask_in_blocks(self.estimator_, values)

    def _gain(self) -> FloatArray:
        return np.asarray(self.estimator_.feature_importances_, dtype=np.float64)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """A linear classifier and a tree."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.tree import DecisionTreeClassifier

        return [
            {"estimator": LogisticRegression(C=1e-3)},
            {"estimator": DecisionTreeClassifier(max_depth=2, random_state=0)},
        ]
