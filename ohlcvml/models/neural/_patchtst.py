"""PatchTST over windows of features."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import boolean, instance_of, integer, one_of, real
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions
from ohlcvml.models.neural._widths import check_heads, check_stride


class PatchTSTClassifier(BaseNeuralClassifier):
    """Transformer over patches of the last ``window`` bars, each feature alone.

    Row t sees the features of bars t - window + 1 to t. Features share the weights of the
    transformer and meet in the heads, which read the newest patch of each with ``causal=True`` and
    the mean of all patches otherwise. Either way no patch holds a bar after t. The mask decides
    what an older patch may read from newer ones; the model does not look ahead with it or without
    it.

    Time and memory grow with features times patches: 150 features over 512 bars are 9,600 tokens a
    window. Select features, or lower ``window`` and ``training__batch_size``, on a CPU.

    Parameters
    ----------
    window : int, default=512
        Bars of a window; the paper's context.
    patch_length : int, default=16
        Bars in a patch.
    stride : int, default=8
        Bars between the ends of neighbouring patches; at most ``patch_length``.
    d_model : int, default=256
        Width of a token.
    n_heads : int, default=8
        Attention heads; divides ``d_model``.
    n_layers : int, default=3
        Encoder layers.
    d_ff : int, default=512
        Width of the feed-forward parts.
    dropout : float in [0, 1], default=0.2
        Share dropped in training.
    causal : bool, default=True
        Whether a patch attends to itself and older ones only; the paper's attends to all.
    norm : {"layer", "batch"}, default="layer"
        Normalisation of tokens; the paper's is "batch", by moments of training batches.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop. The paper's normalisation is ``normalize="window"``.
    random_state : int, default=0
        Seed of first weights, order and dropout.

    Attributes
    ----------
    network_ : PatchTSTNetwork
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.

    References
    ----------
    Nie et al. (2023), A Time Series is Worth 64 Words: Long-term Forecasting with Transformers.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import PatchTSTClassifier, TrainingOptions
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> small = {"d_model": 8, "n_heads": 2, "n_layers": 1, "d_ff": 8}
    >>> patches = PatchTSTClassifier(window=32, training=TrainingOptions(max_epochs=1), **small)
    >>> model = (ReturnFeatures() * patches).fit(bars, labels)
    >>> model.predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    >>> len(model.classifier_.network_.position)  # patches of a window
    3
    """

    _tags = {"model_family": "transformer"}
    _network_name = "PatchTSTNetwork"
    _parameter_rules = {
        "window": integer(1),
        "patch_length": integer(1),
        "stride": integer(1),
        "d_model": integer(1),
        "n_heads": integer(1),
        "n_layers": integer(1),
        "d_ff": integer(1),
        "dropout": real(0.0, 1.0),
        "causal": boolean(),
        "norm": one_of("layer", "batch"),
        "training": instance_of(TrainingOptions),
        "random_state": integer(0),
    }

    def __init__(
        self,
        window: int = 512,
        patch_length: int = 16,
        stride: int = 8,
        d_model: int = 256,
        n_heads: int = 8,
        n_layers: int = 3,
        d_ff: int = 512,
        dropout: float = 0.2,
        causal: bool = True,
        norm: str = "layer",
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.patch_length = patch_length
        self.stride = stride
        self.d_model = d_model
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.d_ff = d_ff
        self.dropout = dropout
        self.causal = causal
        self.norm = norm
        self.training = training
        self.random_state = random_state
        super().__init__()

    def __post_init__(self) -> None:
        """Check the parameters against their rules and one another."""
        super().__post_init__()
        check_heads(type(self).__name__, self.d_model, self.n_heads)
        check_stride(type(self).__name__, self.patch_length, self.stride)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small networks."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=64, normalize="window")
        return [
            {
                "window": 8,
                "patch_length": 4,
                "stride": 2,
                "d_model": 4,
                "n_heads": 2,
                "n_layers": 1,
                "d_ff": 4,
                "training": quick,
            },
            {
                "window": 6,
                "patch_length": 3,
                "stride": 3,
                "d_model": 8,
                "n_heads": 1,
                "n_layers": 2,
                "d_ff": 6,
                "dropout": 0.0,
                "causal": False,
                "norm": "batch",
                "training": other,
                "random_state": 1,
            },
        ]
