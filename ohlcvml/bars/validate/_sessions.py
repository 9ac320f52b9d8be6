"""Checks of the clock against nominal sessions: bars outside them, weeks that are hours off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ohlcvml._time import nanoseconds, run_starts
from ohlcvml.bars.market import Sessions
from ohlcvml.bars.validate._view import DAY, Found, View, stamps_index
from ohlcvml.typing import BoolArray, FloatArray, IntArray

HOUR = 3_600_000_000_000
HALF = HOUR // 2
OFFSETS = tuple(sorted((o for o in range(-12, 13) if o), key=lambda o: (abs(o), -o)))


class _Buckets(NamedTuple):
    """Bars counted by half hour, each of shape (n_buckets,), and weeks that end on Saturday."""

    time: IntArray
    bars: FloatArray
    week: IntArray
    n_weeks: int
    total: FloatArray  # bars of each week


def check_outside(view: View, sessions: Sessions) -> list[Found]:
    """Count the bars outside the nominal session."""
    if sessions.calendar is None or not view.intraday:
        return []
    rows = np.flatnonzero(~sessions.inside(view.index))
    if len(rows) == 0:
        return []
    days = len(np.unique(view.time[rows] // DAY))
    return [Found("outside_session", rows, f"on {days} days, by {sessions.calendar}")]


def check_stamp_side(view: View, sessions: Sessions) -> list[Found]:
    """Tell bars stamped at their close: one at the session's close, none at its open."""
    if sessions.calendar is None or not view.intraday or view.size == 0:
        return []
    index = view.index
    n_sessions = len(np.unique(sessions.number(index)))
    at_close = np.flatnonzero(nanoseconds(sessions.close(index), nat="keep") == view.time)
    n_open = int(np.count_nonzero(nanoseconds(sessions.open(index), nat="keep") == view.time))
    if len(at_close) < max(3, 0.5 * n_sessions) or n_open > 0.1 * n_sessions:
        return []
    detail = f"in {len(at_close)} of {n_sessions} sessions, by {sessions.calendar}"
    return [Found("close_stamp", at_close, detail)]


def check_clock(view: View, sessions: Sessions) -> list[Found]:
    """Find weeks whose clock is whole hours off.

    Two tests by week. (1) A week with bars outside the nominal session is off where another
    offset leaves less than a third of them outside. (2) A week is off against the file's other
    weeks where its hours since the open match theirs only after a shift; this also sees data of
    part of the session. Data without a daily halt or a fixed part of the day show nothing.
    """
    if sessions.calendar is None or not view.intraday or len(view.time) < 100:
        return []
    buckets = _count(view)
    hours = _against_calendar(buckets, sessions)
    later = _against_other_weeks(buckets, sessions)
    hours = np.where(hours == 0, later, hours)
    if not hours.any():
        return []
    per_row = hours[(_week(view.time) - _week(view.time[:1]))]
    rows = np.flatnonzero(per_row)
    shifts, counts = np.unique(hours[hours != 0], return_counts=True)
    detail = ", ".join(f"{c} weeks by {s:+d} h" for s, c in zip(shifts, counts, strict=True))
    detail += f" of {int((buckets.total > 0).sum())} weeks, by {sessions.calendar}"
    values = {"hours to add": per_row[rows].astype(np.float64)}
    return [Found("clock_shift", rows, detail, values=values)]


def _week(time: IntArray) -> IntArray:
    # 1 January 1970 was a Thursday: weeks are cut on Saturday at noon UTC, when markets are closed
    return np.asarray((time - 2 * DAY - 12 * HOUR) // (7 * DAY), dtype=np.int64)


def _count(view: View) -> _Buckets:
    half = view.time // HALF
    first = run_starts(half)
    count = np.diff(np.r_[first, len(half)]).astype(np.float64)
    # the bar's own stamp, not the bucket's start: hourly bars may open at a quarter past
    time = view.time[first]
    week = _week(time) - _week(time[:1])
    n_weeks = int(week[-1]) + 1
    total = np.bincount(week, count, n_weeks).astype(np.float64)
    return _Buckets(time, count, week, n_weeks, total)


def _against_calendar(b: _Buckets, sessions: Sessions) -> IntArray:
    """Hours to add to each week's stamps so that they fit the calendar; 0 where they do."""

    def outside(hours: int) -> FloatArray:
        away = ~sessions.inside(stamps_index(b.time + hours * HOUR))
        return np.asarray(np.bincount(b.week, b.bars * away, b.n_weeks), dtype=np.float64)

    now = outside(0)
    suspect = (b.total >= 50) & (now > 0.01 * b.total)
    hours = np.zeros(b.n_weeks, dtype=np.int64)
    if not suspect.any():
        return hours
    best = 0.34 * now
    for offset in OFFSETS:
        away = outside(offset)
        better = suspect & (away < best - 0.5)
        hours[better], best = offset, np.where(better, away, best)
    return hours


def _against_other_weeks(b: _Buckets, sessions: Sessions) -> IntArray:
    """Hours to add to each week's stamps so that it looks like the file's other weeks."""
    hours = np.zeros(b.n_weeks, dtype=np.int64)
    judged: BoolArray = b.total >= 50
    if int(judged.sum()) < 3:
        return hours
    since_open = (b.time - nanoseconds(sessions.open(stamps_index(b.time)))) // HALF
    profile = np.zeros((b.n_weeks, 48))
    np.add.at(profile, (b.week, since_open % 48), b.bars)
    profile[judged] /= b.total[judged, None]
    usual = np.median(profile[judged], axis=0)
    usual /= max(float(usual.sum()), 1e-12)
    now = np.abs(profile - usual).sum(axis=1)
    suspect = judged & (now > 0.1)
    best = 0.35 * now
    for offset in (1, -1, 2, -2, 3, -3):
        away = np.abs(np.roll(profile, 2 * offset, axis=1) - usual).sum(axis=1)
        better = suspect & (away < best)
        hours[better], best = offset, np.where(better, away, best)
    return hours
