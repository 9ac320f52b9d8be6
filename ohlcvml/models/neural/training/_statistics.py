"""Centre and deviation of channels over the bars that training windows cover."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ohlcvml.samples import BarPanel
from ohlcvml.typing import IntArray

_ROWS = 65_536  # bars at a time


def channel_statistics(panel: BarPanel, rows: IntArray) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel, two float32 tensors of shape (n_channels,).

    Each bar counts once, however many windows it is in.
    """
    inside = np.zeros(len(panel.values) + 1, dtype=np.int64)
    np.add.at(inside, panel.ends[rows] - panel.window + 1, 1)
    np.add.at(inside, panel.ends[rows] + 1, -1)
    covered = np.flatnonzero(np.cumsum(inside[:-1]) > 0)
    pieces = [covered[first : first + _ROWS] for first in range(0, len(covered), _ROWS)]
    count = len(covered)
    mean = sum(panel.values[piece].sum(axis=0, dtype=np.float64) for piece in pieces) / count
    square = sum(
        np.square(panel.values[piece] - mean, dtype=np.float64).sum(axis=0) for piece in pieces
    )
    deviation = np.sqrt(square / count)
    # Rounding leaves a still channel a deviation of some 1e-8 of its level.
    deviation = np.where(deviation > 1e-6 * np.abs(mean), deviation, 0.0)
    return (
        torch.from_numpy(np.asarray(mean, dtype=np.float32)),
        torch.from_numpy(np.asarray(deviation, dtype=np.float32)),
    )
