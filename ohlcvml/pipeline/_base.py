"""The classifier contract with two doors: sktime panels, or bars with labels."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from sktime.classification.base import BaseClassifier
from sktime.transformations.base import BaseTransformer

from ohlcvml._checks import check_parameters
from ohlcvml.bars import OHLCV, check_bars
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.labels import LabelSpec
from ohlcvml.pipeline._answering import AnswersBars
from ohlcvml.pipeline._losses import class_shares
from ohlcvml.pipeline._signal import SignalModel
from ohlcvml.pipeline._training_record import training_intervals
from ohlcvml.samples import BarPanel, FeatureTable, Samples
from ohlcvml.typing import Bars, Features, FloatArray, IntArray


class BaseBarClassifier(AnswersBars, BaseClassifier):  # type: ignore[misc]
    """A classifier that answers for sktime panels and, per bar, for tables of bars.

    A model implements ``_fit(panel, y)`` and ``_predict_proba(panel)`` on a lazy
    :class:`~ohlcvml.samples.BarPanel`, once, for both doors. Please do not add to this class what
    only one family of models needs.

    **Panel door**: ``fit(X, y)`` with any sktime Panel; behaves as sktime expects.

    **Bar door**: ``fit(bars, labels)`` or ``fit(samples)``; the door is remembered. Then
    ``answer(bars)`` or ``answer(samples)`` gives everything the model says, NaN where there is no
    history. ``predict_proba(bars)`` gives a table per bar, and ``predict_proba(samples)`` an array
    per sample, as scikit-learn expects (the training class shares where a sample has no history).
    Row t sees bars up to and including t. Samples whose label intervals overlap the training rows
    raise ``LeakageError``, and samples labelled by another rule than the training rows
    (``label_spec_``) raise ``DataError``.
    """

    _tags = {
        "authors": "ohlcvml developers",
        "maintainers": "ohlcvml developers",
        "X_inner_mtype": "numpy3D",
        "capability:multivariate": True,
        "capability:predict_proba": True,
        "capability:categorical_in_X": False,
        "is_production_safe": True,
        "representation": "row",
        "capability:bundle": True,
        "licence": "BSD-3-Clause",
    }

    _parameter_rules: dict[str, Any] = {}
    # How far probabilities of a row may move with the number of rows asked at once.
    _batch_tolerance = 0.0
    # Set by BarPipeline, which derives from this class: importing it here would close a circle.
    _pipeline_of: ClassVar[Callable[[Any, Any], Any]]
    _door: str
    classes_: npt.NDArray[Any]
    feature_names_: list[str]
    training_intervals_: IntArray
    class_shares_: FloatArray
    return_means_: FloatArray
    round_trip_: float
    label_spec_: LabelSpec
    fit_report_: dict[str, int]

    def __post_init__(self) -> None:
        """Check the parameters against their rules."""
        check_parameters(self)

    # ---- fitting
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> BaseBarClassifier:
        """Fit to bars with labels, to samples, or to an sktime Panel.

        Parameters
        ----------
        X : bars (pd.DataFrame), Samples, or an sktime Panel
        y : labels table for bars; None or the labels for Samples; class labels for a Panel
            Where scikit-learn has encoded the labels of Samples, y holds their positions in the
            labeller's class set.
        sample_weight : array or pd.Series of shape (n,), or None, default=None
            Finite and at least 0, one for each row of the samples, or of the labels table; it
            multiplies the weights that the samples have. A Series stands on the rows' stamps.
            Panels take none.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If bars come without a labels table, there are no samples, or ``y`` is not the
            samples' own labels.
        """
        samples = as_samples(X, y, type(self).__name__)
        if sample_weight is not None:
            samples = weighted(samples, y, sample_weight, type(self).__name__)
        if samples is None:
            super().fit(X, y)
            self._door = "panel"
            return self
        started = time.time()
        self.reset()
        self._remember(samples)
        self._fit_samples(samples)
        self._door = "bars"
        self.fit_time_ = round(1000 * (time.time() - started))
        self._is_fitted = True
        return self

    def _remember(self, samples: Samples) -> None:
        """Keep what predicting and the guard against leakage need of the training rows."""
        self.classes_ = samples.classes
        self.n_classes_ = len(self.classes_)
        self._class_dictionary = {int(c): k for k, c in enumerate(self.classes_)}
        self.feature_names_ = [str(name) for name in samples.features.columns]
        self.training_intervals_ = training_intervals(samples)
        weight = samples.weight
        self.class_shares_ = class_shares(samples.y, self.classes_)
        signal = SignalModel.fit(samples, weight)
        self.return_means_, self.round_trip_ = signal.return_means, signal.round_trip
        self.label_spec_ = samples.spec

    def _fit_samples(self, samples: Samples) -> None:
        panel, good = samples.panel(self._window)
        self.fit_report_ = {"samples": len(samples), "without_history": int((~good).sum())}
        if not good.any():
            absent = np.flatnonzero(np.isnan(samples.last()).all(axis=0))
            empty = samples.features.columns[absent].tolist()
            raise DataError(
                f"{type(self).__name__}: none of the {len(samples)} training samples has history: "
                f"every one has a NaN among its features within {self._window} bar(s); columns "
                f"without any value: {', '.join(map(str, empty)) or 'none'}. Give more bars than "
                "the features' lookback, or leave out columns that are always NaN."
            )
        panel.samples = samples[good]
        panel.weight = panel.samples.weight
        y = samples.y[good].astype(np.int64)
        # A fold with one class gives a constant model, as a fold of a quiet market may.
        if (y == y[0]).all():
            self._constant_class = int(y[0])
        else:
            self._fit(panel, y)

    # ---- what the answers stand on
    def _feature_table(self, X: Bars | Samples) -> FeatureTable:
        table = X._features if isinstance(X, Samples) else FeatureTable(X)
        names = [str(name) for name in table.features.columns]
        if names != self.feature_names_:
            missing = [name for name in self.feature_names_ if name not in names]
            extra = [name for name in names if name not in self.feature_names_]
            raise DataError(
                f"{type(self).__name__}: the columns must be those of fit, in the same order; "
                f"missing {missing}, unexpected {extra}"
                f"{', order differs' if not missing and not extra else ''}. "
                "Compute features with the pipeline the model was fitted with."
            )
        return table

    def features_of(self, X: Bars | Samples) -> Features:
        """The columns that the classifier sees, per bar, or per row of Samples.

        Parameters
        ----------
        X : bars (pd.DataFrame) or Samples

        Returns
        -------
        pd.DataFrame
            One column for each name of :meth:`get_feature_names_out`; row t uses bars up to and
            including t, and is NaN where there is no history.
        """
        self.check_is_fitted()
        if not self._enters_by_bars(X):
            raise DataError(
                f"{type(self).__name__}.features_of: needs bars or Samples; got {type(X).__name__}."
            )
        table = self._feature_table(X).features
        return table.iloc[X.pos] if isinstance(X, Samples) else table

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the columns that the classifier sees; ``input_features`` is not used.

        Returns
        -------
        array of str, of shape (n_columns,)
        """
        self.check_is_fitted()
        if self._door != "bars":
            raise DataError(
                f"{type(self).__name__}.get_feature_names_out: columns have names in models fitted "
                "on bars or Samples; this one was fitted on an sktime Panel."
            )
        return np.asarray(self.feature_names_, dtype=object)

    @property
    def lookback(self) -> int | None:
        """Bars before a row on which the row may depend; None if a part does not say."""
        return self._window - 1

    @property
    def _window(self) -> int:
        """Bars one sample sees in the bar door."""
        return int(getattr(self, "window", 1) or 1)

    def _enters_by_bars(self, X: Any) -> bool:
        """Whether X comes through the bar door; raise if the model was fitted at the other."""
        bars = isinstance(X, Samples) or (
            isinstance(X, pd.DataFrame)
            and (isinstance(X.index, pd.DatetimeIndex) or self._door == "bars")
        )
        if bars != (self._door == "bars"):
            wanted = "bars or Samples" if self._door == "bars" else "an sktime Panel"
            raise DataError(
                f"{type(self).__name__}: fitted on {wanted.removeprefix('an ')}, so predicting "
                f"needs {wanted}; got {type(X).__name__}. Fit again with this kind of data."
            )
        if isinstance(X, pd.DataFrame) and bars:
            kind = "bars" if set(OHLCV) <= set(self.feature_names_) else "any"
            check_bars(X, type(self).__name__, columns=kind)
        return bars

    # ---- sktime and scikit-learn joints
    def _convert_X(self, X: Any, X_mtype: str) -> Any:
        X = super()._convert_X(X, X_mtype)
        return BarPanel.from_numpy3d(X) if isinstance(X, np.ndarray) else X

    def __rmul__(self, other: Any) -> Any:
        """``transformer * model`` is a BarPipeline; scikit-learn transformers are welcome."""
        if isinstance(other, BaseTransformer) or (
            hasattr(other, "transform") and hasattr(other, "get_params")
        ):
            return BaseBarClassifier._pipeline_of(other, self)
        return NotImplemented

    def reset(self) -> BaseBarClassifier:
        """Reset to the state after construction.

        scikit-learn's model selection stores a callback context on the estimator before it calls
        ``fit``; sktime's reset would delete it.
        """
        context = self.__dict__.get("_parent_callback_ctx")
        super().reset()
        if context is not None:
            self._parent_callback_ctx = context
        return self

    def __sklearn_tags__(self) -> Any:
        """Tags that scikit-learn's model selection asks for."""
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            transformer_tags=None,
            regressor_tags=None,
            classifier_tags=ClassifierTags(),
        )


