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

__all__ = ["sample_tokens"]


def sample_tokens(
    model: Any,
    past: tuple[Tensor, Tensor],
    stamps: Tensor | None,
    uniforms: Tensor,
    temperature: float,
    top_p: float,
) -> tuple[Tensor, Tensor]:
    """Draw paths of tokens after one window.

    Parameters
    ----------
    model : sktime.libs.kronos.Kronos, in evaluation mode
    past : two int64 tensors of shape (1, length)
        Coarse and fine tokens of the window.
    stamps : float tensor of shape (1, length + n_steps, 5) or None
        Minute, hour, weekday, day and month of the window's bars and of those ahead.
    uniforms : float64 tensor of shape (n_paths, n_steps, 2)
        In [0, 1): what the draws are made of.
    temperature, top_p : float

    Returns
    -------
    two int64 tensors of shape (n_paths, n_steps)
    """
    n_paths, n_steps, _ = uniforms.shape
    length = past[0].shape[1]
    layers = [_Attention(block.self_attn) for block in model.transformer]
    x = model.embedding([past[0], past[1]])
    if stamps is not None:
        x = x + model.time_emb(stamps[:, :length])
    for block, layer in zip(model.transformer, layers, strict=True):
        x = x + layer.read(block.norm1(x))
        x = x + block.ffn(block.norm2(x))
    hidden = model.norm(x)
    sibling = _Dependency(model.dep_layer, hidden[0])
    now = hidden[:, -1].expand(n_paths, -1)
    coarse, fine = [], []
    for step in range(n_steps):
        first = draw(model.head(now), uniforms[:, step, 0], temperature, top_p)
        second_logits = model.head.cond_forward(sibling.condition(now, model.embedding, first))
        second = draw(second_logits, uniforms[:, step, 1], temperature, top_p)
        coarse.append(first)
        fine.append(second)
        if step + 1 == n_steps:
            break
        x = model.embedding([first[:, None], second[:, None]])
        if stamps is not None:
            x = x + model.time_emb(stamps[:, length + step : length + step + 1])
        for block, layer in zip(model.transformer, layers, strict=True):
            x = x + layer.append(block.norm1(x), length + step)
            x = x + block.ffn(block.norm2(x))
        now = model.norm(x)[:, 0]
        sibling.append(now)
    return torch.stack(coarse, dim=1), torch.stack(fine, dim=1)


def draw(logits: Tensor, uniforms: Tensor, temperature: float, top_p: float) -> Tensor:
    """Invert the distribution of the likeliest tokens that hold ``top_p`` of the mass.

    One number a row in [0, 1) decides, so a row's token depends on nothing but that row.
    """
    mass, order = torch.sort(
        torch.softmax(logits.double() / temperature, dim=-1), dim=-1, descending=True
    )
    reached = torch.cumsum(mass, dim=-1)
    mass = torch.where(reached - mass <= top_p, mass, 0.0)  # the token that crosses is kept
    reached = torch.cumsum(mass, dim=-1)
    wanted = uniforms[:, None] * reached[:, -1:]
    place = torch.searchsorted(reached, wanted, right=True)
    last = (mass > 0).sum(dim=-1, keepdim=True) - 1  # rounding may pass the end
    return torch.gather(order, 1, torch.minimum(place, last))[:, 0]


class _Attention:
    """One layer's causal self-attention: over the shared past, then one bar at a time."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.keys: list[Tensor] = []  # of the bars drawn, each (n_paths, heads, 1, width)
        self.values: list[Tensor] = []

    def read(self, x: Tensor) -> Tensor:
        """The past: (1, length, d) to (1, length, d)."""
        query, key, value = self._project(x, 0)
        self.past_key, self.past_value = key[0], value[0]  # (heads, length, width)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self._out(seen)

    def append(self, x: Tensor, position: int) -> Tensor:
        """One bar of every path: (n_paths, 1, d) to (n_paths, 1, d)."""
        query, key, value = self._project(x, position)
        self.keys.append(key)
        self.values.append(value)
        return self._out(_attend(query, self.past_key, self.past_value, self.keys, self.values))

    def _project(self, x: Tensor, position: int) -> tuple[Tensor, Tensor, Tensor]:
        module = self.module
        shape = (*x.shape[:2], module.n_heads, module.head_dim)
        query, key, value = (
            part(x).view(shape).transpose(1, 2)
            for part in (module.q_proj, module.k_proj, module.v_proj)
        )
        frequency = module.rotary.inv_freq
        at = torch.arange(position, position + x.shape[1], device=x.device).type_as(frequency)
        angle = torch.outer(at, frequency)
        angle = torch.cat([angle, angle], dim=-1)
        return _rotate(module, query, angle), _rotate(module, key, angle), value

    def _out(self, seen: Tensor) -> Tensor:
        rows, _, length, _ = seen.shape
        return self.module.out_proj(seen.transpose(1, 2).reshape(rows, length, -1))


class _Dependency:
    """The layer that tells the fine token of the coarse one; its attention knows no positions."""

    def __init__(self, layer: Any, hidden: Tensor) -> None:
        self.layer, self.attention = layer, layer.cross_attn
        self.past_key = self._heads(self.attention.k_proj(hidden)).transpose(0, 1)
        self.past_value = self._heads(self.attention.v_proj(hidden)).transpose(0, 1)
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def append(self, now: Tensor) -> None:
        """Add one bar's states, (n_paths, d)."""
        self.keys.append(self._heads(self.attention.k_proj(now))[:, :, None])
        self.values.append(self._heads(self.attention.v_proj(now))[:, :, None])

    def condition(self, now: Tensor, embedding: Any, coarse: Tensor) -> Tensor:
        """States from which the fine token is read, (n_paths, d)."""
        asked = self._heads(self.attention.q_proj(embedding.emb_s1(coarse)))[:, :, None]
        seen = _attend(asked, self.past_key, self.past_value, self.keys, self.values)
        return self.layer.norm(now + self.attention.out_proj(seen[:, :, 0].flatten(1)))

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(len(x), self.attention.n_heads, self.attention.head_dim)


def _attend(
    query: Tensor, past_key: Tensor, past_value: Tensor, keys: list[Tensor], values: list[Tensor]
) -> Tensor:
    """Attention of one bar of every path, (n_paths, heads, 1, width), over past and own bars.

    The past is one matrix for all paths: it is never copied for each.
    """
    scale = 1 / math.sqrt(query.shape[-1])
    by_head = query[:, :, 0].transpose(0, 1)  # (heads, n_paths, width)
    scores = (by_head @ past_key.transpose(1, 2)).transpose(0, 1)[:, :, None] * scale
    length = past_key.shape[1]
    if keys:
        own = query @ torch.cat(keys, dim=2).transpose(2, 3) * scale
        scores = torch.cat([scores, own], dim=-1)
    weight = torch.softmax(scores, dim=-1)
    seen = (weight[:, :, 0, :length].transpose(0, 1) @ past_value).transpose(0, 1)[:, :, None]
    if keys:
        seen = seen + weight[..., length:] @ torch.cat(values, dim=2)
    return seen


def _rotate(module: Any, x: Tensor, angle: Tensor) -> Tensor:
    return x * angle.cos() + module.rotary._rotate_half(x) * angle.sin()
