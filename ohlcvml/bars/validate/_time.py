"""Checks of the stamps: order, duplicates, bar size, grid, gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars.market import Sessions
from ohlcvml.bars.validate._view import DAY, Found, View, stamps_index
from ohlcvml.typing import BoolArray, FloatArray, IntArray

BLOCK = 20  # steps looked at together when judging the bar size
HOUR = 3_600_000_000_000


def typical_step(step: IntArray) -> int:
    """Bar size in nanoseconds from the distances of ordered stamps; 0 for irregular bars."""
    if len(step) == 0:
        return 0
    sizes, counts = np.unique(step, return_counts=True)
    best = int(counts.argmax())
    mode = int(sizes[best])
    if 2 * counts[best] >= len(step):
        return mode
    # two sizes in one file may leave none of them a majority; blocks then still have clear modes
    own, share = _block_modes(step)
    clear = len(own) >= 4 and float(np.mean(share >= 0.6)) >= 0.8
    return mode if clear else 0


def _block_modes(step: IntArray) -> tuple[IntArray, FloatArray]:
    """Median step of each block of ``BLOCK`` steps, and its share of the block."""
    n = len(step) // BLOCK
    blocks = step[: n * BLOCK].reshape(n, BLOCK)
    own = np.sort(blocks, axis=1)[:, BLOCK // 2]
    share = (blocks == own[:, None]).mean(axis=1)
    return own, np.asarray(share, dtype=np.float64)


def check_order(time: IntArray, values: FloatArray) -> tuple[list[Found], IntArray]:
    """Judge the order of stamps as given; return the positions in order, unique.

    Parameters
    ----------
    time : int64 array of shape (n,)
    values : float64 array of shape (n, k)
        Columns that tell a duplicate from a conflict.

    Returns
    -------
    found : list of Found
        Positions are those of ``time``.
    keep : int64 array
        Positions in order of time, one row of each stamp.
    """
    n = len(time)
    found: list[Found] = []
    step = np.diff(time)
    if (step > 0).all():
        return found, np.arange(n, dtype=np.int64)
    back = np.flatnonzero(step < 0) + 1
    order = np.arange(n, dtype=np.int64)
    if len(back):
        longest = pd.Timedelta(int(-step[back - 1].min()), "ns")
        found.append(Found("back_step", back, f"the longest goes back {longest}"))
        order = np.argsort(time, kind="stable").astype(np.int64)
    ordered = time[order]
    copy = np.zeros(n, dtype=bool)  # same stamp as the row before, in order of time
    copy[1:] = ordered[1:] == ordered[:-1]
    if not copy.any():
        return found, order
    group = np.cumsum(~copy) - 1
    a, b = values[order], values[order[np.flatnonzero(~copy)][group]]  # each row, its stamp's first
    differs = ~((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)
    mixed = np.isin(group, group[differs])
    if (copy & ~mixed).any():
        found.append(Found("duplicate", np.sort(order[copy & ~mixed])))
    if mixed.any():
        stamps = int(np.count_nonzero(mixed & ~copy))
        found.append(Found("conflict", np.sort(order[mixed]), f"{stamps} stamps"))
    last = np.r_[~copy[1:], True]
    # as repair does: the first of identical copies, the last of conflicting rows
    return found, order[np.where(mixed, last, ~copy)]


def check_size(view: View) -> tuple[list[Found], BoolArray]:
    """Judge whether the bar size changes; return the rows where it does."""
    n = len(view.time)
    other = np.zeros(n, dtype=bool)
    step = np.diff(view.time)
    if view.size == 0 or len(step) < 3 * BLOCK:
        return [], other
    own, share = _block_modes(step)
    blocks = step[: len(own) * BLOCK].reshape(-1, BLOCK)
    usual = (blocks == view.size).mean(axis=1)
    flagged = (own != view.size) & (share >= 0.6) & (usual < 0.1)
    # one odd block may be chance in a thin market; two neighbours are not
    beside = np.zeros(len(flagged), dtype=bool)
    beside[1:] |= flagged[:-1] & (own[1:] == own[:-1])
    beside[:-1] |= flagged[1:] & (own[1:] == own[:-1])
    flagged &= beside
    if not flagged.any():
        return [], other
    # to the row: a flagged block and its neighbours, as far as the steps are of its size
    for block in np.flatnonzero(flagged).tolist():
        first = int(max(0, (block - 1) * BLOCK))
        last = int(min(len(step), (block + 2) * BLOCK))
        at = first + np.flatnonzero(step[first:last] == own[block])
        other[at] = other[at + 1] = True
    sizes, counts = np.unique(own[flagged], return_counts=True)
    names = ", ".join(str(pd.Timedelta(int(s), "ns")) for s in sizes[np.argsort(-counts)][:3])
    usual_name = pd.Timedelta(view.size, "ns")
    return [
        Found("bar_size_change", np.flatnonzero(other), f"{names} instead of {usual_name}")
    ], other


def check_grid(view: View, other_size: BoolArray) -> list[Found]:
    """Judge whether stamps lie on the grid of the bar size.

    The grid may move (a daily bar at midnight in New York does, twice a year); a stamp is stray
    only where at most three rows in a row are off it.
    """
    n = len(view.time)
    if view.size == 0 or n < 10:
        return []
    phase = view.time % view.size if view.size <= DAY else view.time % DAY
    phases, which, counts = np.unique(phase, return_inverse=True, return_counts=True)
    if len(phases) == 1:
        return []
    edge = np.flatnonzero(np.r_[True, phase[1:] != phase[:-1], True])
    length = np.repeat(np.diff(edge), np.diff(edge))
    stray = (length <= 3) & (counts < 0.01 * n)[which] & ~other_size
    rows = np.flatnonzero(stray)
    return [Found("off_grid", rows)] if len(rows) else []


def check_gaps(view: View, sessions: Sessions, other_size: BoolArray) -> list[Found]:
    """Judge gaps: bars missing within a session, whole sessions missing, and the rest."""
    if view.size == 0 or len(view.time) < 2:
        return []
    coarser = other_size[1:] & other_size[:-1]  # reported as such, not as gaps
    at = np.flatnonzero((np.diff(view.time) > view.size) & ~coarser)
    if len(at) == 0:
        return []
    before, after = view.time[at] + view.size, view.time[at + 1]
    missing = (after - before) // view.size
    at, before, after = at[missing > 0], before[missing > 0], after[missing > 0]
    missing = missing[missing > 0]
    absent = np.zeros(len(at), dtype=np.int64)
    if sessions.calendar is None:
        within = ~_looks_closed(view, before, after)
    elif view.intraday:
        within, missing, absent = _against_calendar(view, sessions, before, after)
    else:
        # at 15:00 UTC of a day its own session is on, at whatever hour daily bars are stamped
        noon = stamps_index(view.time // DAY * DAY + 15 * HOUR)
        absent = np.diff(sessions.number(noon))[at] - 1
        within = np.zeros(len(at), dtype=bool)
    found: list[Found] = []
    if within.any():
        lost, rows = int(missing[within].sum()), at[within] + 1
        share = lost / (lost + len(view.time))
        detail = (
            f"{lost:,} bars missing ({share:.2%}), at most {int(missing[within].max()):,} in one"
        )
        values = {"bars missing": missing[within].astype(np.float64)}
        severity = "warning" if share >= 0.01 else "info"
        found.append(Found("gap", rows, detail, severity, values))
    if (absent > 0).any():
        detail = f"{int(absent[absent > 0].sum())} sessions of {sessions.calendar}"
        values = {"sessions missing": absent[absent > 0].astype(np.float64)}
        found.append(Found("missing_session", at[absent > 0] + 1, detail, values=values))
    if (~within & (absent <= 0)).any():
        kept = ~within & (absent <= 0)
        longest = pd.Timedelta(int((after - before)[kept].max()), "ns")
        found.append(Found("session_gap", at[kept] + 1, f"the longest {longest}"))
    return found


def _against_calendar(
    view: View, sessions: Sessions, before: IntArray, after: IntArray
) -> tuple[BoolArray, IntArray, IntArray]:
    """Whether a gap lies within a session, its missing nominal bars, and whole sessions missed."""
    a, b = stamps_index(before), stamps_index(after)
    number_a, number_b = sessions.number(a), sessions.number(b)
    close_a = nanoseconds(sessions.close(a), nat="keep")
    open_b = nanoseconds(sessions.open(b), nat="keep")
    same = number_a == number_b
    # a session begun and not finished before the gap, and one begun late after it
    tail = np.maximum(np.minimum(close_a, after) - before, 0)
    head = np.where(same, 0, np.maximum(after - open_b, 0))
    # a gap that spans a nominal break holds no nominal bar at either end
    halted = same & ~sessions.inside(a) & ~sessions.inside(stamps_index(after - view.size))
    missing = np.where(halted, 0, (tail + head) // view.size)
    opens_on_a = sessions.inside(a) & (nanoseconds(sessions.open(a), nat="keep") == before)
    absent = np.where(same, 0, number_b - number_a - 1 + opens_on_a)
    return missing > 0, missing, absent


def _looks_closed(view: View, before: IntArray, after: IntArray) -> BoolArray:
    """Without a calendar: whether a gap looks like a closed market (weekend, daily halt)."""
    day = (view.time // DAY - 2) % 7  # 0: Saturday
    if view.intraday and float(np.mean(day == 0)) >= 0.05:
        return np.zeros(len(before), dtype=bool)  # trades at weekends: never closed
    first, last = before // DAY, (after - 1) // DAY
    saturday = first + (2 - first) % 7  # the first Saturday at or after the gap's start
    weekend = saturday <= last
    if not view.intraday:
        # daily bars: nothing but weekend days missing; a holiday is not told from missing data
        return np.asarray(weekend & ((after - before) <= 2 * DAY), dtype=bool)
    short = (after - before) <= 4 * DAY
    # a halt comes back at its hour, on four days a week in one of two clocks (summer, winter)
    length = after - before
    halt = (length >= HOUR // 2) & (length < DAY)
    hour = (before % DAY) // HOUR
    days = max(1, len(np.unique(view.time // DAY)))
    often = np.bincount(hour[halt], minlength=24) >= max(2.0, 0.1 * days)
    return np.asarray((weekend & short) | (halt & often[hour]), dtype=bool)
