"""Transformers one after the other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator as SklearnEstimator
from sklearn.base import is_classifier
from sklearn.utils import Bunch
from sktime.base import _HeterogenousMetaEstimator
from sktime.transformations.base import BaseTransformer

from ohlcvml._checks import any_value
from ohlcvml.bars import OHLCV, check_bars
from ohlcvml.exceptions import ParameterError
from ohlcvml.registry import adapter_for
from ohlcvml.streams._base import BaseFeature, operator
from ohlcvml.streams._change import _CloseChange
from ohlcvml.streams._channels import LOGS, BarRow, Channels
from ohlcvml.streams._clock import is_clock
from ohlcvml.streams._columns import Column
from ohlcvml.streams._parts import (
    as_step,
    bar_sizes_of,
    columns_of,
    is_ours,
    is_sklearn_transformer,
    join_tags,
    known_names,
    leaves_of,
    names_of,
)
from ohlcvml.streams._row import RowTransformer
from ohlcvml.streams._stream import Node, SerialNodes
from ohlcvml.streams._union import BarFeatureUnion, foreign_table
from ohlcvml.typing import Bars, Features, FloatArray


class _FeatureRow:
    """A row of features as the input of the next node; times are those of its bar."""

    def __init__(self, names: list[str], values: FloatArray, source: Any) -> None:
        self._names, self._values, self._source = names, values, source

    def __getitem__(self, name: str) -> Any:
        if is_clock(name):
            return self._source[name]
        if name not in self._names:
            raise ParameterError(
                f"BarFeatureChain: a step reads {name!r}, which the step before does not give; it "
                f"gives {', '.join(self._names)}. Unite features of bars with + instead."
            )
        at = self._names.index(name)
        return self._values[at : at + 1]

    def row(self, names: list[str]) -> FloatArray:
        if names == self._names:
            return self._values
        return np.array([self[name][0] for name in names])


class BarFeatureChain(_HeterogenousMetaEstimator, BaseFeature):  # type: ignore[misc]
    """Transformers one after the other; what ``features * StandardScaler()`` gives.

    Row t may see what its steps see. Column names are those of the last step.

    Parameters
    ----------
    steps : list of transformers, or of (name, transformer)
        Features of ohlcvml, sktime transformers from series to series, or scikit-learn
        transformers (wrapped in :class:`RowTransformer`). Bars enter the first.

    Attributes
    ----------
    steps_ : list of (str, transformer)
        The fitted steps.
    feature_names : list of str
    lookback : int or None
        The sum over the steps.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnFeatures
    >>> pipe = ReturnFeatures(lags=(1, 2, 5)) * StandardScaler() * PCA(2)
    >>> [name for name, _ in pipe.steps]
    ['ReturnFeatures', 'StandardScaler', 'PCA']
    >>> list(pipe.fit_transform(simulate_bars(500, seed=0).bars)), pipe.lookback
    (['pca0', 'pca1'], 5)
    """

    _steps_attr = "_steps"
    _steps_fitted_attr = "steps_"
    _parameter_rules = {"steps": any_value()}

    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps
        super().__init__()

    def __dynamic_tags__(self) -> None:
        join_tags(self, [step for _, step in self._steps])

    def __post_init__(self) -> None:
        steps = self._parts()
        for (before, first), (after, second) in pairwise(steps):
            names = known_names(first)
            if names is not None and not set(names) & set(OHLCV) and _reads_bars(second):
                raise ParameterError(
                    f"BarFeatureChain: step {after!r} reads bars, but step {before!r} before it "
                    f"gives {', '.join(names)}. Unite features of bars with + instead of *."
                )

    @property
    def _steps(self) -> list[tuple[str, Any]]:
        if not isinstance(self.steps, list) or not self.steps:
            raise ParameterError(
                "BarFeatureChain: parameter 'steps' must be a non-empty list of transformers or "
                f"(name, transformer) pairs; got {self.steps!r}."
            )
        return list(self._get_estimator_tuples(self.steps, clone_ests=False))

    @_steps.setter
    def _steps(self, value: list[Any]) -> None:
        self.steps = value

    def set_params(self, **params: Any) -> BarFeatureChain:
        """Set parameters, nested ones as ``step__parameter``; tags follow."""
        super().set_params(**params)
        return self.reset()  # type: ignore[no-any-return]

    def _parts(self) -> list[tuple[str, Any]]:
        """Fitted steps if there are any, else the parameters as transformers."""
        if hasattr(self, "steps_"):
            return self.steps_
        return [(name, as_step(step, "BarFeatureChain")) for name, step in self._steps]

    @property
    def named_steps(self) -> Bunch:
        """The parts by name, fitted ones once there are any."""
        return Bunch(**dict(self._parts()))

    def _columns(self) -> list[Column]:
        name, last = self._parts()[-1]
        return columns_of(last, name)

    def _bar_sizes(self) -> tuple[Any, ...]:
        return bar_sizes_of(self._parts())

    def _leaves(self) -> list[BaseFeature]:
        return leaves_of(self._parts())

    @property
    def lookback_is_bound(self) -> bool:  # type: ignore[override]
        """Whether a step's memory ends with time."""
        return any(getattr(step, "lookback_is_bound", False) for _, step in self._parts())

    @property
    def lookback(self) -> int | None:
        """Sum of the lookbacks of the steps; None if one does not say."""
        total = 0
        for _, step in self._parts():
            lookback = getattr(step, "lookback", None)
            if lookback is None:
                return None
            total += lookback
        return total

    def _fit(self, X: Bars, y: Any = None) -> BarFeatureChain:
        fitted: list[tuple[str, Any]] = []
        steps = [(name, step.clone()) for name, step in self._parts()]
        for at, (name, step) in enumerate(steps):
            step.fit(X, y)
            fitted.append((name, step))
            if at + 1 < len(steps):
                X = _through(step, name, X)
        self.steps_ = fitted
        return self

    def _transform(self, X: Bars, y: Any = None) -> Features:
        for name, step in self._parts():
            if not step.is_fitted:  # stateless: a chain of such is not fitted either
                step = step.clone().fit(X)
            X = _through(step, name, X)
        return X

    def _write(self, X: Bars, channels: Channels, out: FloatArray) -> None:
        out[:] = self._transform(X).to_numpy(dtype=np.float64).T

    def _node(self, source: BarRow, out: FloatArray) -> Node:
        nodes: dict[str, Node] = {}
        row: Any = source
        steps = self._parts()
        for at, (name, step) in enumerate(steps):
            names = names_of(step, name)
            values = out if at + 1 == len(steps) else np.full(len(names), np.nan)
            nodes[name] = step._node(row, values)
            row = _FeatureRow(names, values, source)
        return SerialNodes(nodes)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        from sklearn.preprocessing import StandardScaler

        scaler = RowTransformer(StandardScaler())
        return [
            {"steps": [_CloseChange(), scaler]},
            {"steps": [("change", _CloseChange(lag=3, name="change_3"))]},
        ]


