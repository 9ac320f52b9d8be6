"""DeepAR: sampled paths of the price from an autoregressive network."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, stdtrit

from ohlcvml._checks import boolean, instance_of, integer, one_of, real
from ohlcvml.models.neural import TrainingOptions
from ohlcvml.models.paths._base import PATH_RULES
from ohlcvml.models.paths._copula import shared_draws
from ohlcvml.models.paths._forecast import Forecast, PathForecast
from ohlcvml.models.paths._sequence_base import BaseSequenceClassifier
from ohlcvml.models.paths._sequences import bar_channels, clock_ahead
from ohlcvml.models.paths._windows import WindowBatch
from ohlcvml.typing import FloatArray

if TYPE_CHECKING:
    from ohlcvml.models.paths.networks import DeepARNetwork

_PATHS = 2**16  # paths at a time: bounds the memory of the recurrent state


class DeepARClassifier(BaseSequenceClassifier):
    """DeepAR: an LSTM for the distribution of the next return, and the paths sampled from it.

    Row t sees the log returns of the bars t - window + 1 to t. What is not known of bars ahead
    (volume, range) cannot be fed back and is no input. The network is trained by likelihood on
    every window of ``window`` bars and the ``prediction_length`` bars after it in the training
    stretches; no label is used, but for the calibration. In forecasting each return is drawn and
    fed back as drawn. All windows are given the same quasi-random draws, half of them the other
    half's mirror image, so a row does not depend on the rows asked with it, and a symmetric law
    favours neither side.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    prediction_length : int, default=20
        Bars ahead.
    hidden_size : int, default=40
        Units of a layer.
    n_layers : int, default=2
        Stacked layers.
    dropout : float in [0, 1], default=0.1
        Share of units dropped between layers in training.
    distribution : {"student_t", "normal"}, default="student_t"
        Of the next return given those before.
    time_of_day : bool, default=True
        Whether the time of day (UTC) of a bar ahead moves the scale of its forecast, where bars
        have stamps.
    n_paths : int, default=200
        Sampled paths of a window.
    calibrate : bool, default=False
        Whether class probabilities are fitted to training rows, as the base class does.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop. Early stopping judges by the latest windows. Those of heads
        and inputs (``class_weight``, ``normalize``, ``return_weight``, ``quantile_weight``,
        ``quantiles``) have no use here and are refused.
    random_state : int, default=0
        Seed of first weights, order, dropout and draws.

    Attributes
    ----------
    network_ : DeepARNetwork
        ``network_.degrees_of_freedom`` are those of Student's t.
    history_ : dict of str to list of float
        Negative log-likelihood, in window scales, and learning rate of each epoch.
    best_epoch_ : int
        Epoch, from 0, whose weights are kept.

    Notes
    -----
    The ONNX graph's inputs: ``past`` (batch, 1, window - 1), log returns; ``noise`` (n_paths,
    prediction_length), draws of the distribution; and, where it has a clock, ``known`` (batch, 2,
    prediction_length), sine and cosine of the time of day ahead. Output: ``paths`` (batch,
    n_paths, prediction_length), cumulative log returns.

    References
    ----------
    Salinas, Flunkert, Gasthaus and Januschowski (2020), DeepAR: probabilistic forecasting with
    autoregressive recurrent networks, International Journal of Forecasting 36(3).

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import DeepARClassifier, TrainingOptions
    >>> bars = simulate_bars(300, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> quick = TrainingOptions(max_epochs=2)
    >>> model = DeepARClassifier(window=32, hidden_size=8, n_paths=64, training=quick)
    >>> model = model.fit(bars, labels)
    >>> model.predict_proba(bars).columns.tolist()
    [-1, 0, 1]
    >>> model.predict_quantiles(bars, (0.1, 0.9)).columns.tolist()
    [0.1, 0.9]
    """

    _parameter_rules = {
        **PATH_RULES,
        "hidden_size": integer(1),
        "n_layers": integer(1),
        "dropout": real(0.0, 1.0),
        "distribution": one_of("student_t", "normal"),
        "time_of_day": boolean(),
        "training": instance_of(TrainingOptions),
    }
    _of_bars = False
    _unused = ("class_weight", "normalize", "return_weight", "quantile_weight", "quantiles")
    _block = 32  # a lone row costs as much as so many
    network_: DeepARNetwork

    def __init__(
        self,
        window: int = 64,
        prediction_length: int = 20,
        hidden_size: int = 40,
        n_layers: int = 2,
        dropout: float = 0.1,
        distribution: str = "student_t",
        time_of_day: bool = True,
        n_paths: int = 200,
        calibrate: bool = False,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.prediction_length = prediction_length
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.dropout = dropout
        self.distribution = distribution
        self.time_of_day = time_of_day
        self.n_paths = n_paths
        self.calibrate = calibrate
        self.training = training
        self.random_state = random_state
        super().__init__()

    def _make_network(self, n_steps: int, n_known: int) -> DeepARNetwork:
        from ohlcvml.models.paths.networks import DeepARNetwork

        return DeepARNetwork(
            n_known,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            dropout=self.dropout,
            distribution=self.distribution,
        )

    def _export(self) -> bytes:
        from ohlcvml.models.paths._sequence_onnx import export_paths

        facts = {"model": type(self).__name__, "window": self.window}
        return export_paths(
            self.network_, self.window - 1, self.n_paths, self.prediction_length, facts
        )

    def _forecast(self, windows: WindowBatch, n_steps: int) -> Forecast:
        import torch

        from ohlcvml.models.paths._sequence_training import ask

        who, network = type(self).__name__, self.network_
        past = bar_channels(windows, False, False, who)
        ahead = clock_ahead(windows, n_steps, self._clock, who)
        df = network.degrees_of_freedom
        drawn = torch.from_numpy(_noise(self.n_paths, n_steps, self.random_state, df))
        at_once = max(1, _PATHS // self.n_paths)

        def sample(x: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
            noise = drawn.to(x)
            parts = (slice(k, k + at_once) for k in range(0, len(x), at_once))
            return torch.cat([network.sample(x[one], known[one], noise) for one in parts])

        return PathForecast(ask(network, sample, self.training, past, ahead))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small networks."""
        quick = TrainingOptions(max_epochs=1, batch_size=256)
        other = TrainingOptions(max_epochs=2, batch_size=128, schedule="constant")
        return [
            {
                "window": 12,
                "prediction_length": 4,
                "hidden_size": 8,
                "n_layers": 1,
                "n_paths": 16,
                "training": quick,
            },
            {
                "window": 8,
                "prediction_length": 3,
                "hidden_size": 5,
                "n_layers": 2,
                "dropout": 0.3,
                "distribution": "normal",
                "time_of_day": False,
                "n_paths": 21,
                "calibrate": True,
                "training": other,
                "random_state": 1,
            },
        ]


@lru_cache(maxsize=4)
def _noise(n_paths: int, n_steps: int, seed: int, df: float) -> FloatArray:
    """Draws (n_paths, n_steps) of Student's t; the second half is the first with other signs."""
    half = np.array(shared_draws(-(-n_paths // 2), n_steps, seed).T)
    if np.isfinite(df):
        half = stdtrit(df, ndtr(half))
    return np.concatenate([half, -half])[:n_paths]
