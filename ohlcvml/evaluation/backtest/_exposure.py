"""Equal exposure: compare models at the same share of bars traded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._checks import check_value, real
from ohlcvml.exceptions import DataError


def equal_exposure(
    scores: npt.ArrayLike | pd.Series, share: float, *, one_sided: bool = False
) -> float:
    """Find the |score| threshold that trades a fixed share of rows.

    A model that trades twice as often is not twice as skilful. Set the threshold on *training*
    out-of-fold rows and apply it to the rows that are evaluated; set on those, it would know how
    the scores turned out.

    Parameters
    ----------
    scores : array-like of shape (n_rows,)
        Training out-of-fold scores, e.g. ``expected_return``; NaN rows are left out.
    share : float
        Share of rows to trade, in (0, 1].
    one_sided : bool, default=False
        Meta-labels: only large scores are traded, so the threshold is one of the score itself.

    Returns
    -------
    float
        The largest threshold at which at least ``share`` of the rows have |score| >= threshold
        (ties trade together).

    Examples
    --------
    >>> from ohlcvml.evaluation import equal_exposure, sides_at
    >>> threshold = equal_exposure([0.1, -0.4, 0.2, -0.3], share=0.5)
    >>> threshold
    0.3
    >>> sides_at([0.35, -0.5, 0.2], threshold).tolist()
    [1, -1, 0]
    """
    check_value("equal_exposure", "share", real(0.0, 1.0, open_low=True), share)
    size = np.asarray(scores, dtype=np.float64)
    size = size if one_sided else np.abs(size)
    size = np.sort(size[np.isfinite(size)])
    if len(size) == 0:
        raise DataError(
            "equal_exposure: 'scores' must hold at least one finite value. Pass the out-of-fold "
            "scores of the training rows."
        )
    traded = int(np.ceil(share * len(size) - 1e-9))
    return float(size[len(size) - traded])


def sides_at(
    scores: npt.ArrayLike | pd.Series, threshold: float, *, primary: npt.ArrayLike | None = None
) -> npt.NDArray[np.int8]:
    """Sides of shape (n_rows,): the score's sign where |score| >= threshold, else 0 (NaN: 0).

    With the sides of a primary model: its side where score >= threshold, else 0.

    Examples
    --------
    >>> from ohlcvml.evaluation import sides_at
    >>> sides_at([0.35, -0.3, 0.2, float("nan")], threshold=0.3).tolist()
    [1, -1, 0, 0]
    """
    values = np.asarray(scores, dtype=np.float64)
    if primary is not None:
        return np.where(values >= threshold, np.asarray(primary), 0).astype(np.int8)
    values = np.nan_to_num(values, nan=0.0)
    return np.where(np.abs(values) >= threshold, np.sign(values), 0).astype(np.int8)
