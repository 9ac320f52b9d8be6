"""Columns of several features side by side, in one block."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch
from sktime.base import _HeterogenousMetaEstimator
from sktime.transformations.base import BaseTransformer

from ohlcvml._checks import any_value
from ohlcvml._threads import threads
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.streams._base import BaseFeature, check_unique, operator
from ohlcvml.streams._change import _CloseChange
from ohlcvml.streams._channels import BarRow, Channels
from ohlcvml.streams._columns import Column
from ohlcvml.streams._parts import (
    as_step,
    bar_sizes_of,
    columns_of,
    join_tags,
    known_names,
    leaves_of,
    names_of,
)
from ohlcvml.streams._stream import Node, ParallelNodes
from ohlcvml.streams._warm import warm_up
from ohlcvml.typing import Bars, Features, FloatArray


class BarFeatureUnion(_HeterogenousMetaEstimator, BaseFeature):  # type: ignore[misc]
    """Features side by side; what ``a + b`` gives.

    Row t may see what its parts see. Column names are those of the parts, without prefix, so they
    stay when a part is added; a name that occurs twice is an error. All parts of ohlcvml write
    into one preallocated array and share what they read.

    Parameters
    ----------
    features : list of transformers, or of (name, transformer)
        Features of ohlcvml, sktime transformers from series to series, or scikit-learn
        transformers (wrapped in :class:`RowTransformer`).

    Attributes
    ----------
    features_ : list of (str, transformer)
        The fitted parts.
    feature_names : list of str
    lookback : int or None
        The largest of the parts.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnFeatures, ReturnMomentFeatures
    >>> features = ReturnFeatures(lags=(1, 5)) + ReturnMomentFeatures(windows=(30,))
    >>> list(features.fit_transform(simulate_bars(100, seed=0).bars))
    ['log_return_1', 'log_return_5', 'return_mean_30', 'return_std_30', 'return_zscore_30']
    >>> features.get_params()["ReturnMomentFeatures__windows"], features.lookback
    ((30,), 30)
    """

    _steps_attr = "_features"
    _steps_fitted_attr = "features_"
    _parameter_rules = {"features": any_value()}

    def __init__(self, features: list[Any]) -> None:
        self.features = features
        super().__init__()

    def __dynamic_tags__(self) -> None:
        join_tags(self, [part for _, part in self._features])

    def __post_init__(self) -> None:
        names = [known_names(part) for _, part in self._parts()]
        check_unique("BarFeatureUnion", [name for part in names for name in part or []])

    @property
    def _features(self) -> list[tuple[str, Any]]:
        who = type(self).__name__
        if not isinstance(self.features, list) or not self.features:
            raise ParameterError(
                f"{who}: parameter 'features' must be a non-empty list of transformers or "
                f"(name, transformer) pairs; got {self.features!r}."
            )
        return list(self._get_estimator_tuples(self.features, clone_ests=False))

    @_features.setter
    def _features(self, value: list[Any]) -> None:
        self.features = value

    def set_params(self, **params: Any) -> BarFeatureUnion:
        """Set parameters, nested ones as ``part__parameter``; tags follow."""
        super().set_params(**params)
        return self.reset()  # type: ignore[no-any-return]

    def _parts(self) -> list[tuple[str, Any]]:
        """Fitted parts if there are any, else the parameters as transformers."""
        if hasattr(self, "features_"):
            return self.features_
        return [(name, as_step(part, "BarFeatureUnion")) for name, part in self._features]

    @property
    def named_steps(self) -> Bunch:
        """The parts by name, fitted ones once there are any."""
        return Bunch(**dict(self._parts()))

    def _columns(self) -> list[Column]:
        return [column for name, part in self._parts() for column in columns_of(part, name)]

    def _bar_sizes(self) -> tuple[Any, ...]:
        return bar_sizes_of(self._parts())

    def _leaves(self) -> list[BaseFeature]:
        return leaves_of(self._parts())

    @property
    def lookback_is_bound(self) -> bool:  # type: ignore[override]
        """Whether a part's memory ends with time."""
        return any(getattr(part, "lookback_is_bound", False) for _, part in self._parts())

    @property
    def lookback(self) -> int | None:
        """The largest lookback of the parts; None if one does not say."""
        largest = 0
        for _, part in self._parts():
            lookback = getattr(part, "lookback", None)
            if lookback is None:
                return None
            largest = max(largest, lookback)
        return largest

    def _fit(self, X: Bars, y: Any = None) -> BarFeatureUnion:
        self.features_ = [(name, part.clone()) for name, part in self._parts()]
        for _, part in self.features_:
            part.fit(X, y)
        return self

    def _transform(self, X: Bars, y: Any = None) -> Features:
        parts, tables, names = self._parts(), {}, []
        for name, part in parts:
            known = known_names(part)
            if known is not None:
                names.append(known)
            else:
                if not part.is_fitted:  # stateless: a union of such is not fitted either
                    part = part.clone().fit(X)
                tables[name] = foreign_table(part, name, X)
                names.append(list(map(str, tables[name].columns)))
        columns = [column for part_names in names for column in part_names]
        check_unique("BarFeatureUnion", columns)
        block = np.empty((len(columns), len(X)))
        channels, first, ours = Channels(X, "BarFeatureUnion"), 0, []
        for (name, part), part_names in zip(parts, names, strict=True):
            out = block[first : first + len(part_names)]
            if name in tables:
                out[:] = tables[name].to_numpy(dtype=np.float64).T
            else:
                ours.append((part, out))
            first += len(part_names)
        write_parts(ours, X, channels)
        return pd.DataFrame(block.T, index=X.index, columns=columns, copy=False)

    def _write(self, X: Bars, channels: Channels, out: FloatArray) -> None:
        if all(known_names(part) is not None for _, part in self._parts()):
            write_parts(stripes(self._parts(), out), X, channels)
        else:
            out[:] = self._transform(X).to_numpy().T

    def _node(self, source: BarRow, out: FloatArray) -> Node:
        nodes, first = {}, 0
        for name, part in self._parts():
            count = len(names_of(part, name))
            nodes[name] = part._node(source, out[first : first + count])
            first += count
        return ParallelNodes(nodes)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        two, three = _CloseChange(lag=2, name="change_2"), _CloseChange(lag=3, name="change_3")
        return [
            {"features": [_CloseChange(), two]},
            {"features": [("one", _CloseChange()), ("three", three)]},
        ]


