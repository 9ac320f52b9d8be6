"""The course of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ohlcvml._plotting import COLOURS, GREY, plain_axes, pyplot
from ohlcvml.exceptions import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_training(model: Any, *, title: str | None = None, figure: Figure | None = None) -> Figure:
    """Draw training and validation loss by epoch, and the epoch whose weights were kept.

    Parameters
    ----------
    model : fitted neural classifier, or a pipeline that ends in one
    title : str, optional
        Heading; the model's name by default.
    figure : matplotlib.figure.Figure, optional
        Figure to draw on; default a new one.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        If the model was not trained epoch by epoch.
    MissingDependencyError
        Without matplotlib: ``pip install ohlcvml[report]``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import ReturnFeatures
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import DLinearClassifier, TrainingOptions, plot_training
    >>> bars = simulate_bars(800, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> quick = TrainingOptions(max_epochs=3, batch_size=64)
    >>> model = ReturnFeatures() * DLinearClassifier(window=16, training=quick)
    >>> figure = plot_training(model.fit(bars, labels))
    >>> [line.get_label() for line in figure.axes[0].get_lines()]
    ['training', 'validation', 'kept']
    """
    trained = getattr(model, "classifier_", model)
    history = getattr(trained, "history_", None)
    if not history:
        raise DataError(
            f"plot_training: {type(trained).__name__} has no course of training. Pass a fitted "
            "neural classifier whose training labels had more than one class."
        )
    if figure is None:
        figure = pyplot("plot_training").figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    epochs = np.arange(1, len(history["train_loss"]) + 1)
    axes.plot(epochs, history["train_loss"], color=COLOURS[0], label="training")
    if np.isfinite(history["validation_loss"]).any():
        axes.plot(epochs, history["validation_loss"], color=COLOURS[1], label="validation")
    axes.axvline(trained.best_epoch_ + 1, color=GREY, lw=0.9, ls="--", label="kept")
    axes.locator_params(axis="x", integer=True)
    axes.set(xlabel="epoch", ylabel="loss", title=title or type(trained).__name__)
    axes.legend(frameon=False)
    plain_axes(axes)
    return figure
