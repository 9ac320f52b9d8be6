"""Recurrent forecasters go through the training loop of all networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ohlcvml.models._device import choose_device
from ohlcvml.models.neural import TrainingOptions
from ohlcvml.models.neural.training import (
    Objective,
    TrainingRun,
    WindowFeed,
    epoch_seed,
    lower,
)
from ohlcvml.models.paths._sequences import TrainingWindows, parted
from ohlcvml.typing import FloatArray, IntArray

_BEGIN = 4096  # training windows that a network is shown before its first step


class _SequenceObjective(Objective):
    """The network's own loss of what lies ahead in a window."""

    def __init__(
        self,
        network: Any,
        windows: TrainingWindows,
        options: TrainingOptions,
        device: torch.device,
    ) -> None:
        self._windows, self._network = windows, network
        self._feed = WindowFeed(windows.panel, device)
        super().__init__(network, self._feed, options, device)

    def take(self, rows: IntArray) -> Tensor:
        return self._feed.take(rows)

    def loss(self, rows: IntArray) -> Tensor:
        with self.precision():
            found: Tensor = self._network.loss(self.take(rows), self._windows.n_ahead)
        return found

    def identity(self) -> list[Any]:
        panel, network = self._windows.panel, self._network
        names = [type(network).__name__, network.config, self._windows.n_ahead]
        return [panel.values, panel.ends, panel.window, names]


def fit_network(
    make: Callable[[], nn.Module],
    windows: TrainingWindows,
    options: TrainingOptions,
    seed: int,
    who: str,
) -> tuple[Any, TrainingRun, dict[str, int]]:
    """Make and train a network; torch's global generators stay as they are.

    Returns
    -------
    (network on the CPU, course of the training, counts for ``fit_report_``)
    """
    device = choose_device(options.device, "TrainingOptions")
    rows, validation = parted(windows, options)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(epoch_seed(seed, -1))
        network: Any = make().to(device)
        objective = _SequenceObjective(network, windows, options, device)
        some = rows[np.unique(np.linspace(0, len(rows) - 1, _BEGIN).astype(np.int64))]
        network.begin_at(objective.take(some), windows.n_ahead)
        run = lower(objective, rows, validation, options, seed, who)
    return network.to("cpu"), run, {"trained_on": len(rows), "early_stopping_on": len(validation)}


def ask(
    network: nn.Module,
    call: Callable[..., Tensor],
    options: TrainingOptions,
    *arrays: FloatArray,
) -> FloatArray:
    """What ``call`` says of arrays (B, L, C), given as tensors (B, C, L) where it computes."""
    device = choose_device(options.device, "TrainingOptions")
    elsewhere = device.type != "cpu"
    if elsewhere:
        network.to(device)
    tensors = [
        torch.from_numpy(array.astype(np.float32)).transpose(1, 2).to(device) for array in arrays
    ]
    with torch.inference_mode():
        found: FloatArray = call(*tensors).double().cpu().numpy()
    if elsewhere:
        network.to("cpu")
    return found