def stripes(
    parts: list[tuple[str, BaseFeature]], out: FloatArray
) -> list[tuple[BaseFeature, FloatArray]]:
    """Each part with the rows of ``out`` that are its columns.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.features import ReturnFeatures
    >>> from ohlcvml.streams import stripes
    >>> parts = [("a", ReturnFeatures(lags=(1, 5))), ("b", ReturnFeatures(lags=(9,)))]
    >>> [rows.shape for _, rows in stripes(parts, np.empty((3, 100)))]
    [(2, 100), (1, 100)]
    """
    result, first = [], 0
    for _, part in parts:
        count = len(part.feature_names)
        result.append((part, out[first : first + count]))
        first += count
    return result


def write_parts(
    parts: list[tuple[BaseFeature, FloatArray]], X: Bars, channels: Channels, *, n_jobs: int = 1
) -> None:
    """Let each part write its columns, in ``n_jobs`` threads: kernels hold no lock.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnFeatures
    >>> from ohlcvml.streams import Channels, write_parts
    >>> bars, out = simulate_bars(100, seed=0).bars, np.empty((1, 100))
    >>> write_parts([(ReturnFeatures(lags=(5,)), out)], bars, Channels(bars, "example"))
    >>> int(np.isnan(out).sum())
    5
    """
    warm_up([part for part, _ in parts])
    if n_jobs == 1 or len(parts) < 2:
        for part, out in parts:
            part._write(X, channels, out)
        return
    widest_first = sorted(parts, key=lambda pair: -len(pair[1]))  # so that none is left at the end
    with ThreadPoolExecutor(threads(n_jobs)) as pool:
        for done in [pool.submit(part._write, X, channels, out) for part, out in widest_first]:
            done.result()


def foreign_table(part: Any, name: str, X: Bars) -> pd.DataFrame:
    """Output of an sktime transformer, checked to stand on the rows of ``X``."""
    table = part.transform(X)
    if isinstance(table, pd.Series):
        table = table.to_frame(name if table.name is None else table.name)
    if not isinstance(table, pd.DataFrame) or not table.index.equals(X.index):
        raise DataError(
            f"step {name!r} ({type(part).__name__}) must return one row for every row it is given, "
            f"on the same index; it returned {type(table).__name__} of shape "
            f"{getattr(table, 'shape', None)} for {X.shape}."
        )
    return table


@operator("+")
def unite(left: Any, right: Any) -> Any:
    """Union of two operands of ``+``, flat; NotImplemented if one is no transformer."""
    parts: list[tuple[str, Any]] = []
    for operand in (left, right):
        if isinstance(operand, BarFeatureUnion):
            parts += operand._features
        elif isinstance(operand, BaseTransformer) or hasattr(operand, "transform"):
            part = as_step(operand, "+")
            parts.append((type(operand).__name__, part))
        else:
            return NotImplemented
    return BarFeatureUnion(parts)
