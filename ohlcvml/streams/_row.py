"""A scikit-learn transformer as a step: fitted once, applied row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ohlcvml._checks import Rule, check_parameters
from ohlcvml._threads import one_blas_thread
from ohlcvml.exceptions import DataError, LeakageError
from ohlcvml.streams._base import BaseFeature
from ohlcvml.streams._channels import BarRow, Channels
from ohlcvml.streams._columns import Column
from ohlcvml.streams._stream import Node
from ohlcvml.typing import Bars, Features, FloatArray

SAMPLE, ALONE = 61, 5  # rows that fit tries together, of them one by one; 61 divides few shifts


class _RowNode:
    """One row through a fitted scikit-learn transformer."""

    def __init__(self, transformer: Any, source: BarRow, names: list[str], out: FloatArray) -> None:
        self.state: dict[str, Any] = {}
        self._transformer, self._source, self._names, self._out = transformer, source, names, out

    def advance(self) -> None:
        row = self._source.row(self._names)
        self._out[:] = np.nan if np.isnan(row).any() else _apply(self._transformer, row[None])[0]

    def compile(self) -> None:
        """Nothing to compile."""


class RowTransformer(BaseFeature):
    """A scikit-learn transformer fitted on rows; what ``features * StandardScaler()`` makes of it.

    Row t sees row t only, through what ``fit`` learned: so it is safe where ``fit`` saw training
    rows only, as :class:`ohlcvml.pipeline.BarPipeline` sees to. ``fit`` checks that the
    transformer treats rows one by one. Rows with a missing value are left out of the fit and stay
    NaN. In a stream, elementwise transformers (scalers) give the bits of the batch result; matrix
    products (PCA) may differ in the last digits.

    Parameters
    ----------
    transformer : scikit-learn transformer
        Cloned, not changed. One that needs a target is fitted with ``y``.

    Attributes
    ----------
    transformer_ : scikit-learn transformer
        The fitted clone.
    input_names_ : list of str
        The columns it was fitted on; ``transform`` needs the same.
    feature_names : list of str
        Known after fit: as ``get_feature_names_out`` says, else ``{class}_{number}``.
    lookback : int
        0.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnFeatures
    >>> pipe = ReturnFeatures(lags=(1, 5)) * StandardScaler()
    >>> pipe.fit_transform(simulate_bars(500, seed=0).bars).std(ddof=0).round(6)
    log_return_1    1.0
    log_return_5    1.0
    dtype: float64
    """

    _tags = {
        "fit_is_empty": False,
        "scitype:instancewise": False,
        "capability:categorical_in_X": False,
    }
    _takes_bars = False  # but rows of any columns
    _parameter_rules = {
        "transformer": Rule(
            "a scikit-learn transformer object",
            lambda value: hasattr(value, "fit") and hasattr(value, "transform"),
        )
    }

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer
        super().__init__()

    def __dynamic_tags__(self) -> None:
        if _needs_target(self.transformer):
            self.set_tags(requires_y=True, y_inner_mtype="pd.Series")

    def __post_init__(self) -> None:
        check_parameters(self)

    def _columns(self) -> list[Column]:
        if not hasattr(self, "feature_names_"):
            raise DataError(
                "RowTransformer: the column names are known only after fit. Call fit first."
            )
        formula = f"{type(self.transformer).__name__} of the row"
        return [Column(name, formula, unit="") for name in self.feature_names_]

    @property
    def lookback(self) -> int:
        """0: a row depends on itself only."""
        return 0

    def _fit(self, X: Bars, y: Any = None) -> RowTransformer:
        values = X.to_numpy(dtype=np.float64)
        complete = ~np.isnan(values).any(axis=1)
        if not complete.any():
            empty = X.columns[np.isnan(values).all(axis=0)].tolist()
            raise DataError(
                f"RowTransformer({type(self.transformer).__name__}): fit needs rows without "
                f"missing values; none of {len(X)} is complete (columns without any value: "
                f"{empty}). Give more history than the lookback, or drop empty columns."
            )
        target = None if y is None else np.asarray(y)[complete]
        with one_blas_thread():
            self.transformer_ = clone(self.transformer).fit(values[complete], target)
        self.input_names_ = [str(name) for name in X.columns]
        sample = values[complete][-SAMPLE:]
        together = _apply(self.transformer_, sample)
        _check_row_by_row(self.transformer_, sample, together)
        self.feature_names_ = _names_out(self.transformer_, self.input_names_, together.shape[1])
        return self

    def _transform(self, X: Bars, y: Any = None) -> Features:
        block = np.empty((len(self.feature_names), len(X)))
        self._write(X, Channels(X, "RowTransformer"), block)
        return pd.DataFrame(block.T, index=X.index, columns=self.feature_names, copy=False)

    def _write(self, X: Bars, channels: Channels, out: FloatArray) -> None:
        names = [str(name) for name in X.columns]
        if names != self.input_names_:
            raise DataError(
                f"RowTransformer({type(self.transformer).__name__}): transform needs the columns "
                f"it was fitted on, {self.input_names_}; got {names}."
            )
        values = X.to_numpy(dtype=np.float64)
        complete = ~np.isnan(values).any(axis=1)
        out[:] = np.nan
        if complete.all():
            out[:] = _apply(self.transformer_, values).T
        elif complete.any():
            out[:, complete] = _apply(self.transformer_, values[complete]).T

    def _node(self, source: BarRow, out: FloatArray) -> Node:
        return _RowNode(self.transformer_, source, self.input_names_, out)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        from sklearn.preprocessing import MinMaxScaler, StandardScaler

        return [{"transformer": StandardScaler()}, {"transformer": MinMaxScaler()}]


def _apply(transformer: Any, rows: FloatArray) -> FloatArray:
    result = transformer.transform(rows)
    result = result.toarray() if hasattr(result, "toarray") else result
    return np.asarray(result, dtype=np.float64)


def _check_row_by_row(transformer: Any, rows: FloatArray, together: FloatArray) -> None:
    alone = np.concatenate([_apply(transformer, row[None]) for row in rows[-ALONE:]])
    kept = len(together) == len(rows) and together[-ALONE:].shape == alone.shape
    if not kept or not np.allclose(alone, together[-ALONE:], rtol=1e-9, atol=1e-12):
        raise LeakageError(
            f"RowTransformer: {type(transformer).__name__} gives a row another value when other "
            "rows stand beside it, so later rows would change earlier ones. Use a transformer that "
            "learns in fit and treats rows one by one in transform."
        )


def _names_out(transformer: Any, inputs: list[str], count: int) -> list[str]:
    try:
        names: Sequence[Any] = transformer.get_feature_names_out(inputs)
    except (AttributeError, ValueError, TypeError):
        name = type(transformer).__name__.lower()
        names = inputs if count == len(inputs) else [f"{name}_{k}" for k in range(count)]
    return [str(name) for name in names]


def _needs_target(transformer: Any) -> bool:
    from sklearn.feature_selection import SelectorMixin, VarianceThreshold

    if isinstance(transformer, SelectorMixin):  # some declare the target optional; none means it
        return not isinstance(transformer, VarianceThreshold)
    tags = getattr(transformer, "__sklearn_tags__", None)
    return bool(tags is not None and tags().target_tags.required)