def as_samples(X: Any, y: Any, who: str) -> Samples | None:
    """Return the samples that open the bar door, or None for an sktime Panel."""
    if isinstance(X, Samples):
        if len(X) == 0:
            raise DataError(
                f"{who}.fit: 'X' must hold at least one sample; got none. Use more bars, a shorter "
                "horizon or fewer splits."
            )
        if y is not None:
            _check_own_labels(X, y, who)
        return X
    if isinstance(X, pd.DataFrame) and is_labels(y):
        return Samples(X, y)
    if isinstance(X, pd.DataFrame) and isinstance(X.index, pd.DatetimeIndex):
        raise DataError(
            f"{who}.fit: bars need a labels table (columns label, end, ...) as 'y'; got "
            f"{type(y).__name__}. Make one with TripleBarrierLabeller(...).fit_transform(bars)."
        )
    return None


def weighted(samples: Samples | None, y: Any, sample_weight: Any, who: str) -> Samples:
    """The samples with their weights multiplied."""
    if samples is None:
        raise ParameterError(
            f"{who}.fit: parameter 'sample_weight' is for bars with labels and for Samples; sktime "
            "Panels have no weights."
        )
    if isinstance(sample_weight, pd.Series):
        if is_labels(y) and sample_weight.index.equals(samples.labels.index):
            sample_weight = sample_weight.iloc[samples.rows]
        return samples.weighted(sample_weight)
    factor = np.asarray(sample_weight, dtype=np.float64)
    if is_labels(y) and factor.shape == (len(samples.labels),):
        factor = factor[samples.rows]
    return samples.weighted(factor)


def is_labels(y: Any) -> bool:
    """Whether y is a labels table."""
    return isinstance(y, pd.DataFrame) and {"label", "end"} <= set(y.columns)


def _check_own_labels(samples: Samples, y: Any, who: str) -> None:
    """Refuse labels that are not the samples' own, as they are or as positions in the class set.

    scikit-learn encodes the labels it sees to 0..n-1. Where a class of the labeller does not occur
    among them, its columns would be taken for those of other classes.
    """
    if is_labels(y):
        y = y["label"].reindex(samples.index) if y is not samples.labels else samples.y
    given, own = np.asarray(y), samples.y
    positions = np.searchsorted(samples.classes, own)
    if not (np.array_equal(given, own) or np.array_equal(given, positions)):
        raise DataError(
            f"{who}.fit: 'y' must be the labels of the Samples, or their positions in the class "
            f"set {samples.classes.tolist()}; got {given.shape} values that are neither. Call "
            "fit(samples); scikit-learn's cross_val_predict needs every class among its labels."
        )
