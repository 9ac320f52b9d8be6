"""The lazy panel: decision rows of one shared matrix, windows cut only when asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ohlcvml.typing import BoolArray, FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]


class BarPanel:
    """Windows of shared features that end at given rows; what a model's ``_fit`` sees.

    Sample b may see rows ``ends[b] - window + 1`` to ``ends[b]`` of ``values`` and nothing else.
    Memory is that of ``values`` (T, C), never samples times window times channels.

    Parameters
    ----------
    values : float32 array of shape (T, C)
        Contiguous; shared, never copied.
    ends : int64 array of shape (B,)
        Row of ``values`` at which each window ends.
    window : int
        Rows per window, at least 1.
    weight : float64 array of shape (B,) or None
        Sample weights.

    Attributes
    ----------
    samples : Samples or None
        The labelled rows these windows belong to, where there are any: in fitting at the bar door.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.samples import BarPanel
    >>> panel = BarPanel(np.arange(8, dtype="float32").reshape(4, 2), np.array([1, 3]), 2)
    >>> panel.shape
    (2, 2, 2)
    >>> panel.last().tolist()
    [[2.0, 3.0], [6.0, 7.0]]
    >>> panel.take([1]).tolist()  # (batch, channels, window)
    [[[4.0, 6.0], [5.0, 7.0]]]
    """

    ndim = 3
    # A stray np.asarray would materialise every window.
    __array__ = None

    def __init__(
        self,
        values: Float32Array,
        ends: IntArray,
        window: int = 1,
        weight: FloatArray | None = None,
    ) -> None:
        self.values = values
        self.ends = ends
        self.window = window
        self.weight = weight
        self.samples: Any = None

    @classmethod
    def from_numpy3d(cls, X: npt.NDArray[Any]) -> BarPanel:
        """Wrap a dense (B, C, L) array; each instance is one whole window."""
        n, channels, length = X.shape
        values = np.ascontiguousarray(X.transpose(0, 2, 1), dtype=np.float32)
        ends = np.arange(n, dtype=np.int64) * length + length - 1
        return cls(values.reshape(n * length, channels), ends, length)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(samples, channels, window)."""
        return len(self.ends), self.values.shape[1], self.window

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, rows: Any) -> BarPanel:
        """Return a view on the same values."""
        weight = None if self.weight is None else np.atleast_1d(self.weight[rows])
        view = BarPanel(self.values, np.atleast_1d(self.ends[rows]), self.window, weight)
        view.samples = None if self.samples is None else self.samples[rows]
        return view

    def last(self) -> Float32Array:
        """Features at the decision rows, of shape (B, C)."""
        return self.values[self.ends]

    def take(self, rows: Any = slice(None)) -> Float32Array:
        """Materialise the windows of ``rows``, of shape (len(rows), C, window)."""
        windows = sliding_window_view(self.values, self.window, axis=0)
        return windows[self.ends[rows] - self.window + 1]


def has_history(
    missing_before: IntArray, starts: IntArray, ends: IntArray, window: int
) -> BoolArray:
    """Whether a window lies within one symbol and holds no missing value.

    Parameters
    ----------
    missing_before : int64 array of shape (T + 1,)
        Number of rows with a missing value before each row.
    starts : int64 array of shape (n_symbols + 1,)
    ends : int64 array of shape (B,)
    window : int
    """
    first = ends - window + 1
    symbol_start = starts[np.searchsorted(starts, ends, side="right") - 1]
    inside = first >= symbol_start
    return inside & (missing_before[ends + 1] == missing_before[np.maximum(first, 0)])
