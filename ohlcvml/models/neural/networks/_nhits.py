"""N-HiTS: coarse stacks first, each interpolated from few knots."""

from __future__ import annotations

import numpy as np

from ohlcvml._checks import Rule, check_value, each, integer
from ohlcvml.models.neural.networks._doubly_residual import BasisBlock, DoublyResidual
from ohlcvml.typing import FloatArray


class NHITSNetwork(DoublyResidual):
    """Hierarchical interpolation by doubly residual blocks; the embedding is the forecast.

    A stack pools the window (the maximum of every ``pool_sizes`` bars), and places knots,
    ``n_freq_downsample`` steps to a knot, between which its account of the past and its forecast
    run in straight lines. What a stack explains of the past is taken off before the next, finer
    stack. :meth:`components` gives the forecast of each. Every bar of the window is seen.

    The paper has one series. Here a block reads all channels and has knots for each, so channels
    inform each other; one channel is the paper's network. The embedding is the forecast of every
    channel, channel by channel: ``n_features = n_channels * prediction_length``.

    Parameters
    ----------
    n_channels : int
        Channels of a window.
    window : int
        Bars of a window.
    prediction_length : int, default=8
        Steps forecast for each channel.
    pool_sizes : tuple of int, default=(8, 4, 2)
        Bars pooled by each stack, the coarse stacks first as in the paper.
    n_freq_downsample : tuple of int, default=(8, 4, 2)
        Steps to a knot in each stack, the inverse of the paper's expressiveness ratio. Of H steps
        ``ceil(H / n)`` are knots, evenly spaced from the first step to the last; a single knot is
        a constant.
    hidden_size : int, default=64
        Units of a hidden layer.
    n_layers : int, default=2
        Hidden layers of a block.
    n_blocks : int, default=1
        Blocks of each stack.

    Notes
    -----
    Challu et al. (2023), N-HiTS: neural hierarchical interpolation for time series forecasting,
    AAAI, arXiv:2201.12886.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import NHITSNetwork
    >>> network = NHITSNetwork(n_channels=5, window=32, prediction_length=6, hidden_size=16).eval()
    >>> network(torch.zeros(4, 5, 32)).shape
    torch.Size([4, 30])
    >>> list(network.components(torch.zeros(4, 5, 32)))
    ['stack_1', 'stack_2', 'stack_3']
    """

    _parameter_rules = {
        "prediction_length": integer(1),
        "pool_sizes": each(integer(1)),
        "n_freq_downsample": each(integer(1)),
        "hidden_size": integer(1),
        "n_layers": integer(1),
        "n_blocks": integer(1),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        prediction_length: int = 8,
        pool_sizes: tuple[int, ...] = (8, 4, 2),
        n_freq_downsample: tuple[int, ...] = (8, 4, 2),
        hidden_size: int = 64,
        n_layers: int = 2,
        n_blocks: int = 1,
    ) -> None:
        super().__init__(
            n_channels,
            window,
            prediction_length=prediction_length,
            pool_sizes=pool_sizes,
            n_freq_downsample=n_freq_downsample,
            hidden_size=hidden_size,
            n_layers=n_layers,
            n_blocks=n_blocks,
        )
        stacks = len(pool_sizes)
        same = Rule(f"as long as 'pool_sizes' ({stacks})", lambda v: len(v) == stacks)
        remedy = "Give each stack one of both."
        check_value("NHITSNetwork", "n_freq_downsample", same, n_freq_downsample, remedy)
        for stack, (pool, rate) in enumerate(
            zip(pool_sizes, n_freq_downsample, strict=True), start=1
        ):
            blocks = [
                BasisBlock(
                    n_channels,
                    _interpolation(-(-window // rate), window),
                    _interpolation(-(-prediction_length // rate), prediction_length),
                    hidden_size=hidden_size,
                    n_layers=n_layers,
                    pool=pool,
                    explains_past=stack < stacks or number + 1 < n_blocks,
                )
                for number in range(n_blocks)
            ]
            self._stack(f"stack_{stack}", blocks)


def _interpolation(n_knots: int, n_steps: int) -> FloatArray:
    """Weight of each knot (row) at each step (column), in straight lines between knots."""
    knots = np.linspace(0.0, n_steps - 1.0, n_knots)
    steps = np.arange(n_steps, dtype=np.float64)
    return np.stack([np.interp(steps, knots, unit) for unit in np.eye(n_knots)])
