"""From stamps to bar numbers: the one place where a splitter reads labels, ends and bars."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ohlcvml._compiling import njit
from ohlcvml.exceptions import DataError
from ohlcvml.splits._stamps import MISSING, Positions, Stamps, read_stamps
from ohlcvml.typing import IntArray

# The floor of the purge, in bars. The labeller's horizon raises it; nothing lowers it.
MINIMUM_PURGE = 60

_SMALL = 2**30  # below it bar numbers, and sums with a purge, fit int32


class LabelRows(NamedTuple):
    """The rows to be split, in bar numbers 0 ... n_bars - 1.

    Attributes
    ----------
    bars, ends : int32 or int64 arrays of shape (n_rows,)
        First and last bar that each row occupies.
    starts : int64 array
        Offsets of the stretches in which ``bars`` does not fall (one symbol, one stretch),
        followed by n_rows.
    positions : int32 or int64 array of shape (n_rows,)
        Position of each row in the table that was given.
    stamps : Stamps
        The bars.
    purge : int
        p, in bars.
    span : int
        Largest ``ends - bars``.
    missing, censored : int
        Rows taken without a label end; rows left out as censored.
    """

    bars: Positions
    ends: Positions
    starts: IntArray
    positions: Positions
    stamps: Stamps
    purge: int
    span: int
    missing: int
    censored: int


@njit(cache=True)
def _last_at_or_before(stamps: IntArray, value: int, hint: int) -> int:
    """Position of the last stamp that is not after ``value`` (-1: none), searched from a hint."""
    n = len(stamps)
    low = min(max(hint, 0), n - 1)
    step = 1
    if stamps[low] <= value:
        high = low + 1
        while high < n and stamps[high] <= value:
            low = high
            high = min(high + step, n)
            step *= 2
    else:
        high = low
        low = high - 1
        while low >= 0 and stamps[low] > value:
            high = low
            low = max(low - step, -1)
            step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if stamps[middle] <= value:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True)
def _locate_rows(stamps: IntArray, times: IntArray, out: Positions) -> int:
    """Write the bar number of each row; return the first row whose stamp is no bar (-1: none)."""
    last = -1
    for row in range(len(times)):
        last = _last_at_or_before(stamps, times[row], last + 1)
        if last < 0 or stamps[last] != times[row]:
            return row
        out[row] = last
    return -1


@njit(cache=True)
def _locate_ends(
    stamps: IntArray, bars: Positions, ends: IntArray, step: int, missing_value: int, out: Positions
) -> tuple[int, int, int, int]:
    """Write the last bar of each row.

    Returns the counts of missing ends and of ends on no bar, the first row that ends before it
    begins (-1: none) and the largest span. A row without an end occupies its own bar. ``step``
    (0: unknown), the usual distance of stamps, only makes the search start in the right place.
    """
    missing = 0
    between = 0
    bad = -1
    span = 0
    final = stamps[len(stamps) - 1]
    per_step = 1.0 / step if step > 0 else 0.0  # a division per row would take as long as the rest
    for row in range(len(bars)):
        bar = bars[row]
        value = ends[row]
        at = np.int64(bar)
        if value == missing_value:
            missing += 1
        elif value < stamps[bar]:
            bad = row if bad < 0 else bad
        else:
            guess = bar + np.int64((value - stamps[bar]) * per_step)
            at = _last_at_or_before(stamps, value, guess)
            if stamps[at] != value and value <= final:
                between += 1
            span = max(span, at - bar)
        out[row] = at
    return missing, between, bad, span


def number_rows(
    source: Any,
    y: Any,
    groups: Any,
    *,
    who: str,
    bar_index: pd.Index | None,
    label_ends: Any,
    horizon: int | None,
    allow_missing_ends: bool,
) -> LabelRows:
    """Read rows, label ends and bars, and number them.

    Parameters
    ----------
    source, y, groups
        As given to ``split``.
    who : str
        Name of the splitter, for messages.
    bar_index, label_ends, horizon, allow_missing_ends
        Parameters of the splitter.

    Raises
    ------
    DataError
        Label ends are missing without the opt-out, lie before their row, or cannot be matched;
        rows are not among the bars; it is not clear what the bars are.
    """
    rows = read_stamps(source, y, groups, who=who, bar_index=bar_index, label_ends=label_ends)
    own = rows.bars is None
    bars = rows.times.unique_sorted() if rows.bars is None else rows.bars
    times, stamps = rows.times.values, bars.values
    # half the memory, and half the time that folds take to write, wherever it is enough
    small = max(len(times), len(stamps)) < _SMALL
    positions: Positions = np.arange(len(times), dtype=np.int32 if small else np.int64)
    if times is stamps or np.array_equal(stamps, times):
        numbers = positions
    else:
        numbers = np.empty_like(positions)
        stray = _locate_rows(stamps, times, numbers)
        if stray >= 0:
            raise DataError(
                f"{who}: every row must stand on a bar; row {stray} "
                f"({rows.times.show(times[stray])}) is not among the {len(stamps)} bars. Pass "
                "bar_index=bars.index of the labelled bars."
            )

    last, missing, span = numbers, len(numbers), 0
    if rows.ends is not None:
        last = np.empty_like(numbers)
        step = int(np.median(np.diff(stamps[:2049]))) if len(stamps) > 1 else 0
        missing, between, bad, span = _locate_ends(stamps, numbers, rows.ends, step, MISSING, last)
        if bad >= 0:
            raise DataError(
                f"{who}: a label must not end before it is taken; row {bad} "
                f"({rows.times.show(times[bad])}) ends at {rows.times.show(rows.ends[bad])}. Give "
                "the stamp of the bar that resolved it."
            )
        if own:
            _check_every_bar(rows.time_exit_spans(numbers, last), between, rows.horizon, who)

    censored = 0
    if rows.censored is not None and rows.censored.any():
        keep = ~rows.censored
        censored = len(keep) - int(keep.sum())
        numbers, last, positions = numbers[keep], last[keep], positions[keep]
        missing = len(numbers) if rows.ends is None else int((rows.ends[keep] == MISSING).sum())
        span = int((last - numbers).max(initial=0))
        if len(numbers) == 0:
            raise DataError(
                f"{who}: there must be rows to split; all {censored} are censored. Label more bars."
            )
    if missing and not allow_missing_ends:
        raise DataError(
            f"{who}: every row needs a label end to be purged by; {missing} of {len(numbers)} rows "
            "have none. Pass a labels table (column 'end') or Samples, or groups=ends, or "
            "label_ends=ends; without ends, allow_missing_ends=True takes each such row as its own "
            "bar only and records it in report()."
        )
    learned = span if rows.horizon is None else rows.horizon
    purge = max(MINIMUM_PURGE, learned, horizon or 0)
    falls = np.flatnonzero(numbers[1:] < numbers[:-1]) + 1 if rows.may_fall else ()
    starts = np.r_[0, falls, len(numbers)].astype(np.int64)
    return LabelRows(numbers, last, starts, positions, bars, purge, span, missing, censored)


def _check_every_bar(
    time_exits: Positions | None, between: int, horizon: int | None, who: str
) -> None:
    """Raise unless the labels' own index can be taken for the bars.

    Two signs tell a sample of the bars from all of them: labels that end on a stamp which has no
    row, and time exits that are fewer rows away than the horizon has bars.
    """
    remedy = (
        "so the labels stand on a part of the bars only, and counting them would not count bars. "
        "Pass bar_index=bars.index (the index of all bars), or split Samples(bars, labels)."
    )
    if between:
        raise DataError(f"{who}: {between} labels end on a stamp that has no row, {remedy}")
    if time_exits is not None and horizon is not None and len(time_exits):
        longest = int(time_exits.max())
        if longest < horizon:
            raise DataError(
                f"{who}: labels that ran to their horizon of {horizon} bars end at most {longest} "
                f"rows later, {remedy}"
            )
