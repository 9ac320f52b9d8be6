"""How networks are trained: one object of options for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

from ohlcvml._checks import (
    Rule,
    any_value,
    boolean,
    check_value,
    each,
    instance_of,
    integer,
    one_of,
    optional,
    real,
)
from ohlcvml.exceptions import ParameterError

_NESTED = "training__"


@dataclass(frozen=True)
class TrainingOptions:
    """Options of the training loop that every network shares.

    A model takes them as ``training``, and ``set_params(training__max_epochs=5)`` reaches each.

    Parameters
    ----------
    max_epochs : int, default=20
        Passes over the training windows.
    batch_size : int, default=256
        Windows a step; a network that trains on segments takes as many labelled bars or more.
    learning_rate : float, default=1e-3
        Largest learning rate.
    weight_decay : float, default=1e-2
        Of AdamW (Loshchilov and Hutter, 2019).
    schedule : {"one_cycle", "cosine", "constant"}, default="one_cycle"
        Course of the learning rate over ``max_epochs``: up and down (Smith and Topin, 2019), down
        along a half cosine, or unchanged.
    gradient_clip : float or None, default=1.0
        Largest norm of a step's gradient.
    validation_share : float in [0, 0.5], default=0.15
        Share of the training labels, the latest ones, on which early stopping judges; training
        labels that reach into their time are purged. 0: none, and the last weights are kept. An
        sktime Panel has no times, so there it is not used; neither where it would leave fewer than
        50 rows to train on or to judge by (``inner_holdout``), which ``fit_report_`` says.
    patience : int or None, default=5
        Epochs without a better validation loss after which training ends. The best weights are
        kept either way.
    class_weight : {"balanced"} or None, default=None
        "balanced" gives each class the same total weight.
    normalize : {"channel", "window"} or None, default="channel"
        Inputs minus centre over scale, limited to 10 in size. "channel": mean and deviation of a
        channel over the bars that training windows cover. "window": of a channel within each
        window, which takes its level away. None: as they are.
    return_weight, quantile_weight : float, default=0.1
        Weights of the squared error of the expected return and of the pinball loss of its
        quantiles beside the cross-entropy. Returns are those of the labels, in ATR at the decision,
        over their deviation. 0 for both leaves the class head alone.
    quantiles : tuple of float, default=(0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
        Levels of the quantile head, rising.
    device : str, default="auto"
        "auto": CUDA where there is one, else CPU; or any name torch knows.
    mixed_precision : bool, default=True
        bfloat16 arithmetic in training on CUDA; has no effect elsewhere.
    compile_network : bool, default=True
        ``torch.compile`` in training on CUDA; has no effect elsewhere.
    checkpoint : str or None, default=None
        File that is written after every epoch, and resumed from with the same bits if it is of the
        same data, network, options and seed. Read without executing anything in it. No part of a
        bundle.
    callbacks : tuple of callables, default=()
        Called after every epoch with a dict of ``epoch``, ``train_loss``, ``validation_loss``,
        ``learning_rate``; one that returns True ends training. No part of a
        bundle either.
    progress : bool or None, default=None
        Progress bar; None shows one in a terminal for fits of more than a few seconds.

    Examples
    --------
    >>> from ohlcvml.models import TrainingOptions
    >>> TrainingOptions(max_epochs=5).learning_rate
    0.001
    """

    max_epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    schedule: str = "one_cycle"
    gradient_clip: float | None = 1.0
    validation_share: float = 0.15
    patience: int | None = 5
    class_weight: str | None = None
    normalize: str | None = "channel"
    return_weight: float = 0.1
    quantile_weight: float = 0.1
    quantiles: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    device: str = "auto"
    mixed_precision: bool = True
    compile_network: bool = True
    # Neither belongs into a file that is given to others.
    checkpoint: str | None = field(default=None, metadata={"bundle": False})
    callbacks: tuple[Callable[[dict[str, Any]], Any], ...] = field(
        default=(), metadata={"bundle": False}
    )
    progress: bool | None = None

    _rules: ClassVar[dict[str, Rule]] = {
        "max_epochs": integer(1),
        "batch_size": integer(1),
        "learning_rate": real(0.0, open_low=True),
        "weight_decay": real(0.0),
        "schedule": one_of("one_cycle", "cosine", "constant"),
        "gradient_clip": optional(real(0.0, open_low=True)),
        "validation_share": real(0.0, 0.5),
        "patience": optional(integer(1)),
        "class_weight": one_of("balanced", None),
        "normalize": one_of("channel", "window", None),
        "return_weight": real(0.0),
        "quantile_weight": real(0.0),
        "quantiles": each(real(0.0, 1.0, open_low=True)),
        "device": instance_of(str),
        "mixed_precision": boolean(),
        "compile_network": boolean(),
        "checkpoint": optional(instance_of(str, Path)),
        "callbacks": any_value(),
        "progress": optional(boolean()),
    }

    def __post_init__(self) -> None:
        for name in option_names():
            check_value("TrainingOptions", name, self._rules[name], getattr(self, name))
        levels = list(self.quantiles)
        if levels != sorted(set(levels)) or levels[-1] >= 1.0:
            raise ParameterError(
                "TrainingOptions: parameter 'quantiles' must rise within (0, 1); got "
                f"{self.quantiles!r}. Sort them and leave out repeats."
            )
        if self.checkpoint is not None:
            object.__setattr__(self, "checkpoint", str(self.checkpoint))
        object.__setattr__(self, "quantiles", tuple(float(level) for level in levels))


def option_names() -> tuple[str, ...]:
    """Names of the options."""
    return tuple(item.name for item in fields(TrainingOptions))


class HasTrainingOptions:
    """Reaches the options of ``training`` by name: ``training__max_epochs``."""

    training: TrainingOptions

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters; with ``deep`` those of ``training`` too, as ``training__name``."""
        params: dict[str, Any] = super().get_params(deep)  # type: ignore[misc]
        if deep:
            for name in option_names():
                params[_NESTED + name] = getattr(self.training, name)
        return params

    def set_params(self, **params: Any) -> Any:
        """Set parameters; ``training__name`` replaces one of the training options."""
        nested = {k.removeprefix(_NESTED): v for k, v in params.items() if k.startswith(_NESTED)}
        if nested:
            params = {k: v for k, v in params.items() if not k.startswith(_NESTED)}
            known = set(option_names())
            if not set(nested) <= known:
                raise ParameterError(
                    f"{type(self).__name__}.set_params: 'training' has the options "
                    f"{', '.join(sorted(known))}; got {', '.join(sorted(set(nested) - known))}."
                )
            params["training"] = replace(params.get("training", self.training), **nested)
        super().set_params(**params)  # type: ignore[misc]
        return self
