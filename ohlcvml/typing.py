"""Type aliases: numpy and pandas only, so that importing this costs nothing."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Bars", "BoolArray", "Features", "FloatArray", "IntArray", "Labels"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

Bars: TypeAlias = pd.DataFrame
Labels: TypeAlias = pd.DataFrame
Features: TypeAlias = pd.DataFrame
