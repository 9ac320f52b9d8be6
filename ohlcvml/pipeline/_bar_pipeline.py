"""A chain of transformers and a classifier, fitted without leaking."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sktime.base import _HeterogenousMetaEstimator

from ohlcvml._checks import any_value
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.pipeline._answer import Answer
from ohlcvml.pipeline._base import BaseBarClassifier
from ohlcvml.pipeline._steps import as_step, check_step, fit_step, flatten, named
from ohlcvml.registry import find_estimator
from ohlcvml.samples import FeatureTable, Samples
from ohlcvml.typing import Bars, Features

__all__ = ["BarPipeline"]


class BarPipeline(_HeterogenousMetaEstimator, BaseBarClassifier):  # type: ignore[misc]
    """Transformers, then a bar classifier; what ``features * scaler * model`` builds.

    Row t sees bars up to and including t. Stateless steps run over all bars. A step that learns
    (a scaler, an HMM) is fitted on the training stretches alone: the bars between the first and
    last label row of each run that the splitter left uncut, never glued. A supervised step is
    fitted on the training label rows. Steps that fit while transforming are refused.

    Parameters
    ----------
    steps : list of (str, estimator)
        Transformers (sktime or scikit-learn) and, last, a classifier of ohlcvml.

    Attributes
    ----------
    transformers_ : list of fitted transformers
    classifier_ : the fitted classifier

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LogisticClassifier
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> model = MomentumFeatures() * StandardScaler() * LogisticClassifier()
    >>> [name for name, _ in model.steps]
    ['MomentumFeatures', 'RowTransformer', 'LogisticClassifier']
    >>> model.fit(bars, labels).predict_proba(bars).shape
    (800, 3)
    """

    _tags = {
        "X_inner_mtype": "pd-multiindex",
        "model_family": "composition",
        "capability:missing_values": False,
    }
    _parameter_rules = {"steps": any_value()}
    _steps_attr = "_steps"
    _steps_fitted_attr = "steps_"

    transformers_: list[Any]
    classifier_: BaseBarClassifier

    def __init__(self, steps: list[tuple[str, Any]]) -> None:
        self.steps = steps
        super().__init__()

    def __post_init__(self) -> None:
        """Check names and kinds of the steps."""
        who = type(self).__name__
        self._check_names([name for name, _ in self.steps])
        *transformers, (_, classifier) = self.steps
        if not isinstance(classifier, BaseBarClassifier):
            raise ParameterError(
                f"{who}: the last of 'steps' must be a classifier of ohlcvml; got "
                f"{type(classifier).__name__}. Wrap scikit-learn classifiers: "
                "SklearnClassifier(estimator)."
            )
        for _, transformer in transformers:
            check_step(as_step(transformer), who)

    def __dynamic_tags__(self) -> None:
        """Tags are those of the parts: an untagged step is not production safe."""
        _check_pairs(self.steps, type(self).__name__)  # tags are asked for before __post_init__
        parts = [part for _, part in self.steps]
        safe = [
            as_tagged.get_tag("is_production_safe", False, raise_error=False)
            for as_tagged in (as_step(p) if hasattr(p, "transform") else p for p in parts)
            if hasattr(as_tagged, "get_tag")
        ]
        self.set_tags(is_production_safe=len(safe) == len(parts) and all(safe))
        if isinstance(parts[-1], BaseBarClassifier):
            self.set_tags(
                representation=parts[-1].get_tag("representation"),
                model_family=parts[-1].get_tag("model_family", "composition", raise_error=False),
                training_data_cutoff=parts[-1].get_tag("training_data_cutoff", "", False) or "",
            )
            quantiles = "capability:pred_quantiles"
            self.set_tags(**{quantiles: parts[-1].get_tag(quantiles, False, raise_error=False)})

    @property
    def _steps(self) -> list[tuple[str, Any]]:
        return list(self.steps)

    @_steps.setter
    def _steps(self, value: list[tuple[str, Any]]) -> None:
        self.steps = value

    @property
    def steps_(self) -> list[tuple[str, Any]]:
        """Fitted steps with their names."""
        names = [name for name, _ in self.steps]
        return list(zip(names, [*self.transformers_, self.classifier_], strict=True))

    @property
    def lookback(self) -> int | None:
        """Sum of the lookbacks of the steps; None if one does not say (some do once fitted)."""
        if hasattr(self, "classifier_"):
            parts = [*self.transformers_, self.classifier_]
        else:
            parts = [as_step(part) for _, part in self.steps[:-1]] + [self.steps[-1][1]]
        spans: list[Any] = [getattr(part, "lookback", None) for part in parts]
        return None if None in spans else int(sum(spans))

    def set_params(self, **params: Any) -> BarPipeline:
        """Set (nested) parameters; tags follow the new parts."""
        super().set_params(**params)
        self.reset()
        return self

    @classmethod
    def from_parts(cls, before: Any, model: BaseBarClassifier) -> BarPipeline:
        """Chain a transformer before a classifier, flattening chains and pipelines."""
        after = [part for _, part in model.steps] if isinstance(model, cls) else [model]
        return cls(steps=named([*flatten(before), *after]))

    def stateless_prefix(self) -> tuple[list[Any], BaseBarClassifier]:
        """Split off the leading steps that learn nothing.

        Their output over all bars is the same in every fold, so a cross-validation computes it
        once.

        Returns
        -------
        (list of transformers, the rest as a classifier)
        """
        transformers = [as_step(part) for _, part in self.steps[:-1]]
        count = 0
        while count < len(transformers) and transformers[count].get_tag("fit_is_empty"):
            count += 1
        rest = list(self.steps[count:])
        model = rest[0][1] if len(rest) == 1 else BarPipeline(steps=rest)
        return transformers[:count], model.clone()

    # ---- bar door
    def _fit_samples(self, samples: Samples) -> None:
        self.fit_report_ = {"samples": len(samples)}
        self.transformers_ = []
        table = samples.features
        for _, part in self.steps[:-1]:
            step = fit_step(as_step(part), table, samples, self.fit_report_)
            table = step.transform(table)
            self.transformers_.append(step)
        self.classifier_ = self.steps[-1][1].clone()
        self.classifier_.fit(samples.with_features(table))
        self.fit_report_ = {**self.classifier_.fit_report_, **self.fit_report_}

    def _transform(self, table: Features) -> Features:
        for step in self.transformers_:
            table = step.transform(table)
        return table

    def _inside(self, X: Bars | Samples) -> Any:
        """What the classifier is asked about: X described by its features."""
        features = self._transform(self._feature_table(X).features)
        return X.with_features(features) if isinstance(X, Samples) else features

    @property
    def _own_levels(self) -> Any:  # type: ignore[override]
        return self.classifier_._own_levels

    def _answer_at(
        self, X: Bars | Samples, pos: Any, levels: Any = (), probabilities: bool = True
    ) -> Answer:
        return self.classifier_._answer_at(self._inside(X), pos, levels, probabilities)

    def _feature_table(self, X: Bars | Samples) -> FeatureTable:
        """Columns the first step does not use may come and go: it says itself what it needs."""
        return X._features if isinstance(X, Samples) else FeatureTable(X)

    def feature_importance(self, kind: str = "gain", samples: Samples | None = None) -> pd.Series:
        """Importance of each column that reaches the classifier; see its own method."""
        self.check_is_fitted()
        if samples is not None:
            samples = samples.with_features(self._transform(samples.features))
        return self.classifier_.feature_importance(kind, samples)

    def components(self, X: Bars | Samples) -> pd.DataFrame:
        """What each part of the classifier adds to its scores; see its own method."""
        self.check_is_fitted()
        if not hasattr(self.classifier_, "components"):
            raise DataError(
                f"BarPipeline.components: {type(self.classifier_).__name__} has no parts that add "
                "up to its scores. NBEATSClassifier and NHITSClassifier do."
            )
        return self.classifier_.components(self._inside(X))

    # ---- panel door: every instance is a symbol of its own
    def _fit(self, X: Features, y: Any) -> BarPipeline:
        self.transformers_ = []
        for _, part in self.steps[:-1]:
            step = as_step(part).clone()
            if step.get_tag("requires_y"):  # the last bar of an instance is its label row
                last = X.groupby(level=0, sort=False).tail(1).reset_index(drop=True)
                step.fit(last, pd.Series(np.asarray(y)))
            else:
                step.fit(X, y)
            X = step.transform(X)
            self.transformers_.append(step)
        self.classifier_ = self.steps[-1][1].clone()
        self.classifier_.fit(self._last_rows(X), y)
        return self

    def _predict_proba(self, X: Features) -> Any:
        return self.classifier_.predict_proba(self._last_rows(self._transform(X)))

    def _last_rows(self, X: Features) -> Features:
        """A model of rows sees the last bar of each instance, which has the longest history."""
        if self.get_tag("representation") != "row":
            return X
        return X.groupby(level=0, sort=False).tail(1)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """A model alone, and one behind a scaler."""
        from sklearn.preprocessing import RobustScaler

        logistic = find_estimator("LogisticClassifier")
        return [
            {"steps": [("model", logistic())]},
            {"steps": [("scaler", RobustScaler()), ("model", logistic(C=0.1))]},
        ]


def _check_pairs(steps: Any, who: str) -> None:
    pairs = isinstance(steps, (list, tuple)) and all(
        isinstance(step, (list, tuple)) and len(step) == 2 and isinstance(step[0], str)
        for step in steps
    )
    if not pairs or not steps:
        raise ParameterError(
            f"{who}: parameter 'steps' must be a non-empty list of (name, estimator); got "
            f"{steps!r}. Or write features * scaler * model, which names the steps itself."
        )


BaseBarClassifier._pipeline_of = BarPipeline.from_parts
