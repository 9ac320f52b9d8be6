"""Doubly residual stacks of basis expansions: what N-BEATS and N-HiTS are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d

from ohlcvml.models.neural.networks._base import Network
from ohlcvml.typing import FloatArray


class BasisBlock(nn.Module):
    """A perceptron whose coefficients weigh two bases: one of the past, one of the forecast.

    It reads the (pooled) residual windows of all channels flattened and gives coefficients for
    each channel.

    Parameters
    ----------
    n_channels : int
        Channels of a window.
    past_basis : array of shape (n, window)
        Rows span what the block may explain of the past.
    forecast_basis : array of shape (m, prediction_length)
        Rows span what it may forecast.
    hidden_size, n_layers : int
        Units and number of the hidden layers.
    pool : int
        Steps whose maximum the perceptron reads; 1 reads every step.
    explains_past : bool
        False for the last block, whose account of the past nobody reads.
    """

    past_basis: Tensor
    forecast_basis: Tensor

    def __init__(
        self,
        n_channels: int,
        past_basis: FloatArray,
        forecast_basis: FloatArray,
        *,
        hidden_size: int,
        n_layers: int,
        pool: int = 1,
        explains_past: bool = True,
    ) -> None:
        super().__init__()
        self.pool = pool
        width = n_channels * -(-past_basis.shape[1] // pool)
        layers: list[nn.Module] = []
        for _ in range(n_layers):
            layers += [nn.Linear(width, hidden_size), nn.ReLU()]
            width = hidden_size
        self.layers = nn.Sequential(*layers)
        self.n_channels = n_channels
        if explains_past:
            self.past = nn.Linear(width, n_channels * len(past_basis), bias=False)
        self.forecast = nn.Linear(width, n_channels * len(forecast_basis), bias=False)
        # Fixed by the configuration: they travel with the module and are not stored with weights.
        for name, basis in (("past_basis", past_basis), ("forecast_basis", forecast_basis)):
            tensor = torch.from_numpy(np.ascontiguousarray(basis)).to(torch.get_default_dtype())
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, residual: Tensor, *, explain: bool) -> tuple[Tensor | None, Tensor]:
        """Account of the past, if asked for, and forecast: ``(B, n_channels, steps)`` each."""
        if self.pool > 1:
            residual = max_pool1d(residual, self.pool, self.pool, ceil_mode=True)
        hidden = self.layers(residual.flatten(1))
        forecast = self.forecast(hidden).unflatten(1, (self.n_channels, -1)) @ self.forecast_basis
        if not explain:
            return None, forecast
        return self.past(hidden).unflatten(1, (self.n_channels, -1)) @ self.past_basis, forecast


class DoublyResidual(Network):
    """Blocks in a row: each reads what the earlier ones left of the past and adds its forecast.

    A subclass calls :meth:`_stack` for each stack in turn.
    """

    def __init__(self, n_channels: int, window: int, **arguments: Any) -> None:
        super().__init__(n_channels, window, **arguments)
        self.n_features = n_channels * arguments["prediction_length"]
        self.stacks = nn.ModuleDict()
        self._repeats: dict[str, int] = {}

    def _stack(self, name: str, blocks: Sequence[BasisBlock], repeats: int = 1) -> None:
        """Append a stack: its blocks in order, the whole list run ``repeats`` times."""
        self.stacks[name] = nn.ModuleList(blocks)
        self._repeats[name] = repeats

    def components(self, x: Tensor) -> dict[str, Tensor]:
        """Forecast of each stack, ``(B, n_channels, prediction_length)``.

        They sum to the embedding.
        """
        self._check_windows(x)
        sequence = [
            (name, block)
            for name, blocks in self.stacks.items()
            for _ in range(self._repeats[name])
            for block in blocks  # type: ignore[attr-defined]
        ]
        residual, forecasts = x, dict[str, Tensor]()
        for number, (name, block) in enumerate(sequence):
            explained, forecast = block(residual, explain=number + 1 < len(sequence))
            forecasts[name] = forecasts[name] + forecast if name in forecasts else forecast
            if explained is not None:
                residual = residual - explained
        return forecasts

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows: ``(B, n_channels, window)`` to ``(B, n_channels * prediction_length)``."""
        return torch.stack(list(self.components(x).values())).sum(0).flatten(1)
