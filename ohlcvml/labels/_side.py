"""The side of a primary model at each bar, which meta-labels are about."""

from __future__ import annotations

import numpy as np

from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, FloatArray


def primary_side(bars: Bars, side: str | int, who: str) -> FloatArray:
    """Side of the primary model at each bar: −1, 0, +1, or NaN where it has none.

    Parameters
    ----------
    bars : pd.DataFrame
    side : str or int
        Name of a column of the bars, or one side for all of them.
    who : str
        Name of the caller, for the message.

    Returns
    -------
    float64 array of shape (n_bars,)

    Raises
    ------
    DataError
        The bars lack the column, or it holds something else.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import primary_side
    >>> bars = simulate_bars(3, seed=0).bars.assign(trend=[1.0, float("nan"), -1.0])
    >>> primary_side(bars, "trend", "example").tolist()
    [1.0, nan, -1.0]
    """
    if not isinstance(side, str):
        return np.full(len(bars), float(side))
    if side not in getattr(bars, "columns", ()):
        raise DataError(
            f"{who}: parameter 'side' must name a column of the bars; {side!r} is not among "
            f"{list(map(str, bars.columns))}. Join the primary model's side (-1, 0, +1) to them."
        )
    values = bars[side].to_numpy(dtype=np.float64, na_value=np.nan)
    odd = ~(np.isin(values, (-1.0, 0.0, 1.0)) | np.isnan(values))
    if odd.any():
        raise DataError(
            f"{who}: the side column {side!r} must hold -1, 0, +1 or NaN; got {values[odd][0]}. "
            "Take the sign of a score."
        )
    return np.asarray(values, dtype=np.float64)
