"""Recurrent forecasters as ONNX graphs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ohlcvml.models._onnx import serialise


class _Paths(nn.Module):
    """Sampled paths in single precision, as inputs are."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, past: Tensor, noise: Tensor, known: Tensor | None = None) -> Tensor:
        """Paths ``(B, n_paths, n_steps)``."""
        if known is None:
            known = past.new_zeros(past.shape[0], 0, noise.shape[1])
        paths: Tensor = self.network.sample(past, known, noise)
        return paths.float()


class _Quantiles(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, past: Tensor, known: Tensor | None = None) -> Tensor:
        """Quantiles ``(B, n_steps, n_levels)``."""
        if known is None:
            known = past.new_zeros(past.shape[0], 0, self.network.n_steps)
        quantiles: Tensor = self.network(past, known)
        return quantiles


def export_paths(network: Any, n_bars: int, n_paths: int, n_steps: int, facts: Any) -> bytes:
    """Graph of :meth:`DeepARNetwork.sample`: inputs past, noise and, if it has a clock, known."""
    example = {"past": _returns(1, n_bars), "noise": torch.randn(n_paths, n_steps)}
    example |= _known(network, n_steps)
    return serialise(_Paths(network), example, ["paths"], facts, fixed=("noise",))


def export_quantiles(network: Any, n_channels: int, n_bars: int, facts: Any) -> bytes:
    """Graph of a :class:`QuantileRNNNetwork`: inputs past and, if it has a clock, known."""
    example = {"past": _returns(n_channels, n_bars)} | _known(network, network.n_steps)
    return serialise(_Quantiles(network), example, ["quantiles"], facts)


def _returns(n_channels: int, n_bars: int) -> Tensor:
    # Two rows: a batch of one would be taken for a constant.
    return 0.01 * torch.ones(2, n_channels, n_bars)


def _known(network: Any, n_steps: int) -> dict[str, Tensor]:
    n_known = network.config["n_known"]
    return {"known": torch.zeros(2, n_known, n_steps)} if n_known else {}
