"""TimesNet: convolutions over the window folded by its periods."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ohlcvml._checks import check_value, each, integer, odd, optional, real
from ohlcvml.exceptions import ParameterError
from ohlcvml.models.neural.networks._base import Network


class TimesNetNetwork(Network):
    """TimesNet: the window is folded by each period into a picture and convolved in two dimensions.

    Where the paper takes the periods from the mean spectrum of the batch, so that a row depends on
    its batch-mates, here they belong to the network: :meth:`find_periods` reads them from training
    windows and :meth:`set_periods` keeps them, in ``config`` and in ``state_dict``. The weights of
    the periods stay each row's own amplitudes, as in the paper. Normalisation of the window is
    left to the training loop.

    Parameters
    ----------
    n_channels, window : int
        Shape of the input, (B, n_channels, window).
    top_k : int, default=5
        Periods at most.
    d_model : int, default=64
        Width of a bar's token.
    d_ff : int, default=64
        Width inside a block.
    n_layers : int, default=2
        Blocks.
    kernel_sizes : sequence of int, default=(3, 5, 7)
        Odd sides of the square kernels, whose outputs are averaged.
    dropout : float, default=0.1
        Share of the embedded window dropped in training.
    periods : sequence of int or None, default=None
        Periods in bars, from 2 to ``window``. None: window/2, window/4, … until learned.

    Attributes
    ----------
    n_features : int
        2 · d_model: the newest bar's token and the mean of all.

    Notes
    -----
    Source: Wu et al. (2023), TimesNet: Temporal 2D-Variation Modeling for General Time Series
    Analysis. The fold is padded on its old side, so that the newest cycle is whole.

    Examples
    --------
    >>> import math, torch
    >>> from ohlcvml.models.neural.networks import TimesNetNetwork
    >>> net = TimesNetNetwork(1, 48, d_model=8, d_ff=8, top_k=1)
    >>> wave = torch.sin(torch.arange(48) * 2 * math.pi / 12).expand(4, 1, 48)
    >>> net.set_periods(net.find_periods([wave]))
    >>> net.config["periods"], net(wave).shape
    ([12], torch.Size([4, 16]))
    """

    _parameter_rules = {
        "top_k": integer(1),
        "d_model": integer(1),
        "d_ff": integer(1),
        "n_layers": integer(1),
        "kernel_sizes": each(odd()),
        "dropout": real(0.0, 1.0),
        "periods": optional(each(integer(2))),
    }

    position: Tensor
    periods: Tensor
    basis: Tensor

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        top_k: int = 5,
        d_model: int = 64,
        d_ff: int = 64,
        n_layers: int = 2,
        kernel_sizes: Sequence[int] = (3, 5, 7),
        dropout: float = 0.1,
        periods: Sequence[int] | None = None,
    ) -> None:
        super().__init__(
            n_channels,
            window,
            top_k=top_k,
            d_model=d_model,
            d_ff=d_ff,
            n_layers=n_layers,
            kernel_sizes=kernel_sizes,
            dropout=dropout,
            periods=periods,
        )
        self.embedding = nn.Conv1d(
            n_channels, d_model, 3, padding=1, padding_mode="circular", bias=False
        )
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                _Inception(d_model, d_ff, kernel_sizes),
                nn.GELU(),
                _Inception(d_ff, d_model, kernel_sizes),
            )
            for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.register_buffer("position", _sinusoids(window, d_model), persistent=False)
        self.set_periods(_halves(window, top_k) if periods is None else periods)
        self.n_features = 2 * d_model

    def set_periods(self, periods: Sequence[int]) -> None:
        """Keep these periods, in bars: 1 to ``top_k`` of them, each from 2 to ``window``."""
        check_value("TimesNetNetwork", "periods", each(integer(1)), periods)
        window, top_k = self.config["window"], self.config["top_k"]
        if len(periods) > top_k or max(periods) > window or (window > 1 and min(periods) < 2):
            raise ParameterError(
                f"TimesNetNetwork: parameter 'periods' must hold 1 to top_k={top_k} periods of 2 "
                f"to window={window} bars; got {list(periods)!r}. Use find_periods(windows)."
            )
        self._periods = tuple(int(period) for period in periods)
        self.config["periods"] = list(self._periods)
        kept = torch.tensor(self._periods, device=self.position.device)
        self.register_buffer("periods", kept)
        basis = _waves(window, self._periods).to(self.position)
        self.register_buffer("basis", basis, persistent=False)

    def find_periods(self, blocks: Iterable[Tensor]) -> list[int]:
        """Periods of the strongest frequencies of windows, the strongest first.

        Amplitudes are averaged over windows and channels, each channel in units of its deviation.
        Give training windows only, in blocks (B, n_channels, window): what is found is part of the
        fitted model.
        """
        window, n_windows = self.config["window"], 0
        if window < 2:
            return [1]
        n_channels = self.config["n_channels"]
        amplitude = torch.zeros(n_channels, window // 2, dtype=torch.float64)
        total, square = torch.zeros(2, n_channels, dtype=torch.float64)
        for x in blocks:
            self._check_windows(x)
            values = x.double()
            amplitude += torch.fft.rfft(values, dim=-1).abs().sum(0)[:, 1:]
            total += values.sum((0, 2))
            square += values.square().sum((0, 2))
            n_windows += len(x)
        mean = total / (n_windows * window)
        variance = square / (n_windows * window) - mean.square()
        # Rounding leaves a still channel a variance of some 1e-16 of its square; it has no period.
        moves = variance > 1e-12 * mean.square()
        weight = torch.where(moves, variance.clamp_min(1e-300).rsqrt(), 0.0)
        strength = (amplitude * weight[:, None]).sum(0)
        order = strength.argsort(descending=True, stable=True) + 1
        found = dict.fromkeys(window // int(frequency) for frequency in order)
        return list(found)[: self.config["top_k"]]

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows (B, n_channels, window) as (B, n_features)."""
        tokens = functional.gelu(self.tokens(x))
        return torch.cat([tokens[:, -1], tokens.mean(1)], dim=-1)

    def tokens(self, x: Tensor) -> Tensor:
        """Encoded bars (B, window, d_model)."""
        self._check_windows(x)
        z = self.dropout(self.embedding(x) + self.position)
        for block in self.blocks:
            z = self.norm((z + self._vary(z, block)).transpose(1, 2)).transpose(1, 2)
        return z.transpose(1, 2)

    def _vary(self, z: Tensor, block: nn.Module) -> Tensor:
        """Mean of the convolved folds of ``z`` (B, d, L), weighted by the row's amplitudes."""
        projected = torch.einsum("bdl,skl->bksd", z, self.basis)
        weights = torch.linalg.vector_norm(projected, dim=2).mean(-1).softmax(-1)
        length, out = z.shape[-1], torch.zeros_like(z)
        for k, period in enumerate(self._periods):
            padding = -length % period
            folded = functional.pad(z, (padding, 0)).reshape(*z.shape[:2], -1, period)
            out = out + weights[:, k, None, None] * block(folded).flatten(2)[..., padding:]
        return out

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        stored = state_dict.get(f"{prefix}periods")
        if stored is not None:
            self.set_periods(stored.tolist())
        super()._load_from_state_dict(state_dict, prefix, *args)


