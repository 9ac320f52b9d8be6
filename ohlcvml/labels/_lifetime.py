"""How long a label may live: the horizon of the specification against the bars."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, BoolArray, IntArray


def check_lifetime(start: IntArray, end: IntArray, horizon: int, bars: Bars, who: str) -> None:
    """Raise :class:`DataError` where a label lives past the horizon for no reason in the bars.

    A label decided at bar i ends by bar i + horizon. Only an exit that cannot be filled there
    waits: it goes to the next bar that fills, so no bar from i + horizon up to the end, the end
    left out, may be one that fills for everyone.

    Parameters
    ----------
    start, end : int64 arrays of shape (n_labels,)
        Rows of the decision and of the resolving bar; ``end`` is −1 while unresolved.
    horizon : int
    bars : pd.DataFrame
        Its columns ``volume`` and ``limit`` tell which bars fill; without them every bar does.
    who : str
        Name of the caller, for the message.
    """
    long = np.flatnonzero(end - start > horizon)
    if len(long) == 0:
        return
    filled = np.concatenate([[0], np.cumsum(_fills(bars))])  # bars that fill before each row
    long = long[filled[end[long]] > filled[start[long] + horizon]]
    if len(long):
        first, last = int(start[long[0]]), int(end[long[0]])
        raise DataError(
            f"{who}: the 'horizon' of the labels' specification must not be shorter than a label; "
            f"got horizon={horizon}, and {len(long)} of {len(start)} labels live longer although "
            f"the bars could be traded: the first, decided at {bars.index[first]}, lives "
            f"{last - first} bars, to {bars.index[last]}. Pass the specification the table was "
            "made with, LabelSpec.of(made), and the bars that were labelled, with their volume; "
            "for labels of your own use ohlcvml.labels.labels_from(bars, label, end, horizon=...)."
        )


def _fills(bars: Bars) -> BoolArray:
    """Whether anyone, long or short, gets a fill in each bar; unknown volume counts as traded."""
    fills = np.ones(len(bars), dtype=bool)
    if "volume" in getattr(bars, "columns", ()):
        fills &= ~(_numbers(bars["volume"]) <= 0.0)
    if "limit" in getattr(bars, "columns", ()):
        fills &= np.nan_to_num(_numbers(bars["limit"]), nan=0.0) == 0.0
    return fills


def _numbers(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
