"""Autoformer over windows of features."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import instance_of, integer, real
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions
from ohlcvml.models.neural._widths import check_heads


class AutoformerClassifier(BaseNeuralClassifier):
    """Decomposition and attention among lags over the last ``window`` bars of features.

    Row t sees the features of bars t - window + 1 to t. Moving averages are trailing, and each
    window chooses its own lags, by its own autocorrelation, in training as in prediction: the
    published code centres the average and lets a batch share one choice in training.

    The choice is a jump: two lags of all but equal strength may change places by rounding, and
    rounding depends on how many windows are computed at once.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    moving_avg : int, default=25
        Bars of the moving average.
    d_model : int, default=256
        Width of a bar's token.
    n_heads : int, default=8
        Heads, each with lags of its own; divides ``d_model``.
    n_layers : int, default=3
        Encoder layers.
    d_ff : int, default=1024
        Width of the feed-forward parts.
    factor : float, default=1.0
        A head takes factor · ln(window) lags, rounded down, at least one.
    dropout : float in [0, 1], default=0.1
        Share dropped in training.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights, order and dropout.

    Attributes
    ----------
    network_ : AutoformerNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Wu et al. (2021), Autoformer: Decomposition Transformers with Auto-Correlation for Long-Term
    Series Forecasting.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import AutoformerClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> small = {"window": 16, "d_model": 8, "n_heads": 2, "n_layers": 1, "d_ff": 8}
    >>> lags = AutoformerClassifier(training=TrainingOptions(max_epochs=2), **small)
    >>> model = ((ReturnFeatures() + MomentumFeatures()) * lags).fit(bars, labels)
    >>> model.predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    """

    _tags = {"model_family": "transformer"}
    _network_name = "AutoformerNetwork"
    _parameter_rules = {
        "window": integer(1),
        "moving_avg": integer(1),
        "d_model": integer(1),
        "n_heads": integer(1),
        "n_layers": integer(1),
        "d_ff": integer(1),
        "factor": real(0.0, open_low=True),
        "dropout": real(0.0, 1.0),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        moving_avg: int = 25,
        d_model: int = 256,
        n_heads: int = 8,
        n_layers: int = 3,
        d_ff: int = 1024,
        factor: float = 1.0,
        dropout: float = 0.1,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.moving_avg = moving_avg
        self.d_model = d_model
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.d_ff = d_ff
        self.factor = factor
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
                "moving_avg": 3,
                "d_model": 4,
                "n_heads": 2,
                "n_layers": 1,
                "d_ff": 4,
                "training": quick,
            },
            {
                "window": 10,
                "moving_avg": 5,
                "d_model": 8,
                "n_heads": 1,
                "n_layers": 2,
                "d_ff": 6,
                "factor": 2.0,
                "dropout": 0.3,
                "training": other,
                "random_state": 1,
            },
        ]