def _reads_bars(step: Any) -> bool:
    if isinstance(step, BarFeatureChain):
        return _reads_bars(step._parts()[0][1])
    if isinstance(step, BarFeatureUnion):
        return any(_reads_bars(part) for _, part in step._parts())
    return is_ours(step) and bool({*OHLCV, *LOGS} & set(step._inputs))


def _through(step: Any, name: str, X: pd.DataFrame) -> pd.DataFrame:
    if not is_ours(step):
        return foreign_table(step, name, X)
    if _reads_bars(step):  # of a step before it, which may be anybody's
        check_bars(X, f"BarFeatureChain: step {name!r}", columns="bars or price")
    return step._transform(X)


def _steps_of(operand: Any) -> list[tuple[str, Any]] | None:
    if isinstance(operand, BarFeatureChain):
        return operand._steps
    if isinstance(operand, BaseTransformer) or is_sklearn_transformer(operand):
        return [(type(operand).__name__, as_step(operand, "*"))]
    return None


@operator("*")
def chain(left: Any, right: Any) -> Any:
    """Chain of two operands of ``*``, flat; NotImplemented if a model must answer."""
    if isinstance(right, SklearnEstimator) and is_classifier(right):
        return adapter_for(right).__rmul__(left)
    first, second = _steps_of(left), _steps_of(right)
    if first is None or second is None:
        return NotImplemented
    return BarFeatureChain(first + second)
