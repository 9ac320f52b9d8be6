"""What every classifier made of named parts shares: access, tags, memory, unanswered rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch
from sktime.base import _HeterogenousMetaEstimator

from ohlcvml.exceptions import ParameterError
from ohlcvml.pipeline._answer import Answer
from ohlcvml.pipeline._base import BaseBarClassifier
from ohlcvml.samples import FeatureTable, Samples
from ohlcvml.typing import Bars, Features, FloatArray, IntArray

# What a composite of several models sees: the most that one of them needs. A model of paths needs
# the bars themselves, so a composite with one stands alone.
REPRESENTATIONS = ("row", "window", "path")
# What counts where a part does not say: an untagged part is unsafe; that it cannot be written to a
# bundle is found in writing.
ABSENT: dict[str, Any] = {
    "is_production_safe": False,
    "capability:bundle": True,
    "representation": "row",
    "model_family": "composition",
    "training_data_cutoff": "",
    "licence": "BSD-3-Clause",
}


class BaseBarComposite(_HeterogenousMetaEstimator, BaseBarClassifier):  # type: ignore[misc]
    """Base of classifiers made of named parts, each a bar classifier.

    A subclass names the constructor parameter that lists its parts, as (name, classifier) pairs, in
    ``_parts_parameter``, and implements ``_combine(answers)``: from one
    :class:`~ohlcvml.pipeline.Answer` for each part, of rows that every part can answer, to that of
    the whole. Row t sees what its parts see.

    Parts stand side by side: each is fitted on the same samples. A row that one part cannot answer
    is NaN. ``lookback`` is the largest of the parts; ``is_production_safe`` and
    ``capability:bundle`` hold only if they hold for every part; the representation is the most that
    a part needs; ``_batch_tolerance`` is the largest. Features that parts share are computed once
    (:data:`~ohlcvml.pipeline.feature_memo`).

    Attributes
    ----------
    parts_ : list of (str, fitted part)

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LogisticClassifier
    >>> from ohlcvml.pipeline import Answer, BaseBarComposite
    >>> class Average(BaseBarComposite):
    ...     def __init__(self, parts):
    ...         self.parts = parts
    ...         super().__init__()
    ...     def _combine(self, answers):
    ...         return Answer(np.mean([answer.probabilities for answer in answers], axis=0))
    >>> one = ReturnFeatures() * LogisticClassifier()
    >>> both = Average([("weak", one), ("strong", one.clone().set_params(LogisticClassifier__C=1))])
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> both.fit(bars, labels)["strong"]["LogisticClassifier"].C, both.lookback
    (1, 60)
    """

    _tags = {
        "X_inner_mtype": "pd-multiindex",
        "model_family": "composition",
        "capability:missing_values": False,
    }
    _parts_parameter = "parts"
    _how_to_name = "Give each part a name of its own."
    _steps_attr = "_parts"
    _steps_fitted_attr = "parts_"

    parts_: list[tuple[str, Any]]

    def __post_init__(self) -> None:
        """Check names and kinds of the parts."""
        super().__post_init__()
        self._check_names([name for name, _ in self._parts])
        for name, part in self._parts:
            if not isinstance(part, BaseBarClassifier):
                raise ParameterError(
                    f"{type(self).__name__}: part {name!r} must be a classifier of ohlcvml; got "
                    f"{type(part).__name__}. Wrap scikit-learn classifiers: "
                    "SklearnClassifier(estimator)."
                )

    def __dynamic_tags__(self) -> None:
        """Tags are those of the parts."""
        self._check_pairs()
        self.set_tags(**joined_tags([part for _, part in self._parts]))

    def _check_pairs(self) -> None:
        """Tags are asked for before ``__post_init__``, so this comes first."""
        parts = getattr(self, self._parts_parameter)
        pairs = isinstance(parts, (list, tuple)) and all(
            isinstance(part, (list, tuple)) and len(part) == 2 and isinstance(part[0], str)
            for part in parts
        )
        if not pairs or not parts:
            raise ParameterError(
                f"{type(self).__name__}: parameter {self._parts_parameter!r} must be a non-empty "
                f"list of (name, estimator); got {parts!r}. {self._how_to_name}"
            )

    @property
    def _parts(self) -> list[tuple[str, Any]]:
        return list(getattr(self, self._parts_parameter))

    @_parts.setter
    def _parts(self, value: list[tuple[str, Any]]) -> None:
        setattr(self, self._parts_parameter, value)

    def set_params(self, **params: Any) -> BaseBarComposite:
        """Set (nested) parameters, ``part__parameter``; tags follow the new parts."""
        super().set_params(**params)
        self.reset()
        return self

    # ---- access by name
    def _current(self) -> list[tuple[str, Any]]:
        """Fitted parts if there are any, else those of the constructor."""
        return list(getattr(self, self._steps_fitted_attr, None) or self._parts)

    @property
    def named_steps(self) -> Bunch:
        """The parts by name, fitted ones once there are any: ``model.named_steps.scaler``."""
        return Bunch(**dict(self._current()))

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, key: str | int | slice) -> Any:
        """A part by its name or number; a slice of parts is a composite of the same class."""
        parts = self._current()
        if isinstance(key, slice):
            return self._of(parts[key])
        if isinstance(key, str):
            names = [name for name, _ in parts]
            if key not in names:
                raise ParameterError(
                    f"{type(self).__name__}: no part is called {key!r}; there are "
                    f"{', '.join(names)}."
                )
            return parts[names.index(key)][1]
        return parts[key][1]

    def _of(self, parts: list[tuple[str, Any]]) -> Any:
        """The same composite of other parts, not fitted as a whole."""
        rest = {k: v for k, v in self.get_params(deep=False).items() if k != self._parts_parameter}
        return type(self)(**{self._parts_parameter: parts}, **rest)

    # ---- what follows from the parts
    @property
    def lookback(self) -> int | None:
        """The largest lookback of the parts; None if one does not say."""
        spans: list[Any] = [part.lookback for _, part in self._current()]
        return None if None in spans else int(max(spans))

    @property
    def _batch_tolerance(self) -> float:  # type: ignore[override]
        return max(getattr(part, "_batch_tolerance", 0.0) for _, part in self._current())

    # ---- bar door
    def _fit_samples(self, samples: Samples) -> None:
        self.parts_ = [(name, part.clone().fit(samples)) for name, part in self._parts]
        reports = [part.fit_report_ for _, part in self.parts_]
        without = max(report.get("without_history", 0) for report in reports)
        self.fit_report_ = {"samples": len(samples), "without_history": without}

    def _feature_table(self, X: Bars | Samples) -> FeatureTable:
        """The columns as they are: each part checks those that it needs, and ignores others."""
        return X._features if isinstance(X, Samples) else FeatureTable(X)

    def _answer_at(
        self,
        X: Bars | Samples,
        pos: IntArray,
        levels: tuple[float, ...] = (),
        probabilities: bool = True,
    ) -> Answer:
        answers = [part._answer_at(X, pos, levels, True) for _, part in self.parts_]
        known = np.logical_and.reduce([answer.known for answer in answers])
        if not known.any():
            return Answer(np.full((len(pos), self.n_classes_), np.nan))
        return self._combine([answer[known] for answer in answers]).spread(known)

    def _combine(self, answers: list[Answer]) -> Answer:
        raise NotImplementedError

    def features_of(self, X: Bars | Samples) -> Features:
        """The columns that the parts' classifiers see, per bar, each named ``part__column``."""
        self.check_is_fitted()
        tables = {name: part.features_of(X) for name, part in self.parts_}
        return pd.concat([table.add_prefix(f"{name}__") for name, table in tables.items()], axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the columns of :meth:`features_of`; ``input_features`` is not used."""
        self.check_is_fitted()
        names = [
            f"{name}__{column}"
            for name, part in self.parts_
            for column in part.get_feature_names_out(input_features)
        ]
        return np.asarray(names, dtype=object)

    # ---- panel door
    def _fit(self, X: Features, y: Any) -> BaseBarComposite:
        self.parts_ = [(name, part.clone().fit(X, y)) for name, part in self._parts]
        return self

    def _predict_proba(self, X: Features) -> FloatArray:
        answers = [Answer(part.predict_proba(X)) for _, part in self.parts_]
        return self._combine(answers).probabilities


def joined_tags(parts: list[Any]) -> dict[str, Any]:
    """Tags of classifiers that answer together."""
    found = {name: [tag_of(part, name) for part in parts] for name in ABSENT}
    families = set(found["model_family"])
    return {
        "is_production_safe": all(found["is_production_safe"]),
        "capability:bundle": all(found["capability:bundle"]),
        "representation": max(found["representation"], key=REPRESENTATIONS.index),
        "model_family": families.pop() if len(families) == 1 else "composition",
        "training_data_cutoff": _latest(found["training_data_cutoff"]),
        "licence": " AND ".join(dict.fromkeys(found["licence"])),
    }


def tag_of(part: Any, name: str) -> Any:
    """A tag of a part, or what counts where the part does not say."""
    found = part.get_tag(name, None, raise_error=False) if hasattr(part, "get_tag") else None
    return ABSENT[name] if found is None else found


def stands_alone(model: Any) -> bool:
    """Whether a model takes the bars themselves and no feature steps before it.

    Examples
    --------
    >>> from ohlcvml.models import ForecastClassifier, LogisticClassifier
    >>> from ohlcvml.pipeline import stands_alone
    >>> stands_alone(ForecastClassifier()), stands_alone(LogisticClassifier())
    (True, False)
    """
    return tag_of(model, "representation") == "path"


def _latest(cutoffs: list[str]) -> str:
    """The latest date up to which a part was pretrained; one unknown makes the whole unknown."""
    return "unknown" if "unknown" in cutoffs else max(cutoffs)
