"""Compiling kernels before their first use on a machine, with progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ohlcvml.streams._channels import BarRow
from ohlcvml.typing import FloatArray


class HasKernels(Protocol):
    """A feature as compiling and streaming see it."""

    @property
    def feature_names(self) -> list[str]:
        """Names of its columns."""

    def _leaves(self) -> Sequence[Any]:
        """Parts that have a kernel."""

    def _node(self, source: BarRow, out: FloatArray) -> Any:
        """Its counterpart in a stream."""


def warm_up(features: Sequence[HasKernels]) -> None:
    """Compile what these features need and this machine has not compiled yet, and say so.

    Compiled kernels are kept beside the package (or where ``NUMBA_CACHE_DIR`` says), so this takes
    seconds once and nothing from then on.

    Examples
    --------
    >>> from ohlcvml.features import ReturnFeatures
    >>> from ohlcvml.streams import warm_up
    >>> warm_up([ReturnFeatures()])
    """
    todo = [one for part in features for one in part._leaves() if not _ready(type(one)._kernel)]
    if not todo:
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    label = "Compiling features, once on this machine"
    for feature in track(todo, description=label, console=console):
        values = np.full(len(feature.feature_names), np.nan)
        feature._node(BarRow(type(feature).__name__), values).compile()


def _ready(kernel: Any) -> bool:
    """Whether a kernel is compiled, in this process or on disk."""
    if kernel.signatures:
        return True
    try:
        return bool(kernel._cache._cache_file._load_index())
    except (AttributeError, OSError):  # no cache on disk, or numba keeps it elsewhere
        return False
