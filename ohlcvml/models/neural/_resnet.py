"""Residual convolutional network over windows of features."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import each, instance_of, integer
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions


class ResNet1DClassifier(BaseNeuralClassifier):
    """Residual blocks of convolutions over the last ``window`` bars of features.

    Row t sees the features of bars t - window + 1 to t. Convolutions look to both sides within the
    window, whose bars are all known at its newest; the heads read the mean over its steps, so they
    know what happened in the window, but little about when.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    n_filters : tuple of int, default=(32, 64, 64)
        Filters of each residual block. The paper has (64, 128, 128), three times the work.
    kernel_sizes : tuple of int, default=(8, 5, 3)
        Bars read by the convolutions of a block, in order.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights and order.

    Attributes
    ----------
    network_ : ResNet1DNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Wang, Yan and Oates (2017), Time series classification from scratch with deep neural networks: a
    strong baseline, IJCNN, arXiv:1611.06455.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import ResNet1DClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> quick = TrainingOptions(max_epochs=2)
    >>> resnet = ResNet1DClassifier(window=16, n_filters=(8, 16), training=quick)
    >>> model = (ReturnFeatures() + MomentumFeatures()) * resnet
    >>> model.fit(bars, labels).predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    """

    _tags = {"model_family": "convolutional"}
    _network_name = "ResNet1DNetwork"
    _parameter_rules = {
        "window": integer(1),
        "n_filters": each(integer(1)),
        "kernel_sizes": each(integer(1)),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        n_filters: tuple[int, ...] = (32, 64, 64),
        kernel_sizes: tuple[int, ...] = (8, 5, 3),
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.n_filters = n_filters
        self.kernel_sizes = kernel_sizes
        self.training = training
        self.random_state = random_state
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small networks."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=32, normalize="window")
        return [
            {"window": 8, "n_filters": (4, 4), "kernel_sizes": (4, 3), "training": quick},
            {
                "window": 6,
                "n_filters": (6, 8),
                "kernel_sizes": (3, 2),
                "training": other,
                "random_state": 1,
            },
        ]
