"""InceptionTime over windows of features."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import each, instance_of, integer, odd
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions


class InceptionTimeClassifier(BaseNeuralClassifier):
    """Convolutions of several lengths side by side over the last ``window`` bars of features.

    Row t sees the features of bars t - window + 1 to t. Convolutions look to both sides within the
    window, whose bars are all known at its newest; the heads read the mean over its steps, so they
    know what happened in the window, but little about when. One network: the paper averages the
    answers of five that differ in their seed.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    n_filters : int, default=16
        Filters of each branch of a module. The paper has 32.
    n_layers : int, default=6
        Inception modules; every third is bridged by a residual connection.
    bottleneck_size : int, default=32
        Channels between a module's input and its convolutions.
    kernel_sizes : tuple of odd int, default=(39, 19, 9)
        Bars read by the convolutions of a module. The paper has 40, 20 and 10; odd lengths look
        as far to either side.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights and order.

    Attributes
    ----------
    network_ : InceptionTimeNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Fawaz et al. (2020), InceptionTime: finding AlexNet for time series classification, Data Mining
    and Knowledge Discovery 34, arXiv:1909.04939.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import InceptionTimeClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> quick = TrainingOptions(max_epochs=2)
    >>> inception = InceptionTimeClassifier(window=16, n_filters=4, n_layers=3, training=quick)
    >>> model = (ReturnFeatures() + MomentumFeatures()) * inception
    >>> model.fit(bars, labels).predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    """

    _tags = {"model_family": "convolutional"}
    _network_name = "InceptionTimeNetwork"
    _parameter_rules = {
        "window": integer(1),
        "n_filters": integer(1),
        "n_layers": integer(1),
        "bottleneck_size": integer(1),
        "kernel_sizes": each(odd()),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        n_filters: int = 16,
        n_layers: int = 6,
        bottleneck_size: int = 32,
        kernel_sizes: tuple[int, ...] = (39, 19, 9),
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.n_filters = n_filters
        self.n_layers = n_layers
        self.bottleneck_size = bottleneck_size
        self.kernel_sizes = kernel_sizes
        self.training = training
        self.random_state = random_state
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """A network with a residual connection, and one without."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=32, normalize="window")
        return [
            {
                "window": 8,
                "n_filters": 2,
                "n_layers": 3,
                "bottleneck_size": 3,
                "kernel_sizes": (5, 3),
                "training": quick,
            },
            {
                "window": 6,
                "n_filters": 3,
                "n_layers": 1,
                "bottleneck_size": 5,
                "kernel_sizes": (7, 3),
                "training": other,
                "random_state": 1,
            },
        ]
