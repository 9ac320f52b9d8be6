"""N-HiTS over windows of features, coarse stacks first."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import Rule, check_value, each, instance_of, integer
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._components import StackComponents
from ohlcvml.models.neural._options import TrainingOptions


class NHITSClassifier(StackComponents, BaseNeuralClassifier):
    """Stacks of coarse to fine resolution over the last ``window`` bars of features.

    Row t sees the features of bars t - window + 1 to t. Each stack reads maxima over a few bars,
    explains what it can of the window in straight lines between knots, hands on what is left, and
    gives ``prediction_length`` steps of such a line for each feature: in the paper its forecast,
    here what the heads read. The lines are trained on the labels, not on the bars that follow. The
    scores are linear in the sum of the lines, so :meth:`components` can say how much of each score
    comes from which resolution.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    prediction_length : int, default=8
        Steps of a line.
    pool_sizes : tuple of int, default=(8, 4, 2)
        Bars pooled by each stack, the coarse stacks first as in the paper.
    n_freq_downsample : tuple of int, default=(8, 4, 2)
        Steps to a knot in each stack; as long as ``pool_sizes``.
    hidden_size : int, default=256
        Units of a hidden layer.
    n_layers : int, default=2
        Hidden layers of a block.
    n_blocks : int, default=1
        Blocks of each stack.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights and order.

    Attributes
    ----------
    network_ : NHITSNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Challu et al. (2023), N-HiTS: neural hierarchical interpolation for time series forecasting,
    AAAI, arXiv:2201.12886.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import NHITSClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> nhits = NHITSClassifier(window=16, hidden_size=8, training=TrainingOptions(max_epochs=2))
    >>> model = (ReturnFeatures() + MomentumFeatures()) * nhits
    >>> model.fit(bars, labels).predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    >>> model.components(bars).columns.unique("component").tolist()
    ['level', 'stack_1', 'stack_2', 'stack_3']
    """

    _tags = {"model_family": "mlp"}
    _network_name = "NHITSNetwork"
    _parameter_rules = {
        "window": integer(1),
        "prediction_length": integer(1),
        "pool_sizes": each(integer(1)),
        "n_freq_downsample": each(integer(1)),
        "hidden_size": integer(1),
        "n_layers": integer(1),
        "n_blocks": integer(1),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 64,
        prediction_length: int = 8,
        pool_sizes: tuple[int, ...] = (8, 4, 2),
        n_freq_downsample: tuple[int, ...] = (8, 4, 2),
        hidden_size: int = 256,
        n_layers: int = 2,
        n_blocks: int = 1,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.prediction_length = prediction_length
        self.pool_sizes = pool_sizes
        self.n_freq_downsample = n_freq_downsample
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.n_blocks = n_blocks
        self.training = training
        self.random_state = random_state
        super().__init__()

    def __post_init__(self) -> None:
        """Check the parameters, and that each stack has one of both ratios."""
        super().__post_init__()
        stacks = len(self.pool_sizes)
        same = Rule(f"as long as 'pool_sizes' ({stacks})", lambda v: len(v) == stacks)
        remedy = "Give each stack one of both."
        check_value("NHITSClassifier", "n_freq_downsample", same, self.n_freq_downsample, remedy)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """One block a stack, and two."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=32, normalize="window")
        return [
            {"window": 8, "prediction_length": 6, "hidden_size": 4, "training": quick},
            {
                "window": 6,
                "prediction_length": 4,
                "pool_sizes": (3, 2, 1),
                "n_freq_downsample": (4, 2, 1),
                "hidden_size": 6,
                "n_layers": 1,
                "n_blocks": 2,
                "training": other,
                "random_state": 1,
            },
        ]
