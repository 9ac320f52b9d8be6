"""The base of all features: a compiled state machine seen as an sktime transformer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from ohlcvml._checks import Rule, check_parameters
from ohlcvml.exceptions import ParameterError
from ohlcvml.streams._bar_transformer import BaseBarTransformer
from ohlcvml.streams._channels import BarRow, Channels
from ohlcvml.streams._columns import Column, ColumnFile, ColumnTable, declared_columns, describe
from ohlcvml.streams._stream import FeatureStream, KernelNode, Node
from ohlcvml.streams._warm import warm_up
from ohlcvml.typing import Bars, Features, FloatArray

# What + and * make of two operands. The composites derive from BaseFeature, so they register
# themselves here; a base that imported them would close a circle.
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {}


def operator(
    symbol: str,
) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Make a function of two operands what ``symbol`` does to features."""

    def register(compose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        _OPERATORS[symbol] = compose
        return compose

    return register


class BaseFeature(BaseBarTransformer):
    """Base of features: one kernel, run over a table of bars or over one bar.

    A family says what its kernel reads (``_inputs``, names of :class:`Channels`), its parameters
    (``_kernel_params``), its empty state (``_initial_state``, named arrays), what its columns mean
    (``_column_table``) and their ``lookback``. The kernel ``(inputs, first, last, params, state,
    out)`` runs one compiled step per bar t in [first, last), writing column k to ``out[k, t]``.
    Batch is that loop over each symbol with a fresh state; a stream is the same function over one
    bar. A bar with a missing input gives NaN and leaves the state as it was.

    ``_column_table`` is ``{name: [formula, unit, undefined, source]}`` in the order in which the
    kernel writes; of a list only the formula is needed, the unit is "ratio" where none is said.
    ``{parameter}`` in a name stands for each of its values: ``"mean_{windows}"`` gives ``mean_5``
    and ``mean_20`` of ``windows=(5, 20)``. The last such value is the column's window, unless
    another is marked, as in ``"mean_{window:w}_{lag}"``. In the other texts ``{name}`` is the same
    value, or that of another parameter. What is no parameter comes from ``_column_values``. A
    :class:`ColumnFile` holds the tables of many families.

    Please do not grow this class: what only some features need belongs to them.
    """

    _tags = {
        "scitype:transform-input": "Series",
        "scitype:transform-output": "Series",
        "scitype:instancewise": True,
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "y_inner_mtype": "None",
        "fit_is_empty": True,
        "transform-returns-same-time-index": True,
        "capability:multivariate": True,
        "capability:missing_values": True,
        "capability:categorical_in_X": True,  # columns that are not bars are ignored
        "is_production_safe": True,
    }
    _parameter_rules: ClassVar[Mapping[str, Rule]] = {}
    _inputs: tuple[str, ...] = ()  # a property where names depend on parameters
    _kernel: ClassVar[Callable[..., None]]
    _column_table: ClassVar[ColumnTable | ColumnFile]  # of composites: none, they have _columns

    lookback_tolerance: ClassVar[float] = 1e-9
    lookback_is_bound: bool = False  # True where memory ends with time: no row may need all of it

    def __post_init__(self) -> None:
        check_parameters(self)
        check_unique(type(self).__name__, self.feature_names)

    @property
    def feature_names(self) -> list[str]:
        """Names of the output columns, in order."""
        return [column.name for column in self._columns()]

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the output columns as scikit-learn asks for them; the argument is not used."""
        return np.asarray(self.feature_names, dtype=object)

    def describe(self) -> pd.DataFrame:
        """What each column means: formula, window, unit, where undefined, source.

        Returns
        -------
        pd.DataFrame
            One row per column of the output, indexed by its name.
        """
        return describe(self._columns())

    @property
    def lookback(self) -> int | None:
        """Rows before row t on which row t may depend.

        Exact for finite-memory columns; for recursive ones older rows weigh at most
        ``lookback_tolerance``; for columns of a session or a coarser timeframe
        (``lookback_is_bound``) as many as their time can hold. None if a part does not say.
        """
        raise NotImplementedError

    def stream(self, state: Mapping[str, Any] | None = None) -> FeatureStream:
        """One bar at a time, with the bits of the batch result.

        Parameters
        ----------
        state : mapping of str to array, optional
            The ``state`` of an earlier stream, to resume it; default: nothing seen yet.

        Returns
        -------
        FeatureStream
            ``push(bar)`` gives the row of the bar; one stream per symbol.
        """
        return FeatureStream(self, state)

    def _columns(self) -> list[Column]:
        values = {**vars(self), **self._column_values()}
        return declared_columns(type(self).__name__, type(self)._column_table, values)

    def _column_values(self) -> dict[str, Any]:
        """What the column table names and is no parameter."""
        return {}

    def _kernel_params(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def _initial_state(self) -> dict[str, Any]:
        raise NotImplementedError

    def _transform(self, X: Bars, y: Any = None) -> Features:
        block = np.empty((len(self.feature_names), len(X)))
        self._write(X, Channels(X, type(self).__name__), block)
        return pd.DataFrame(block.T, index=X.index, columns=self.feature_names, copy=False)

    def _write(self, X: Bars, channels: Channels, out: FloatArray) -> None:
        """Write the columns into ``out`` of shape (n_columns, n_rows), symbol by symbol."""
        warm_up([self])
        inputs = tuple(channels[name] for name in self._inputs)
        params = self._kernel_params()
        for first, last in zip(channels.starts[:-1], channels.starts[1:], strict=True):
            state = tuple(self._initial_state().values())
            type(self)._kernel(inputs, first, last, params, state, out)

    def _node(self, source: BarRow, out: FloatArray) -> Node:
        """Streaming counterpart of ``_write``: writes one row into ``out``."""
        inputs = tuple(source[name] for name in self._inputs)
        kernel, params = type(self)._kernel, self._kernel_params()
        return KernelNode(kernel, inputs, params, self._initial_state(), out)

    def _leaves(self) -> list[BaseFeature]:
        """Parts that have a kernel."""
        return [self] if hasattr(type(self), "_kernel") else []

    def __add__(self, other: Any) -> Any:
        return _OPERATORS["+"](self, other)

    def __radd__(self, other: Any) -> Any:
        return _OPERATORS["+"](other, self)

    def __mul__(self, other: Any) -> Any:
        return _OPERATORS["*"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return _OPERATORS["*"](other, self)


def check_unique(who: str, names: list[str]) -> None:
    """Raise :class:`ParameterError` if two columns have the same name.

    Examples
    --------
    >>> from ohlcvml.streams import check_unique
    >>> check_unique("MyFeatures", ["return_1", "return_5"])
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ParameterError(
                f"{who}: column names must be unique; {name!r} would occur twice. Give each "
                "window once, and each feature to one part of a union only."
            )
        seen.add(name)
