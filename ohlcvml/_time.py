"""Stamps as integers, days, and runs of equal values."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml.exceptions import DataError
from ohlcvml.typing import IntArray

DAY = 86_400_000_000_000  # nanoseconds
NAT = int(np.iinfo(np.int64).min)  # what a missing stamp is as an integer: before all others


def nanoseconds(stamps: Any, nat: Literal["raise", "keep"] = "raise") -> IntArray:
    """Stamps as nanoseconds since 1970 UTC, whatever their unit.

    pandas stores microseconds by default, so ``.asi8`` alone is a thousand times too small.

    Parameters
    ----------
    stamps : pd.DatetimeIndex, pd.MultiIndex or pd.Series
        An index of bars (of a MultiIndex the last level) or a column of stamps such as ``end``. A
        clock without a zone is read as UTC.
    nat : {"raise", "keep"}, default="raise"
        A missing stamp is an error, or stays in as ``NAT``, which is smaller than all others: a
        label without an end would look like one that has long ended.

    Returns
    -------
    int64 array of shape (n,)
        Without a copy where the stamps are in nanoseconds already: not to be written to.

    Raises
    ------
    DataError
        No stamps, or missing ones with ``nat="raise"``.
    """
    if isinstance(stamps, pd.MultiIndex):
        stamps = stamps.get_level_values(-1)
    array = getattr(stamps, "array", None)
    if not isinstance(array, pd.arrays.DatetimeArray):
        kind = getattr(stamps, "dtype", type(stamps).__name__)
        raise DataError(
            f"stamps must be a DatetimeIndex or a column of dates; got {kind}. Convert with "
            "pd.to_datetime(..., utc=True)."
        )
    dates: Any = array  # the published types know less of it
    if nat == "raise" and stamps.hasnans:  # an index looks once
        raise DataError(
            f"stamps must not be missing; {int(dates.isna().sum())} of {len(dates)} are NaT. Drop "
            "rows that are not resolved first."
        )
    return np.asarray((dates if dates.unit == "ns" else dates.as_unit("ns")).asi8, dtype=np.int64)


def span_nanoseconds(span: str | pd.Timedelta) -> int:
    """Length of a time span such as ``"5min"`` in nanoseconds."""
    return int(pd.Timedelta(span).as_unit("ns").value)


def utc_days(stamps: IntArray) -> IntArray:
    """Days since 1970 in UTC of stamps in nanoseconds; day 0 was a Thursday."""
    return stamps // DAY


def run_starts(values: npt.NDArray[Any]) -> IntArray:
    """First position of each run of equal neighbours, shape (n_runs,)."""
    if len(values) == 0:
        return np.empty(0, dtype=np.int64)
    return np.append(0, np.flatnonzero(values[1:] != values[:-1]) + 1).astype(np.int64)


def distinct(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Distinct values in increasing order: ``np.unique`` for numbers that are mostly in order.

    numpy puts whole numbers into a hash table, which costs ten times as much.
    """
    if (values[1:] > values[:-1]).all():
        return values
    ordered = np.sort(values, kind="stable")
    return ordered[run_starts(ordered)]


def run_ends(values: npt.NDArray[Any]) -> IntArray:
    """Last position of the run that each position is in, shape (n,)."""
    starts = run_starts(values)
    lengths = np.diff(starts, append=len(values))
    return np.repeat(starts + lengths - 1, lengths).astype(np.int64)
