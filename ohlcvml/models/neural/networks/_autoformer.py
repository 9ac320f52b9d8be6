"""Autoformer: series decomposition and attention among lags."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ohlcvml._checks import integer, real
from ohlcvml.models.neural._widths import check_heads
from ohlcvml.models.neural.networks._attention import FeedForward
from ohlcvml.models.neural.networks._base import Network


class AutoformerNetwork(Network):
    """Autoformer's encoder: moving averages are taken out, and lags take the place of attention.

    Each row and head aggregates the lags where its own autocorrelation is largest, in training as
    in eval (the published code shares one choice among a batch in training). The moving average is
    trailing: a bar's trend is a mean of that bar and older ones. The lags are circular within the
    window, so a token may see any bar of it. There is no decoder: the embedding is the newest
    bar's seasonal token beside a linear map of the newest trend.

    Parameters
    ----------
    n_channels, window : int
        Shape of the input, (B, n_channels, window).
    moving_avg : int, default=25
        Bars of the moving average.
    d_model : int, default=256
        Width of a bar's token.
    n_heads : int, default=8
        Heads, each with lags of its own; divides ``d_model``.
    n_layers : int, default=3
        Encoder layers.
    d_ff : int, default=1024
        Width of the feed-forward parts.
    factor : float, default=1.0
        A head aggregates factor · ln(window) lags, rounded down, at least one.
    dropout : float, default=0.1
        Share dropped in training.

    Attributes
    ----------
    n_features : int
        2 · d_model.

    Notes
    -----
    Source: Wu et al. (2021), Autoformer: Decomposition Transformers with Auto-Correlation for
    Long-Term Series Forecasting. As in its code, autocorrelations are sums over the window, not
    means, before the softmax; as in its paper, each head has its own.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import AutoformerNetwork
    >>> net = AutoformerNetwork(3, 50, d_model=16, n_heads=2, n_layers=1, d_ff=16)
    >>> net(torch.zeros(4, 3, 50)).shape
    torch.Size([4, 32])
    """

    _parameter_rules = {
        "moving_avg": integer(1),
        "d_model": integer(1),
        "n_heads": integer(1),
        "n_layers": integer(1),
        "d_ff": integer(1),
        "factor": real(0.0, open_low=True),
        "dropout": real(0.0, 1.0),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        moving_avg: int = 25,
        d_model: int = 256,
        n_heads: int = 8,
        n_layers: int = 3,
        d_ff: int = 1024,
        factor: float = 1.0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(
            n_channels,
            window,
            moving_avg=moving_avg,
            d_model=d_model,
            n_heads=n_heads,
            n_layers=n_layers,
            d_ff=d_ff,
            factor=factor,
            dropout=dropout,
        )
        check_heads("AutoformerNetwork", d_model, n_heads)
        self.moving_avg = moving_avg
        n_lags = min(window, max(1, int(factor * math.log(window))))
        self.embedding = nn.Conv1d(
            n_channels, d_model, 3, padding=1, padding_mode="circular", bias=False
        )
        self.trend = nn.Linear(n_channels, d_model)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            _AutoformerLayer(d_model, n_heads, d_ff, n_lags, moving_avg, dropout)
            for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.n_features = 2 * d_model

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows (B, n_channels, window) as (B, n_features)."""
        season = self.tokens(x)[:, -1]
        trend = trailing_mean(x, self.moving_avg)[..., -1]
        return torch.cat([season, self.trend(trend)], dim=-1)

    def tokens(self, x: Tensor) -> Tensor:
        """Encoded seasonal parts of the bars (B, window, d_model); their mean over bars is zero."""
        self._check_windows(x)
        z = self.dropout(self.embedding(x).transpose(1, 2))
        for layer in self.layers:
            z = layer(z)
        z = self.norm(z)
        return z - z.mean(1, keepdim=True)


class _AutoformerLayer(nn.Module):
    """Lag attention, then feed-forward, each added and freed of its moving average."""

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        d_ff: int,
        n_lags: int,
        moving_avg: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.moving_avg = moving_avg
        self.attention = LagAttention(d_model, n_heads, n_lags)
        self.feed_forward = FeedForward(d_model, d_ff, dropout, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, L, d_model) to their seasonal part, of the same shape."""
        x = self._seasonal(x + self.dropout(self.attention(x)))
        return self._seasonal(x + self.dropout(self.feed_forward(x)))

    def _seasonal(self, x: Tensor) -> Tensor:
        return x - trailing_mean(x.transpose(1, 2), self.moving_avg).transpose(1, 2)


class LagAttention(nn.Module):
    """Auto-Correlation: a weighted sum of the series rolled by its strongest lags."""

    def __init__(self, d_model: int, n_heads: int, n_lags: int) -> None:
        super().__init__()
        self.n_heads, self.n_lags = n_heads, n_lags
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, L, d_model) to tokens of the same shape."""
        q, k, v = (self._heads(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        strength, lags = autocorrelation(q, k).mean(2).topk(self.n_lags, dim=-1)
        weights, length = strength.softmax(-1), v.shape[-1]
        bars, out = torch.arange(length, device=v.device), torch.zeros_like(v)
        for number in range(self.n_lags):
            rolled = (bars + lags[..., number, None]) % length
            index = rolled.unsqueeze(2).expand_as(v)
            out = out + weights[..., number, None, None] * v.gather(-1, index)
        return self.out_proj(out.flatten(1, 2).transpose(1, 2))

    def _heads(self, x: Tensor) -> Tensor:
        """Tokens (B, L, d_model) as (B, n_heads, d_model / n_heads, L)."""
        batch, length, width = x.shape
        return x.transpose(1, 2).reshape(batch, self.n_heads, width // self.n_heads, length)


def autocorrelation(q: Tensor, k: Tensor) -> Tensor:
    """Circular correlations R(τ) = Σ_t q_t k_{t-τ} along the last axis, by FFT.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks._autoformer import autocorrelation
    >>> autocorrelation(torch.tensor([0.0, 0, 1, 0]), torch.tensor([0.0, 1, 0, 0])).round()
    tensor([0., 1., 0., 0.])
    """
    spectrum = torch.fft.rfft(q.float() if q.dtype != torch.float64 else q)
    other = torch.fft.rfft(k.float() if k.dtype != torch.float64 else k)
    return torch.fft.irfft(spectrum * other.conj(), n=q.shape[-1])


def trailing_mean(x: Tensor, width: int) -> Tensor:
    """Mean of each bar and the ``width`` - 1 before it; the oldest bar stands for earlier ones.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks._autoformer import trailing_mean
    >>> trailing_mean(torch.tensor([[[0.0, 2, 4, 6]]]), 2)
    tensor([[[0., 1., 3., 5.]]])
    """
    return functional.avg_pool1d(functional.pad(x, (width - 1, 0), mode="replicate"), width, 1)
