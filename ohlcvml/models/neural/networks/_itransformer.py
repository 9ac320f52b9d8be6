"""iTransformer: attention among channels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from ohlcvml._checks import integer, real
from ohlcvml.models.neural._widths import check_heads
from ohlcvml.models.neural.networks._attention import EncoderLayer
from ohlcvml.models.neural.networks._base import Network


class ITransformerNetwork(Network):
    """iTransformer: a token is a channel's whole window, and channels attend to one another.

    Time enters through one linear map over the window, so every token sees all its bars.
    Normalisation of the window is left to the training loop.

    Parameters
    ----------
    n_channels, window : int
        Shape of the input, (B, n_channels, window).
    d_model : int, default=128
        Width of a token.
    n_heads : int, default=4
        Attention heads; divides ``d_model``.
    n_layers : int, default=2
        Encoder layers.
    d_ff : int, default=128
        Width of the feed-forward parts.
    dropout : float, default=0.1
        Share dropped in training.

    Attributes
    ----------
    n_features : int
        n_channels · d_model.

    Notes
    -----
    Source: Liu et al. (2024), iTransformer: Inverted Transformers Are Effective for Time Series
    Forecasting. Heads read GELU of all tokens.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import ITransformerNetwork
    >>> net = ITransformerNetwork(3, 50, d_model=16, n_heads=2, n_layers=1)
    >>> net(torch.zeros(4, 3, 50)).shape
    torch.Size([4, 48])
    """

    _parameter_rules = {
        "d_model": integer(1),
        "n_heads": integer(1),
        "n_layers": integer(1),
        "d_ff": integer(1),
        "dropout": real(0.0, 1.0),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        d_model: int = 128,
        n_heads: int = 4,
        n_layers: int = 2,
        d_ff: int = 128,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(
            n_channels,
            window,
            d_model=d_model,
            n_heads=n_heads,
            n_layers=n_layers,
            d_ff=d_ff,
            dropout=dropout,
        )
        check_heads("ITransformerNetwork", d_model, n_heads)
        self.embedding = nn.Linear(window, d_model)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(d_model, n_heads, d_ff, dropout) for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.n_features = n_channels * d_model

    @property
    def n_tokens(self) -> int:
        """A channel each."""
        return int(self.config["n_channels"])

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows (B, n_channels, window) as (B, n_features)."""
        return functional.gelu(self.tokens(x)).flatten(1)

    def tokens(self, x: Tensor) -> Tensor:
        """Encoded channels (B, n_channels, d_model)."""
        self._check_windows(x)
        z = self.dropout(self.embedding(x))
        for layer in self.layers:
            z = layer(z)
        return self.norm(z)
