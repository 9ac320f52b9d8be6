"""PatchTST: a transformer over patches of each channel."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ohlcvml._checks import boolean, integer, one_of, real
from ohlcvml.models.neural._widths import check_heads, check_stride
from ohlcvml.models.neural.networks._attention import EncoderLayer
from ohlcvml.models.neural.networks._base import Network


class PatchTSTNetwork(Network):
    """PatchTST: each channel alone is cut into patches, which attend to one another.

    With ``causal=True`` (ours; the paper's encoder sees all patches) a patch attends to itself and
    older ones, and the embedding is the newest patch; otherwise it is the mean of the patches. The
    window is padded on its old side by its oldest bar, so the newest bar ends the newest patch.
    Normalisation of the window (RevIN in the paper) is left to the training loop.

    Parameters
    ----------
    n_channels, window : int
        Shape of the input, (B, n_channels, window).
    patch_length : int, default=16
        Bars in a patch.
    stride : int, default=8
        Bars between the ends of neighbouring patches; at most ``patch_length``.
    d_model : int, default=256
        Width of a token.
    n_heads : int, default=8
        Attention heads; divides ``d_model``.
    n_layers : int, default=3
        Encoder layers.
    d_ff : int, default=512
        Width of the feed-forward parts.
    dropout : float, default=0.2
        Share dropped in training: attention weights, both branches, the tokens at the entrance.
    causal : bool, default=True
        Mask newer patches.
    norm : {"layer", "batch"}, default="layer"
        Normalisation of tokens. The paper's "batch" mixes old and new patches in training.

    Attributes
    ----------
    n_features : int
        n_channels · d_model.

    Notes
    -----
    Source: Nie et al. (2023), A Time Series is Worth 64 Words: Long-term Forecasting with
    Transformers.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import PatchTSTNetwork
    >>> net = PatchTSTNetwork(3, 50, d_model=16, n_heads=2, n_layers=1, d_ff=16)
    >>> net(torch.zeros(4, 3, 50)).shape, net.tokens(torch.zeros(4, 3, 50)).shape
    (torch.Size([4, 48]), torch.Size([4, 3, 6, 16]))
    """

    _parameter_rules = {
        "patch_length": integer(1),
        "stride": integer(1),
        "d_model": integer(1),
        "n_heads": integer(1),
        "n_layers": integer(1),
        "d_ff": integer(1),
        "dropout": real(0.0, 1.0),
        "causal": boolean(),
        "norm": one_of("layer", "batch"),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        patch_length: int = 16,
        stride: int = 8,
        d_model: int = 256,
        n_heads: int = 8,
        n_layers: int = 3,
        d_ff: int = 512,
        dropout: float = 0.2,
        causal: bool = True,
        norm: str = "layer",
    ) -> None:
        super().__init__(
            n_channels,
            window,
            patch_length=patch_length,
            stride=stride,
            d_model=d_model,
            n_heads=n_heads,
            n_layers=n_layers,
            d_ff=d_ff,
            dropout=dropout,
            causal=causal,
            norm=norm,
        )
        check_heads("PatchTSTNetwork", d_model, n_heads)
        check_stride("PatchTSTNetwork", patch_length, stride)
        self.patch_length, self.stride, self.causal = patch_length, stride, causal
        n_patches = max(0, math.ceil((window - patch_length) / stride)) + 1
        self.padding = (n_patches - 1) * stride + patch_length - window
        self.embedding = nn.Linear(patch_length, d_model)
        self.position = nn.Parameter(torch.empty(n_patches, d_model).uniform_(-0.02, 0.02))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(d_model, n_heads, d_ff, dropout, norm) for _ in range(n_layers)
        )
        self.n_features = n_channels * d_model

    @property
    def n_tokens(self) -> int:
        """A patch of a channel each."""
        return int(self.config["n_channels"]) * len(self.position)

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows (B, n_channels, window) as (B, n_features)."""
        tokens = self.tokens(x)
        pooled = tokens[:, :, -1] if self.causal else tokens.mean(2)
        return pooled.flatten(1)

    def tokens(self, x: Tensor) -> Tensor:
        """Encoded patches (B, n_channels, n_patches, d_model), the newest last."""
        self._check_windows(x)
        z = self.embedding(self.patches(x)).flatten(0, 1)
        z = self.dropout(z + self.position)
        for layer in self.layers:
            z = layer(z, self.causal)
        return z.reshape(*x.shape[:2], *z.shape[1:])

    def patches(self, x: Tensor) -> Tensor:
        """Patches (B, n_channels, n_patches, patch_length) of the window padded on its old side."""
        if self.padding:
            x = functional.pad(x, (self.padding, 0), mode="replicate")
        return x.unfold(-1, self.patch_length, self.stride)
