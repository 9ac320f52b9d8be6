"""Normalisation of windows, a part of the graph so that it is exported with it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ohlcvml._checks import check_value, integer, one_of

_LIMIT = 10.0


class WindowScale(nn.Module):
    """Windows minus centre over scale, limited to 10 in size.

    Parameters
    ----------
    n_channels : int
        Channels of a window.
    normalize : {"channel", "window"} or None, default="channel"
        "channel": by ``center`` and ``scale``, of shape (n_channels,), which :meth:`learn` sets.
        "window": by mean and deviation of each channel within each window. None: unchanged.

    Attributes
    ----------
    config : dict

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import WindowScale
    >>> WindowScale(1, "window")(torch.tensor([[[1.0, 2.0, 3.0]]])).round(decimals=2)
    tensor([[[-1.2200,  0.0000,  1.2200]]])
    """

    center: Tensor
    scale: Tensor

    def __init__(self, n_channels: int, normalize: str | None = "channel") -> None:
        super().__init__()
        check_value("WindowScale", "n_channels", integer(1), n_channels)
        check_value("WindowScale", "normalize", one_of("channel", "window", None), normalize)
        self.config = {"n_channels": n_channels, "normalize": normalize}
        self.normalize = normalize
        self.register_buffer("center", torch.zeros(n_channels))
        self.register_buffer("scale", torch.ones(n_channels))

    def learn(self, center: Tensor, scale: Tensor) -> None:
        """Set centre and scale; a channel that never moves is only centred."""
        self.center.copy_(center)
        self.scale.copy_(torch.where(scale > 0, scale, torch.ones_like(scale)))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise windows ``(B, n_channels, L)``."""
        if self.normalize is None:
            return x
        if self.normalize == "channel":
            scaled = (x - self.center[:, None]).div_(self.scale[:, None])
        else:
            center = x.mean(-1, keepdim=True)
            apart = x - center
            deviation = apart.square().mean(-1, keepdim=True).sqrt()
            # Rounding leaves a still channel a deviation of some 1e-7 of its level.
            moves = deviation > 1e-6 * (center.abs() + 1e-30)
            scaled = torch.where(moves, apart / deviation.clamp_min(1e-30), torch.zeros_like(x))
        return scaled.clamp_(-_LIMIT, _LIMIT)
