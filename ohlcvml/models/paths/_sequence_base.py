"""What the recurrent forecasters share: bars to training windows, one training loop, export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ohlcvml.models.neural import HasTrainingOptions, TrainingOptions
from ohlcvml.models.paths._base import BasePathClassifier
from ohlcvml.models.paths._sequences import (
    bar_channels,
    has_clock,
    refuse_options,
    training_windows,
)
from ohlcvml.models.paths._windows import WindowBatch

if TYPE_CHECKING:
    from torch import nn


class BaseSequenceClassifier(HasTrainingOptions, BasePathClassifier):
    """A network trained on every window of bars and the bars after it; no label is used.

    A subclass makes the network, asks it for forecasts and exports it.

    Attributes
    ----------
    network_ : torch module
    history_ : dict of str to list of float
        Loss and learning rate of each epoch.
    best_epoch_ : int
        Epoch, from 0, whose weights are kept.
    """

    _tags = {"model_family": "distributional", "python_dependencies": "torch"}
    _learns = True
    _batch_tolerance = 1e-5
    _pads_blocks = True
    _of_bars: ClassVar[bool]  # whether it sees range, body and volume beside the return
    _unused: ClassVar[tuple[str, ...]]  # options of training without use here

    network_: Any
    history_: dict[str, list[float]]
    best_epoch_: int
    time_of_day: bool
    training: TrainingOptions

    def __post_init__(self) -> None:
        """Check the parameters, and that no option of training is without use."""
        super().__post_init__()
        refuse_options(self.training, self._unused, type(self).__name__)

    def _make_network(self, n_steps: int, n_known: int) -> nn.Module:
        """Network with first weights, for so many steps ahead and columns known in advance."""
        raise NotImplementedError

    def _export(self) -> bytes:
        """Graph of the network."""
        raise NotImplementedError

    def _fit_forecaster(self, series: Sequence[WindowBatch]) -> None:
        from ohlcvml.models.paths._sequence_training import fit_network

        who = type(self).__name__
        self._clock = self.time_of_day and has_clock(series[0])
        channels = [bar_channels(one, self._of_bars, self._clock, who) for one in series]
        windows = training_windows(series, self.window, self.prediction_length, channels, who)
        self.network_, run, counts = fit_network(
            lambda: self._make_network(windows.n_ahead, 2 * self._clock),
            windows,
            self.training,
            self.random_state,
            who,
        )
        self.history_, self.best_epoch_ = run.history, run.best_epoch
        if hasattr(self, "fit_report_"):
            self.fit_report_ |= counts

    def to_onnx(self, path: str | Path | None = None) -> bytes:
        """Export the network as an ONNX graph; the class says what goes in and comes out.

        Parameters
        ----------
        path : str, Path or None, default=None
            File to write.

        Returns
        -------
        bytes
            The graph.

        Raises
        ------
        MissingDependencyError
            Without the packages of the extra ``onnx``.
        """
        self.check_is_fitted()
        raw = self._export()
        if path is not None:
            Path(path).write_bytes(raw)
        return raw
