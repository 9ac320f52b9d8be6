"""The selective scan of Mamba: mamba-ssm's kernel on CUDA, a scan over time elsewhere.

Per channel d with N states::

    h_t = exp(Δ_t A) h_{t-1} + Δ_t u_t B_t,    y_t = C_t · h_t + D u_t

A plain loop under autograd keeps every h_t, memory O(L·B·d·N). Here the forward pass keeps one
state per segment of about √L steps and the backward pass computes a segment's states again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# Steps are formed together until this many state entries are at hand (1 MiB of float32): more
# leaves the cache, fewer pays Python's cost per step on small problems.
BLOCK_ENTRIES = 2**18

# Gradients of the newest token alone fade to subnormal numbers on their way back, on which a
# processor is several times slower; below this they are zero.
FADED = 1e-30


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
) -> Tensor:
    """Selective state-space scan with input-dependent Δ, B and C.

    The signature and the shapes are those of mamba-ssm's ``selective_scan_fn``, whose kernel does
    the work when the tensors are on CUDA and it can be imported. Output t depends on inputs 0..t.

    Parameters
    ----------
    u, delta : Tensor of shape (batch, d, L)
        Input and step sizes.
    A : Tensor of shape (d, N)
        Negative decay rates.
    B, C : Tensor of shape (batch, N, L)
        What enters the state and how it is read.
    D : Tensor of shape (d,), optional
        Weight of the direct path from u to the output.
    z : Tensor of shape (batch, d, L), optional
        Gate: the output is multiplied by SiLU(z).
    delta_bias : Tensor of shape (d,), optional
        Added to ``delta``.
    delta_softplus : bool, default=False
        Pass ``delta`` through softplus.

    Returns
    -------
    Tensor of shape (batch, d, L)
        In the type of ``u``; the state itself is never narrower than float32.

    Notes
    -----
    Source: Gu and Dao (2023), Mamba: Linear-Time Sequence Modeling with Selective State Spaces.

    Examples
    --------
    With A = 0 and everything else 1 the state is a running sum.

    >>> import torch
    >>> from ohlcvml.models.neural.networks._selective_scan import selective_scan
    >>> one = torch.ones(1, 1, 4)
    >>> selective_scan(one, one, torch.zeros(1, 1), one, one).tolist()
    [[[1.0, 2.0, 3.0, 4.0]]]
    """
    kernel = _cuda_kernel() if u.is_cuda else None
    if kernel is not None:
        return kernel(u, delta, A.float(), B, C, D, z, delta_bias, delta_softplus)
    with torch.autocast(device_type=u.device.type, enabled=False):
        delta = _wide(delta)
        if delta_bias is not None:
            delta = delta + _wide(delta_bias).unsqueeze(-1)
        if delta_softplus:
            delta = functional.softplus(delta)
        parts = (_time_first(delta), _wide(A), *(_time_first(part) for part in (B, C, u)))
        if torch.is_grad_enabled() and any(part.requires_grad for part in parts):
            y = _Scan.apply(*parts)  # type: ignore[no-untyped-call]
        else:
            y, _ = _forward(*parts, keep=False)
        y = y.permute(1, 2, 0)
        if D is not None:
            y = y + u * _wide(D).unsqueeze(-1)
        if z is not None:
            y = y * functional.silu(_wide(z))
    return y.to(u.dtype)


@lru_cache(maxsize=1)
def _cuda_kernel() -> Callable[..., Tensor] | None:
    """mamba-ssm's kernel, or None."""
    try:
        from mamba_ssm.ops.selective_scan_interface import (  # type: ignore[import-not-found]
            selective_scan_fn,
        )
    except Exception:  # without triton or with another CUDA it raises more than ImportError
        return None
    return selective_scan_fn


def _wide(value: Tensor) -> Tensor:
    return value if value.dtype == torch.float64 else value.float()


def _time_first(value: Tensor) -> Tensor:
    return _wide(value).permute(2, 0, 1).contiguous()


class _Scan(torch.autograd.Function):
    """The recurrence on time-first tensors: Δ, u (L, batch, d), A (d, N), B, C (L, batch, N)."""

    @staticmethod
    def forward(ctx: Any, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, u: Tensor) -> Tensor:
        y, kept = _forward(dt, A, B, C, u, keep=True)
        ctx.save_for_backward(dt, A, B, C, u, *kept)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        dt, A, B, C, u, *kept = ctx.saved_tensors
        return _backward(grad.contiguous(), dt, A, B, C, u, kept)


