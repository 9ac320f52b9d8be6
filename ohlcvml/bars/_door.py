"""The one door: what every public function and step that takes bars asks of the table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars._frame import frequent_size, symbol_starts
from ohlcvml.bars._names import OHLCV, REMEDY, has_bar_columns
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, IntArray

# Further columns whose values meet prices.
TRADED = ("raw_open", "raw_high", "raw_low", "raw_close", "adjustment")
UTC_NAMES = frozenset({"UTC", "UTC+00:00", "GMT", "Z", "Zulu", "Etc/UTC", "Etc/GMT", "Etc/Zulu"})
FEW = 10  # so many equal distances show that bars are of another size than a step was told


def check_bars(
    bars: Bars,
    who: str,
    *,
    columns: str = "bars",
    bar_sizes: Iterable[str | pd.Timedelta] = (),
) -> None:
    """Raise :class:`DataError` unless ``bars`` satisfies the bars contract.

    Everything public that takes bars calls this once, before it does anything else. It costs a few
    milliseconds for a million bars. Missing prices (NaN) are left to whoever reads them.

    Parameters
    ----------
    bars : pd.DataFrame
        Columns open, high, low, close, volume (more are allowed), numbers that are finite or NaN;
        index a ``DatetimeIndex`` in UTC, strictly increasing, or a MultiIndex (symbol, time) of
        such with the rows of a symbol together. ``Etc/UTC``, ``GMT`` and a fixed offset of zero
        are UTC.
    who : str
        Name of the caller, for the message.
    columns : {"bars", "bars or price", "any"}, default="bars"
        "bars or price": let pass a table none of whose names looks like open, high, low, close or
        volume in any case, dialect or language that ``read_bars`` reads; its first column is then
        one price, as in sktime's generic series, and its index may be any. "any": a table of other
        columns on the index of bars, such as features; only its index is checked, and its rows may
        be numbered instead of stamped.
    bar_sizes : str or pd.Timedelta, each
        Sizes of bars that the caller was told. Raises where at least half of the distances between
        the stamps are one other size. Sparse bars are not: they keep their size in most places.

    Raises
    ------
    DataError
        The message says what is wrong and names :func:`as_bars`.

    Examples
    --------
    >>> from ohlcvml.bars import check_bars, simulate_bars
    >>> bars = simulate_bars(100, seed=0).bars
    >>> check_bars(bars, "example")
    >>> check_bars(bars.rename(columns=str.capitalize), "example")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ohlcvml.exceptions.DataError: example: 'bars' must have columns open, high, low, close, volume;
    'Open', 'High', 'Low', 'Close', 'Volume' are these in another case or dialect. Use
    ohlcvml.bars.as_bars(table, tz=...), which renames, sorts, converts and reports.
    """
    if not isinstance(bars, pd.DataFrame):
        raise DataError(
            f"{who}: 'bars' must be a DataFrame with columns {', '.join(OHLCV)}; got "
            f"{type(bars).__name__}. Read a file with ohlcvml.bars.read_bars, or make a DataFrame "
            "and use ohlcvml.bars.as_bars(table, tz=...)."
        )
    of_bars = columns != "any"
    if of_bars and not has_bar_columns(bars.columns, who, one_price=columns == "bars or price"):
        return
    if len(bars) == 0:
        raise DataError(f"{who}: 'bars' must not be empty; got 0 rows.")
    if not of_bars and pd.api.types.is_integer_dtype(bars.index) and bars.index.is_unique:
        return
    time = time_index(bars.index, who)
    starts = symbol_starts(bars.index)
    _check_order(time, starts, who)
    if of_bars:
        check_numbers(bars, who)
        _check_finite(bars, who)
    for size in bar_sizes:
        _check_size(time, starts, pd.Timedelta(size), who)


def time_index(index: pd.Index, who: str) -> pd.DatetimeIndex:
    """Return the time level of a bars index; raise unless it is the last level and in UTC.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars, time_index
    >>> str(time_index(simulate_bars(3, seed=0).bars.index, "example").tz)
    'UTC'
    """
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if isinstance(time, pd.DatetimeIndex) and is_utc(time.tz):
        return time
    rule = f"{who}: the index of 'bars' must be a DatetimeIndex in UTC"
    if isinstance(index, pd.MultiIndex) and not isinstance(time, pd.DatetimeIndex):
        levels = [level for level in index.levels[:-1] if isinstance(level, pd.DatetimeIndex)]
        if levels:
            raise DataError(
                f"{rule}, under the symbol where there are several: levels (symbol, time); got "
                f"the levels {tuple(index.names)} with the time first. {REMEDY}"
            )
    if not isinstance(time, pd.DatetimeIndex):
        raise DataError(f"{rule}; got {type(time).__name__} of {time.dtype}. {REMEDY}")
    if time.tz is None:
        raise DataError(
            f"{rule}; its stamps have no time zone (the first is {time[0] if len(time) else None})."
            f" {REMEDY}"
        )
    raise DataError(f"{rule}; got the zone {time.tz}. {REMEDY}")


def is_utc(tz: dt.tzinfo | None) -> bool:
    """Whether a zone is UTC: by name, or as a fixed offset of zero.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> from ohlcvml.bars import is_utc
    >>> is_utc(ZoneInfo("Etc/UTC")), is_utc(ZoneInfo("Europe/London")), is_utc(None)
    (True, False, False)
    """
    if tz is None:
        return False
    return str(tz) in UTC_NAMES or tz.utcoffset(None) == dt.timedelta(0)


def _check_order(time: pd.DatetimeIndex, starts: IntArray, who: str) -> None:
    if len(starts) == 2 and time.is_monotonic_increasing and time.is_unique:
        return  # an index looks once
    stamps = time.asi8
    back = stamps[1:] <= stamps[:-1]
    back[starts[1:-1] - 1] = False
    unknown = [i for i in starts[:-1] if i < len(back) and stamps[i] == pd.NaT.value]
    back[unknown] = True  # NaT is the smallest number: it comes after nothing
    if not back.any():
        return
    at = int(np.flatnonzero(back)[0]) + 1
    count = int(np.count_nonzero(stamps[1:] == stamps[:-1]))
    kind = f"{count} stamps occur twice" if count else "rows are not in the order of time"
    raise DataError(
        f"{who}: the time index of 'bars' must be strictly increasing within a symbol; {kind}: row "
        f"{at} ({time[at]}) does not come after row {at - 1} ({time[at - 1]}). {REMEDY} "
        "ohlcvml.bars.validate_bars(bars) tells more."
    )


def check_numbers(bars: pd.DataFrame, who: str) -> None:
    """Raise unless the columns of bars hold numbers."""
    for name in _value_columns(bars):
        if bars[name].dtype.kind not in "iuf":
            raise DataError(
                f"{who}: column {name!r} of 'bars' must hold numbers; its dtype is "
                f"{bars[name].dtype}. {REMEDY}"
            )


def _value_columns(bars: pd.DataFrame) -> list[str]:
    return [*OHLCV, *(name for name in TRADED if name in bars.columns)]


def _check_finite(bars: pd.DataFrame, who: str) -> None:
    for name in _value_columns(bars):
        if bars[name].dtype.kind == "f" and _has_infinities(bars[name]):
            values = bars[name].to_numpy(dtype=np.float64, na_value=np.nan)
            rows = np.flatnonzero(np.isinf(values))
            raise DataError(
                f"{who}: column {name!r} of 'bars' must be finite or NaN; {len(rows)} values are "
                f"infinite, the first in row {rows[0]} ({bars.index[rows[0]]}). {REMEDY}"
            )


def _has_infinities(column: pd.Series) -> bool:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    # One sum tells of most columns that nothing is infinite, at a fraction of the cost.
    with np.errstate(invalid="ignore", over="ignore"):
        return not np.isfinite(values.sum()) and bool(np.isinf(values).any())


def _check_size(time: pd.DatetimeIndex, starts: IntArray, told: pd.Timedelta, who: str) -> None:
    stamps = nanoseconds(time, nat="keep")
    step = np.diff(stamps)
    step[starts[1:-1] - 1] = 0  # from one symbol to the next
    as_told = int(np.count_nonzero(step == told.as_unit("ns").value))
    if 2 * as_told >= len(step):
        return
    found = frequent_size(step)
    if found is None or found == told:
        return
    count = int(np.count_nonzero(step == found.as_unit("ns").value))
    if count >= FEW and FEW * as_told < count:
        raise DataError(
            f"{who}: bars must be of the size it was told, bar_size={_alias(told)!r}; {count} of "
            f"{len(step)} bars follow one another at {_alias(found)}. Pass "
            f"bar_size={_alias(found)!r}, or bring the bars to that size with "
            "ohlcvml.bars.resample; as_bars(table, tz=...) does not change the size."
        )


def _alias(size: pd.Timedelta) -> str:
    seconds = size.total_seconds()
    for unit, length in (("D", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds % length == 0:
            return f"{int(seconds // length)}{unit}"
    return str(size)
