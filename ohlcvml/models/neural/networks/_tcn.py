"""Temporal convolutional network: left-padded, dilated, residual."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn.functional import pad, relu
from torch.nn.utils.parametrizations import weight_norm

from ohlcvml._checks import either, integer, none, real
from ohlcvml.models.neural.networks._base import Network


class _TemporalBlock(nn.Module):
    """Two causal convolutions of one dilation, and the way around them."""

    def __init__(
        self, n_inputs: int, n_outputs: int, kernel_size: int, dilation: int, dropout: float
    ) -> None:
        super().__init__()
        self.left = (kernel_size - 1) * dilation
        self.first = weight_norm(nn.Conv1d(n_inputs, n_outputs, kernel_size, dilation=dilation))
        self.second = weight_norm(nn.Conv1d(n_outputs, n_outputs, kernel_size, dilation=dilation))
        # Whole channels, as the paper drops them: single steps are copied by their neighbours.
        self.dropout = nn.Dropout1d(dropout)
        same = n_inputs == n_outputs
        self.shortcut = nn.Identity() if same else nn.Conv1d(n_inputs, n_outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.dropout(relu(self.first(pad(x, (self.left, 0)))))
        hidden = self.dropout(relu(self.second(pad(hidden, (self.left, 0)))))
        return relu(hidden + self.shortcut(x))


class TCNNetwork(Network):
    """Temporal convolutional network; the embedding is its output at the newest bar.

    Level i is a residual block of two weight-normalised convolutions with dilation 2^i, padded
    on the left only: the output at a step depends on the last ``receptive_field`` steps up to it
    and on none after it.

    Where ``receptive_field <= window`` no padding reaches the newest bar, so a long segment run
    through :meth:`steps` has at each step, from ``receptive_field`` on, the embedding of the window
    that ends there. A network with more levels sees zeros before its window begins; there the two
    differ.

    Parameters
    ----------
    n_channels : int
        Channels of a window.
    window : int
        Bars of a window.
    n_filters : int, default=32
        Channels of every level; ``n_features`` equals it.
    kernel_size : int, default=3
        Steps a convolution reads; at least 2.
    n_layers : int or None, default=None
        Residual blocks. None: as many as keep ``receptive_field`` within the window, at least
        one. With kernels of 3 a window of 64, 128 or 512 bars gets 4, 5 or 7 levels, which read
        its last 61, 125 or 509 bars.
    dropout : float, default=0.1
        Share of channels dropped after each convolution in training; in [0, 1].

    Notes
    -----
    Bai, Kolter and Koltun (2018), An empirical evaluation of generic convolutional and recurrent
    networks for sequence modeling, arXiv:1803.01271.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import TCNNetwork
    >>> network = TCNNetwork(n_channels=5, window=32, n_filters=16).eval()
    >>> network(torch.zeros(4, 5, 32)).shape
    torch.Size([4, 16])
    >>> network.receptive_field
    29
    >>> network.steps(torch.zeros(1, 5, 1000)).shape
    torch.Size([1, 16, 1000])
    """

    _parameter_rules = {
        "n_filters": integer(1),
        "kernel_size": integer(2),
        "n_layers": either(integer(1, 30), none()),
        "dropout": real(0.0, 1.0),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        n_filters: int = 32,
        kernel_size: int = 3,
        n_layers: int | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(
            n_channels,
            window,
            n_filters=n_filters,
            kernel_size=kernel_size,
            n_layers=n_layers,
            dropout=dropout,
        )
        self.n_features = n_filters
        if n_layers is None:
            n_layers = 1
            while _receptive_field(kernel_size, n_layers + 1) <= window:
                n_layers += 1
        self.levels = nn.Sequential(
            *(
                _TemporalBlock(
                    n_filters if level else n_channels, n_filters, kernel_size, 2**level, dropout
                )
                for level in range(n_layers)
            )
        )

    @property
    def receptive_field(self) -> int:
        """Steps that the output at one step depends on, its own included."""
        return _receptive_field(self.config["kernel_size"], len(self.levels))

    def steps(self, x: Tensor) -> Tensor:
        """Output at every step: ``(B, n_channels, L)`` of any length to ``(B, n_features, L)``."""
        return cast(Tensor, self.levels(x))

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows: ``(B, n_channels, window)`` to ``(B, n_features)``."""
        self._check_windows(x)
        return self.steps(x[..., -self.receptive_field :])[..., -1]


def _receptive_field(kernel_size: int, n_layers: int) -> int:
    """Two convolutions a level, each reaching back (kernel_size - 1) times its dilation."""
    return 1 + 2 * (kernel_size - 1) * (2**n_layers - 1)
