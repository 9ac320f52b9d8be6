"""What every network keeps: its constructor arguments and the length of its embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ohlcvml._checks import Rule, check_value, integer
from ohlcvml.exceptions import DataError


class Network(nn.Module):
    """Base of the networks: windows ``(B, n_channels, window)`` in, embeddings out.

    A network knows nothing of labels, devices or seeds. In ``eval`` a row of the output depends on
    its own window alone. A subclass lists the rules of its own arguments in ``_parameter_rules``
    and hands every argument to ``super().__init__``.

    Attributes
    ----------
    config : dict
        Every constructor argument as plain JSON values: ``type(net)(**net.config)`` has the same
        tensors, so ``load_state_dict`` restores the network.
    n_features : int
        Length of the embedding: ``forward`` gives ``(B, n_features)``.
    """

    _parameter_rules: ClassVar[Mapping[str, Rule]] = {}

    config: dict[str, Any]
    n_features: int

    def __init__(self, n_channels: int, window: int, **arguments: Any) -> None:
        super().__init__()
        given = {"n_channels": n_channels, "window": window, **arguments}
        rules = {"n_channels": integer(1), "window": integer(1), **self._parameter_rules}
        for name, value in given.items():
            check_value(type(self).__name__, name, rules[name], value)
        self.config = {name: _plain(value) for name, value in given.items()}

    @property
    def n_tokens(self) -> int:
        """Vectors that the layers make of a window; one a bar unless a network says otherwise."""
        return int(self.config["window"])

    @property
    def floats_per_window(self) -> int:
        """Numbers that a window is in the widest layer, about; memory depends on it."""
        widest = max((p.shape[0] for p in self.parameters() if p.ndim > 1), default=1)
        return self.n_tokens * max(widest, int(self.config["n_channels"]))

    def __reduce__(self) -> Any:
        """Copy and pickle as arguments and tensors: torch refuses modules with weight norm."""
        return _rebuild, (type(self), self.config, self.state_dict(), self.training)

    def _check_windows(self, x: Tensor) -> None:
        """Refuse anything but this network's windows; a transposed batch may fit by chance."""
        expected = (self.config["n_channels"], self.config["window"])
        if x.ndim != 3 or tuple(x.shape[1:]) != expected:
            raise DataError(
                f"{type(self).__name__}: x must have the shape (B, n_channels, window) = "
                f"(B, {expected[0]}, {expected[1]}); got {tuple(x.shape)}. Channels come before "
                "time, the newest bar last."
            )


def _rebuild(
    cls: type[Network], config: dict[str, Any], state: dict[str, Tensor], training: bool
) -> Network:
    with torch.random.fork_rng(devices=[]):  # the weights drawn are thrown away
        network = cls(**config)
    network.load_state_dict(state)
    return network.train(training)


def _plain(value: Any) -> Any:
    """Turn tuples and numpy numbers into what JSON holds."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
