"""How much of each class score comes from which stack, for networks that add up stacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError
from ohlcvml.samples import BarPanel, Samples
from ohlcvml.typing import Bars, FloatArray


class StackComponents:
    """Adds ``components`` to a network whose embedding is a sum over stacks.

    The class head is linear, so its scores are a sum over the same stacks: exact, no attribution
    that depends on a method or a baseline.
    """

    def components(self, X: Bars | Samples) -> pd.DataFrame:
        """Contribution of each stack to the class scores, per row.

        Scores are log-odds against the geometric mean of the classes, so they and each contribution
        sum to zero over the classes, and the softmax of the sum over components is
        ``predict_proba``. ``level`` is what the model says of every window: the bias of its class
        head. A stack's contribution is what its curve moves the scores by; the curve is no
        forecast of the features, since nothing but the labels trains it.

        Parameters
        ----------
        X : bars (pd.DataFrame) or Samples
            Row t uses bars up to and including t.

        Returns
        -------
        pd.DataFrame
            On the index of the rows, NaN where there is no history. Columns (component, class):
            ``level``, then the stacks in their order; the classes that occur in training.

        Raises
        ------
        DataError
            For an sktime Panel, or a model fitted on labels of one class.
        """
        me: Any = self
        me.check_is_fitted()
        who = f"{type(self).__name__}.components"
        if not me._enters_by_bars(X):
            raise DataError(f"{who}: needs bars or Samples; got {type(X).__name__}.")
        if hasattr(self, "_constant_class"):
            raise DataError(
                f"{who}: the model is constant, because it was fitted on labels of one class. Fit "
                "on more labels."
            )
        pos, index = (X.pos, X.index) if isinstance(X, Samples) else (np.arange(len(X)), X.index)
        panel, good = me._feature_table(X).panel(pos, me._window)
        names = ["level", *me.network_.stacks]
        classes = me.classes_[me._present].tolist()
        columns = pd.MultiIndex.from_product([names, classes], names=["component", "class"])
        values = np.full((len(pos), len(columns)), np.nan)
        if good.any():
            values[good] = self._contributions(panel)
        return pd.DataFrame(values, index=index, columns=columns)

    def _contributions(self, panel: BarPanel) -> FloatArray:
        """Shape (n, n_components * n_classes)."""
        import torch

        from ohlcvml.models.neural.training import WindowFeed

        me: Any = self
        head = me.heads_.classes
        weight, bias = head.weight.double(), head.bias.double()
        # A number added to the scores of all classes changes no probability.
        weight, bias = weight - weight.mean(0), bias - bias.mean()
        feed, found = WindowFeed(panel, torch.device("cpu")), []
        with torch.inference_mode():
            for rows in feed.batches(np.arange(len(panel)), feed.predict_size(), None):
                curves = me.network_.components(me.scale_(feed.take(rows))).values()
                moved = [curve.flatten(1).double() @ weight.T for curve in curves]
                found.append(torch.cat([bias.expand(len(rows), -1), *moved], dim=1))
        return np.asarray(torch.cat(found).numpy(), dtype=np.float64)
