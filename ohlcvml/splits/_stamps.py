"""Stamps of rows, of label ends and of bars, read from whatever a splitter is given."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._compiling import njit
from ohlcvml.exceptions import DataError
from ohlcvml.labels import EXIT_CODES, LabelSpec
from ohlcvml.typing import BoolArray, IntArray

Positions: TypeAlias = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]

MISSING = int(np.iinfo(np.int64).min)  # NaT
_PER_UNIT = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_TIME_EXIT = EXIT_CODES["time"]


class Stamps(NamedTuple):
    """Stamps as integers of one kind: nanoseconds, period ordinals or plain integers."""

    values: IntArray
    kind: str

    def unique_sorted(self) -> Stamps:
        """Return itself if strictly increasing, else its distinct values in order."""
        if len(self.values) < 2 or bool((self.values[1:] > self.values[:-1]).all()):
            return self
        return Stamps(np.unique(self.values), self.kind)

    def show(self, value: int) -> str:
        """Write one stamp as its user knows it."""
        if self.kind.startswith("time"):
            return str(pd.Timestamp(int(value), tz="UTC" if "UTC" in self.kind else None))
        return str(int(value))


class RowStamps(NamedTuple):
    """What was given to ``split``; ``bars`` is None where the rows' own stamps must serve."""

    times: Stamps
    ends: IntArray | None
    censored: BoolArray | None
    exits: IntArray | None
    bars: Stamps | None
    horizon: int | None
    may_fall: bool

    def time_exit_spans(self, numbers: Positions, last: Positions) -> Positions | None:
        """Rows between decision and end of the labels that ran to their horizon."""
        if self.exits is None:
            return None
        ran = self.exits == _TIME_EXIT
        if self.censored is not None:
            ran &= ~self.censored
        spans: Positions = (last - numbers)[ran]
        return spans


@njit(cache=True)
def _scale(values: IntArray, factor: int, missing: int) -> tuple[IntArray, bool]:
    """Multiply stamps, missing ones kept; and whether all fit."""
    out = np.empty(len(values), np.int64)
    limit = np.iinfo(np.int64).max // factor
    fits = True
    for row in range(len(values)):
        value = values[row]
        if value == missing:
            out[row] = missing
        else:
            fits = fits and -limit <= value <= limit
            out[row] = value * factor
    return out, fits


def _nanoseconds(index: pd.DatetimeIndex, who: str, what: str) -> IntArray:
    """Stamps in ns; pandas' own conversion takes longer than all splits together."""
    values: IntArray = index.asi8
    factor = _PER_UNIT[index.unit]
    if factor == 1:
        return values
    scaled, fits = _scale(values, factor, MISSING)
    if not fits:
        raise DataError(
            f"{who}: {what} must lie between {pd.Timestamp.min:%Y} and {pd.Timestamp.max:%Y}, as "
            f"nanoseconds do; got {index.min()} to {index.max()}. Correct the stamps."
        )
    nanoseconds: IntArray = scaled
    return nanoseconds


def stamps_of(index: pd.Index, who: str, what: str) -> Stamps:
    """Read an index (its last level) as integers; missing stamps are the int64 minimum."""
    if isinstance(index, pd.MultiIndex):
        index = index.get_level_values(-1)
    if isinstance(index, pd.DatetimeIndex):
        kind = "time without zone" if index.tz is None else "time in UTC"
        return Stamps(_nanoseconds(index, who, what), kind)
    if isinstance(index, pd.PeriodIndex):
        return Stamps(index.asi8, f"period {index.freqstr}")
    if pd.api.types.is_integer_dtype(index.dtype):
        return Stamps(index.to_numpy(dtype=np.int64), "integer")
    raise DataError(
        f"{who}: {what} must be time stamps, periods or integers; got an index of dtype "
        f"{index.dtype}. Use the DatetimeIndex of the bars."
    )


def _whole_numbers(values: npt.NDArray[Any], who: str) -> IntArray:
    """Integers among which some may be missing; never by way of float64, which rounds stamps."""
    try:
        whole = pd.array(values, dtype="Int64")
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"{who}: label ends of rows that stand on integers must be integers or missing; got "
            f"{error}. Give the position of the bar that resolved each label."
        ) from error
    found: IntArray = whole.to_numpy(dtype=np.int64, na_value=MISSING)
    return found


