"""Sampling bars from Kronos: the past is read once, the paths share it.

``sktime.libs.kronos`` holds the network and a sampler of its own, which reads the whole past again
for every path and every step, draws from torch's global generator and returns the mean of its
paths. Here the library's modules are called one bar at a time; what attention needs of the past
(keys and values) is kept. The arithmetic is the same: a test compares the two, greedy.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def sample_tokens(
    model: Any,
    past: tuple[Tensor, Tensor],
    stamps: Tensor | None,
    uniforms: Tensor,
    temperature: float,
    top_p: float,
) -> tuple[Tensor, Tensor]:
    """Draw paths of tokens after each window.

    Parameters
    ----------
    model : sktime.libs.kronos.Kronos, in evaluation mode
    past : two int64 tensors of shape (n_windows, length)
        Coarse and fine tokens.
    stamps : float tensor of shape (n_windows, length + n_steps, 5) or None
        Minute, hour, weekday, day and month of the windows' bars and of those ahead.
    uniforms : float64 tensor of shape (n_paths, n_steps, 2)
        In [0, 1): what the draws of every window are made of.
    temperature, top_p : float

    Returns
    -------
    two int64 tensors of shape (n_windows, n_paths, n_steps)
    """
    n_paths, n_steps, _ = uniforms.shape
    length = past[0].shape[1]
    blocks = _Blocks(model.transformer)
    x = model.embedding([past[0], past[1]])
    if stamps is not None:
        x = x + model.time_emb(stamps[:, :length])
    hidden = model.norm(blocks.read(x))
    sibling = _Dependency(model.dep_layer, hidden)
    now = hidden[:, -1:].expand(-1, n_paths, -1)  # (n_windows, n_paths, d) from here on
    coarse, fine = [], []
    for step in range(n_steps):
        first = draw(model.head(now), uniforms[:, step, 0], temperature, top_p)
        second_logits = model.head.cond_forward(sibling.condition(now, model.embedding, first))
        second = draw(second_logits, uniforms[:, step, 1], temperature, top_p)
        coarse.append(first)
        fine.append(second)
        if step + 1 == n_steps:
            break
        x = model.embedding([first, second])
        if stamps is not None:
            x = x + model.time_emb(stamps[:, length + step : length + step + 1])
        now = model.norm(blocks.append(x, length + step))
        sibling.append(now)
    return torch.stack(coarse, dim=2), torch.stack(fine, dim=2)


def decode_closes(
    tokenizer: Any, past: tuple[Tensor, Tensor], drawn: tuple[Tensor, Tensor]
) -> Tensor:
    """Standardised closes of drawn tokens, (n_windows, n_paths, n_steps).

    What ``tokenizer.decode`` tells of past and drawn bars together, the past decoded once.
    """
    blocks = _Blocks(tokenizer.decoder)
    blocks.read(_embedded(tokenizer, *past))
    length, closes = past[0].shape[1], []
    for step, tokens in enumerate(zip(*(part.unbind(2) for part in drawn), strict=True)):
        x = blocks.append(_embedded(tokenizer, *tokens), length + step)
        closes.append(tokenizer.head(x)[..., 3])
    return torch.stack(closes, dim=2)


def _embedded(tokenizer: Any, coarse: Tensor, fine: Tensor) -> Tensor:
    return tokenizer.post_quant_embed(tokenizer.indices_to_bits([coarse, fine], half=True))


def draw(logits: Tensor, uniforms: Tensor, temperature: float, top_p: float) -> Tensor:
    """Invert the distribution of the likeliest tokens that hold ``top_p`` of the mass.

    One number of each path in [0, 1) decides, so a path's token depends on nothing but that path.
    Shapes (n_windows, n_paths, n_tokens) and (n_paths,) to (n_windows, n_paths).
    """
    mass, order = torch.sort(
        torch.softmax(logits.double() / temperature, dim=-1), dim=-1, descending=True
    )
    reached = torch.cumsum(mass, dim=-1)
    mass = torch.where(reached - mass <= top_p, mass, 0.0)  # the token that crosses is kept
    reached = torch.cumsum(mass, dim=-1)
    wanted = uniforms[:, None] * reached[..., -1:]
    place = torch.searchsorted(reached, wanted, right=True)
    last = (mass > 0).sum(dim=-1, keepdim=True) - 1  # rounding may pass the end
    return torch.gather(order, -1, torch.minimum(place, last))[..., 0]


class _Blocks:
    """A stack of causal transformer blocks: over the past, then one bar of every path at a time."""

    def __init__(self, blocks: Any) -> None:
        self.blocks = [(block, _Attention(block.self_attn)) for block in blocks]

    def read(self, x: Tensor) -> Tensor:
        for block, attention in self.blocks:
            x = x + attention.read(block.norm1(x))
            x = x + block.ffn(block.norm2(x))
        return x

    def append(self, x: Tensor, position: int) -> Tensor:
        for block, attention in self.blocks:
            x = x + attention.append(block.norm1(x), position)
            x = x + block.ffn(block.norm2(x))
        return x


class _Attention:
    """One layer's causal self-attention: over the past, then one bar of every path at a time."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.own: list[tuple[Tensor, Tensor]] = []  # keys and values of the bars drawn

    def read(self, x: Tensor) -> Tensor:
        """The past: (n_windows, length, d) to the same."""
        at = torch.arange(x.shape[1], device=x.device)
        query, key, value = self._project(x, at)
        self.past = key, value  # (n_windows, heads, length, width)
        return self._out(F.scaled_dot_product_attention(query, key, value, is_causal=True))

    def append(self, x: Tensor, position: int) -> Tensor:
        """One bar of every path: (n_windows, n_paths, d) to the same."""
        query, key, value = self._project(x, torch.tensor([position], device=x.device))
        self.own.append((key, value))
        return self._out(_attend(query, self.past, self.own))

    def _project(self, x: Tensor, at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        module = self.module
        query, key, value = (
            _heads(module, part(x)) for part in (module.q_proj, module.k_proj, module.v_proj)
        )
        frequency = module.rotary.inv_freq
        angle = torch.outer(at.type_as(frequency), frequency)
        angle = torch.cat([angle, angle], dim=-1)
        return _rotate(module, query, angle), _rotate(module, key, angle), value

    def _out(self, seen: Tensor) -> Tensor:
        return self.module.out_proj(seen.transpose(1, 2).flatten(2))


class _Dependency:
    """The layer that tells the fine token of the coarse one; its attention knows no positions."""

    def __init__(self, layer: Any, hidden: Tensor) -> None:
        self.layer, self.attention = layer, layer.cross_attn
        self.past = self._known(hidden)
        self.own: list[tuple[Tensor, Tensor]] = []

    def append(self, now: Tensor) -> None:
        """Add one bar's states, (n_windows, n_paths, d)."""
        self.own.append(self._known(now))

    def condition(self, now: Tensor, embedding: Any, coarse: Tensor) -> Tensor:
        """States from which the fine token is read, (n_windows, n_paths, d)."""
        asked = _heads(self.attention, self.attention.q_proj(embedding.emb_s1(coarse)))
        seen = _attend(asked, self.past, self.own).transpose(1, 2).flatten(2)
        return self.layer.norm(now + self.attention.out_proj(seen))

    def _known(self, x: Tensor) -> tuple[Tensor, Tensor]:
        attention = self.attention
        return _heads(attention, attention.k_proj(x)), _heads(attention, attention.v_proj(x))


def _attend(query: Tensor, past: tuple[Tensor, Tensor], own: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Attention of one bar of every path, (n_windows, heads, n_paths, width).

    Over the past, one matrix for all paths of a window, and over each path's own bars.
    """
    past_key, past_value = past
    scores = query @ past_key.transpose(-1, -2)
    if own:
        keys = torch.stack([key for key, _ in own], dim=-2)  # (..., n_paths, bars, width)
        scores = torch.cat([scores, (keys @ query[..., None])[..., 0]], dim=-1)
    weight = torch.softmax(scores / math.sqrt(query.shape[-1]), dim=-1)
    length = past_key.shape[-2]
    seen = weight[..., :length] @ past_value
    if own:
        values = torch.stack([value for _, value in own], dim=-2)
        seen = seen + (weight[..., None, length:] @ values)[..., 0, :]
    return seen


def _heads(module: Any, x: Tensor) -> Tensor:
    """(n_windows, n, d) to (n_windows, heads, n, width)."""
    return x.reshape(*x.shape[:2], module.n_heads, module.head_dim).transpose(1, 2)


def _rotate(module: Any, x: Tensor, angle: Tensor) -> Tensor:
    return x * angle.cos() + module.rotary._rotate_half(x) * angle.sin()
