"""S-Mamba: state-space blocks over channels, or over bars."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from ohlcvml._checks import integer, one_of, optional, real
from ohlcvml.models.neural.networks._attention import FeedForward
from ohlcvml.models.neural.networks._base import Network
from ohlcvml.models.neural.networks._mamba_mixer import MambaMixer


class SMambaNetwork(Network):
    """S-Mamba: Mamba blocks over channels (the paper), or over bars.

    ``scan="variate"``: a token is a channel's whole window, and two Mamba blocks pass over the
    channels, one each way. The result depends on the order of the columns. ``scan="time"`` (ours):
    a token is a bar and one block passes from old to new, so token t sees bars 0..t; the embedding
    is the newest token, and time and memory grow linearly with the window.

    Parameters
    ----------
    n_channels, window : int
        Shape of the input, (B, n_channels, window).
    d_model : int, default=128
        Width of a token.
    d_state : int, default=16
        States per inner channel of a Mamba block.
    d_conv : int or None, default=None
        Tokens the convolution of a block sees. None: 2 over variates as in S-Mamba, where
        neighbours have no order in time, and 4 over time as in Mamba.
    expand : int or None, default=None
        Inner width of a block over ``d_model``. None: 1 over variates as in S-Mamba, 2 over time
        as in Mamba.
    n_layers : int, default=2
        Encoder layers.
    d_ff : int, default=128
        Width of the feed-forward parts.
    dropout : float, default=0.1
        Share dropped in training.
    scan : {"variate", "time"}, default="variate"
        What a token is.

    Attributes
    ----------
    n_features : int
        n_channels · d_model over variates, d_model over time.

    Notes
    -----
    Source: Wang et al. (2024), Is Mamba Effective for Time Series Forecasting?, arXiv 2403.11144.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import SMambaNetwork
    >>> net = SMambaNetwork(3, 50, d_model=16, n_layers=1)
    >>> net(torch.zeros(4, 3, 50)).shape
    torch.Size([4, 48])
    >>> SMambaNetwork(3, 50, d_model=16, n_layers=1, scan="time").n_features
    16
    """

    _parameter_rules = {
        "d_model": integer(1),
        "d_state": integer(1),
        "d_conv": optional(integer(1)),
        "expand": optional(integer(1)),
        "n_layers": integer(1),
        "d_ff": integer(1),
        "dropout": real(0.0, 1.0),
        "scan": one_of("variate", "time"),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        d_model: int = 128,
        d_state: int = 16,
        d_conv: int | None = None,
        expand: int | None = None,
        n_layers: int = 2,
        d_ff: int = 128,
        dropout: float = 0.1,
        scan: str = "variate",
    ) -> None:
        super().__init__(
            n_channels,
            window,
            d_model=d_model,
            d_state=d_state,
            d_conv=d_conv,
            expand=expand,
            n_layers=n_layers,
            d_ff=d_ff,
            dropout=dropout,
            scan=scan,
        )
        self.over_time = scan == "time"
        d_conv = d_conv or (4 if self.over_time else 2)
        expand = expand or (2 if self.over_time else 1)
        self.embedding = nn.Linear(n_channels if self.over_time else window, d_model)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            _MambaLayer(d_model, d_state, d_conv, expand, d_ff, dropout, both=not self.over_time)
            for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.n_features = d_model if self.over_time else n_channels * d_model

    @property
    def n_tokens(self) -> int:
        """A bar or a channel each."""
        return int(self.config["window" if self.over_time else "n_channels"])

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows (B, n_channels, window) as (B, n_features)."""
        tokens = self.tokens(x)
        return functional.gelu(tokens[:, -1] if self.over_time else tokens.flatten(1))

    def tokens(self, x: Tensor) -> Tensor:
        """Encoded channels (B, n_channels, d_model), or bars (B, window, d_model)."""
        self._check_windows(x)
        z = self.dropout(self.embedding(x.transpose(1, 2) if self.over_time else x))
        for layer in self.layers:
            z = layer(z)
        return self.norm(z)


class _MambaLayer(nn.Module):
    """x = LN(x + Mamba(x) + flip(Mamba(flip x))), then x = LN(x + FFN(x))."""

    def __init__(
        self,
        d_model: int,
        d_state: int,
        d_conv: int,
        expand: int,
        d_ff: int,
        dropout: float,
        both: bool,
    ) -> None:
        super().__init__()
        self.mixer = MambaMixer(d_model, d_state, d_conv, expand)
        self.mixer_back = MambaMixer(d_model, d_state, d_conv, expand) if both else None
        self.feed_forward = FeedForward(d_model, d_ff, dropout)
        self.dropout = nn.Dropout(dropout)
        self.norm1 = nn.LayerNorm(d_model)
        self.norm2 = nn.LayerNorm(d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, T, d_model) to tokens of the same shape."""
        mixed = self.mixer(x)
        if self.mixer_back is not None:
            mixed = mixed + self.mixer_back(x.flip(1)).flip(1)
        x = self.norm1(x + mixed)
        return self.norm2(x + self.dropout(self.feed_forward(x)))
