"""Windows as the models read them, and their answers as log returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ohlcvml.typing import FloatArray


@dataclass(frozen=True)
class StandardWindows:
    """Log closes of windows, each with mean 0 and deviation 1.

    The models normalise a window themselves, so this changes nothing but rounding: a log price of
    8.5 in 32 bits is good to 1e-6, a hundredth of a one-minute return; and thresholds inside the
    models (1e-5, 1e-6), below which they take a window for constant, are out of reach.

    Attributes
    ----------
    values : float32 array of shape (n_windows, length)
    centre, deviation : float64 arrays of shape (n_windows,)
        Mean and deviation of the log closes relative to the newest.
    """

    values: npt.NDArray[np.float32]
    centre: FloatArray
    deviation: FloatArray

    @classmethod
    def of(cls, close: FloatArray) -> StandardWindows:
        """Standardise windows of closes, shape (n_windows, length), all above 0."""
        log = np.log(close)
        from_last = log - log[:, -1:]
        centre = from_last.mean(axis=1)
        deviation = from_last.std(axis=1)
        unit = np.where(deviation > 0, deviation, 1.0)
        values = ((from_last - centre[:, None]) / unit[:, None]).astype(np.float32)
        return cls(values, centre, deviation)

    def returns(self, forecast: npt.NDArray[Any]) -> FloatArray:
        """Cumulative log returns after the last close of forecasts, shape (n_windows, ...).

        A quantile of the standardised log price is a quantile of the return: the two are one
        increasing line apart. NaN for a window that did not move: it has no scale.
        """
        shape = (-1, *([1] * (forecast.ndim - 1)))
        deviation = np.where(self.deviation > 0, self.deviation, np.nan)
        scaled = forecast.astype(np.float64) * deviation.reshape(shape)
        return scaled + self.centre.reshape(shape)
