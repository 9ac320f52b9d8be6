"""MQ-RNN: a recurrent encoder and a decoder of quantiles for all steps ahead at once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ohlcvml._checks import check_value, each, integer, real
from ohlcvml.models.paths.networks._deepar import _LIMIT, Season, _mean_size

N_BAR = 4  # channels of a bar: log return, range, body, log volume
_LEAST_GAP = 1e-3  # between neighbouring quantiles at the beginning, in window scales


class Encoded(NamedTuple):
    """State after the last bar; scale of the window and whether there is one."""

    state: Tensor
    scale: Tensor
    moves: Tensor


class QuantileRNNNetwork(nn.Module):
    """LSTM over bars; quantiles of the cumulative log return at each step ahead.

    Return, range and body of a bar are divided by the mean absolute return of the window; log
    volume is taken less its mean over the window and in units of its deviation there. One further
    input is the logarithm of that scale. The decoder is the paper's: a global perceptron makes a
    context for every step and one for all of them, a local one, the same at each step, turns the
    two into quantiles. These are in units of the scale times the square root of the step. The
    lowest is free, each further one lies above it by a softplus: they cannot cross. What is known
    of a step in advance, as the time of day, stretches its quantiles by a factor, and is no input
    of the perceptrons as in the paper: they would remember when the price rose.

    Parameters
    ----------
    prediction_length : int
        Steps ahead.
    quantiles : list of float
        Levels, rising within (0, 1).
    n_known : int, default=0
        Columns that are known in advance for each bar.
    hidden_size : int, default=64
        Units of a layer.
    n_layers : int, default=2
        Stacked layers.
    dropout : float in [0, 1], default=0.1
        Share of units dropped between layers in training.
    decoder_size : int, default=16
        Length of a step's context.

    Notes
    -----
    Wen, Torkkola, Narayanaswamy and Madeka (2017), A multi-horizon quantile recurrent forecaster,
    arXiv:1711.11053.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.paths.networks import QuantileRNNNetwork
    >>> network = QuantileRNNNetwork(5, [0.1, 0.5, 0.9], hidden_size=8).eval()
    >>> network(0.001 * torch.randn(4, 4, 32), torch.zeros(4, 0, 5)).shape
    torch.Size([4, 5, 3])
    """

    log_centre: Tensor
    log_spread: Tensor
    start: Tensor

    def __init__(
        self,
        prediction_length: int,
        quantiles: list[float] | tuple[float, ...],
        n_known: int = 0,
        *,
        hidden_size: int = 64,
        n_layers: int = 2,
        dropout: float = 0.1,
        decoder_size: int = 16,
    ) -> None:
        super().__init__()
        who = "QuantileRNNNetwork"
        check_value(who, "prediction_length", integer(1), prediction_length)
        check_value(who, "quantiles", each(real(0.0, 1.0)), tuple(quantiles))
        check_value(who, "n_known", integer(0), n_known)
        check_value(who, "hidden_size", integer(1), hidden_size)
        check_value(who, "n_layers", integer(1), n_layers)
        check_value(who, "dropout", real(0.0, 1.0), dropout)
        check_value(who, "decoder_size", integer(1), decoder_size)
        self.config: dict[str, Any] = {
            "prediction_length": prediction_length,
            "quantiles": [float(level) for level in quantiles],
            "n_known": n_known,
            "hidden_size": hidden_size,
            "n_layers": n_layers,
            "dropout": dropout,
            "decoder_size": decoder_size,
        }
        self.n_steps, self._size = prediction_length, decoder_size
        self.recurrent = nn.LSTM(
            N_BAR + 1,
            hidden_size,
            n_layers,
            batch_first=True,
            dropout=dropout if n_layers > 1 else 0.0,
        )
        self.together = nn.Linear(hidden_size, (prediction_length + 1) * decoder_size)
        self.step = nn.Linear(2 * decoder_size, decoder_size)
        self.output = nn.Linear(decoder_size, len(quantiles))
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.season = Season(n_known + 1) if n_known else None
        self.register_buffer("log_centre", torch.zeros(()))
        self.register_buffer("log_spread", torch.ones(()))
        # What the decoder adds to: lowest quantile and gaps before the softplus.
        self.register_buffer("start", torch.zeros(prediction_length, len(quantiles)))

    @torch.no_grad()
    def begin_at(self, x: Tensor, n_ahead: int) -> None:
        """Begin with the quantiles of training windows, the same for every window."""
        scale, moves = _mean_size(x[:, 0, : x.shape[2] - n_ahead])
        if not moves.any():
            return
        logs = scale[moves].log()
        self.log_centre.copy_(logs.mean())
        self.log_spread.copy_(logs.std(correction=0).clamp_min(1e-2))
        levels = torch.tensor(self.config["quantiles"], device=x.device)
        found = torch.quantile(self._targets(x, n_ahead, scale)[moves], levels, dim=0).T
        gaps = found.diff(dim=1).clamp_min(_LEAST_GAP)
        self.start.copy_(torch.cat([found[:, :1], gaps + (-(-gaps).expm1()).log()], dim=1))

    def loss(self, x: Tensor, n_ahead: int) -> Tensor:
        """Mean pinball loss over steps and levels, in window scales and roots of steps.

        Parameters
        ----------
        x : Tensor of shape (B, 4 + n_known, L + n_ahead)
            Log return, range, body and log volume of bars, then what is known of them in advance.
        """
        n_past = x.shape[2] - n_ahead
        encoded = self._encode(x[:, :, :n_past])
        quantiles = self._decode(encoded.state, x[:, N_BAR:, n_past:])
        apart = self._targets(x, n_ahead, encoded.scale)[:, :, None] - quantiles
        levels = torch.tensor(self.config["quantiles"], device=x.device)
        rows = torch.maximum(levels * apart, (levels - 1.0) * apart).mean(dim=(1, 2))
        return (rows * encoded.moves).sum() / encoded.moves.sum().clamp_min(1)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """Quantiles of the cumulative log return, ``(B, prediction_length, n_levels)``.

        Parameters
        ----------
        x : Tensor of shape (B, 4, L)
            Log return, range, body and log volume of the bars up to the forecast.
        known : Tensor of shape (B, n_known, prediction_length)
            What is known in advance of the steps.
        """
        state, scale, moves = self._encode(x)
        quantiles = self._decode(state, known) * self._roots(x)[:, None]
        quantiles = quantiles * scale[:, None, None]
        return quantiles.masked_fill(~moves[:, None, None], math.nan)

    def _encode(self, x: Tensor) -> Encoded:
        scale, moves = _mean_size(x[:, 0])
        prices = x[:, : N_BAR - 1] / scale[:, None, None]
        level = ((scale.log() - self.log_centre) / self.log_spread)[:, None, None]
        own = [prices, _standard(x[:, N_BAR - 1 : N_BAR]), level.expand(-1, 1, x.shape[2])]
        inputs = torch.cat(own, dim=1).clamp(-_LIMIT, _LIMIT)
        states, _ = self.recurrent(inputs.transpose(1, 2))
        return Encoded(states[:, -1], scale, moves)

    def _decode(self, state: Tensor, known: Tensor) -> Tensor:
        """Quantiles in scales and roots of steps, ``(B, n_steps, n_levels)``."""
        size = state.shape[0]  # len() would fix it in a graph
        contexts = torch.tanh(self.together(state)).view(size, self.n_steps + 1, self._size)
        shared = contexts[:, -1:].expand(-1, self.n_steps, -1)
        step = torch.cat([contexts[:, :-1], shared], dim=2)
        raw = self.output(torch.tanh(self.step(step))).float() + self.start
        lowest, gaps = raw[:, :, :1], softplus(raw[:, :, 1:])
        quantiles = torch.cat([lowest, lowest + torch.cumsum(gaps, dim=2)], dim=2)
        if self.season is not None:
            step = torch.linspace(0.0, 1.0, self.n_steps, device=state.device)
            step = step[:, None].expand(size, -1, 1)
            factor = self.season(torch.cat([known.transpose(1, 2), step], dim=2))
            quantiles = quantiles * factor[:, :, None]
        return quantiles

    def _targets(self, x: Tensor, n_ahead: int, scale: Tensor) -> Tensor:
        """Cumulative log returns ahead in scales and roots of steps, ``(B, n_ahead)``."""
        ahead = x[:, 0, x.shape[2] - n_ahead :].cumsum(dim=1)
        return ahead / (scale[:, None] * self._roots(x))

    def _roots(self, x: Tensor) -> Tensor:
        return torch.arange(1, self.n_steps + 1, device=x.device).sqrt()


def _standard(volume: Tensor) -> Tensor:
    """Less the window's mean, over its deviation; 0 where it is missing or still."""
    there = torch.isfinite(volume)
    count = there.sum(dim=2, keepdim=True).clamp_min(1)
    mean = volume.masked_fill(~there, 0.0).sum(dim=2, keepdim=True) / count
    apart = (volume - mean).masked_fill(~there, 0.0)
    deviation = (apart.square().sum(dim=2, keepdim=True) / count).sqrt()
    still = deviation <= 1e-6 * (mean.abs() + 1e-30)
    return (apart / deviation.masked_fill(still, 1.0)).masked_fill(still, 0.0)
