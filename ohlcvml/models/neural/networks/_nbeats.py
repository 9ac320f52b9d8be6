"""N-BEATS, the readable configuration: a trend stack and a seasonality stack."""

from __future__ import annotations

import numpy as np

from ohlcvml._checks import boolean, integer
from ohlcvml.models.neural.networks._doubly_residual import BasisBlock, DoublyResidual
from ohlcvml.typing import FloatArray


class NBEATSNetwork(DoublyResidual):
    """Basis expansion by doubly residual blocks; the embedding is the forecast.

    Two stacks, trend then seasonality. A block is a perceptron over what the earlier blocks left
    of the window; it weighs fixed curves (powers of time, or sines and cosines of it) to explain
    the past, which is taken off, and to forecast, which is added up. :meth:`components` gives the
    forecast of each stack. Every bar of the window is seen.

    The paper has one series. Here a block reads all channels and has coefficients for each, so
    channels inform each other; one channel is the paper's network. The embedding is the forecast
    of every channel, channel by channel: ``n_features = n_channels * prediction_length``.

    Parameters
    ----------
    n_channels : int
        Channels of a window.
    window : int
        Bars of a window.
    prediction_length : int, default=8
        Steps forecast for each channel; at least 4, the shortest with a wave in it.
    hidden_size : int, default=64
        Units of a hidden layer.
    n_layers : int, default=4
        Hidden layers of a block.
    n_blocks : int, default=3
        Blocks of each stack.
    polynomial_degree : int, default=2
        Highest power of time in the trend.
    share_weights : bool, default=True
        The blocks of a stack are one block run several times, as in the paper's readable
        configuration.

    Notes
    -----
    Oreshkin, Carpov, Chapados and Bengio (2020), N-BEATS: neural basis expansion analysis for
    interpretable time series forecasting, ICLR, arXiv:1905.10437. The seasonality has periods
    ``prediction_length / i``, i from 1 below ``prediction_length / 2``, and a
    constant; the sine of i = 0, zero throughout, is left out.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import NBEATSNetwork
    >>> network = NBEATSNetwork(n_channels=5, window=32, prediction_length=6, hidden_size=16).eval()
    >>> network(torch.zeros(4, 5, 32)).shape
    torch.Size([4, 30])
    >>> {name: part.shape for name, part in network.components(torch.zeros(4, 5, 32)).items()}
    {'trend': torch.Size([4, 5, 6]), 'seasonality': torch.Size([4, 5, 6])}
    """

    _parameter_rules = {
        "prediction_length": integer(4),
        "hidden_size": integer(1),
        "n_layers": integer(1),
        "n_blocks": integer(1),
        "polynomial_degree": integer(0),
        "share_weights": boolean(),
    }

    def __init__(
        self,
        n_channels: int,
        window: int,
        *,
        prediction_length: int = 8,
        hidden_size: int = 64,
        n_layers: int = 4,
        n_blocks: int = 3,
        polynomial_degree: int = 2,
        share_weights: bool = True,
    ) -> None:
        super().__init__(
            n_channels,
            window,
            prediction_length=prediction_length,
            hidden_size=hidden_size,
            n_layers=n_layers,
            n_blocks=n_blocks,
            polynomial_degree=polynomial_degree,
            share_weights=share_weights,
        )
        past, future = np.arange(-window, 0.0), np.arange(prediction_length, dtype=np.float64)
        bases = {
            "trend": (
                _powers(past / window, polynomial_degree),
                _powers(future / prediction_length, polynomial_degree),
            ),
            "seasonality": (_waves(past, prediction_length), _waves(future, prediction_length)),
        }
        distinct = 1 if share_weights else n_blocks
        for name, (past_basis, forecast_basis) in bases.items():
            blocks = []
            for number in range(distinct):
                last = name == "seasonality" and number + 1 == distinct
                blocks.append(
                    BasisBlock(
                        n_channels,
                        past_basis,
                        forecast_basis,
                        hidden_size=hidden_size,
                        n_layers=n_layers,
                        explains_past=not last or n_blocks > distinct,
                    )
                )
            self._stack(name, blocks, repeats=n_blocks // distinct)


def _powers(time: FloatArray, degree: int) -> FloatArray:
    """1, t, …, t^degree as rows."""
    return np.stack([time**power for power in range(degree + 1)])


def _waves(steps: FloatArray, period: int) -> FloatArray:
    """A constant, then cosines and sines of 1, 2, … turns a period, below half of it, as rows."""
    turns = np.arange(1, period // 2)[:, None] * (2.0 * np.pi * steps / period)
    return np.concatenate([np.ones((1, len(steps))), np.cos(turns), np.sin(turns)])
