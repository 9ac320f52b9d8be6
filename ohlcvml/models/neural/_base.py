"""What the networks' classifiers share: windows in; probabilities, returns and quantiles out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ohlcvml._checks import check_value, one_of
from ohlcvml.exceptions import DataError
from ohlcvml.models._device import choose_device
from ohlcvml.models.neural._options import HasTrainingOptions, TrainingOptions
from ohlcvml.pipeline import Answer, BaseBarClassifier, return_units
from ohlcvml.samples import BarPanel
from ohlcvml.splits import inner_holdout
from ohlcvml.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from ohlcvml.models.neural.networks import Heads, Network, WindowScale
    from ohlcvml.models.neural.training import NetworkParts


class BaseNeuralClassifier(HasTrainingOptions, BaseBarClassifier):
    """A network over windows of features, with heads for classes, expected return and quantiles.

    A subclass names its network in ``_network_name``; every constructor parameter but ``window``,
    ``training`` and ``random_state`` goes to the network under its own name. Where a network must
    learn something of the training windows before its weights, ``_prepare`` does.

    Attributes
    ----------
    scale_, network_, heads_ : torch modules
        Normalisation, network and heads, in the order a window passes them.
    history_ : dict of str to list of float
        ``train_loss``, ``validation_loss``, ``learning_rate`` of each epoch.
    best_epoch_ : int
        Epoch, from 0, whose weights are kept.
    """

    _tags = {
        "representation": "window",
        "python_dependencies": "torch",
        "capability:random_state": True,
        "capability:pred_quantiles": True,
        "property:randomness": "derandomized",
    }
    _network_name: ClassVar[str]
    _batch_tolerance = 1e-5
    scale_: WindowScale
    network_: Network
    heads_: Heads
    window: int
    training: TrainingOptions
    random_state: int
    history_: dict[str, list[float]]
    best_epoch_: int

    # ---- fitting
    def _fit(self, X: BarPanel, y: npt.NDArray[Any]) -> BaseNeuralClassifier:
        import torch

        from ohlcvml.models.neural.training import (
            begin_at_shares,
            epoch_seed,
            make_targets,
            train,
        )

        present, codes = np.unique(y, return_inverse=True)
        self._present = np.searchsorted(self.classes_, present)
        self._window_seen = X.window
        device = choose_device(self.training.device, "TrainingOptions")
        rows, validation = self._split(X)
        returns = self._returns(X, rows)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(epoch_seed(self.random_state, -1))
            parts = self._build(X, rows, len(present), returns is not None)
            weight = _weights(X, rows, validation)
            targets = make_targets(codes, weight, returns, rows, self.training, device)
            begin_at_shares(self.heads_, targets, rows)
            who = type(self).__name__
            run = train(parts, X, targets, rows, validation, self.training, self.random_state, who)
        parts.modules().to("cpu")
        self.history_, self.best_epoch_, self._feed = run.history, run.best_epoch, run.feed
        if hasattr(self, "fit_report_"):
            self.fit_report_ |= {"trained_on": len(rows), "early_stopping_on": len(validation)}
        return self

    def _build(self, X: BarPanel, rows: IntArray, n_classes: int, returns: bool) -> NetworkParts:
        """Modules with first weights; normalisation is learnt from bars of training windows."""
        from ohlcvml.models.neural import networks
        from ohlcvml.models.neural.training import NetworkParts, channel_statistics

        n_channels = X.shape[1]
        self.scale_ = networks.WindowScale(n_channels, self.training.normalize)
        if self.training.normalize == "channel":
            self.scale_.learn(*channel_statistics(X, rows))
        network_class = getattr(networks, self._network_name)
        self.network_ = network_class(n_channels, X.window, **self._network_arguments())
        self._prepare(X, rows)
        levels = self.training.quantiles if self.training.quantile_weight > 0 else ()
        self.heads_ = networks.Heads(self.network_.n_features, n_classes, list(levels), returns)
        return NetworkParts(self.scale_, self.network_, self.heads_)

    def _network_arguments(self) -> dict[str, Any]:
        own = {"window", "training", "random_state"}
        return {k: v for k, v in super().get_params(deep=False).items() if k not in own}

    def _prepare(self, X: BarPanel, rows: IntArray) -> None:
        """Set what the network takes from training windows other than weights; nothing here."""

    def _split(self, X: BarPanel) -> tuple[IntArray, IntArray]:
        """Rows to train on, and the latest ones to stop by, purged of each other."""
        everything = np.arange(len(X))
        share = self.training.validation_share
        if X.samples is None or share == 0:
            return everything, everything[:0]
        try:
            rows, validation = inner_holdout(X.samples, share, who=type(self).__name__)
        except DataError:  # too few rows: training goes on to its last epoch, as the report says
            return everything, everything[:0]
        return rows, validation

    def _returns(self, X: BarPanel, rows: IntArray) -> FloatArray | None:
        """Label returns over their training deviation; None without a head for them."""
        self._return_scale = 1.0
        if X.samples is None or self.training.return_weight + self.training.quantile_weight == 0:
            return None
        units = return_units(X.samples)
        # A row without an ATR has class scores to learn, and no return: the mean, which says least.
        known = np.isfinite(units[rows])
        mean = units[rows][known].mean() if known.any() else 0.0
        units = np.where(np.isfinite(units), units, mean)
        deviation = float(units[rows].std())
        self._return_scale = deviation if deviation > 0 else 1.0
        return units / self._return_scale

    # ---- ONNX
    def to_onnx(self, path: str | Path | None = None) -> bytes:
        """Export the fitted model as an ONNX graph.

        Input ``windows`` of shape (batch, n_channels, window), float32, features in the order of
        ``feature_names_``, oldest bar first; normalisation is part of the graph. Outputs
        ``probabilities`` (batch, n_classes) and, where learnt, ``expected_return`` (batch,) and
        ``quantiles`` (batch, n_levels), in ATR at the decision. Classes, features and quantile
        levels stand in the metadata, as JSON.

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
        DataError
            If training saw one class, so that there is no network.
        """
        self.check_is_fitted()
        if hasattr(self, "_constant_class"):
            raise DataError(
                f"{type(self).__name__}.to_onnx: training had one class, {self._constant_class}, "
                "so there is no network to export. Fit on labels of more than one class."
            )
        from ohlcvml.models.neural._onnx import export
        from ohlcvml.models.neural.training import NetworkParts

        raw = export(
            NetworkParts(self.scale_, self.network_, self.heads_),
            self._window_seen,
            np.eye(self.n_classes_)[self._present],
            self._return_scale,
            {
                "model": type(self).__name__,
                "classes": [str(c) for c in self.classes_],
                "features": getattr(self, "feature_names_", []),
                "quantiles": self.heads_.config["quantiles"],
            },
        )
        if path is not None:
            Path(path).write_bytes(raw)
        return raw

    def use_runtime(self, name: str) -> BaseNeuralClassifier:
        """Choose what computes predictions of this fitted model.

        Parameters
        ----------
        name : {"torch", "onnx"}
            "onnx": onnxruntime on the CPU, quicker for single bars; probabilities agree to 1e-5.
            The graph is made at the next prediction, which takes seconds.

        Returns
        -------
        self
        """
        self.check_is_fitted()
        check_value(f"{type(self).__name__}.use_runtime", "name", one_of("torch", "onnx"), name)
        self._runtime = name
        return self

    # ---- predicting
    def _outputs(self, X: BarPanel) -> tuple[FloatArray, FloatArray | None, FloatArray | None]:
        """Probabilities over ``classes_``; expected return and quantiles in ATR, where learnt."""
        import torch

        from ohlcvml.models.neural.training import NetworkParts, predict

        if X.window != self._window_seen:
            raise DataError(
                f"{type(self).__name__}: series must have the length of those of fit, "
                f"{self._window_seen}; got {X.window}."
            )
        parts = NetworkParts(self.scale_, self.network_, self.heads_)
        if getattr(self, "_runtime", "torch") == "onnx":
            from ohlcvml.models.neural._onnx import predict_onnx

            answers = predict_onnx(parts, X, self.to_onnx)
            return answers if self.training.return_weight > 0 else (answers[0], None, answers[2])
        found = predict(parts, X, choose_device(self.training.device, "TrainingOptions"))
        proba = np.zeros((len(X), self.n_classes_))
        proba[:, self._present] = torch.softmax(found.logits.double(), dim=1).numpy()
        mean, quantiles = (
            None if item is None else item.double().numpy() * self._return_scale
            for item in (found.mean, found.quantiles)
        )
        return proba, mean if self.training.return_weight > 0 else None, quantiles

    def _predict_proba(self, X: BarPanel) -> FloatArray:
        return self._outputs(X)[0]

    @property
    def _own_levels(self) -> tuple[float, ...]:  # type: ignore[override]
        """Levels of the quantile head, where there is one."""
        heads = getattr(self, "heads_", None)  # none with one class in training
        return () if heads is None or heads.quantiles is None else self.training.quantiles

    def _answer(self, panel: BarPanel, levels: tuple[float, ...]) -> Answer:
        from ohlcvml.models._tails import quantiles_at

        proba, expected, values = self._outputs(panel)
        if values is None or not levels:
            return Answer(proba, expected)
        found, beyond = quantiles_at(np.asarray(self._own_levels), values, np.asarray(levels))
        extrapolated = tuple(np.asarray(levels)[beyond].tolist())
        return Answer(proba, expected, found, levels, extrapolated)


def _weights(X: BarPanel, rows: IntArray, validation: IntArray) -> FloatArray | None:
    """Weights made of the rows to train on alone, and of those to stop by alone; others get 0.

    Uniqueness and age are told among rows: what stops training must not weigh in it.
    """
    if X.samples is None:
        return X.weight
    weight = np.zeros(len(X))
    for part in (rows, validation):
        weight[part] = X.samples[part].weight
    return weight
