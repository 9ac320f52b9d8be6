"""Stamps of simulated bars, and how volatility runs over their day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ohlcvml.bars.market import Sessions
from ohlcvml.exceptions import ParameterError
from ohlcvml.typing import BoolArray, FloatArray, IntArray

ZONE, OPEN, CLOSE = "America/New_York", 18, 17  # built-in sessions: the hours of CME futures
PEAK = 10  # local hour of the largest volatility
DAY = 86_400_000_000_000  # nanoseconds


def grid_size(who: str, bar_size: str | pd.Timedelta) -> pd.Timedelta:
    """Distance of the stamps, checked."""
    try:
        size = pd.Timedelta(bar_size).as_unit("ns")
    except (ValueError, TypeError):
        size = pd.Timedelta(0)
    if not isinstance(size, pd.Timedelta) or size.value <= 0:
        raise ParameterError(
            f"{who}: parameter 'bar_size' must be a positive time span; got {bar_size!r}. "
            "Write for example '1min', '5min', '1h' or '1D'."
        )
    return size


def grid_start(start: str | pd.Timestamp) -> pd.Timestamp:
    """First stamp in UTC, checked."""
    try:
        stamp = pd.Timestamp(start).as_unit("ns")
    except (ValueError, TypeError) as error:
        raise ParameterError(
            f"simulate_bars: parameter 'start' must be a time; got {start!r}. "
            "Write for example '2024-01-02 14:30'."
        ) from error
    return stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")


def grid_stamps(
    n_bars: int, start: pd.Timestamp, size: pd.Timedelta, sessions: bool | str | None
) -> pd.DatetimeIndex:
    """First ``n_bars`` stamps of the grid from ``start`` that lie within the sessions."""
    if not sessions:
        grid = start.value + size.value * np.arange(n_bars, dtype=np.int64)
        return _index(grid)
    kept: list[IntArray] = []
    have, position = 0, 0
    chunk = max(2 * n_bars, 15 * DAY // size.value)
    while have < n_bars:
        steps = np.arange(position, position + chunk, dtype=np.int64)
        grid = start.value + size.value * steps
        inside = _inside(_index(grid), size, sessions)
        if position > 0 and have == 0:
            raise ParameterError(
                f"simulate_bars: no bar of size {size} from {start} lies within sessions="
                f"{sessions!r}. Choose another start or calendar."
            )
        kept.append(grid[inside])
        have += int(inside.sum())
        position += chunk
    return _index(np.concatenate(kept)[:n_bars])


def _inside(index: pd.DatetimeIndex, size: pd.Timedelta, sessions: bool | str) -> BoolArray:
    if size.value >= DAY:
        return np.asarray(index.dayofweek < 5)
    if isinstance(sessions, str):
        return np.asarray(Sessions(sessions).inside(index), dtype=bool)
    local = index.tz_convert(ZONE)
    hour, weekday = np.asarray(local.hour), np.asarray(local.dayofweek)
    evening, morning = hour >= OPEN, hour < CLOSE
    closed = (weekday == 5) | ((weekday == 6) & morning) | ((weekday == 4) & evening)
    return np.asarray((evening | morning) & ~closed, dtype=bool)


def daily_cycle(stamps: pd.DatetimeIndex, amplitude: float, local: bool) -> FloatArray:
    """Daily cycle of volatility with mean square 1 over a full day."""
    if amplitude == 0:
        return np.ones(len(stamps))
    from ohlcvml._elementary import cosines, exponentials  # numba, which bars seldom need

    clock = stamps.tz_convert(ZONE) if local else stamps
    hour = np.asarray(clock.hour + clock.minute / 60.0, dtype=np.float64)
    cycle = exponentials(amplitude * cosines(2.0 * np.pi * (hour - PEAK) / 24.0))
    return cycle / np.sqrt(_bessel(2.0 * amplitude))


def _bessel(x: float) -> float:
    """Modified Bessel function of order 0, the mean of exp(x cos) over a circle, for small x."""
    term, total, k = 1.0, 0.0, 0
    while total + term != total:
        total += term
        k += 1
        term *= (0.5 * x / k) ** 2
    return total


def _index(stamps: IntArray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(stamps.view("datetime64[ns]"), tz="UTC", name="time")
