"""From rows of a lazy panel to embeddings: by windows, or many rows of a segment at once."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from ohlcvml.models.neural.networks import Network, WindowScale
from ohlcvml.samples import BarPanel
from ohlcvml.typing import IntArray

_MIN_SEGMENT = 64  # labelled bars a segment spans at least
_PREDICT_STEPS = 4096  # bars of a segment in prediction
# Numbers in the widest layer of what is computed at once, so that memory stays bounded; in training
# every layer is kept, some ten to forty times as many.
_TRAIN_FLOATS = {"cuda": 2**28, "cpu": 2**24}
_PREDICT_FLOATS = {"cuda": 2**26, "cpu": 2**22}


class Feed(Protocol):
    """What training and prediction ask of the data; rows are positions in the panel."""

    def batches(
        self, rows: IntArray, size: int, generator: np.random.Generator | None
    ) -> Iterator[IntArray]:
        """Rows in batches of about ``size``; shuffled by the generator, in order without one."""

    def predict_size(self) -> int:
        """Rows of a batch in prediction."""

    def train_size(self) -> int:
        """Rows whose layers are kept at once in training."""

    def embed(self, scale: nn.Module, network: nn.Module, rows: IntArray) -> Tensor:
        """Embeddings of the rows, ``(len(rows), n_features)``, in their order."""


def make_feed(panel: BarPanel, scale: WindowScale, network: Network, device: torch.device) -> Feed:
    """Segments where the network gives the same embeddings on them as on windows."""
    reach = getattr(network, "receptive_field", None)
    if reach is not None and reach <= panel.window and scale.normalize != "window":
        return SegmentFeed(panel, int(reach), device)
    return WindowFeed(panel, device, network.floats_per_window)


class WindowFeed:
    """Windows cut from the shared matrix, batch by batch.

    All windows are a view of the matrix, which is never copied on a CPU; those of a batch are
    copied out of it and laid along time in one pass. ``floats`` is what a network makes of a window
    in its widest layer: batches in prediction go by it.
    """

    def __init__(self, panel: BarPanel, device: torch.device, floats: int = 0) -> None:
        self._values = shared_tensor(panel, device)
        self._device = device
        self._starts = panel.ends - panel.window + 1
        n_bars, n_channels = self._values.shape
        self._floats = max(floats, panel.window * n_channels)
        n_windows = max(0, n_bars - panel.window + 1)
        self._windows = self._values.as_strided(
            (n_windows, n_channels, panel.window), (n_channels, 1, n_channels)
        )

    def batches(
        self, rows: IntArray, size: int, generator: np.random.Generator | None
    ) -> Iterator[IntArray]:
        """Rows in batches."""
        if generator is None:
            for first in range(0, len(rows), size):
                yield rows[first : first + size]
            return
        # Even parts: a last batch of one row has no spread to normalise by.
        yield from np.array_split(generator.permutation(rows), max(1, -(-len(rows) // size)))

    def predict_size(self) -> int:
        """Rows of a batch in prediction."""
        room = _PREDICT_FLOATS.get(self._device.type, _PREDICT_FLOATS["cpu"])
        return max(1, min(1024, room // self._floats))

    def train_size(self) -> int:
        """Rows whose layers are kept at once in training."""
        return max(1, _TRAIN_FLOATS.get(self._device.type, _TRAIN_FLOATS["cpu"]) // self._floats)

    def take(self, rows: IntArray) -> Tensor:
        """Windows of the rows, ``(len(rows), n_channels, window)``."""
        starts = torch.from_numpy(self._starts[rows]).to(self._device)
        return self._windows.index_select(0, starts)

    def embed(self, scale: nn.Module, network: nn.Module, rows: IntArray) -> Tensor:
        """Embeddings of the rows."""
        return cast(Tensor, network(scale(self.take(rows))))


class SegmentFeed:
    """Stretches of bars run through a causal network once, for all labelled bars in them.

    The network's output at a bar depends on the ``reach`` bars up to it and on no others, so it is
    that of the bar's own window.
    """

    def __init__(self, panel: BarPanel, reach: int, device: torch.device) -> None:
        self._values, self._device = shared_tensor(panel, device), device
        self._ends, self._window, self._reach = panel.ends, panel.window, reach
        self._span = max(_MIN_SEGMENT, reach)

    def batches(
        self, rows: IntArray, size: int, generator: np.random.Generator | None
    ) -> Iterator[IntArray]:
        """Rows in batches of whole segments, which begin elsewhere each time they are shuffled."""
        order = rows[np.argsort(self._ends[rows], kind="stable")]
        if generator is None:
            for first in range(0, len(order), size):
                yield order[first : first + size]
            return
        bounds = self._bounds(order, self._span, int(generator.integers(self._span)))
        batch: list[IntArray] = []
        for k in generator.permutation(len(bounds) - 1):
            batch.append(order[bounds[k] : bounds[k + 1]])
            if sum(map(len, batch)) >= size:
                yield np.concatenate(batch)
                batch = []
        if batch:
            yield np.concatenate(batch)

    def predict_size(self) -> int:
        """Rows of a batch in prediction."""
        return _PREDICT_STEPS

    def train_size(self) -> int:
        """Rows of whole segments, which are not taken apart."""
        return sys.maxsize

    def embed(self, scale: nn.Module, network: nn.Module, rows: IntArray) -> Tensor:
        """Embeddings of the rows."""
        ends, span = self._ends[rows], max(self._span, _PREDICT_STEPS)
        bounds = self._bounds(rows, span, 0)
        first = ends[bounds[:-1]] - self._reach + 1
        last = ends[bounds[1:] - 1]
        steps = np.arange(int((last - first).max()) + 1)
        at = first[:, None] + steps
        beyond = torch.from_numpy(at > last[:, None]).to(self._device)
        bars = torch.from_numpy(np.minimum(at, len(self._values) - 1)).to(self._device)
        x = self._values[bars].masked_fill(beyond[:, :, None], 0.0).transpose(1, 2)
        embedded = network.steps(scale(x))  # type: ignore[operator]
        segment = np.repeat(np.arange(len(first)), np.diff(bounds))
        where = torch.from_numpy(ends - first[segment]).to(self._device)
        return cast(Tensor, embedded[torch.from_numpy(segment).to(self._device), :, where])

    def _bounds(self, rows: IntArray, span: int, offset: int) -> IntArray:
        """Where segments of consecutive rows begin, and the number of rows.

        Every bar between two rows of a segment is in a window of one of them, so none is missing.
        """
        ends = self._ends[rows]
        gap = np.diff(ends)
        breaks = np.flatnonzero((gap <= 0) | (gap > self._window)) + 1
        bounds, begin = [0], 0
        for stop in (*breaks, len(rows)):
            while begin < stop:
                limit = ends[begin] + span - (offset if begin == 0 else 0)
                begin = min(int(np.searchsorted(ends[begin:stop], limit)) + begin, stop)
                bounds.append(begin)
        return np.array(bounds, dtype=np.int64)


def shared_tensor(panel: BarPanel, device: torch.device) -> Tensor:
    """The panel's matrix as a tensor of the same memory, or on the device."""
    with warnings.catch_warnings():
        # The matrix may be read-only, and nothing here writes to it.
        warnings.filterwarnings("ignore", message=".*not writable.*")
        return torch.from_numpy(panel.values).to(device)
