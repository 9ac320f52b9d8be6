"""DLinear: two linear maps, of a moving average and of the rest."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, pad

from ohlcvml._checks import boolean, integer
from ohlcvml.models.neural.networks._base import Network


class DLinearNetwork(Network):
    """Decomposition and one linear map each: ``trend @ A + rest @ B`` for every channel.

    The trend is a moving average centred on its step, with the window's first and last value
    repeated beyond its ends; so it looks to both sides within the window and never beyond its
    newest bar. The embedding is the forecast of every channel, ``prediction_length`` steps
    each, channel
    by channel: ``n_features = n_channels * prediction_length``. Channels meet in the heads only.

    Parameters
    ----------
    n_channels : int
        Channels of a window.
    window : int
        Bars of a window.
    prediction_length : int, default=8
        Steps forecast for each channel.
    moving_avg : int, default=25
        Steps of the moving average; an even number takes one step more of what came before.
    individual : bool, default=False
        Maps of its own for each channel, instead of one pair shared by all.

    Notes
    -----
    Zeng, Chen, Zhang and Xu (2023), Are transformers effective for time series forecasting?, AAAI,
    arXiv:2205.13504.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import DLinearNetwork
    >>> network = DLinearNetwork(n_channels=5, window=32, prediction_length=4).eval()
    >>> network(torch.zeros(4, 5, 32)).shape
    torch.Size([4, 20])
    """

    _parameter_rules = {
        "prediction_length": integer(1),
        "moving_avg": integer(1),
        "individual": boolean(),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        prediction_length: int = 8,
        moving_avg: int = 25,
        individual: bool = False,
    ) -> None:
        super().__init__(
            n_channels,
            window,
            prediction_length=prediction_length,
            moving_avg=moving_avg,
            individual=individual,
        )
        self.n_features = n_channels * prediction_length
        pairs = n_channels if individual else 1
        self.trend = nn.ModuleList(nn.Linear(window, prediction_length) for _ in range(pairs))
        self.seasonal = nn.ModuleList(nn.Linear(window, prediction_length) for _ in range(pairs))

    def decompose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Moving average and the rest, each ``(B, n_channels, window)``."""
        size = self.config["moving_avg"]
        trend = avg_pool1d(pad(x, (size // 2, (size - 1) // 2), mode="replicate"), size, stride=1)
        return trend, x - trend

    def forward(self, x: Tensor) -> Tensor:
        """Embed windows: ``(B, n_channels, window)`` to ``(B, n_channels * prediction_length)``."""
        self._check_windows(x)
        trend, rest = self.decompose(x)
        if not self.config["individual"]:
            return cast(Tensor, self.trend[0](trend) + self.seasonal[0](rest)).flatten(1)
        forecasts = [
            self.trend[channel](trend[:, channel]) + self.seasonal[channel](rest[:, channel])
            for channel in range(x.shape[1])
        ]
        return torch.cat(forecasts, dim=1)
