"""Residual network of one-dimensional convolutions."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn.functional import relu

from ohlcvml._checks import each, integer
from ohlcvml.models.neural.networks._base import Network


class _ResidualBlock(nn.Module):
    """Convolutions with batch normalisation, and a normalised way around them."""

    def __init__(self, n_inputs: int, n_outputs: int, kernel_sizes: list[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_before = n_inputs
        for kernel_size in kernel_sizes:
            layers += [
                # An even kernel reads one step more of what comes after than of what went before.
                nn.ConstantPad1d(((kernel_size - 1) // 2, kernel_size // 2), 0.0),
                # The normalisation that follows would cancel a bias.
                nn.Conv1d(n_before, n_outputs, kernel_size, bias=False),
                nn.BatchNorm1d(n_outputs),
                nn.ReLU(),
            ]
            n_before = n_outputs
        self.layers = nn.Sequential(*layers[:-1])
        shortcut: list[nn.Module] = [nn.BatchNorm1d(n_outputs)]
        if n_inputs != n_outputs:
            shortcut.insert(0, nn.Conv1d(n_inputs, n_outputs, 1, bias=False))
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.layers(x) + self.shortcut(x))


class ResNet1DNetwork(Network):
    """Residual convolutional network; the embedding is the mean over the window's steps.

    Each block is a chain of convolutions, each followed by batch normalisation, all but the last
    by a rectifier; its normalised input is added before the last rectifier. Convolutions look to
    both sides within the window, whose bars are all known at its newest; none lies beyond it.

    Parameters
    ----------
    n_channels : int
        Channels of a window.
    window : int
        Bars of a window.
    n_filters : tuple of int, default=(32, 64, 64)
        Filters of each residual block; ``n_features`` equals the last. The paper has
        (64, 128, 128).
    kernel_sizes : tuple of int, default=(8, 5, 3)
        Steps read by the convolutions of a block, in order.

    Notes
    -----
    Wang, Yan and Oates (2017), Time series classification from scratch with deep neural networks:
    a strong baseline, IJCNN, arXiv:1611.06455. Convolutions have no bias, since the normalisation
    after them would cancel it.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import ResNet1DNetwork
    >>> network = ResNet1DNetwork(n_channels=5, window=32, n_filters=(8, 16)).eval()
    >>> network(torch.zeros(4, 5, 32)).shape
    torch.Size([4, 16])
    """

    _parameter_rules = {"n_filters": each(integer(1)), "kernel_sizes": each(integer(1))}

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        n_filters: tuple[int, ...] = (32, 64, 64),
        kernel_sizes: tuple[int, ...] = (8, 5, 3),
    ) -> None:
        super().__init__(n_channels, window, n_filters=n_filters, kernel_sizes=kernel_sizes)
        self.n_features = n_filters[-1]
        widths = [n_channels, *n_filters]
        self.blocks = nn.Sequential(
            *(
                _ResidualBlock(n_inputs, n_outputs, list(kernel_sizes))
                for n_inputs, n_outputs in pairwise(widths)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows: ``(B, n_channels, window)`` to ``(B, n_features)``."""
        self._check_windows(x)
        return cast(Tensor, self.blocks(x)).mean(-1)
