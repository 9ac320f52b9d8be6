"""Quantiles and intervals of the label's return, for models that have a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import check_value, each, real
from ohlcvml.exceptions import DataError
from ohlcvml.pipeline._signal import atr_scale
from ohlcvml.pipeline._training_record import check_unseen
from ohlcvml.samples import Samples
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray

__all__ = ["QuantileAnswers"]


class QuantileAnswers:
    """Adds ``predict_quantiles`` and ``predict_interval`` to a classifier of bars.

    A model implements ``_quantiles_at(X, pos, alpha)``: quantiles of the label's return in units of
    the ATR at the decision, shape (n, len(alpha)), NaN where there is no history, and which levels
    lie beyond those it has.
    """

    def predict_quantiles(
        self, X: Bars | Samples, alpha: float | Sequence[float] = (0.05, 0.5, 0.95)
    ) -> Any:
        """Quantiles of the return of a position taken at each row, before costs.

        The return is that of the labels: log of exit over entry, seen from the long side. Row t
        uses bars up to and including t.

        Parameters
        ----------
        X : bars (pd.DataFrame) or Samples
        alpha : float or sequence of float in (0, 1)

        Returns
        -------
        pd.DataFrame on the index of the bars, a column per level (NaN rows have no history), or an
        array of shape (n, n_levels) for Samples. ``attrs["extrapolated"]`` of the table lists the
        levels beyond those of the model, where a Gaussian tail is assumed.

        Raises
        ------
        DataError
            If the model has no distribution.
        LeakageError
            If samples overlap the training rows.
        """
        me: Any = self
        me.check_is_fitted()
        who = f"{type(self).__name__}.predict_quantiles"
        levels = (alpha,) if isinstance(alpha, (int, float)) else tuple(alpha)
        check_value(who, "alpha", each(real(0.0, 1.0, open_low=True)), levels)
        if not me._enters_by_bars(X):
            raise DataError(f"{who}: needs bars or Samples; got {type(X).__name__}.")
        if isinstance(X, Samples):
            check_unseen(X, me.training_intervals_, type(self).__name__)
        bars, pos = (X.bars, X.pos) if isinstance(X, Samples) else (X, np.arange(len(X)))
        units, extrapolated = self._quantiles_at(X, pos, np.asarray(levels, dtype=np.float64))
        values = units * atr_scale(bars, me.atr_window_)[0][pos, None]
        if isinstance(X, Samples):
            return values
        table = pd.DataFrame(values, index=X.index, columns=list(levels))
        table.attrs["extrapolated"] = [
            level for level, beyond in zip(levels, extrapolated, strict=True) if beyond
        ]
        return table

    def predict_interval(self, X: Bars | Samples, coverage: float = 0.9) -> Any:
        """Central interval of the return: quantiles at (1 - coverage) / 2 and 1 minus that.

        Parameters
        ----------
        X : bars (pd.DataFrame) or Samples
        coverage : float in (0, 1), default=0.9

        Returns
        -------
        pd.DataFrame with the columns lower and upper, or an array of shape (n, 2) for Samples.
        """
        who = f"{type(self).__name__}.predict_interval"
        check_value(who, "coverage", real(0.0, 1.0, open_low=True), coverage)
        half = (1.0 - coverage) / 2.0
        found = self.predict_quantiles(X, (half, 1.0 - half))
        if isinstance(found, pd.DataFrame):
            found.columns = pd.Index(["lower", "upper"])
        return found

    def _quantiles_at(
        self, X: Bars | Samples, pos: IntArray, alpha: FloatArray
    ) -> tuple[FloatArray, BoolArray]:
        raise NotImplementedError
