"""Time-series dense encoder: residual perceptrons over the flattened past."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ohlcvml._checks import boolean, integer, real
from ohlcvml.models.neural.networks._base import Network


class _ResidualPerceptron(nn.Module):
    """One hidden layer, a linear way around it, dropout before and a normalisation after."""

    def __init__(
        self, n_inputs: int, hidden_size: int, n_outputs: int, dropout: float, layer_norm: bool
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_inputs, hidden_size)
        self.output = nn.Linear(hidden_size, n_outputs)
        self.skip = nn.Linear(n_inputs, n_outputs)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(n_outputs) if layer_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        changed = self.dropout(self.output(relu(self.hidden(x))))
        return cast(Tensor, self.norm(changed + self.skip(x)))


class TiDENetwork(Network):
    """Encoder of TiDE without future covariates; the embedding is its encoding of the window.

    Channel 0 is the series itself and enters as it is; the other channels are its covariates:
    at each step they are projected to ``temporal_width`` numbers by one residual perceptron, and
    the projections of all steps are flattened beside the series. So the order of the columns
    matters: put the return, or what you forecast, first. The paper's decoder has future covariates
    to read, of which there are none: the heads take its place. Every bar of the window is seen.

    Parameters
    ----------
    n_channels : int
        Channels of a window; with one there is nothing to project.
    window : int
        Bars of a window.
    hidden_size : int, default=64
        Units of every hidden layer and of the encoding; ``n_features`` equals it.
    n_layers : int, default=2
        Residual perceptrons of the encoder.
    temporal_width : int, default=4
        Numbers a step's covariates are projected to.
    dropout : float, default=0.1
        Share of units dropped in training; in [0, 1].
    layer_norm : bool, default=True
        Normalise what leaves each residual perceptron.

    Notes
    -----
    Das et al. (2023), Long-term forecasting with TiDE: time-series dense encoder, Transactions on
    Machine Learning Research, arXiv:2304.08424.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import TiDENetwork
    >>> network = TiDENetwork(n_channels=5, window=32, hidden_size=16).eval()
    >>> network(torch.zeros(4, 5, 32)).shape
    torch.Size([4, 16])
    """

    _parameter_rules = {
        "hidden_size": integer(1),
        "n_layers": integer(1),
        "temporal_width": integer(1),
        "dropout": real(0.0, 1.0),
        "layer_norm": boolean(),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        hidden_size: int = 64,
        n_layers: int = 2,
        temporal_width: int = 4,
        dropout: float = 0.1,
        layer_norm: bool = True,
    ) -> None:
        super().__init__(
            n_channels,
            window,
            hidden_size=hidden_size,
            n_layers=n_layers,
            temporal_width=temporal_width,
            dropout=dropout,
            layer_norm=layer_norm,
        )
        self.n_features = hidden_size
        width = window
        if n_channels > 1:
            self.projection = _ResidualPerceptron(
                n_channels - 1, hidden_size, temporal_width, dropout, layer_norm
            )
            width += window * temporal_width
        self.encoder = nn.Sequential(
            *(
                _ResidualPerceptron(
                    hidden_size if layer else width, hidden_size, hidden_size, dropout, layer_norm
                )
                for layer in range(n_layers)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows: ``(B, n_channels, window)`` to ``(B, n_features)``."""
        self._check_windows(x)
        past = x[:, 0]
        if x.shape[1] > 1:
            covariates = self.projection(x[:, 1:].transpose(1, 2))
            past = torch.cat([past, covariates.flatten(1)], dim=1)
        return cast(Tensor, self.encoder(past))