def _forward(
    dt: Tensor, A: Tensor, B: Tensor, C: Tensor, u: Tensor, *, keep: bool
) -> tuple[Tensor, list[Tensor]]:
    """Output (L, batch, d) and, with ``keep``, the state before each segment."""
    if torch.compiler.is_exporting():  # a loop over steps would be as many nodes of the graph
        return (_doubled(dt, A, B, u) @ C.unsqueeze(-1)).squeeze(-1), []
    length, batch, d = dt.shape
    h = dt.new_zeros(batch, d, A.shape[1])
    block, segment = _steps(dt, A)
    outputs, kept = [], []
    for part in _slices(0, length, block):
        if keep and part.start % segment == 0:
            kept.append(h)
        states, _ = _states(h, dt[part], A, B[part], u[part])
        h = states[-1].clone()
        outputs.append((states @ C[part].unsqueeze(-1)).squeeze(-1))
    return torch.cat(outputs), kept


def _doubled(dt: Tensor, A: Tensor, B: Tensor, u: Tensor) -> Tensor:
    """States after every step, each from stretches of 1, 2, 4, ... steps (Hillis and Steele)."""
    decay = torch.exp(dt.unsqueeze(-1) * A)
    states = (dt * u).unsqueeze(-1) * B.unsqueeze(-2)
    span = 1
    while span < len(dt):
        states = torch.cat([states[:span], states[span:] + decay[span:] * states[:-span]])
        decay = torch.cat([decay[:span], decay[span:] * decay[:-span]])
        span *= 2
    return states


def _backward(
    grad: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, u: Tensor, kept: list[Tensor]
) -> tuple[Tensor, ...]:
    """Gradients with respect to Δ, A, B, C and u, segment by segment from the end."""
    block, segment = _steps(dt, A)
    grad_dt, grad_u = torch.empty_like(dt), torch.empty_like(u)
    grad_B, grad_C = torch.empty_like(B), torch.empty_like(C)
    grad_A = torch.zeros_like(A)
    carry = torch.zeros_like(kept[0])  # what later steps ask of the state before them
    for number in reversed(range(len(kept))):
        end = min(len(dt), (number + 1) * segment)
        parts = list(_slices(number * segment, end, block))
        before = [kept[number]]
        for part in parts[:-1]:
            states, _ = _states(before[-1], dt[part], A, B[part], u[part])
            before.append(states[-1].clone())
        for part, h in zip(reversed(parts), reversed(before), strict=True):
            states, decay = _states(h, dt[part], A, B[part], u[part])
            wide = grad[part].unsqueeze(-1)
            ask = wide * C[part].unsqueeze(-2)
            grad_C[part] = (grad[part].unsqueeze(-2) @ states).squeeze(-2)
            ask[-1] += carry
            for k in range(len(ask) - 2, -1, -1):
                ask[k].addcmul_(decay[k + 1], ask[k + 1])
            ask = functional.hardshrink(ask, FADED)
            grad_B[part] = ((dt[part] * u[part]).unsqueeze(-2) @ ask).squeeze(-2)
            entering = (ask @ B[part].unsqueeze(-1)).squeeze(-1)
            grad_u[part] = entering * dt[part]
            ask *= decay
            carry = ask[0].clone()
            ask[1:] *= states[:-1]
            ask[0] *= h
            grad_A += (ask * dt[part].unsqueeze(-1)).sum((0, 1))
            grad_dt[part] = (ask * A).sum(-1) + entering * u[part]
    return grad_dt, grad_A, grad_B, grad_C, grad_u


def _states(h: Tensor, dt: Tensor, A: Tensor, B: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """States after each step of a block that starts from ``h``, and the decay of each step."""
    decay = torch.exp(dt.unsqueeze(-1) * A)
    states = (dt * u).unsqueeze(-1) * B.unsqueeze(-2)
    for k in range(len(states)):
        h = states[k].addcmul_(h, decay[k])
    return states, decay


def _steps(dt: Tensor, A: Tensor) -> tuple[int, int]:
    """Steps formed together, and steps between kept states (a multiple of the former)."""
    length = len(dt)
    if torch.compiler.is_compiling():  # the batch is symbolic there
        return length, length
    block = max(1, min(length, BLOCK_ENTRIES // max(1, dt[0].numel() * A.shape[1])))
    return block, block * math.ceil(math.sqrt(length) / block)


def _slices(start: int, stop: int, step: int) -> Iterator[slice]:
    return (slice(first, min(first + step, stop)) for first in range(start, stop, step))
