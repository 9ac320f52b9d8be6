"""iTransformer over windows of features."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import instance_of, integer, real
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions
from ohlcvml.models.neural._widths import check_heads


class ITransformerClassifier(BaseNeuralClassifier):
    """Transformer whose tokens are the features, each with its last ``window`` bars.

    Row t sees the features of bars t - window + 1 to t: one linear map takes a feature's window to
    its token, and tokens attend to one another. Cheap in the window, and quadratic in the number of
    features, whose order does not matter to the network.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    d_model : int, default=128
        Width of a token.
    n_heads : int, default=4
        Attention heads; divides ``d_model``.
    n_layers : int, default=2
        Encoder layers.
    d_ff : int, default=128
        Width of the feed-forward parts.
    dropout : float in [0, 1], default=0.1
        Share dropped in training.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop. The paper's normalisation is ``normalize="window"``.
    random_state : int, default=0
        Seed of first weights, order and dropout.

    Attributes
    ----------
    network_ : ITransformerNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Liu et al. (2024), iTransformer: Inverted Transformers Are Effective for Time Series
    Forecasting.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import ITransformerClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> small = {"window": 16, "d_model": 8, "n_heads": 2, "d_ff": 8}
    >>> inverted = ITransformerClassifier(training=TrainingOptions(max_epochs=2), **small)
    >>> model = ((ReturnFeatures() + MomentumFeatures()) * inverted).fit(bars, labels)
    >>> model.predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    """

    _tags = {"model_family": "transformer"}
    _network_name = "ITransformerNetwork"
    _parameter_rules = {
        "window": integer(1),
        "d_model": integer(1),
        "n_heads": integer(1),
        "n_layers": integer(1),
        "d_ff": integer(1),
        "dropout": real(0.0, 1.0),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        d_model: int = 128,
        n_heads: int = 4,
        n_layers: int = 2,
        d_ff: int = 128,
        dropout: float = 0.1,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.d_model = d_model
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.d_ff = d_ff
        self.dropout = dropout
        self.training = training
        self.random_state = random_state
        super().__init__()

    def __post_init__(self) -> None:
        """Check the parameters against their rules and one another."""
        super().__post_init__()
        check_heads(type(self).__name__, self.d_model, self.n_heads)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small networks."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=64, normalize="window")
        return [
            {
                "window": 8,
                "d_model": 8,
                "n_heads": 2,
                "n_layers": 1,
                "d_ff": 4,
                "training": quick,
            },
            {
                "window": 6,
                "d_model": 4,
                "n_heads": 1,
                "n_layers": 2,
                "d_ff": 6,
                "dropout": 0.3,
                "training": other,
                "random_state": 1,
            },
        ]
