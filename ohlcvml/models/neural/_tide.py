"""Time-series dense encoder over windows of features."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import boolean, instance_of, integer, real
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions


class TiDEClassifier(BaseNeuralClassifier):
    """Residual perceptrons over the last ``window`` bars of features.

    Row t sees the features of bars t - window + 1 to t. The first feature is the series itself and
    enters as it is; the others are its covariates, which one perceptron condenses to
    ``temporal_width`` numbers a bar. So the order of the features matters: put the return first.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    hidden_size : int, default=64
        Units of every hidden layer and of the encoding.
    n_layers : int, default=2
        Residual perceptrons of the encoder.
    temporal_width : int, default=4
        Numbers to which a bar's covariates are condensed.
    dropout : float in [0, 1], default=0.1
        Share of units dropped in training.
    layer_norm : bool, default=True
        Normalise what leaves each residual perceptron.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights, order and dropout.

    Attributes
    ----------
    network_ : TiDENetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Das et al. (2023), Long-term forecasting with TiDE: time-series dense encoder, Transactions on
    Machine Learning Research, arXiv:2304.08424.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import TiDEClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> tide = TiDEClassifier(window=16, hidden_size=8, training=TrainingOptions(max_epochs=2))
    >>> model = (ReturnFeatures() + MomentumFeatures()) * tide
    >>> model.fit(bars, labels).predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    """

    _tags = {"model_family": "mlp"}
    _network_name = "TiDENetwork"
    _parameter_rules = {
        "window": integer(1),
        "hidden_size": integer(1),
        "n_layers": integer(1),
        "temporal_width": integer(1),
        "dropout": real(0.0, 1.0),
        "layer_norm": boolean(),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        hidden_size: int = 64,
        n_layers: int = 2,
        temporal_width: int = 4,
        dropout: float = 0.1,
        layer_norm: bool = True,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.temporal_width = temporal_width
        self.dropout = dropout
        self.layer_norm = layer_norm
        self.training = training
        self.random_state = random_state
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small networks."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=32, normalize="window")
        return [
            {"window": 8, "hidden_size": 4, "training": quick},
            {
                "window": 6,
                "hidden_size": 6,
                "n_layers": 1,
                "temporal_width": 2,
                "dropout": 0.3,
                "layer_norm": False,
                "training": other,
                "random_state": 1,
            },
        ]
