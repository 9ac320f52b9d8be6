"""DeepAR: a recurrent network that says how the next return is distributed, given those before."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ohlcvml._checks import check_value, integer, one_of, real

_LIMIT = 10.0  # inputs are limited to this many window scales
_SMALLEST = 1e-4  # scale of the distribution, in window scales
_DF_RATE = 10.0  # steps of an optimiser that are 1e-3 move the degrees of freedom by 1 %


class Season(nn.Module):
    """Factor by which the scale of a step moves with what is known of the step in advance.

    It begins at 1 and stays within exp(-2) and exp(2).
    """

    def __init__(self, n_known: int, size: int = 8) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_known, size)
        self.output = nn.Linear(size, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, known: Tensor) -> Tensor:
        """Factors ``(...)`` from ``(..., n_known)``."""
        found: Tensor = self.output(torch.tanh(self.hidden(known)))[..., 0].float()
        return (2.0 * torch.tanh(found)).exp()


class Law(NamedTuple):
    """Location and scale of the next return, in window scales."""

    location: Tensor
    scale: Tensor


class DeepARNetwork(nn.Module):
    """Autoregressive LSTM whose outputs are the parameters of the next return's distribution.

    At each step it is fed the return before, its size and the scale of the window, and gives
    location and scale of the return. Returns are divided by the mean absolute return of the bars
    up to the forecast (the paper's scale of an item; it adds 1, which is meant for counts), and the
    distribution is multiplied by it again. What is known of a step in advance, as the time of day,
    moves the scale alone: fed to the recurrent layers as in the paper, it makes them remember on
    which hours of the training bars the price rose. The degrees of freedom of Student's t are one
    number for all steps.

    Parameters
    ----------
    n_known : int, default=0
        Columns that are known in advance for each bar.
    hidden_size : int, default=40
        Units of a layer.
    n_layers : int, default=2
        Stacked layers.
    dropout : float in [0, 1], default=0.1
        Share of units dropped between layers in training.
    distribution : {"student_t", "normal"}, default="student_t"
        Student's t has more than 2 degrees of freedom.

    Notes
    -----
    Salinas, Flunkert, Gasthaus and Januschowski (2020), DeepAR: probabilistic forecasting with
    autoregressive recurrent networks, International Journal of Forecasting 36(3). The paper's
    likelihood also covers the bars from which the scale is taken; here it covers those after.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.paths.networks import DeepARNetwork
    >>> network = DeepARNetwork(hidden_size=8).eval()
    >>> past = 0.001 * torch.randn(4, 1, 32)
    >>> network.sample(past, torch.zeros(4, 0, 5), noise=torch.randn(100, 5)).shape
    torch.Size([4, 100, 5])
    """

    log_centre: Tensor
    log_spread: Tensor

    def __init__(
        self,
        n_known: int = 0,
        *,
        hidden_size: int = 40,
        n_layers: int = 2,
        dropout: float = 0.1,
        distribution: str = "student_t",
    ) -> None:
        super().__init__()
        check_value("DeepARNetwork", "n_known", integer(0), n_known)
        check_value("DeepARNetwork", "hidden_size", integer(1), hidden_size)
        check_value("DeepARNetwork", "n_layers", integer(1), n_layers)
        check_value("DeepARNetwork", "dropout", real(0.0, 1.0), dropout)
        rule = one_of("student_t", "normal")
        check_value("DeepARNetwork", "distribution", rule, distribution)
        self.config: dict[str, Any] = {
            "n_known": n_known,
            "hidden_size": hidden_size,
            "n_layers": n_layers,
            "dropout": dropout,
            "distribution": distribution,
        }
        self.recurrent = nn.LSTM(
            3,
            hidden_size,
            n_layers,
            batch_first=True,
            dropout=dropout if n_layers > 1 else 0.0,
        )
        self.location = nn.Linear(hidden_size, 1)
        self.scale = nn.Linear(hidden_size, 1)
        # Begins as a random walk: no drift, and a scale near that of the window.
        for head, bias in ((self.location, 0.0), (self.scale, 0.5413)):
            nn.init.zeros_(head.weight)
            nn.init.constant_(head.bias, bias)
        self.season = Season(n_known) if n_known else None
        self.tail = nn.Parameter(torch.tensor(math.log(8.0) / _DF_RATE))
        self.register_buffer("log_centre", torch.zeros(()))
        self.register_buffer("log_spread", torch.ones(()))

    @property
    def degrees_of_freedom(self) -> float:
        """Of Student's t; infinite for a normal distribution."""
        if self.config["distribution"] == "normal":
            return math.inf
        return float(2.0 + (_DF_RATE * self.tail.detach()).exp())

    @torch.no_grad()
    def begin_at(self, x: Tensor, n_ahead: int) -> None:
        """Learn centre and spread of the log scale from training windows."""
        scale, moves = _mean_size(x[:, 0, : x.shape[2] - n_ahead])
        if moves.any():
            logs = scale[moves].log()
            self.log_centre.copy_(logs.mean())
            self.log_spread.copy_(logs.std(correction=0).clamp_min(1e-2))

    def loss(self, x: Tensor, n_ahead: int) -> Tensor:
        """Mean negative log-likelihood of the last ``n_ahead`` returns, in window scales.

        Parameters
        ----------
        x : Tensor of shape (B, 1 + n_known, L)
            Log returns, then what is known in advance; the newest bar last.
        """
        n_past = x.shape[2] - n_ahead
        scale, moves = _mean_size(x[:, 0, :n_past])
        z = x[:, 0] / scale[:, None]
        states, _ = self.recurrent(self._inputs(z[:, :-1], scale))
        law = self._law(states[:, n_past - 1 :], x[:, 1:, n_past:])
        rows = self._surprise(z[:, n_past:], law).mean(dim=1)
        # A window that never moves has no scale, and gets no forecast.
        return (rows * moves).sum() / moves.sum().clamp_min(1)

    def sample(self, x: Tensor, known: Tensor, noise: Tensor) -> Tensor:
        """Sample paths of the cumulative log return, each return fed back as it was drawn.

        Parameters
        ----------
        x : Tensor of shape (B, 1, L)
            Log returns up to the forecast.
        known : Tensor of shape (B, n_known, n_steps)
            What is known in advance of the steps.
        noise : Tensor of shape (n_paths, n_steps)
            Draws of the distribution at location 0 and scale 1, the same for all windows.

        Returns
        -------
        float64 Tensor of shape (B, n_paths, n_steps)
            NaN where a window never moves.
        """
        n_windows, n_paths = x.shape[0], noise.shape[0]  # len() would fix them in a graph
        scale, moves = _mean_size(x[:, 0])
        z = x[:, 0] / scale[:, None]
        state = None
        if x.shape[2] > 1:
            _, state = self.recurrent(self._inputs(z[:, :-1], scale))
            state = tuple(part.repeat_interleave(n_paths, dim=1) for part in state)
        last = z[:, -1].repeat_interleave(n_paths)[:, None]
        steps = []
        for k in range(noise.shape[1]):
            inputs = self._inputs(last, scale.repeat_interleave(n_paths))
            output, state = self.recurrent(inputs, state)
            ahead = known[:, :, k].repeat_interleave(n_paths, dim=0)[:, :, None]
            law = self._law(output, ahead)
            last = law.location + law.scale * noise[:, k].repeat(n_windows)[:, None]
            steps.append(last)
        drawn = torch.cat(steps, dim=1).view(n_windows, n_paths, -1).double()
        paths = drawn.cumsum(dim=2) * scale[:, None, None].double()
        return paths.masked_fill(~moves[:, None, None], math.nan)

    def _inputs(self, before: Tensor, scale: Tensor) -> Tensor:
        """Inputs of steps ``(B, L, 3)`` from the returns before them, ``(B, L)``."""
        before = before.clamp(-_LIMIT, _LIMIT)
        level = ((scale.log() - self.log_centre) / self.log_spread).clamp(-_LIMIT, _LIMIT)
        return torch.stack([before, before.abs(), level[:, None].expand_as(before)], dim=2)

    def _law(self, states: Tensor, known: Tensor) -> Law:
        """Law of steps from states ``(B, L, hidden_size)``, known ``(B, n_known, L)``."""
        location = self.location(states)[..., 0].float()
        scale = softplus(self.scale(states)[..., 0].float()) + _SMALLEST
        if self.season is not None:
            scale = scale * self.season(known.transpose(1, 2))
        return Law(location, scale)

    def _surprise(self, z: Tensor, law: Law) -> Tensor:
        """Negative log-likelihood."""
        apart = (z - law.location) / law.scale
        if self.config["distribution"] == "normal":
            return 0.5 * apart.square() + law.scale.log() + 0.5 * math.log(2 * math.pi)
        df = 2.0 + (_DF_RATE * self.tail).exp()
        constant = torch.lgamma(df / 2) - torch.lgamma((df + 1) / 2) + (df * math.pi).log() / 2
        return (df + 1) / 2 * torch.log1p(apart.square() / df) + law.scale.log() + constant


def _mean_size(returns: Tensor) -> tuple[Tensor, Tensor]:
    """Mean absolute return of each window, and whether it is above 0; 1 where it is not."""
    size = returns.abs().mean(dim=1)
    moves = size > 0
    return torch.where(moves, size, torch.ones_like(size)), moves
