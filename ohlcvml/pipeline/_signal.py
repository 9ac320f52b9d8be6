"""From class probabilities to a costed signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ohlcvml.bars import check_bars, price_arrays, symbol_starts, traded_close
from ohlcvml.exceptions import DataError
from ohlcvml.labels import primary_side
from ohlcvml.samples import Samples
from ohlcvml.streams import average_true_range
from ohlcvml.typing import Bars, FloatArray, IntArray

_WORTH = ("expected_return", "expected_net_return", "side", "confidence")
SIGNAL_COLUMNS: tuple[str, ...] = ("p_down", "p_flat", "p_up", *_WORTH)
META_SIGNAL_COLUMNS: tuple[str, ...] = ("p_skip", "p_take", *_WORTH)


@dataclass(frozen=True)
class SignalModel:
    """What training rows say a class is worth.

    Parameters
    ----------
    classes : int64 array of shape (n_classes,)
    return_means : float64 array of shape (n_classes,)
        Weighted training mean of the label return in units of ATR at the decision; 0 for a class
        that does not occur. Meta-labels: of what following the primary model earned.
    round_trip : float
        Cost of a round trip in price units.
    atr_window : int
        Window of the ATR in bars.
    kind : {"direction", "meta"}, default="direction"
        What the labels are about; see :class:`~ohlcvml.labels.LabelSpec`.
    """

    classes: IntArray
    return_means: FloatArray
    round_trip: float
    atr_window: int
    kind: str = "direction"

    @classmethod
    def fit(cls, samples: Samples, weight: FloatArray) -> SignalModel:
        """Learn from training samples."""
        window, one, units = _in_ranges(samples)
        good = np.isfinite(units)
        classes = samples.classes
        means = np.zeros(len(classes))
        for k, label in enumerate(classes):
            mine = good & (samples.y == label)
            if weight[mine].sum() > 0:
                means[k] = np.average(units[mine], weights=weight[mine])
        round_trip = samples.spec.round_trip
        if round_trip is None:
            cost = samples.labels["cost"].to_numpy()[samples.rows]
            round_trip = float(np.median(cost * one))
        return cls(classes, means, float(round_trip), window, samples.spec.kind)


def return_units(samples: Samples) -> FloatArray:
    """Label returns in units of the ATR at the decision, shape (n,); NaN where there is none.

    Meta-labels: returns of following the primary model.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import FixedHorizonLabeller
    >>> from ohlcvml.pipeline import return_units
    >>> from ohlcvml.samples import Samples
    >>> bars = simulate_bars(300, seed=0).bars
    >>> labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> samples = Samples(bars, labels)
    >>> return_units(samples).shape == samples.shape
    True
    """
    return _in_ranges(samples)[2]


def _in_ranges(samples: Samples) -> tuple[int, FloatArray, FloatArray]:
    """Window of the ATR, what a return of 1 is in price units, and returns in ATR."""
    window = samples.spec.atr_window
    scale, price = atr_scale(samples.bars, window)
    pos = samples.pos
    # Log returns are fractions of the price; where prices are not positive, labels are points.
    points = samples.spec.return_unit == "points"
    one = np.ones(len(pos)) if points else price[pos]
    returns = samples.labels["ret"].to_numpy()[samples.rows]
    if samples.spec.kind == "meta":
        returns = returns * samples.labels["side"].to_numpy()[samples.rows]
    return window, one, returns * one / (scale[pos] * price[pos])


def primary_of(X: Bars | Samples, side: str | int | None, who: str) -> FloatArray:
    """Side of the primary model at the rows asked about: every bar, or those of the samples.

    Parameters
    ----------
    X : pd.DataFrame of bars, or Samples of meta-labels
    side : str, int or None
        ``LabelSpec.side`` of the training labels: the column of the bars that holds it, or one
        side for all bars.
    who : str
        Name of the caller, for the message.

    Returns
    -------
    float64 array of shape (n,)
        −1, 0, +1, or NaN where the primary model has none.

    Raises
    ------
    DataError
        The bars lack the column, or no column holds it.
    """
    if isinstance(X, Samples):
        return X.labels["side"].to_numpy(dtype=np.float64)[X.rows]
    if side is None:
        raise DataError(
            f"{who}: the side of the primary model at each bar is not known: the labels were made "
            "from sides without a name. Pass Samples, or make them from a bar column: "
            "labels_from(bars, label, end, side='column')."
        )
    return primary_side(X, side, who)


def atr_scale(bars: Bars, window: int) -> tuple[FloatArray, FloatArray]:
    """ATR as a fraction of the traded price, and that price, per bar.

    Row t uses bars up to and including t. The price is the contract's own where the bars carry
    one (``raw_close``): adjusted prices never meet costs. Both are NaN
    where it is 0.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.pipeline import atr_scale
    >>> scale, price = atr_scale(simulate_bars(100, seed=0).bars, window=14)
    >>> round(float(scale[-1] * price[-1]), 2), float(price[-1])  # ATR and close
    (2.22, 5011.75)
    """
    check_bars(bars, "atr_scale", columns="bars" if bars.shape[1] > 1 else "bars or price")
    prices = price_arrays(bars, "atr_scale")
    atr = average_true_range(
        prices.high, prices.low, prices.close, window, symbol_starts(bars.index)
    )
    price = np.abs(traded_close(bars, "predict_signal"))
    price = np.where(price > 0, price, np.nan)  # there are no fractions of a price of 0
    return atr / price, price


def signal_table(
    proba: FloatArray,
    model: SignalModel,
    scale: FloatArray,
    price: FloatArray,
    index: pd.Index,
    *,
    expected: FloatArray | None = None,
    primary: FloatArray | None = None,
) -> pd.DataFrame:
    """Return the signal per row: probabilities, expected returns, side and confidence.

    Parameters
    ----------
    proba : float64 array of shape (n, n_classes)
        NaN rows are NaN in every column.
    model : SignalModel
    scale, price : float64 arrays of shape (n,)
        From :func:`atr_scale`, at the same rows.
    index : pd.Index of length n
    expected : float64 array of shape (n,), optional
        Expected return in ATR where the model has one of its own; by default the sum over classes
        of probability times training mean.
    primary : float64 array of shape (n,), optional
        Meta-labels: side of the primary model, from :func:`primary_of`. It is traded or nothing
        is; a row where it is NaN has no answer.

    Returns
    -------
    pd.DataFrame
        Columns as in ``SIGNAL_COLUMNS``; for meta-labels as in ``META_SIGNAL_COLUMNS``, where
        ``expected_return`` is what following the primary model is expected to earn.

    Examples
    --------
    A class is worth one ATR, the ATR 0.1 % of the price of 2000, a round trip 0.5 points:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from ohlcvml.pipeline import SignalModel, signal_table
    >>> worth = SignalModel(np.array([-1, 0, 1]), np.array([-1.0, 0.0, 1.0]), 0.5, 14)
    >>> proba = np.array([[0.1, 0.3, 0.6], [0.3, 0.4, 0.3]])
    >>> scale, price = np.array([0.001, 0.001]), np.array([2000.0, 2000.0])
    >>> signal = signal_table(proba, worth, scale, price, pd.RangeIndex(2))
    >>> signal[["expected_return", "expected_net_return", "side"]].round(6).values.tolist()
    [[0.0005, 0.00025, 1.0], [0.0, 0.0, 0.0]]
    """
    expected = (proba @ model.return_means if expected is None else expected) * scale
    cost = model.round_trip / price
    if model.kind == "meta":
        return _follow(proba, expected, cost, primary, index)
    excess = np.abs(expected) - cost
    side = np.where(excess > 0, np.sign(expected), 0.0)
    by_class = {int(c): proba[:, k] for k, c in enumerate(model.classes)}
    absent = np.where(np.isnan(proba[:, 0]), np.nan, 0.0)
    shares = [by_class.get(c, absent) for c in (-1, 0, 1)]
    return _columns(SIGNAL_COLUMNS, shares, expected, excess, side, proba, index)


def _follow(
    proba: FloatArray,
    expected: FloatArray,
    cost: FloatArray,
    primary: FloatArray | None,
    index: pd.Index,
) -> pd.DataFrame:
    """Trade the primary model's side where following it is expected to earn more than its cost."""
    if primary is None:
        raise DataError(
            "signal_table: 'primary' must be the side of the primary model for meta-labels; got "
            "None. Pass primary_of(bars, side, who)."
        )
    unknown = np.isnan(primary)
    proba = np.where(unknown[:, None], np.nan, proba)
    expected = np.where(primary == 0.0, 0.0 * expected, expected)  # nothing is earned by nothing
    expected = np.where(unknown, np.nan, expected)
    excess = expected - cost
    side = np.where(excess > 0, primary, 0.0)
    shares = [proba[:, 0], proba[:, 1]]
    return _columns(META_SIGNAL_COLUMNS, shares, expected, excess, side, proba, index)


def _columns(
    names: tuple[str, ...],
    shares: list[FloatArray],
    expected: FloatArray,
    excess: FloatArray,
    side: FloatArray,
    proba: FloatArray,
    index: pd.Index,
) -> pd.DataFrame:
    side = np.where(np.isnan(expected), np.nan, side)  # no answer is not "flat"
    worth = (expected, np.maximum(excess, 0.0), side, proba.max(axis=1))
    return pd.DataFrame(dict(zip(names, (*shares, *worth), strict=True)), index=index)
