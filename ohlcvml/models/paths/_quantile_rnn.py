"""MQ-RNN: quantiles of the price at every step ahead from a recurrent network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ohlcvml._checks import boolean, instance_of, integer, real
from ohlcvml.exceptions import ParameterError
from ohlcvml.models.neural import TrainingOptions
from ohlcvml.models.paths._base import PATH_RULES
from ohlcvml.models.paths._forecast import Forecast, QuantileForecast
from ohlcvml.models.paths._sequence_base import BaseSequenceClassifier
from ohlcvml.models.paths._sequences import bar_channels, clock_ahead
from ohlcvml.models.paths._windows import WindowBatch

if TYPE_CHECKING:
    from ohlcvml.models.paths.networks import QuantileRNNNetwork


class QuantileRNNClassifier(BaseSequenceClassifier):
    """MQ-RNN: an LSTM over bars, and a decoder of quantiles at each of the steps ahead.

    Row t sees the bars t - window + 1 to t: log return, range, body and log volume of each,
    scaled by the window's own size. The quantiles are those of the cumulative log return and
    cannot cross. They are trained by pinball loss on every window of ``window`` bars and the
    ``prediction_length`` bars after it in the training stretches; no label is used, but for the
    calibration.

    Parameters
    ----------
    window : int, default=64
        Bars of a window.
    prediction_length : int, default=20
        Bars ahead. Where no training stretch holds ``window + prediction_length`` bars, the
        network forecasts at most half of the longest, and the forecast is continued.
    hidden_size : int, default=64
        Units of a layer of the encoder.
    n_layers : int, default=2
        Its stacked layers.
    dropout : float in [0, 1], default=0.1
        Share of units dropped between layers in training.
    decoder_size : int, default=16
        Length of the context that the decoder makes for a step.
    time_of_day : bool, default=True
        Whether the time of day (UTC) of a bar ahead moves the scale of its forecast, where bars
        have stamps.
    n_paths : int, default=4096
        Paths of the law that turns quantiles into probabilities of barriers.
    calibrate : bool, default=False
        Whether class probabilities are fitted to training rows, as the base class does.
    training : TrainingOptions, default=TrainingOptions()
        Options of the training loop; ``quantiles`` are the levels, at least two. Early stopping
        judges by the latest windows. ``class_weight``, ``normalize``, ``return_weight`` and
        ``quantile_weight`` have no use here and are refused.
    random_state : int, default=0
        Seed of first weights, order, dropout and the law's paths.

    Attributes
    ----------
    network_ : QuantileRNNNetwork
    history_ : dict of str to list of float
        Pinball loss, in window scales and roots of steps, and learning rate of each epoch.
    best_epoch_ : int
        Epoch, from 0, whose weights are kept.

    Notes
    -----
    The ONNX graph's inputs: ``past`` (batch, 4, window - 1), log return, range, body and log
    volume; and, where it has a clock, ``known`` (batch, 2, steps), sine and cosine of the time of
    day ahead. Output: ``quantiles`` (batch, steps, n_levels) of the cumulative log return.

    References
    ----------
    Wen, Torkkola, Narayanaswamy and Madeka (2017), A multi-horizon quantile recurrent forecaster,
    arXiv:1711.11053.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import QuantileRNNClassifier, TrainingOptions
    >>> bars = simulate_bars(300, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> quick = TrainingOptions(max_epochs=2)
    >>> model = QuantileRNNClassifier(window=32, hidden_size=8, training=quick)
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
        "decoder_size": integer(1),
        "time_of_day": boolean(),
        "training": instance_of(TrainingOptions),
    }
    _of_bars = True
    _unused = ("class_weight", "normalize", "return_weight", "quantile_weight")
    network_: QuantileRNNNetwork

    def __init__(
        self,
        window: int = 64,
        prediction_length: int = 20,
        hidden_size: int = 64,
        n_layers: int = 2,
        dropout: float = 0.1,
        decoder_size: int = 16,
        time_of_day: bool = True,
        n_paths: int = 4096,
        calibrate: bool = False,
        training: TrainingOptions = TrainingOptions(),  # noqa: B008 - frozen
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.prediction_length = prediction_length
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.dropout = dropout
        self.decoder_size = decoder_size
        self.time_of_day = time_of_day
        self.n_paths = n_paths
        self.calibrate = calibrate
        self.training = training
        self.random_state = random_state
        super().__init__()

    def __post_init__(self) -> None:
        """Check the parameters, and that the quantiles have a spread."""
        super().__post_init__()
        if len(self.training.quantiles) < 2:
            raise ParameterError(
                f"{type(self).__name__}: parameter 'training' must have at least two quantiles, or "
                f"there is no spread; got {self.training.quantiles!r}."
            )

    def _make_network(self, n_steps: int, n_known: int) -> QuantileRNNNetwork:
        from ohlcvml.models.paths.networks import QuantileRNNNetwork

        return QuantileRNNNetwork(
            n_steps,
            self.training.quantiles,
            n_known,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            dropout=self.dropout,
            decoder_size=self.decoder_size,
        )

    def _export(self) -> bytes:
        from ohlcvml.models.paths._sequence_onnx import export_quantiles

        facts = {
            "model": type(self).__name__,
            "window": self.window,
            "quantiles": self.training.quantiles,
        }
        return export_quantiles(self.network_, 4, self.window - 1, facts)

    def _forecast(self, windows: WindowBatch, n_steps: int) -> Forecast:
        from ohlcvml.models.paths._sequence_training import ask

        who, network = type(self).__name__, self.network_
        past = bar_channels(windows, True, False, who)
        ahead = clock_ahead(windows, network.n_steps, self._clock, who)
        values = ask(network, network, self.training, past, ahead)
        return QuantileForecast(np.array(self.training.quantiles), values[:, :n_steps])

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small networks."""
        quick = TrainingOptions(max_epochs=1, batch_size=64)
        other = TrainingOptions(max_epochs=2, batch_size=32, quantiles=(0.1, 0.5, 0.9))
        return [
            {
                "window": 12,
                "prediction_length": 4,
                "hidden_size": 8,
                "n_layers": 1,
                "decoder_size": 8,
                "n_paths": 64,
                "training": quick,
            },
            {
                "window": 8,
                "prediction_length": 3,
                "hidden_size": 5,
                "n_layers": 2,
                "dropout": 0.3,
                "decoder_size": 4,
                "time_of_day": False,
                "n_paths": 128,
                "calibrate": True,
                "training": other,
                "random_state": 1,
            },
        ]
