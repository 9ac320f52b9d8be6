"""The encoder layer that the transformers of the zoo share."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from ohlcvml._checks import check_value, one_of
from ohlcvml.models.neural._widths import check_heads


class EncoderLayer(nn.Module):
    """Encoder layer of a transformer: attention, then feed-forward, each added and normalised.

    With ``causal=True`` token t attends to tokens 0..t only.

    Parameters
    ----------
    d_model : int
        Width of a token.
    n_heads : int
        Attention heads; divides ``d_model``.
    d_ff : int
        Width of the feed-forward part.
    dropout : float
        Share of attention weights and of both branches dropped in training.
    norm : {"layer", "batch"}, default="layer"
        Normalisation over the width of each token, or over all tokens of the batch.

    Notes
    -----
    Source: Vaswani et al. (2017), Attention Is All You Need; GELU instead of ReLU.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks._attention import EncoderLayer
    >>> layer = EncoderLayer(8, 2, 16, dropout=0.1)
    >>> layer(torch.zeros(3, 5, 8), causal=True).shape
    torch.Size([3, 5, 8])
    """

    def __init__(
        self, d_model: int, n_heads: int, d_ff: int, dropout: float, norm: str = "layer"
    ) -> None:
        super().__init__()
        check_heads("EncoderLayer", d_model, n_heads)
        check_value("EncoderLayer", "norm", one_of("layer", "batch"), norm)
        self.n_heads = n_heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)
        self.feed_forward = FeedForward(d_model, d_ff, dropout)
        self.dropout = nn.Dropout(dropout)
        self.norm1 = nn.LayerNorm(d_model) if norm == "layer" else TokenNorm(d_model)
        self.norm2 = nn.LayerNorm(d_model) if norm == "layer" else TokenNorm(d_model)

    def forward(self, x: Tensor, causal: bool = False) -> Tensor:
        """Map tokens (B, T, d_model) to tokens of the same shape."""
        x = self.norm1(x + self.dropout(self.attend(x, causal)))
        return self.norm2(x + self.dropout(self.feed_forward(x)))

    def attend(self, x: Tensor, causal: bool = False) -> Tensor:
        """Multi-head attention of the tokens among themselves."""
        q, k, v = (self._heads(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        dropped = self.dropout.p if self.training else 0.0
        out = functional.scaled_dot_product_attention(q, k, v, is_causal=causal, dropout_p=dropped)
        return self.out_proj(out.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:-1], self.n_heads, -1).transpose(1, 2)


class FeedForward(nn.Sequential):
    """Two linear maps around a GELU, token by token."""

    def __init__(self, d_model: int, d_ff: int, dropout: float, bias: bool = True) -> None:
        super().__init__(
            nn.Linear(d_model, d_ff, bias=bias),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(d_ff, d_model, bias=bias),
        )


class TokenNorm(nn.BatchNorm1d):
    """Batch normalisation of tokens (B, T, d): each of the d entries over all B·T tokens."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise; in eval by the running moments, so that rows stay independent."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)
