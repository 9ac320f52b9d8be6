"""N-BEATS over windows of features, with readable parts."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import boolean, instance_of, integer
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._components import StackComponents
from ohlcvml.models.neural._options import TrainingOptions


class NBEATSClassifier(StackComponents, BaseNeuralClassifier):
    """A trend stack and a seasonality stack over the last ``window`` bars of features.

    Row t sees the features of bars t - window + 1 to t. Each stack explains what it can of the
    window by its curves, powers of time or waves, hands on what is left, and gives
    ``prediction_length`` steps of such a curve for each feature: in the paper its forecast, here
    what the heads read. The curves are trained on the labels, not on the bars that follow. The
    scores are linear in the sum of the two curves, so :meth:`components` can say how much of each
    score comes from which.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    prediction_length : int, default=8
        Steps of a curve; at least 4, the shortest with a wave in it.
    hidden_size : int, default=256
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
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights and order.

    Attributes
    ----------
    network_ : NBEATSNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Oreshkin, Carpov, Chapados and Bengio (2020), N-BEATS: neural basis expansion analysis for
    interpretable time series forecasting, ICLR, arXiv:1905.10437.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import NBEATSClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> nbeats = NBEATSClassifier(window=16, hidden_size=8, training=TrainingOptions(max_epochs=2))
    >>> model = (ReturnFeatures() + MomentumFeatures()) * nbeats
    >>> model.fit(bars, labels).predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    >>> model.components(bars).columns.unique("component").tolist()
    ['level', 'trend', 'seasonality']
    """

    _tags = {"model_family": "mlp"}
    _network_name = "NBEATSNetwork"
    _parameter_rules = {
        "window": integer(1),
        "prediction_length": integer(4),
        "hidden_size": integer(1),
        "n_layers": integer(1),
        "n_blocks": integer(1),
        "polynomial_degree": integer(0),
        "share_weights": boolean(),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        prediction_length: int = 8,
        hidden_size: int = 256,
        n_layers: int = 4,
        n_blocks: int = 3,
        polynomial_degree: int = 2,
        share_weights: bool = True,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.prediction_length = prediction_length
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.n_blocks = n_blocks
        self.polynomial_degree = polynomial_degree
        self.share_weights = share_weights
        self.training = training
        self.random_state = random_state
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Blocks that share weights, and blocks of their own."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=32, normalize="window")
        return [
            {
                "window": 8,
                "prediction_length": 4,
                "hidden_size": 4,
                "n_layers": 2,
                "n_blocks": 2,
                "training": quick,
            },
            {
                "window": 6,
                "prediction_length": 5,
                "hidden_size": 6,
                "n_layers": 1,
                "n_blocks": 1,
                "polynomial_degree": 1,
                "share_weights": False,
                "training": other,
                "random_state": 1,
            },
        ]
