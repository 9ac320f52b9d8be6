"""Long short-term memory over the window, oldest bar first."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from ohlcvml._checks import integer, real
from ohlcvml.models.neural.networks._base import Network


class LSTMNetwork(Network):
    """Stacked LSTM, one direction; the embedding is the top layer's state at the newest bar.

    Each step sees its own bar and the bars before it in the window, so the state at the newest
    bar has read the whole window. There is no backward direction.

    Parameters
    ----------
    n_channels : int
        Channels of a window.
    window : int
        Bars of a window.
    hidden_size : int, default=64
        Units of a layer; ``n_features`` equals it.
    n_layers : int, default=2
        Stacked layers.
    dropout : float, default=0.1
        Share of units dropped between layers in training; in [0, 1]. One layer has nothing
        between, so it has no effect there.

    Notes
    -----
    Hochreiter and Schmidhuber (1997), Long short-term memory, Neural Computation 9(8), with the
    forget gate of Gers et al. (2000), as :class:`torch.nn.LSTM` computes it.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import LSTMNetwork
    >>> network = LSTMNetwork(n_channels=5, window=32, hidden_size=16).eval()
    >>> network(torch.zeros(4, 5, 32)).shape
    torch.Size([4, 16])
    """

    _parameter_rules = {
        "hidden_size": integer(1),
        "n_layers": integer(1),
        "dropout": real(0.0, 1.0),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        hidden_size: int = 64,
        n_layers: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(
            n_channels, window, hidden_size=hidden_size, n_layers=n_layers, dropout=dropout
        )
        self.n_features = hidden_size
        self.recurrent = nn.LSTM(
            n_channels,
            hidden_size,
            n_layers,
            batch_first=True,
            dropout=dropout if n_layers > 1 else 0.0,  # torch warns of dropout without a place
        )

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows: ``(B, n_channels, window)`` to ``(B, n_features)``."""
        self._check_windows(x)
        states, _ = self.recurrent(x.transpose(1, 2))
        return cast(Tensor, states[:, -1])
