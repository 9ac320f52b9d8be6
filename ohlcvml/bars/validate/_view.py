"""The arrays that the checks work on: one symbol, in order of time, without duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from ohlcvml.typing import BoolArray, FloatArray, IntArray

DAY = 86_400_000_000_000  # nanoseconds


class Found(NamedTuple):
    """What a check of one symbol found; ``rows`` are positions in the view."""

    kind: str
    rows: IntArray
    detail: str = ""
    severity: str | None = None  # None: as listed for the kind
    values: dict[str, FloatArray] | None = None  # shown beside the stamp, one per row
    power: IntArray | None = None  # scale_change: power of ten of each row


@dataclass(frozen=True, eq=False)
class View:
    """One symbol's bars, sorted by time and unique.

    Attributes
    ----------
    time : int64 array of shape (n,)
        Nanoseconds UTC, strictly increasing.
    prices : float64 array of shape (n, 4)
        Open, high, low, close; column-major.
    traded : float64 array of shape (n, 4)
        The raw prices where the bars have them, else ``prices``.
    volume : float64 array of shape (n,)
    roll : bool array of shape (n,)
        Whether the traded contract is another than in the row before.
    rows : int64 array of shape (n,)
        Positions in the bars given.
    size : int
        Bar size in nanoseconds; 0 for irregular bars.
    """

    time: IntArray
    prices: FloatArray
    traded: FloatArray
    volume: FloatArray
    roll: BoolArray
    rows: IntArray
    size: int

    @property
    def index(self) -> pd.DatetimeIndex:
        """Stamps as a UTC index."""
        return stamps_index(self.time)

    @property
    def intraday(self) -> bool:
        """Whether bars are shorter than a day, or irregular."""
        return self.size < DAY


def stamps_index(stamps: IntArray) -> pd.DatetimeIndex:
    """Turn nanoseconds into a UTC index."""
    return pd.DatetimeIndex(stamps.astype("datetime64[ns]"), tz="UTC")
