"""DLinear over windows of features."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import boolean, instance_of, integer
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions


class DLinearClassifier(BaseNeuralClassifier):
    """Two linear maps, of moving averages and of the rest, over the last ``window`` bars.

    Row t sees the features of bars t - window + 1 to t. The moving average is centred on its step
    and looks to both sides within the window, never beyond its newest bar. The maps give
    ``prediction_length`` numbers for each feature: in the paper the forecast of its next steps,
    here what the heads read: the class scores are linear in the window.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    prediction_length : int, default=8
        Numbers the maps give for each feature.
    moving_avg : int, default=25
        Bars of the moving average.
    individual : bool, default=False
        Maps of its own for each feature, instead of one pair shared by all.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights and order.

    Attributes
    ----------
    network_ : DLinearNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Zeng, Chen, Zhang and Xu (2023), Are transformers effective for time series forecasting?, AAAI,
    arXiv:2205.13504.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import DLinearClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> dlinear = DLinearClassifier(window=16, training=TrainingOptions(max_epochs=2))
    >>> model = (ReturnFeatures() + MomentumFeatures()) * dlinear
    >>> model.fit(bars, labels).predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    """

    _tags = {"model_family": "mlp"}
    _network_name = "DLinearNetwork"
    _parameter_rules = {
        "window": integer(1),
        "prediction_length": integer(1),
        "moving_avg": integer(1),
        "individual": boolean(),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        prediction_length: int = 8,
        moving_avg: int = 25,
        individual: bool = False,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.prediction_length = prediction_length
        self.moving_avg = moving_avg
        self.individual = individual
        self.training = training
        self.random_state = random_state
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Shared maps, and maps of each feature."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=32, normalize="window")
        return [
            {"window": 8, "prediction_length": 2, "moving_avg": 3, "training": quick},
            {
                "window": 6,
                "prediction_length": 3,
                "moving_avg": 4,
                "individual": True,
                "training": other,
                "random_state": 1,
            },
        ]
