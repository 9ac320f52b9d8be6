"""Streams: one bar in, one row of the batch result out, with a state that can be saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from ohlcvml.exceptions import DataError
from ohlcvml.streams._channels import BarRow
from ohlcvml.streams._warm import HasKernels, warm_up
from ohlcvml.streams.kernels import entry_of
from ohlcvml.typing import FloatArray


class GrowingArray(np.ndarray):
    """State array whose length grows in place; a resumed stream takes over the saved length.

    For what a node keeps of unknown length, such as the bars of some sessions. Kernels must not
    hold it: growing moves its memory.
    """

    def __new__(cls, shape: Any, dtype: Any = np.float64) -> GrowingArray:
        array = super().__new__(cls, shape, dtype)
        array[...] = 0
        return array

    def grow(self, length: int) -> None:
        """Lengthen, or shorten, along the first axis; new entries are 0."""
        self.resize((length, *self.shape[1:]), refcheck=False)


class Node(Protocol):
    """Part of a stream: writes its values for the bar just read, and owns named state arrays."""

    state: dict[str, Any]

    def advance(self) -> None:
        """Compute the values of the current bar."""

    def compile(self) -> None:
        """Compile what ``advance`` runs, without a bar."""


class KernelNode:
    """A kernel over one bar: the compiled function of the batch, called with n = 1."""

    def __init__(
        self,
        kernel: Callable[..., None],
        inputs: tuple[FloatArray, ...],
        params: tuple[Any, ...],
        state: dict[str, Any],
        out: FloatArray,
    ) -> None:
        self.state = state
        self._kernel = kernel
        self._arguments = (inputs, 0, 1, params, tuple(state.values()), out.reshape(-1, 1))
        self._entry: Callable[..., None] | None = None

    def advance(self) -> None:
        """Compute the values of the current bar."""
        if self._entry is None:
            self._entry = entry_of(self._kernel, self._arguments)
        self._entry(*self._arguments)

    def compile(self) -> None:
        """Compile the kernel by a call over no bars."""
        inputs, first, _, *rest = self._arguments
        self._kernel(inputs, first, first, *rest)


class ParallelNodes:
    """Several nodes that read the same bar."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = list(nodes.values())
        self.state = {
            f"{name}.{key}": array
            for name, node in nodes.items()
            for key, array in node.state.items()
        }

    def advance(self) -> None:
        """Compute the values of the current bar."""
        for node in self._nodes:
            node.advance()

    def compile(self) -> None:
        """Compile every part."""
        for node in self._nodes:
            node.compile()


class SerialNodes:
    """Nodes that read one another's values."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = list(nodes.values())
        self.state = {
            f"{name}.{key}": array
            for name, node in nodes.items()
            for key, array in node.state.items()
        }

    def advance(self) -> None:
        """Compute the values of the current bar, node after node."""
        for node in self._nodes:
            node.advance()

    def compile(self) -> None:
        """Compile every node."""
        for node in self._nodes:
            node.compile()


class FeatureStream:
    """A feature fed one bar at a time; made by ``feature.stream()``.

    Row by row the values have the bits of the batch result. One stream serves one symbol.

    Attributes
    ----------
    names : list of str
        Names of the values, the columns of the batch result.
    state : dict of str to array
        Copy of all there is to remember: plain arrays, for ``np.savez`` or, by ``tolist``, JSON.
        ``feature.stream(state)`` resumes.

    Examples
    --------
    >>> from ohlcvml.features import ReturnFeatures
    >>> stream = ReturnFeatures(lags=(1,)).stream()
    >>> bar = {"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 5}
    >>> stream.push(bar), stream.push({**bar, "high": 2.0, "close": 2.0})
    (array([nan]), array([0.69314718]))
    >>> resumed = ReturnFeatures(lags=(1,)).stream(stream.state)
    >>> resumed.push(bar)
    array([-0.69314718])
    """

    def __init__(self, feature: HasKernels, state: Mapping[str, Any] | None = None) -> None:
        self.names = list(feature.feature_names)
        self._who = f"{type(feature).__name__}.stream"
        warm_up([feature])
        self._bar = BarRow(self._who)
        self._values = np.full(len(self.names), np.nan)
        self._node = feature._node(self._bar, self._values)
        if state is not None:
            self._resume(state)

    def push(self, bar: Any, time: Any = None) -> FloatArray:
        """Take in the next bar and return its row.

        Parameters
        ----------
        bar : mapping, Series, named tuple or array
            Values of open, high, low, close, volume (more are ignored); an array has them in that
            order. Volume is NaN where there is none.
        time : timestamp, optional
            The bar's stamp, its open in UTC; needed by features that look at the clock if the bar
            has no field ``time`` (a Series may have it as its name, a named tuple as ``Index``).

        Returns
        -------
        float64 array of shape (len(names),)
        """
        self._bar.read(bar, time)
        self._node.advance()
        return self._values.copy()

    @property
    def state(self) -> dict[str, Any]:
        """Copy of the state arrays."""
        return {name: np.array(array) for name, array in self._node.state.items()}

    def _resume(self, state: Mapping[str, Any]) -> None:
        own = self._node.state
        given = {name: np.asarray(state[name]) for name in own if name in state}
        for name, array in own.items():
            if isinstance(array, GrowingArray) and name in given and given[name].ndim == array.ndim:
                array.grow(len(given[name]))
        if set(state) != set(own) or any(given[n].shape != own[n].shape for n in own):
            want = ", ".join(f"{name}{list(array.shape)}" for name, array in own.items())
            got = ", ".join(f"{name}{list(np.shape(value))}" for name, value in state.items())
            raise DataError(
                f"{self._who}: 'state' must be that of a stream with the same parameters, arrays "
                f"{want}; got {got}."
            )
        for name, array in own.items():
            array[...] = given[name]
