"""The ways to ask a fitted model; each reads the one answer it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import check_value, each, real
from ohlcvml.exceptions import DataError
from ohlcvml.labels import LabelSpec
from ohlcvml.pipeline._answer import Answer
from ohlcvml.pipeline._signal import SignalModel, atr_scale, primary_of, signal_table
from ohlcvml.pipeline._training_record import check_unseen
from ohlcvml.samples import BarPanel, Samples
from ohlcvml.typing import Bars, IntArray

_SHARE = real(0.0, 1.0, open_low=True, open_high=True)


class AnswersBars:
    """Adds to a classifier of bars the ways to ask it.

    A model implements ``_predict_proba(panel)``. One that also has an expected return or quantiles
    implements ``_answer(panel, levels)`` on the windows that have history; one that does not see
    windows of features implements ``_answer_at(X, pos, levels, probabilities)``.
    """

    # Levels of the quantiles that ``answer`` gives; none for a model without a distribution.
    _own_levels: Any = ()

    def answer(self, X: Bars | Samples, levels: Sequence[float] | None = None) -> Answer:
        """Everything the model says of each row, asked once.

        Row t uses bars up to and including t. ``predict_proba``, ``predict_signal`` and
        ``predict_quantiles`` are readings of this.

        Parameters
        ----------
        X : bars (pd.DataFrame) or Samples
        levels : sequence of float in (0, 1) or None, default=None
            Levels of the quantiles; by default the model's own, none if it has no distribution.

        Returns
        -------
        Answer
            One row for each bar or sample, NaN where there is no history.

        Raises
        ------
        DataError
            If levels are asked of a model that has no distribution of returns, or the samples are
            labelled by another rule than the training rows.
        LeakageError
            If samples overlap the training rows.
        """
        who = f"{type(self).__name__}.answer"
        wanted = self._own_levels if levels is None else tuple(levels)
        check_value(who, "levels", each(_SHARE, empty=levels is None), wanted)
        found = self._asked(X, who, wanted)
        if levels and found.quantiles is None:
            raise DataError(_no_distribution(who))
        return found

    def predict_proba(self, X: Any) -> Any:
        """Class probabilities, columns in the order of ``classes_``.

        Parameters
        ----------
        X : bars (pd.DataFrame), Samples, or an sktime Panel

        Returns
        -------
        pd.DataFrame on the index of the bars (NaN rows have no history), or an array of shape
        (n, n_classes) for Samples and Panels. In the array a sample without history has the
        training class shares, because scikit-learn takes no NaN; :meth:`answer` says NaN.

        Raises
        ------
        LeakageError
            If samples overlap the training rows.
        """
        me: Any = self
        me.check_is_fitted()
        if not me._enters_by_bars(X):
            return super().predict_proba(X)  # type: ignore[misc]
        proba = self._asked(X, f"{type(self).__name__}.predict_proba").probabilities
        if isinstance(X, Samples):
            return np.where(np.isnan(proba), me.class_shares_, proba)
        return pd.DataFrame(proba, index=X.index, columns=me.classes_)

    def predict(self, X: Any) -> Any:
        """Most probable class: nullable integers per bar, an array for Samples and Panels."""
        me: Any = self
        me.check_is_fitted()
        if not me._enters_by_bars(X):
            return super().predict(X)  # type: ignore[misc]
        proba = self.predict_proba(X)
        if isinstance(X, Samples):
            return me.classes_[proba.argmax(axis=1)]
        values = proba.to_numpy()
        known = ~np.isnan(values).any(axis=1)
        best = me.classes_[np.nan_to_num(values).argmax(axis=1)]
        return pd.Series(pd.array(best, dtype="Int8"), index=X.index, name="label").where(known)

    def predict_signal(self, X: Bars | Samples) -> pd.DataFrame:
        """Costed signal per bar, acted on at the next bar.

        Row t uses bars up to and including t. ``expected_return`` is ATR over price times what the
        model expects in ATR: its own return head, where it has one, or else the sum over classes
        of probability times the training mean return of that class; ``side`` its sign where it
        exceeds the round-trip cost, else 0; ``expected_net_return`` what remains after that cost;
        ``confidence`` the largest class probability. A row without an answer is NaN in every
        column: no answer is not "flat".

        Parameters
        ----------
        X : pd.DataFrame of bars, or Samples

        Returns
        -------
        pd.DataFrame
            Columns p_down, p_flat, p_up, expected_return, expected_net_return, side, confidence.
            Meta-labels: p_skip and p_take instead of the first three; ``expected_return`` is what
            following the primary model is expected to earn, and ``side`` is the primary model's
            where that exceeds the cost, else 0.

        Raises
        ------
        DataError
            Meta-labels, and the bars lack the column with the primary model's side.
        LeakageError
            If samples overlap the training rows.
        """
        answer = self._asked(X, f"{type(self).__name__}.predict_signal")
        return self._signal_of(answer, X)

    def _signal_of(self, answer: Answer, X: Bars | Samples) -> pd.DataFrame:
        """The signal that an answer to X amounts to."""
        me: Any = self
        spec: LabelSpec = me.label_spec_
        bars, pos, index = _rows_of(X)
        model = SignalModel(
            me.classes_, me.return_means_, me.round_trip_, spec.atr_window, spec.kind
        )
        scale, price = atr_scale(bars, spec.atr_window)
        primary = None
        if spec.kind == "meta":
            primary = primary_of(X, spec.side, f"{type(self).__name__}.predict_signal")
        return signal_table(
            answer.probabilities,
            model,
            scale[pos],
            price[pos],
            index,
            expected=answer.expected_return,
            primary=primary,
        )

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
        who = f"{type(self).__name__}.predict_quantiles"
        levels = (alpha,) if isinstance(alpha, (int, float)) else tuple(alpha)
        check_value(who, "alpha", each(_SHARE), levels)
        answer = self._asked(X, who, levels, probabilities=False)
        if answer.quantiles is None:
            raise DataError(_no_distribution(who))
        bars, pos, index = _rows_of(X)
        values = answer.quantiles * atr_scale(bars, me.label_spec_.atr_window)[0][pos, None]
        if isinstance(X, Samples):
            return values
        table = pd.DataFrame(values, index=index, columns=list(levels))
        table.attrs["extrapolated"] = list(answer.extrapolated)
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
        check_value(who, "coverage", _SHARE, coverage)
        half = (1.0 - coverage) / 2.0
        found = self.predict_quantiles(X, (half, 1.0 - half))
        if isinstance(found, pd.DataFrame):
            found.columns = pd.Index(["lower", "upper"])
        return found

    # ---- the one question
    def _asked(
        self, X: Any, who: str, levels: Sequence[float] = (), probabilities: bool = True
    ) -> Answer:
        """Answer for bars, or for Samples of the same rule that the model was not trained on."""
        me: Any = self
        me.check_is_fitted()
        if not me._enters_by_bars(X):
            raise DataError(f"{who}: needs bars or Samples; got {type(X).__name__}.")
        if isinstance(X, Samples):
            me.label_spec_.check_same_rule(X.spec, who)
            check_unseen(X, me.training_intervals_, type(self).__name__)
        return self._answer_at(X, _rows_of(X)[1], tuple(levels), probabilities)

    def _answer_at(
        self,
        X: Bars | Samples,
        pos: IntArray,
        levels: tuple[float, ...] = (),
        probabilities: bool = True,
    ) -> Answer:
        """Answer at positions on the bar index, with quantiles at ``levels``.

        Where probabilities are not wanted, a model may leave them NaN.
        """
        me: Any = self
        panel, good = me._feature_table(X).panel(pos, me._window)
        if hasattr(self, "_constant_class"):
            always = (me.classes_ == self._constant_class).astype(np.float64)
            return Answer(np.tile(always, (int(good.sum()), 1))).spread(good)
        if not good.any():
            blank = np.full((len(pos), me.n_classes_), np.nan)
            if not (levels and self._own_levels):
                return Answer(blank)
            return Answer(blank, None, np.full((len(pos), len(levels)), np.nan), levels)
        return self._answer(panel, levels).spread(good)

    def _answer(self, panel: BarPanel, levels: tuple[float, ...]) -> Answer:
        """Answer for windows that have history."""
        me: Any = self
        return Answer(np.asarray(me._predict_proba(panel), dtype=np.float64))


def _rows_of(X: Bars | Samples) -> tuple[Bars, IntArray, pd.Index]:
    """Bars, positions of the rows asked about, and their index."""
    if isinstance(X, Samples):
        return X.bars, X.pos, X.index
    return X, np.arange(len(X)), X.index


def _no_distribution(who: str) -> str:
    return (
        f"{who}: the model has no distribution of returns. Models with the tag "
        "capability:pred_quantiles have one; of them, a network needs bars with labels of more "
        "than one class and training__quantile_weight above 0."
    )
