"""The Mamba block, with the parameters of mamba-ssm under the same names."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ohlcvml._checks import check_value, integer
from ohlcvml.models.neural.networks._selective_scan import selective_scan


class MambaMixer(nn.Module):
    """Mamba block: gated causal convolution and selective scan over a sequence of tokens.

    Token t of the output depends on tokens 0..t of the input only. The parameters have the names
    and shapes of ``mamba_ssm.Mamba``, so weights move between the two with ``load_state_dict``.

    Parameters
    ----------
    d_model : int
        Width of a token.
    d_state : int, default=16
        States per inner channel.
    d_conv : int, default=4
        Tokens the convolution sees.
    expand : int, default=2
        Inner width as a multiple of ``d_model``.

    Notes
    -----
    Source: Gu and Dao (2023), Mamba: Linear-Time Sequence Modeling with Selective State Spaces;
    initial values as there: A = -(1..N), step sizes log-uniform in [0.001, 0.1].

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks._mamba_mixer import MambaMixer
    >>> mixer = MambaMixer(8)
    >>> mixer(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 8])
    >>> sorted({name.split(".")[0] for name, _ in mixer.named_parameters()})
    ['A_log', 'D', 'conv1d', 'dt_proj', 'in_proj', 'out_proj', 'x_proj']
    """

    def __init__(self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2) -> None:
        super().__init__()
        given = {"d_model": d_model, "d_state": d_state, "d_conv": d_conv, "expand": expand}
        for name, value in given.items():
            check_value("MambaMixer", name, integer(1), value)
        inner = expand * d_model
        self.d_state, self.dt_rank = d_state, math.ceil(d_model / 16)
        self.in_proj = nn.Linear(d_model, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, d_conv, groups=inner, padding=d_conv - 1)
        self.x_proj = nn.Linear(inner, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, inner)
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, d_model, bias=False)
        self._start_steps()

    def _start_steps(self) -> None:
        """Let softplus of the bias be a step size drawn log-uniformly from [0.001, 0.1]."""
        nn.init.uniform_(self.dt_proj.weight, -(self.dt_rank**-0.5), self.dt_rank**-0.5)
        low, high = math.log(1e-3), math.log(1e-1)
        with torch.no_grad():
            step = torch.empty_like(self.dt_proj.bias).uniform_(low, high).exp()
            self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (B, T, d_model) to tokens of the same shape."""
        length = tokens.shape[1]
        x, gate = self.in_proj(tokens).transpose(1, 2).chunk(2, dim=1)
        # The convolution is padded on both sides; what lies beyond T would have seen the future.
        x = functional.silu(self.conv1d(x)[..., :length])
        sizes = [self.dt_rank, self.d_state, self.d_state]
        step, enter, read = self.x_proj(x.transpose(1, 2)).split(sizes, dim=-1)
        y = selective_scan(
            x,
            self.dt_proj.weight @ step.transpose(1, 2),
            -torch.exp(self.A_log),
            enter.transpose(1, 2),
            read.transpose(1, 2),
            self.D,
            gate,
            self.dt_proj.bias,
            delta_softplus=True,
        )
        return self.out_proj(y.transpose(1, 2))