def _end_values(ends: Any, like: Stamps, who: str) -> IntArray:
    """Read label ends as integers of the same kind as the rows' stamps."""
    values = ends.array if isinstance(ends, pd.Series) else ends
    if like.kind == "integer":
        flat = np.asarray(values)
        if flat.dtype.kind in "fO":
            return _whole_numbers(flat, who)
        if flat.dtype.kind in "iu":
            return flat.astype(np.int64, copy=False)
    index = pd.Index(values, copy=False)
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        found = stamps_of(index, who, "label ends")
        if found.kind == like.kind:
            return found.values
        got = found.kind
    elif index.isna().all():  # a table on which nothing is resolved
        return np.full(len(index), MISSING)
    else:
        got = f"dtype {index.dtype}"
    raise DataError(
        f"{who}: label ends must be stamps of the same kind as the rows ({like.kind}); got {got}. "
        "Use the same index type, unit of time and zone for both."
    )


def read_stamps(
    source: Any, y: Any, groups: Any, *, who: str, bar_index: pd.Index | None, label_ends: Any
) -> RowStamps:
    """Read rows, ends and bars from Samples, a labels table, any table, an index or an array."""
    bars: pd.Index | None = bar_index
    taken: Any = None  # positions into the table; None: all of it
    table: pd.DataFrame | None = None
    if all(hasattr(source, name) for name in ("labels", "rows", "bars")):
        table, taken = source.labels, np.asarray(source.rows)
        index = table.index
        bars = source.bars.index if bars is None else bars
    elif isinstance(source, pd.Index):
        index = source
    elif isinstance(getattr(source, "index", None), pd.Index):
        index = source.index
        table = source if _has_ends(source) else None
    else:
        index = pd.RangeIndex(source.shape[0] if hasattr(source, "shape") else len(source))
    if table is None and _has_ends(y) and len(y) == len(index):
        table, index = y, y.index

    ends: Any = None
    if groups is not None:
        ends = groups
    elif label_ends is not None:
        index, ends = _match_ends(index, label_ends, taken, who)
    times = stamps_of(index, who, "the rows")
    if ends is None and table is not None:
        ends = _end_values(table["end"], times, who)
        ends = ends if taken is None else ends[taken]
    elif ends is not None:
        ends = _end_values(ends, times, who)
    if taken is not None:
        times = Stamps(times.values[taken], times.kind)
    if ends is not None and len(ends) != len(times.values):
        raise DataError(
            f"{who}: there must be one label end per row; got {len(ends)} ends for "
            f"{len(times.values)} rows."
        )
    if len(times.values) == 0:
        raise DataError(f"{who}: there must be rows to split; got 0 rows.")

    columns = (
        {}
        if table is None
        else {name: table[name] for name in ("censored", "exit") if name in table}
    )
    read = {name: column.to_numpy() for name, column in columns.items()}
    if taken is not None:
        read = {name: column[taken] for name, column in read.items()}
    censored = read["censored"].astype(bool) if "censored" in read else None
    horizon = _horizon(table, who, told=groups is not None or label_ends is not None)
    return RowStamps(
        times,
        ends,
        censored,
        read.get("exit"),
        None if bars is None else _bars(bars, times, who),
        horizon,
        bool((times.values[1:] < times.values[:-1]).any()),
    )


def _horizon(table: pd.DataFrame | None, who: str, *, told: bool) -> int | None:
    """Horizon of a labels table; None for ends that come from elsewhere, or from a bare table."""
    if table is None or ("spec" not in table.attrs and (told or "label" not in table.columns)):
        return None
    return LabelSpec.of(table, who).horizon


def _timeless(index: pd.Index) -> bool:
    return index.nlevels == 1 and pd.api.types.is_integer_dtype(index.dtype)


def _has_ends(table: Any) -> bool:
    return isinstance(table, pd.DataFrame) and "end" in table.columns


def _bars(index: pd.Index, times: Stamps, who: str) -> Stamps:
    bars = stamps_of(index, who, "bar_index").unique_sorted()
    if bars.kind != times.kind or len(bars.values) == 0:
        raise DataError(
            f"{who}: bar_index must hold stamps of the same kind as the rows ({times.kind}); got "
            f"{len(bars.values)} of kind {bars.kind}. Pass the index of the labelled bars."
        )
    return bars


def _match_ends(index: pd.Index, ends: Any, taken: Any, who: str) -> tuple[pd.Index, Any]:
    """Match ``label_ends`` with the rows: a Series by stamp, anything else by position."""
    rows = index if taken is None else index[taken]
    if not isinstance(ends, pd.Series):
        return index, ends
    if ends.index.equals(rows):
        return index, ends
    if taken is None and len(ends) == len(index) and _timeless(index) and not _timeless(ends.index):
        return ends.index, ends  # rows of an array or of instances: the Series brings their stamps
    if ends.index.has_duplicates:
        raise DataError(f"{who}: label_ends must have one end per stamp; its index has duplicates.")
    wanted = rows.get_level_values(-1) if rows.nlevels > ends.index.nlevels else rows
    return index, ends.reindex(wanted)
