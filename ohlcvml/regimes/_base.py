"""The base of regimes that learn: a compiled filter over inputs computed from the bars."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import Rule, check_parameters, instance_of, optional
from ohlcvml.bars import OHLCV
from ohlcvml.exceptions import DataError
from ohlcvml.regimes._inputs import RegimeInputs
from ohlcvml.streams import BaseFeature, Channels, KernelNode, Node, SerialNodes
from ohlcvml.typing import Bars, FloatArray, IntArray

FEATURES_RULE: Rule = optional(instance_of(BaseFeature))


class BaseRegime(BaseFeature):
    """Base of regimes that are learned: inputs first, then one compiled step per bar.

    Given bars, the inputs are the columns of the parameter ``features`` (None:
    :class:`RegimeInputs`), computed by their own kernels; given a table without open, high, low,
    close and volume, as in a chain ``features * regime``, they are its columns. A class gives
    ``_learn``, and ``_kernel``, ``_kernel_params``, ``_initial_state``, ``_columns`` as a family of
    features does; its kernel gets ``inputs = (values,)``, values of shape (n_inputs, n_rows), NaN
    where an input is unknown.

    Please do not grow this class: what only some regimes need belongs to them.
    """

    _tags = {"fit_is_empty": False, "scitype:instancewise": False}

    features: BaseFeature | None
    features_: BaseFeature | None
    input_names_: list[str]

    def __post_init__(self) -> None:
        check_parameters(self)

    def _bar_sizes(self) -> tuple[Any, ...]:
        return () if self.features is None else self.features._bar_sizes()

    def _learn(self, values: FloatArray, runs: IntArray) -> None:
        """Learn from the complete rows of ``values``, shape (n_inputs, n_rows).

        ``runs`` of shape (n_runs, 2) holds first and last + 1 of each run of complete rows; what
        lies in different runs is not adjacent.
        """
        raise NotImplementedError

    def _fit(self, X: Bars, y: Any = None) -> BaseRegime:
        if any(name in X.columns for name in OHLCV):
            features = RegimeInputs() if self.features is None else self.features.clone()
            self.features_ = features.fit(X)
            self.input_names_ = list(features.feature_names)
        else:
            self.features_ = None
            self.input_names_ = [str(name) for name in X.columns]
        channels = Channels(X, type(self).__name__)
        values = self._values(X, channels)
        self._learn(values, complete_runs(values, channels.starts))
        return self

    def _values(self, X: Bars, channels: Channels) -> FloatArray:
        """Inputs of every row, shape (n_inputs, n_rows)."""
        if self.features_ is None:
            names = [str(name) for name in X.columns]
            if names != self.input_names_:
                raise DataError(
                    f"{type(self).__name__}: transform needs the columns it was fitted on, "
                    f"{self.input_names_}; got {names}."
                )
            return np.ascontiguousarray(X.to_numpy(dtype=np.float64).T)
        block = np.empty((len(self.input_names_), len(X)))
        self.features_._write(X, channels, block)
        return block

    def _write(self, X: Bars, channels: Channels, out: FloatArray) -> None:
        inputs, params = (self._values(X, channels),), self._kernel_params()
        for first, last in zip(channels.starts[:-1], channels.starts[1:], strict=True):
            state = tuple(self._initial_state().values())
            type(self)._kernel(inputs, first, last, params, state, out)

    def _node(self, source: Any, out: FloatArray) -> Node:
        values, node = self._input_node(source)
        kernel, params = type(self)._kernel, self._kernel_params()
        own = KernelNode(kernel, (values.reshape(-1, 1),), params, self._initial_state(), out)
        return SerialNodes({"inputs": node, type(self).__name__: own})

    def _input_node(self, source: Any) -> tuple[FloatArray, Node]:
        """Values that a node rewrites with the inputs of each bar, and the node."""
        values = np.full(len(self.input_names_), np.nan)
        if self.features_ is None:
            return values, InputNode(source, self.input_names_, values)
        return values, self.features_._node(source, values)


class InputNode:
    """The columns of the step before, as the inputs of a regime."""

    def __init__(self, source: Any, names: list[str], values: FloatArray) -> None:
        self.state: dict[str, Any] = {}
        self._source, self._names, self._values = source, names, values
        source.row(names)  # asks for the columns, so that a bar read later brings them

    def advance(self) -> None:
        """Take over the current row."""
        self._values[:] = self._source.row(self._names)

    def compile(self) -> None:
        """Nothing to compile."""


def complete_runs(values: FloatArray, starts: IntArray) -> IntArray:
    """First and last + 1 of each run of at least two complete rows of one sequence.

    Parameters
    ----------
    values : array of shape (n_inputs, n_rows)
    starts : array of shape (n_sequences + 1,)
        As :func:`ohlcvml.bars._frame.symbol_starts` gives.

    Returns
    -------
    int64 array of shape (n_runs, 2)

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.regimes._base import complete_runs
    >>> complete_runs(np.array([[np.nan, 1, 2, 3, 4, 5, np.nan, 6]]), np.array([0, 4, 8])).tolist()
    [[1, 4], [4, 6]]
    """
    complete = np.isfinite(values).all(axis=0)
    breaks = np.zeros(values.shape[1] + 1, dtype=bool)
    breaks[starts] = True
    before, after = np.zeros((2, len(breaks)), dtype=bool)
    before[1:], after[:-1] = complete, complete
    first = np.flatnonzero(after & (~before | breaks))
    last = np.flatnonzero(before & (~after | breaks))
    runs = np.stack([first, last], axis=1).astype(np.int64)
    return runs[runs[:, 1] - runs[:, 0] >= 2]
