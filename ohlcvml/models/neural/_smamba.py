"""S-Mamba over windows of features."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import instance_of, integer, one_of, optional, real
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions


class SMambaClassifier(BaseNeuralClassifier):
    """Selective state spaces over the features of the last ``window`` bars, or over the bars.

    Row t sees the features of bars t - window + 1 to t. ``scan="variate"`` is S-Mamba as published:
    a token is a feature's whole window and two Mamba blocks pass over the features, one each way.
    It is cheap, and depends on the order of the columns, which is that of ``fit`` and is checked in
    prediction. ``scan="time"`` is Mamba as a sequence model: a token is a bar, one block passes
    from old to new, and time and memory grow linearly with the window, to 10,000 bars and more.

    ``d_conv`` and ``expand`` follow the scan unless set. Features have no neighbours in time, so
    over them the paper lets the convolution see 2 tokens and keeps the inner width that of the
    token (expand 1): there are two blocks a layer, and few tokens. Over bars order is all there is
    and one block a layer must carry it: 4 tokens and twice the width, as in Mamba.

    On CUDA the scan is mamba-ssm's kernel where that is installed, and otherwise ours; the weights
    are the same and go from one to the other.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    d_model : int, default=128
        Width of a token.
    d_state : int, default=16
        States per inner channel of a Mamba block.
    d_conv : int or None, default=None
        Tokens the convolution of a block sees; None: 2 over features, 4 over bars.
    expand : int or None, default=None
        Inner width of a block over ``d_model``; None: 1 over features, 2 over bars.
    n_layers : int, default=2
        Encoder layers.
    d_ff : int, default=128
        Width of the feed-forward parts.
    dropout : float in [0, 1], default=0.1
        Share dropped in training.
    scan : {"variate", "time"}, default="variate"
        What a token is.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights, order and dropout.

    Attributes
    ----------
    network_ : SMambaNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Wang et al. (2024), Is Mamba Effective for Time Series Forecasting?, arXiv 2403.11144; Gu and
    Dao (2023), Mamba: Linear-Time Sequence Modeling with Selective State Spaces.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import SMambaClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> mamba = SMambaClassifier(
    ...     window=16, d_model=8, d_state=4, d_ff=8, training=TrainingOptions(max_epochs=2)
    ... )
    >>> model = ((ReturnFeatures() + MomentumFeatures()) * mamba).fit(bars, labels)
    >>> model.predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    """

    _tags = {"model_family": "state space"}
    _network_name = "SMambaNetwork"
    _parameter_rules = {
        "window": integer(1),
        "d_model": integer(1),
        "d_state": integer(1),
        "d_conv": optional(integer(1)),
        "expand": optional(integer(1)),
        "n_layers": integer(1),
        "d_ff": integer(1),
        "dropout": real(0.0, 1.0),
        "scan": one_of("variate", "time"),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        d_model: int = 128,
        d_state: int = 16,
        d_conv: int | None = None,
        expand: int | None = None,
        n_layers: int = 2,
        d_ff: int = 128,
        dropout: float = 0.1,
        scan: str = "variate",
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.d_model = d_model
        self.d_state = d_state
        self.d_conv = d_conv
        self.expand = expand
        self.n_layers = n_layers
        self.d_ff = d_ff
        self.dropout = dropout
        self.scan = scan
        self.training = training
        self.random_state = random_state
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """A small network over features, and one over bars."""
        quick = TrainingOptions(max_epochs=1, batch_size=128)
        other = TrainingOptions(max_epochs=2, batch_size=64, normalize="window")
        return [
            {
                "window": 8,
                "d_model": 4,
                "d_state": 2,
                "n_layers": 1,
                "d_ff": 4,
                "training": quick,
            },
            {
                "window": 6,
                "d_model": 6,
                "d_state": 3,
                "d_conv": 3,
                "expand": 3,
                "n_layers": 2,
                "d_ff": 5,
                "dropout": 0.3,
                "scan": "time",
                "training": other,
                "random_state": 1,
            },
        ]
