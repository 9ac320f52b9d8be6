"""Temporal convolutional network over windows of features."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import instance_of, integer, optional, real
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions


class TCNClassifier(BaseNeuralClassifier):
    """Causal dilated convolutions over the last ``window`` bars of features.

    Row t sees the features of bars t - window + 1 to t. Where the network reads no further back
    than its window (``n_layers=None`` sees to that) and inputs are not normalised per window, it is
    trained on stretches of bars and answers for all bars in one pass: each bar is convolved once,
    not once for every window it is in, and the answers are those of separate windows.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    n_filters : int, default=32
        Channels of every level.
    kernel_size : int, default=3
        Bars a convolution reads; at least 2.
    n_layers : int or None, default=None
        Residual blocks; None takes as many as the window has room for.
    dropout : float in [0, 1], default=0.1
        Share of channels dropped in training.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights, order and dropout.

    Attributes
    ----------
    network_ : TCNNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Bai, Kolter and Koltun (2018), An empirical evaluation of generic convolutional and recurrent
    networks for sequence modeling, arXiv:1803.01271.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import TCNClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> tcn = TCNClassifier(window=16, n_filters=8, training=TrainingOptions(max_epochs=2))
    >>> model = (ReturnFeatures() + MomentumFeatures()) * tcn
    >>> model.fit(bars, labels).predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    >>> model.classifier_.network_.receptive_field
    13
    """

    _tags = {"model_family": "convolutional"}
    _network_name = "TCNNetwork"
    _parameter_rules = {
        "window": integer(1),
        "n_filters": integer(1),
        "kernel_size": integer(2),
        "n_layers": optional(integer(1, 30)),
        "dropout": real(0.0, 1.0),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        n_filters: int = 32,
        kernel_size: int = 3,
        n_layers: int | None = None,
        dropout: float = 0.1,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.n_filters = n_filters
        self.kernel_size = kernel_size
        self.n_layers = n_layers
        self.dropout = dropout
        self.training = training
        self.random_state = random_state
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """A network that is trained on stretches, and one on windows."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=32, normalize="window")
        return [
            {"window": 8, "n_filters": 4, "training": quick},
            {
                "window": 6,
                "n_filters": 6,
                "kernel_size": 2,
                "n_layers": 2,
                "dropout": 0.3,
                "training": other,
                "random_state": 1,
            },
        ]
