"""A chain of transformers and a classifier, fitted without leaking."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import any_value
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.pipeline._answer import Answer
from ohlcvml.pipeline._base import BaseBarClassifier
from ohlcvml.pipeline._composite import BaseBarComposite, joined_tags, stands_alone, tag_of
from ohlcvml.pipeline._memo import FeatureRun
from ohlcvml.pipeline._steps import fit_step, flatten, named
from ohlcvml.registry import adapter_for
from ohlcvml.samples import Samples
from ohlcvml.streams import BarFeatureChain, as_step
from ohlcvml.typing import Bars, Features


class BarPipeline(BaseBarComposite):
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

    _parameter_rules = {"steps": any_value()}
    _parts_parameter = "steps"
    _steps_fitted_attr = "steps_"
    _how_to_name = "Or write features * scaler * model, which names the steps itself."

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
        if transformers and stands_alone(classifier):
            raise ParameterError(
                f"{who}: {type(classifier).__name__} is a model of price paths, which takes bars, "
                f"not features; got {len(transformers)} step(s) before it. Fit it alone: "
                "model.fit(bars, labels)."
            )

    def __dynamic_tags__(self) -> None:
        """Tags are those of the parts: an untagged step is not production safe."""
        self._check_pairs()
        *transformers, (_, classifier) = self.steps
        tags = joined_tags([classifier])
        for step in (as_step(step, type(self).__name__) for _, step in transformers):
            for name in ("is_production_safe", "capability:bundle"):
                tags[name] = tags[name] and tag_of(step, name)
        if isinstance(classifier, BaseBarClassifier):
            quantiles = "capability:pred_quantiles"
            tags[quantiles] = classifier.get_tag(quantiles, False, raise_error=False)
            self.set_tags(**tags)

    @property
    def steps_(self) -> list[tuple[str, Any]]:
        """Fitted steps with their names."""
        names = [name for name, _ in self.steps]
        return list(zip(names, [*self.transformers_, self.classifier_], strict=True))

    @property
    def lookback(self) -> int | None:
        """Sum of the lookbacks of the steps; None if one does not say (some do once fitted)."""
        *transformers, (_, classifier) = self._current()
        parts = [*(as_step(step, type(self).__name__) for _, step in transformers), classifier]
        spans: list[Any] = [getattr(part, "lookback", None) for part in parts]
        return None if None in spans else int(sum(spans))

    def _of(self, parts: list[tuple[str, Any]]) -> Any:
        """A pipeline, or, without the classifier, a chain of transformers, fitted if these are."""
        if parts and isinstance(parts[-1][1], BaseBarClassifier):
            return super()._of(parts)
        chain = BarFeatureChain(parts)
        if hasattr(self, "transformers_"):
            chain.steps_ = parts
            chain._is_fitted = True
        return chain

    @classmethod
    def from_parts(cls, before: Any, model: BaseBarClassifier) -> BarPipeline:
        """Chain a transformer before a classifier, flattening chains and pipelines."""
        after = [part for _, part in model.steps] if isinstance(model, cls) else [model]
        return cls(steps=named([*flatten(before), *after]))

    @classmethod
    def of_model(cls, features: Any, model: BaseBarClassifier) -> BarPipeline:
        """``features * model``, or the model alone where it takes the bars themselves."""
        if stands_alone(model):
            return cls(steps=named([model]))
        return cls.from_parts(features, model)

    # ---- bar door
    def _fit_samples(self, samples: Samples) -> None:
        self.fit_report_ = {"samples": len(samples)}
        self.transformers_ = []
        run = FeatureRun(samples._features, passing=False)
        for _, part in self.steps[:-1]:
            step = fit_step(as_step(part, "BarPipeline"), run.table, samples, self.fit_report_)
            run.apply(step)
            self.transformers_.append(step)
        self.classifier_ = self.steps[-1][1].clone()
        self.classifier_.fit(samples.with_features(run.shared))
        self.fit_report_ = {**self.classifier_.fit_report_, **self.fit_report_}

    def _transform(self, table: Features) -> Features:
        for step in self.transformers_:
            table = step.transform(table)
        return table

    def _inside(self, X: Bars | Samples) -> Any:
        """What the classifier is asked about: X described by its features."""
        run = FeatureRun(self._feature_table(X), passing=not isinstance(X, Samples))
        for step in self.transformers_:
            run.apply(step)
        return X.with_features(run.shared) if isinstance(X, Samples) else run.table

    @property
    def _own_levels(self) -> Any:  # type: ignore[override]
        return self.classifier_._own_levels

    def _answer_at(
        self, X: Bars | Samples, pos: Any, levels: Any = (), probabilities: bool = True
    ) -> Answer:
        return self.classifier_._answer_at(self._inside(X), pos, levels, probabilities)

    def features_of(self, X: Bars | Samples) -> Features:
        """The columns that reach the classifier, per bar, or per row of Samples."""
        self.check_is_fitted()
        return self.classifier_.features_of(self._inside(X))

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the columns that reach the classifier; ``input_features`` is not used."""
        self.check_is_fitted()
        return self.classifier_.get_feature_names_out(input_features)

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
            step = as_step(part, "BarPipeline").clone()
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
        from sklearn.naive_bayes import GaussianNB
        from sklearn.preprocessing import RobustScaler

        model, wide = adapter_for(GaussianNB()), adapter_for(GaussianNB(var_smoothing=0.1))
        return [
            {"steps": [("model", model)]},
            {"steps": [("scaler", RobustScaler()), ("model", wide)]},
        ]


BaseBarClassifier._pipeline_of = BarPipeline.from_parts
