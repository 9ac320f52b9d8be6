"""Larger bars from smaller ones, counted from the session's open."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._checks import boolean, check_value, instance_of, one_of, optional
from ohlcvml._time import DAY, nanoseconds, span_nanoseconds
from ohlcvml.bars._door import check_bars, time_index
from ohlcvml.bars._frame import bar_size as frequent_distance
from ohlcvml.bars._frame import symbol_starts
from ohlcvml.bars._known import known_nanoseconds, positive_size
from ohlcvml.bars._names import OHLCV
from ohlcvml.bars.market import Contract, Sessions
from ohlcvml.exceptions import DataError, DataWarning, ParameterError
from ohlcvml.typing import Bars, BoolArray, IntArray

_MONDAY = 4  # 5 January 1970, in days since 1970: bars of seven days begin on Mondays

_FIRST = ("open", "raw_open")
_HIGHEST = ("high", "raw_high")
_LOWEST = ("low", "raw_low")
_LAST = ("close", "raw_close", "contract", "adjustment")


class _Bins(NamedTuple):
    """Bin of each row, each of shape (n_bars,): [start, end) in nanoseconds UTC."""

    start: IntArray
    end: IntArray
    inside: BoolArray  # before the nominal close


def resample(
    bars: Bars,
    size: str | pd.Timedelta,
    *,
    sessions: Sessions | None = None,
    contract: Contract | str | None = None,
    partial: bool = False,
    outside: str = "drop",
    bar_size: str | pd.Timedelta | None = None,
) -> Bars:
    """Aggregate bars into larger ones, exact about when each is known.

    With sessions, bars are counted from each session's open and the last one ends at its close;
    a size of one day is one bar per session, stamped at the session's open (often the evening
    before its date), and n days are the sessions whose dates fall into one of the n-day spans
    counted from Monday, 5 January 1970. Without sessions, bars are counted from midnight UTC and
    end at the next, and n days are counted from the same Monday. Which bars exist depends on the
    calendar and the stamps alone, never on where the data begin or end.

    An aggregated bar stamped t may only be used from its ``known`` on: the end of its span, or,
    for irregular bars, the moment its last constituent was known if that is later. Spans without
    any bar give no row.

    Parameters
    ----------
    bars : pd.DataFrame
        Bars, per symbol where the index is (symbol, time). Of further columns, those of
        :func:`~ohlcvml.bars.continuous` are aggregated as well; others are left out.
    size : str or pd.Timedelta
        Size of the new bars: a multiple of the bars' own, and of a day if above one.
    sessions : Sessions, optional
        Sessions to count from.
    contract : Contract or str, optional
        Takes the sessions from a contract instead.
    partial : bool, default=False
        Keep each symbol's last bar although its span is not over, with what is known so far and
        ``known`` that of its last constituent. By default it is left out unless the data prove it
        complete: its last constituent reaches the end of its span (bars do not overlap, so no more
        can come) or a later bar has been seen. The first bar may lack what came before the data
        began.
    outside : {"drop", "keep"}, default="drop"
        What becomes of bars stamped at or after the nominal close and before the next open. They
        cannot join the session's last bar, which was known at the close. They are left out with a
        :class:`DataWarning` or kept as bars of their own, cut at the close.
    bar_size : str or pd.Timedelta, optional
        Size of the given bars; by default the most frequent distance between their stamps.
        Irregular bars need a column ``known``; each belongs to the span in which it opened.

    Returns
    -------
    pd.DataFrame
        Columns open, high, low, close, volume and ``known`` (UTC), the index stamped at the start
        of each span. NaN in a constituent's high, low or volume makes that of the bar NaN.

    Raises
    ------
    ParameterError
        If ``size`` is smaller than the bars, no multiple of them, or no whole number of days.
    DataError
        If bars overlap, reach across the end of a span, or a span holds two contracts.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.bars import resample
    >>> time = pd.date_range("2024-01-08 14:00", periods=5, freq="min", tz="UTC", name="time")
    >>> price = [1.0, 2.0, 3.0, 4.0, 5.0]
    >>> bars = pd.DataFrame({c: price for c in ("open", "high", "low", "close")}, index=time)
    >>> larger = resample(bars.assign(volume=10.0), "2min", contract="MES")
    >>> larger[["open", "high", "low", "close", "volume"]].to_numpy().tolist()
    [[1.0, 2.0, 1.0, 2.0, 20.0], [3.0, 4.0, 3.0, 4.0, 20.0]]
    >>> larger["known"].dt.strftime("%H:%M").tolist()
    ['14:02', '14:04']
    """
    told = () if bar_size is None else (positive_size(bar_size, "resample", "bar_size"),)
    check_bars(bars, "resample", bar_sizes=told)
    check_value("resample", "partial", boolean(), partial)
    check_value("resample", "outside", one_of("drop", "keep"), outside)
    calendar = _sessions(sessions, contract)
    known = known_nanoseconds(bars, calendar, bar_size, "resample")
    stamps = nanoseconds(time_index(bars.index, "resample"))
    own = _own_size(bars, known - stamps, bar_size)
    span = _checked_size(size, own)
    starts = symbol_starts(bars.index)
    bins = _bins(stamps, span, calendar)
    _refuse_overlap(bars, stamps, known, starts)
    if own is not None:
        _refuse_straddling(bars, bins, known)
    # How far each symbol's data reach: what lies before that can change no more.
    seen = np.repeat(known[starts[1:] - 1], np.diff(starts))

    if outside == "drop" and not bins.inside.all():
        keep = bins.inside
        warnings.warn(
            f"resample: {np.count_nonzero(~keep)} of {len(bars)} bars are stamped after the "
            f"nominal close of their session ({calendar.calendar}) and are left out. Pass "
            "outside='keep' to keep them as bars of their own.",
            DataWarning,
            stacklevel=2,
        )
        bars, stamps, known = bars[keep], stamps[keep], known[keep]
        bins = _Bins(bins.start[keep], bins.end[keep], bins.inside[keep])
        seen, starts = seen[keep], symbol_starts(bars.index)
    return _aggregate(bars, bins, known, seen, starts, partial)


def _sessions(sessions: Sessions | None, contract: Contract | str | None) -> Sessions:
    check_value("resample", "sessions", optional(instance_of(Sessions)), sessions)
    check_value("resample", "contract", optional(instance_of(Contract, str)), contract)
    if sessions is not None and contract is not None:
        raise ParameterError(
            f"resample: give 'sessions' or 'contract', not both; got {sessions!r} and {contract!r}."
        )
    return Sessions.of(contract) if sessions is None else sessions


def _own_size(
    bars: Bars, duration: IntArray, bar_size: str | pd.Timedelta | None
) -> pd.Timedelta | None:
    """Size of the given bars; None if they are irregular."""
    if bar_size is not None:
        return positive_size(bar_size, "resample", "bar_size")
    own = frequent_distance(bars)
    if own is None or "known" not in bars.columns:
        return own
    # Event bars may have a most frequent distance by chance; regular ones also last that long.
    as_long = np.count_nonzero(duration == span_nanoseconds(own))
    return own if 2 * as_long >= len(duration) else None


def _checked_size(size: object, own: pd.Timedelta | None) -> int:
    span = positive_size(size, "resample", "size")
    target = span_nanoseconds(span)
    if target > DAY and target % DAY:
        raise ParameterError(
            "resample: parameter 'size' must be a whole number of days if above one day; got "
            f"{span}."
        )
    if own is not None and target % span_nanoseconds(own):
        raise ParameterError(
            f"resample: parameter 'size' must be a multiple of the bars' own size {own}; got "
            f"{span}. Smaller bars cannot be made from larger ones; give bar_size= if the bars' "
            "size was misjudged."
        )
    return target


def _bins(stamps: IntArray, size: int, sessions: Sessions) -> _Bins:
    if len(stamps) and sessions.calendar is not None:
        return _session_bins(stamps, size, sessions)
    if size > DAY:
        start = (stamps - _MONDAY * DAY) // size * size + _MONDAY * DAY
        end = start + size
    else:
        midnight = stamps // DAY * DAY
        start = midnight + (stamps - midnight) // size * size
        end = np.minimum(start + size, midnight + DAY)
    return _Bins(start, end, np.ones(len(stamps), dtype=np.bool_))


def _session_bins(stamps: IntArray, size: int, sessions: Sessions) -> _Bins:
    schedule, at, _ = sessions.look_up(stamps)
    first = last = at
    if size >= DAY:
        day = schedule.date.astype("datetime64[D]").astype(np.int64)
        group = (day - _MONDAY) // (size // DAY)
        first = np.searchsorted(group, group[at], side="left").astype(np.int64)
        last = np.searchsorted(group, group[at], side="right").astype(np.int64) - 1
    opened, close = schedule.open[first], schedule.close[last]
    next_open = schedule.open[last + 1]
    if size >= DAY:
        start, end = opened, next_open
    else:
        start = opened + (stamps - opened) // size * size
        end = start + size
    # A bin that holds the close is cut in two there: its first part is known at the close.
    inside = stamps < close
    start = np.where(inside, start, np.maximum(start, close))
    end = np.where(inside, np.minimum(end, close), np.minimum(end, next_open))
    return _Bins(start, end, inside)


def _refuse_overlap(bars: Bars, stamps: IntArray, known: IntArray, starts: IntArray) -> None:
    """If a bar could begin before the one before it is over, no bar is ever proved complete."""
    early = stamps[1:] < known[:-1]
    early[starts[1:-1] - 1] = False
    if early.any():
        row = int(np.flatnonzero(early)[0]) + 1
        raise DataError(
            f"resample: bars must not overlap; {np.count_nonzero(early)} begin before the bar "
            f"before is over, the first at row {row} ({bars.index[row]}). Remove stray bars "
            "(ohlcvml.bars.validate_bars), correct bar_size= or the column 'known'."
        )


def _refuse_straddling(bars: Bars, bins: _Bins, known: IntArray) -> None:
    across = known > bins.end
    if across.any():
        row = int(np.flatnonzero(across)[0])
        end = pd.Timestamp(int(bins.end[row]), unit="ns", tz="UTC")
        raise DataError(
            f"resample: each bar must lie within one span; {np.count_nonzero(across)} of "
            f"{len(bars)} reach across the end of theirs, the first at row {row} "
            f"({bars.index[row]}, span ends {end}). Use a calendar or a size that fits the bars, "
            "or no sessions."
        )


def _aggregate(
    bars: Bars, bins: _Bins, known: IntArray, seen: IntArray, starts: IntArray, partial: bool
) -> Bars:
    n = len(bars)
    change = np.ones(n, dtype=np.bool_)
    change[1:] = bins.start[1:] != bins.start[:-1]
    change[starts[:-1][starts[:-1] < n]] = True
    first = np.flatnonzero(change)
    last = np.r_[first[1:], n][: len(first)] - 1

    end = bins.end[last]
    over = seen[last] >= end
    ready = np.where(over, np.maximum(end, known[last]), known[last])

    if "contract" in bars.columns:
        _refuse_two_contracts(bars, first, last)
    columns: dict[str, Any] = {name: _column(bars, name, first, last) for name in OHLCV}
    for name in (*_FIRST[1:], *_HIGHEST[1:], *_LOWEST[1:], *_LAST[1:]):
        if name in bars.columns:
            columns[name] = _column(bars, name, first, last)
    columns["known"] = pd.DatetimeIndex(ready.astype("datetime64[ns]"), tz="UTC")
    time = pd.DatetimeIndex(bins.start[first].astype("datetime64[ns]"), tz="UTC", name="time")
    result = pd.DataFrame(columns, index=_index(bars.index, first, time))
    result.attrs.update({key: v for key, v in bars.attrs.items() if key != "bar_size"})
    return result if partial else result[over]


def _column(bars: Bars, name: str, first: IntArray, last: IntArray) -> npt.NDArray[Any]:
    values = bars[name].to_numpy()
    if name in _FIRST:
        return values[first]
    if name in _LAST:
        return values[last]
    values = values.astype(np.float64)
    if len(first) == 0:
        return values[:0]
    if name in _HIGHEST:
        return np.maximum.reduceat(values, first)
    if name in _LOWEST:
        return np.minimum.reduceat(values, first)
    return np.add.reduceat(values, first)


def _index(index: pd.Index, first: IntArray, time: pd.DatetimeIndex) -> pd.Index:
    if not isinstance(index, pd.MultiIndex):
        return time
    levels = [index.get_level_values(i)[first] for i in range(index.nlevels - 1)]
    return pd.MultiIndex.from_arrays([*levels, time], names=[*index.names[:-1], "time"])


def _refuse_two_contracts(bars: Bars, first: IntArray, last: IntArray) -> None:
    traded = bars["contract"].to_numpy()
    mixed = traded[first] != traded[last]
    if mixed.any():
        row = int(first[np.flatnonzero(mixed)[0]])
        raise DataError(
            f"resample: a bar must not mix two contracts; {np.count_nonzero(mixed)} would, the "
            f"first from row {row} ({bars.index[row]}) on. Pass the contract's sessions and at "
            "most one day, or drop the columns contract and raw_*."
        )
