"""Long short-term memory over windows of features."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import instance_of, integer, real
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions


class LSTMClassifier(BaseNeuralClassifier):
    """Stacked LSTM, one direction, over the last ``window`` bars of features.

    Row t sees the features of bars t - window + 1 to t. The top layer's state at bar t is what the
    heads read.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    hidden_size : int, default=64
        Units of a layer.
    n_layers : int, default=2
        Stacked layers.
    dropout : float in [0, 1], default=0.1
        Share of units dropped between layers in training.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights, order and dropout.

    Attributes
    ----------
    network_ : LSTMNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Hochreiter and Schmidhuber (1997), Long short-term memory, Neural Computation 9(8).

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import LSTMClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> lstm = LSTMClassifier(window=16, hidden_size=8, training=TrainingOptions(max_epochs=2))
    >>> model = (ReturnFeatures() + MomentumFeatures()) * lstm
    >>> model = model.fit(bars, labels)
    >>> model.predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    >>> model.predict_quantiles(bars, (0.1, 0.9)).columns.tolist()
    [0.1, 0.9]
    """

    _tags = {"model_family": "recurrent"}
    _network_name = "LSTMNetwork"
    _parameter_rules = {
        "window": integer(1),
        "hidden_size": integer(1),
        "n_layers": integer(1),
        "dropout": real(0.0, 1.0),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        hidden_size: int = 64,
        n_layers: int = 2,
        dropout: float = 0.1,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.dropout = dropout
        self.training = training
        self.random_state = random_state
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small networks."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=32, normalize="window", return_weight=0.0)
        return [
            {"window": 8, "hidden_size": 4, "training": quick},
            {
                "window": 5,
                "hidden_size": 6,
                "n_layers": 1,
                "dropout": 0.3,
                "training": other,
                "random_state": 1,
            },
        ]
