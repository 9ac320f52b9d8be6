"""Calibration: do events forecast with probability p happen with frequency p?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.typing import BoolArray, FloatArray, IntArray


def reliability_curve(
    hit: npt.ArrayLike,
    probability: npt.ArrayLike,
    *,
    n_bins: int = 10,
    weight: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Observed frequency against forecast probability, in bins of equal width.

    Parameters
    ----------
    hit : array-like of bool, shape (n_rows,)
        Whether the forecast event happened.
    probability : array-like of shape (n_rows,)
        Its forecast probability, in [0, 1].
    n_bins : int, default 10
        Bins (0, 1/n], …, ((n − 1)/n, 1]; a probability of exactly 0 is in the first.
    weight : array-like of shape (n_rows,), optional
        Sample weights.

    Returns
    -------
    pd.DataFrame of n_bins rows
        Columns ``low high`` (bin edges), ``forecast`` and ``observed`` (weighted means, NaN in an
        empty bin), ``weight`` (sum in the bin), ``rows``.

    Examples
    --------
    >>> from ohlcvml.evaluation import reliability_curve
    >>> curve = reliability_curve([1, 0, 1, 1], [0.3, 0.4, 0.9, 0.8], n_bins=2)
    >>> curve[["forecast", "observed", "rows"]].round(2).to_numpy().tolist()
    [[0.35, 0.5, 2.0], [0.85, 1.0, 2.0]]
    """
    p = np.asarray(probability, dtype=np.float64)
    happened = np.asarray(hit, dtype=np.float64)
    w = np.ones(len(p)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not (p.ndim == 1 and p.shape == happened.shape == w.shape):
        raise DataError(
            "reliability_curve: 'hit', 'probability' and 'weight' must be one-dimensional and of "
            f"one length; got shapes {happened.shape}, {p.shape}, {w.shape}."
        )
    if not ((p >= 0) & (p <= 1 + 1e-9)).all():
        raise DataError("reliability_curve: 'probability' must lie in [0, 1], without NaN.")
    bins = _bin_numbers(p, n_bins, "reliability_curve")
    total = np.bincount(bins, w, minlength=n_bins)
    some = np.where(total > 0, total, np.nan)
    edges = np.arange(n_bins + 1) / n_bins
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "forecast": np.bincount(bins, w * p, minlength=n_bins) / some,
            "observed": np.bincount(bins, w * happened, minlength=n_bins) / some,
            "weight": total,
            "rows": np.bincount(bins, minlength=n_bins),
        }
    )


def calibration_error(
    y: npt.ArrayLike,
    proba: npt.ArrayLike,
    classes: Sequence[int] | IntArray,
    *,
    n_bins: int = 10,
    weight: npt.ArrayLike | None = None,
    kind: str = "top_label",
) -> float:
    """Expected calibration error (ECE): mean |observed − forecast| over bins of equal width.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels.
    proba : array-like of shape (n_rows, n_classes)
        Probabilities, columns in the order of ``classes``; rows with NaN are left out.
    classes : sequence of int
        The labeller's class set.
    n_bins : int, default 10
        Number of bins.
    weight : array-like of shape (n_rows,), optional
        Sample weights: bins count by the weight in them.
    kind : {"top_label", "class_wise"}, default "top_label"
        ``top_label`` asks whether the likeliest class is right as often as its probability says
        (Guo et al. 2017); ``class_wise`` is the mean over classes of each class's own error.

    Returns
    -------
    float
        0 is perfect. Binning noise alone leaves about 0.026 at 2,000 rows and 0.012 at 10,000,
        so compare it at equal row counts.

    Examples
    --------
    >>> from ohlcvml.evaluation import calibration_error
    >>> proba = [[0.2, 0.8], [0.2, 0.8], [0.4, 0.6], [0.4, 0.6]]
    >>> round(calibration_error([1, 1, 1, -1], proba, [-1, 1]), 3)  # (|1 - .8| + |.5 - .6|) / 2
    0.15
    """
    if kind not in ("top_label", "class_wise"):
        raise ParameterError(
            f"calibration_error: 'kind' must be 'top_label' or 'class_wise'; got {kind!r}."
        )
    p = np.asarray(proba, dtype=np.float64)
    hits = np.asarray(y)[:, None] == np.asarray(classes)[None, :]
    if p.shape != hits.shape:
        raise DataError(
            f"calibration_error: 'proba' must have shape (n_rows, n_classes) = {hits.shape}; got "
            f"{p.shape}."
        )
    w = np.ones(len(p)) if weight is None else np.asarray(weight, dtype=np.float64)
    scored = np.isfinite(p).all(axis=1) & (w > 0)
    p, hits, w = p[scored], hits[scored], w[scored]
    if len(p) == 0:
        return float("nan")
    if kind == "top_label":
        rows, top = np.arange(len(p)), p.argmax(axis=1)
        return _binned_error(hits[rows, top], p[rows, top], w, n_bins)
    each = [_binned_error(hits[:, c], p[:, c], w, n_bins) for c in range(p.shape[1])]
    return float(np.mean(each))


def _bin_numbers(p: FloatArray, n_bins: int, who: str) -> IntArray:
    """Bin of each probability, from 0."""
    if isinstance(n_bins, bool) or not isinstance(n_bins, (int, np.integer)) or n_bins < 1:
        raise ParameterError(f"{who}: 'n_bins' must be an integer of at least 1; got {n_bins!r}.")
    # The upper edge belongs to the bin; rounding keeps 0.3 from landing above the edge 3/10.
    return (np.ceil(np.round(p * n_bins, 9)).astype(np.int64) - 1).clip(0, n_bins - 1)


def _binned_error(hit: BoolArray, p: FloatArray, w: FloatArray, n_bins: int) -> float:
    """|observed − forecast| of each bin, averaged by the weight in it."""
    bins = _bin_numbers(p, n_bins, "calibration_error")
    gaps = np.bincount(bins, w * (hit - p), minlength=n_bins)
    return float(np.abs(gaps).sum() / w.sum())