class _Inception(nn.Module):
    """Mean of square convolutions of several sizes, as one convolution of the largest.

    Convolutions are linear in their kernels: the mean of the outputs is the output of the mean of
    the kernels, each padded with zeros, for as many products as the largest alone takes.
    """

    def __init__(self, n_in: int, n_out: int, kernel_sizes: Sequence[int]) -> None:
        super().__init__()
        self.largest = max(kernel_sizes)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(n_in, n_out, size, padding=size // 2) for size in kernel_sizes
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, H, W) to (B, n_out, H, W)."""
        kernels, biases = [], []
        for convolve in self.convolutions:
            assert isinstance(convolve, nn.Conv2d)
            assert convolve.bias is not None
            missing = (self.largest - convolve.kernel_size[0]) // 2
            kernels.append(functional.pad(convolve.weight, [missing] * 4))
            biases.append(convolve.bias)
        kernel, bias = torch.stack(kernels).mean(0), torch.stack(biases).mean(0)
        return functional.conv2d(x, kernel, bias, padding=self.largest // 2)


def _halves(window: int, top_k: int) -> list[int]:
    halves = [window // 2**k for k in range(1, top_k + 1)]
    return [period for period in halves if period >= 2] or [window]


def _waves(window: int, periods: Sequence[int]) -> Tensor:
    """Cosines and sines (2, n_periods, window) of the frequency nearest to each period."""
    frequency = torch.tensor([round(window / period) for period in periods], dtype=torch.float64)
    angle = 2 * math.pi / window * torch.outer(frequency, torch.arange(window).double())
    return torch.stack([angle.cos(), angle.sin()])


def _sinusoids(window: int, d_model: int) -> Tensor:
    """Positional code (d_model, window) of Vaswani et al. (2017)."""
    pairs = torch.arange((d_model + 1) // 2)
    rate = torch.exp(-math.log(10_000.0) * 2 * pairs / d_model)
    angle = torch.outer(rate, torch.arange(float(window)))
    return torch.stack([angle.sin(), angle.cos()], dim=1).flatten(0, 1)[:d_model]
