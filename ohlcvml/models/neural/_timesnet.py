"""TimesNet over windows of features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ohlcvml._checks import each, instance_of, integer, odd, real
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions
from ohlcvml.samples import BarPanel
from ohlcvml.typing import IntArray

if TYPE_CHECKING:
    from torch import Tensor

    from ohlcvml.models.neural.networks import TimesNetNetwork

_MOST_WINDOWS = 4096  # whose spectra are averaged; neighbours share all but a bar
_BLOCK_FLOATS = 2**21


class TimesNetClassifier(BaseNeuralClassifier):
    """Convolutions over the last ``window`` bars of features, folded by their periods.

    Row t sees the features of bars t - window + 1 to t. The periods are those of the strongest
    frequencies of the training windows, found once in ``fit``, before the weights are trained;
    rows held back for early stopping and rows predicted later do not change them. The published
    code takes them from the mean spectrum of each batch, so that a prediction depends on the other
    windows asked at the same time.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    top_k : int, default=5
        Periods at most; frequencies of one whole period count once.
    d_model : int, default=64
        Width of a bar's token.
    d_ff : int, default=64
        Width inside a block.
    n_layers : int, default=2
        Blocks.
    kernel_sizes : tuple of int, default=(3, 5, 7)
        Odd sides of the square kernels, whose outputs are averaged.
    dropout : float in [0, 1], default=0.1
        Share of the embedded window dropped in training.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop.
    random_state : int, default=0
        Seed of first weights, order and dropout.

    Attributes
    ----------
    periods_ : list of int
        Periods in bars, the strongest first.
    network_ : TimesNetNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Wu et al. (2023), TimesNet: Temporal 2D-Variation Modeling for General Time Series Analysis.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import MomentumFeatures, ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import TimesNetClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> small = {"window": 16, "top_k": 2, "d_model": 4, "d_ff": 4, "n_layers": 1}
    >>> folds = TimesNetClassifier(training=TrainingOptions(max_epochs=1), **small)
    >>> model = ((ReturnFeatures() + MomentumFeatures()) * folds).fit(bars, labels)
    >>> model.classifier_.periods_
    [16, 8]
    """

    _tags = {"model_family": "convolutional"}
    _network_name = "TimesNetNetwork"
    _parameter_rules = {
        "window": integer(1),
        "top_k": integer(1),
        "d_model": integer(1),
        "d_ff": integer(1),
        "n_layers": integer(1),
        "kernel_sizes": each(odd()),
        "dropout": real(0.0, 1.0),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }
    network_: TimesNetNetwork
    periods_: list[int]

    def __init__(
        self,
        window: int = 64,
        top_k: int = 5,
        d_model: int = 64,
        d_ff: int = 64,
        n_layers: int = 2,
        kernel_sizes: tuple[int, ...] = (3, 5, 7),
        dropout: float = 0.1,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.top_k = top_k
        self.d_model = d_model
        self.d_ff = d_ff
        self.n_layers = n_layers
        self.kernel_sizes = kernel_sizes
        self.dropout = dropout
        self.training = training
        self.random_state = random_state
        super().__init__()

    def _prepare(self, X: BarPanel, rows: IntArray) -> None:
        """Find the periods of the windows to train on, as the network will see them."""
        self.periods_ = self.network_.find_periods(self._normalised(X, rows))
        self.network_.set_periods(self.periods_)

    def _normalised(self, X: BarPanel, rows: IntArray) -> Iterator[Tensor]:
        """Blocks of windows, evenly spread over the rows where there are many."""
        import torch

        if len(rows) > _MOST_WINDOWS:
            rows = rows[np.linspace(0, len(rows) - 1, _MOST_WINDOWS).astype(np.int64)]
        size = max(1, _BLOCK_FLOATS // (X.shape[1] * X.window))
        for first in range(0, len(rows), size):
            windows = np.ascontiguousarray(X.take(rows[first : first + size]))
            yield self.scale_(torch.from_numpy(windows))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small networks."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=64, normalize="window")
        return [
            {
                "window": 8,
                "top_k": 2,
                "d_model": 4,
                "d_ff": 3,
                "n_layers": 1,
                "kernel_sizes": (3,),
                "training": quick,
            },
            {
                "window": 6,
                "top_k": 1,
                "d_model": 3,
                "d_ff": 4,
                "n_layers": 2,
                "kernel_sizes": (1, 3),
                "dropout": 0.3,
                "training": other,
                "random_state": 1,
            },
        ]
