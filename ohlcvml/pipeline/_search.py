"""A search of scikit-learn over a bar classifier, as a bar classifier itself."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, ParameterSampler

from ohlcvml._checks import Rule
from ohlcvml.exceptions import DataError
from ohlcvml.pipeline._answer import Answer
from ohlcvml.pipeline._base import BaseBarClassifier
from ohlcvml.pipeline._composite import joined_tags
from ohlcvml.registry import adapter
from ohlcvml.samples import Samples
from ohlcvml.typing import Bars, Features

DRAWS = 10  # candidates to look at where a search draws and does not say how many


def is_search(value: Any) -> bool:
    """Whether the value searches over a classifier of ours: ``GridSearchCV`` and its kin."""
    return (
        not isinstance(value, type)
        and isinstance(getattr(value, "estimator", None), BaseBarClassifier)
        and hasattr(value, "cv")
        and hasattr(value, "refit")
    )


@adapter
class _SearchedClassifier(BaseBarClassifier):
    """The best candidate of a scikit-learn search, chosen inside the training rows.

    What ``adapter_for(GridSearchCV(model, grid, cv=WalkForward(3)))`` gives, so that a search can
    stand in :func:`~ohlcvml.evaluation.cross_validate`, in a composite, or after features. Row t
    sees what the chosen candidate sees. ``fit`` searches anew in the rows it is given, so in a
    cross-validation nothing is chosen by test rows. A candidate that fails, or that has no score,
    raises: scikit-learn would choose the first among NaN. It takes bars or Samples, not panels. To
    keep a model, save ``search_.best_estimator_``.

    Parameters
    ----------
    search : GridSearchCV, RandomizedSearchCV or alike
        Over a bar classifier, with a purged ``cv`` of ohlcvml.splits and ``refit`` not False.

    Attributes
    ----------
    search_ : the fitted search
    """

    _tags = {"capability:bundle": False}
    _parameter_rules = {
        "search": Rule(
            "a search of scikit-learn over a bar classifier, with refit not False",
            lambda value: is_search(value) and value.refit is not False,
        )
    }

    def __init__(self, search: Any) -> None:
        self.search = search
        super().__init__()

    def __dynamic_tags__(self) -> None:
        """Tags are those of the model searched over."""
        model = getattr(self.search, "estimator", None)
        if isinstance(model, BaseBarClassifier):
            quantiles = "capability:pred_quantiles"
            tags = {**joined_tags([model]), "capability:bundle": False}
            self.set_tags(**tags, **{quantiles: model.get_tag(quantiles, False, False)})

    @classmethod
    def _adapts(cls, obj: Any) -> bool:
        return is_search(obj)

    def set_params(self, **params: Any) -> _SearchedClassifier:
        """Set (nested) parameters; tags follow the model searched over."""
        super().set_params(**params)
        self.reset()
        return self

    def candidates(self) -> Iterator[BaseBarClassifier]:
        """The models that the search may choose: those it lists, or those it draws.

        What is drawn is known where ``random_state`` is a number; else it is drawn once more here.
        Each option that is listed for a draw is tried by itself as well.
        """
        model = self.search.estimator
        yield model
        for setting in self._settings():
            yield _with(model, setting)
        for name, value in self._listed():
            try:
                candidate = _with(model, {name: value})
            except (TypeError, ValueError):  # it needs others beside it, as a draw has
                continue
            yield candidate

    def _settings(self) -> Iterator[dict[str, Any]]:
        options = getattr(self.search, "param_grid", None)
        if options is not None:
            yield from ParameterGrid(options)
            return
        spaces = getattr(self.search, "param_distributions", None)
        if not spaces:
            return
        seed = getattr(self.search, "random_state", None)
        with warnings.catch_warnings():  # fewer options than draws: the search says so itself
            warnings.simplefilter("ignore", UserWarning)
            drawn = list(
                ParameterSampler(
                    spaces,
                    getattr(self.search, "n_iter", DRAWS),
                    random_state=seed if isinstance(seed, (int, np.integer)) else 0,
                )
            )
        yield from drawn

    def _listed(self) -> Iterator[tuple[str, Any]]:
        """Each option that a search which draws has in a list."""
        spaces = getattr(self.search, "param_distributions", None) or {}
        for space in [spaces] if isinstance(spaces, Mapping) else spaces:
            for name, values in space.items():
                if not hasattr(values, "rvs"):
                    yield from ((name, value) for value in values)

    @property
    def _best(self) -> BaseBarClassifier:
        chosen: BaseBarClassifier = self.search_.best_estimator_
        return chosen

    @property
    def lookback(self) -> int | None:
        """That of the chosen candidate, or, before the fit, of the model searched over."""
        model = self._best if hasattr(self, "search_") else self.search.estimator
        found: int | None = model.lookback
        return found

    @property
    def _batch_tolerance(self) -> float:  # type: ignore[override]
        return float(self.search.estimator._batch_tolerance)

    def _fit_samples(self, samples: Samples) -> None:
        self.search_ = clone(self.search).set_params(error_score="raise")
        self.search_.fit(samples, samples.y)
        check_search_scores(self.search_, type(self).__name__)
        self.fit_report_ = {
            **self._best.fit_report_,
            "candidates": len(self.search_.cv_results_["params"]),
        }

    @property
    def _own_levels(self) -> Any:  # type: ignore[override]
        return self._best._own_levels

    def _answer_at(
        self, X: Bars | Samples, pos: Any, levels: Any = (), probabilities: bool = True
    ) -> Answer:
        return self._best._answer_at(X, pos, levels, probabilities)

    def features_of(self, X: Bars | Samples) -> Features:
        """The columns that the chosen candidate's classifier sees."""
        self.check_is_fitted()
        return self._best.features_of(X)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the columns that the chosen candidate's classifier sees."""
        self.check_is_fitted()
        return self._best.get_feature_names_out(input_features)

    def _fit(self, X: Any, y: Any) -> _SearchedClassifier:
        raise DataError(
            "A search over a bar classifier needs bars with labels, or Samples; got an sktime "
            "Panel. Fit the search itself on the panel."
        )


def _with(model: BaseBarClassifier, setting: Mapping[str, Any]) -> BaseBarClassifier:
    """A clone with these parameters; steps among them are cloned too, as the search does."""
    own = {name: clone(value, safe=False) for name, value in setting.items()}
    changed: BaseBarClassifier = model.clone().set_params(**own)
    return changed


def check_search_scores(search: Any, who: str) -> None:
    """Raise if a candidate of a fitted search has no score: the choice would mean nothing.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from ohlcvml.pipeline import check_search_scores
    >>> fitted = SimpleNamespace(cv_results_={"mean_test_score": [0.5, float("nan")]})
    >>> check_search_scores(fitted, "example")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ohlcvml.exceptions.DataError: example: the search SimpleNamespace has no score for 1 of 2 ...
    """
    results = getattr(search, "cv_results_", None)
    if not isinstance(results, Mapping):
        return
    for name in results:
        if not name.startswith("mean_test_"):
            continue
        missing = np.isnan(np.asarray(results[name], dtype=np.float64))
        if missing.any():
            raise DataError(
                f"{who}: the search {type(search).__name__} has no score for "
                f"{int(missing.sum())} of {len(missing)} candidates ({name} is NaN), so its choice "
                'means nothing. Use error_score="raise" to see why: a scorer that fails, a fold '
                "without one of the classes, or a cv that is not purged."
            )
