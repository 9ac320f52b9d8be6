"""InceptionTime: parallel convolutions of several lengths."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ohlcvml._checks import each, integer, odd
from ohlcvml.models.neural.networks._base import Network

# A residual connection spans this many modules in the paper.
SPAN = 3


class _InceptionModule(nn.Module):
    """Convolutions of each length behind a bottleneck, beside a maximum over three steps."""

    def __init__(
        self, n_inputs: int, n_filters: int, bottleneck_size: int, kernel_sizes: list[int]
    ) -> None:
        super().__init__()
        n_before = bottleneck_size if n_inputs > 1 else n_inputs
        self.bottleneck = (
            nn.Conv1d(n_inputs, bottleneck_size, 1, bias=False) if n_inputs > 1 else nn.Identity()
        )
        self.convolutions = nn.ModuleList(
            nn.Conv1d(n_before, n_filters, kernel_size, padding=kernel_size // 2, bias=False)
            for kernel_size in kernel_sizes
        )
        self.pool = nn.MaxPool1d(3, stride=1, padding=1)
        self.pooled = nn.Conv1d(n_inputs, n_filters, 1, bias=False)
        self.norm = nn.BatchNorm1d(n_filters * (len(kernel_sizes) + 1))

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.bottleneck(x)
        branches = [convolution(narrow) for convolution in self.convolutions]
        return relu(self.norm(torch.cat([*branches, self.pooled(self.pool(x))], dim=1)))


class InceptionTimeNetwork(Network):
    """Inception modules with residual connections; the embedding is the mean over the steps.

    A module runs convolutions of several lengths side by side behind a bottleneck of width
    ``bottleneck_size`` (left out for a single input channel), and a maximum over three steps;
    every third module adds what went into the three. Convolutions look to both sides within the
    window, whose bars are all known at its newest; none lies beyond it.

    Parameters
    ----------
    n_channels : int
        Channels of a window.
    window : int
        Bars of a window.
    n_filters : int, default=16
        Filters of each branch; ``n_features = n_filters * (len(kernel_sizes) + 1)``. The paper
        has 32.
    n_layers : int, default=6
        Inception modules.
    bottleneck_size : int, default=32
        Channels between a module's input and its convolutions.
    kernel_sizes : tuple of odd int, default=(39, 19, 9)
        Steps read by the convolutions of a module. The paper has 40, 20 and 10; odd lengths look
        as far to either side.

    Notes
    -----
    Fawaz et al. (2020), InceptionTime: finding AlexNet for time series classification, Data
    Mining and Knowledge Discovery 34, arXiv:1909.04939. One network; the paper averages five.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import InceptionTimeNetwork
    >>> network = InceptionTimeNetwork(n_channels=5, window=32, n_filters=4, n_layers=3).eval()
    >>> network(torch.zeros(4, 5, 32)).shape
    torch.Size([4, 16])
    """

    _parameter_rules = {
        "n_filters": integer(1),
        "n_layers": integer(1),
        "bottleneck_size": integer(1),
        "kernel_sizes": each(odd()),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        n_filters: int = 16,
        n_layers: int = 6,
        bottleneck_size: int = 32,
        kernel_sizes: tuple[int, ...] = (39, 19, 9),
    ) -> None:
        super().__init__(
            n_channels,
            window,
            n_filters=n_filters,
            n_layers=n_layers,
            bottleneck_size=bottleneck_size,
            kernel_sizes=kernel_sizes,
        )
        width = n_filters * (len(kernel_sizes) + 1)
        self.n_features = width
        self.inceptions = nn.ModuleList(
            _InceptionModule(
                width if number else n_channels, n_filters, bottleneck_size, list(kernel_sizes)
            )
            for number in range(n_layers)
        )
        self.shortcuts = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(width if number else n_channels, width, 1, bias=False),
                nn.BatchNorm1d(width),
            )
            for number in range(n_layers // SPAN)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows: ``(B, n_channels, window)`` to ``(B, n_features)``."""
        self._check_windows(x)
        earlier = x
        for number, inception in enumerate(self.inceptions):
            x = cast(Tensor, inception(x))
            if number % SPAN == SPAN - 1:
                x = relu(x + self.shortcuts[number // SPAN](earlier))
                earlier = x
        return x.mean(-1)
