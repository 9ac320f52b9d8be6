"""Checks of volume: absent, NaN, zero, negative, cumulative."""

from __future__ import annotations

import numpy as np

from ohlcvml._time import run_starts
from ohlcvml.bars.validate._view import DAY, Found, View
from ohlcvml.typing import BoolArray

LEAST = 30  # bars of a day needed to tell that its volume runs up


def check_volume(view: View) -> list[Found]:
    """Judge the volume of one symbol."""
    volume = view.volume
    nan = np.isnan(volume)
    zero = volume == 0
    if (nan | zero).all():
        kind = "NaN" if nan.all() else "0" if zero.all() else "0 or NaN"
        return [Found("no_volume", np.arange(len(volume)), f"always {kind}")]
    found: list[Found] = []
    with np.errstate(invalid="ignore"):
        negative = (volume < 0) | np.isinf(volume)
    for kind, bad in (
        ("negative_volume", negative),
        ("missing_volume", nan),
        ("zero_volume", zero),
    ):
        rows = np.flatnonzero(bad)
        if len(rows):
            share = f"{len(rows) / len(volume):.2%} of the bars"
            severity = (
                "warning" if kind == "zero_volume" and len(rows) > 0.2 * len(volume) else None
            )
            shown = None if kind == "missing_volume" else {"volume": volume[rows]}
            found.append(Found(kind, rows, share, severity, shown))
    running = _running(view)
    rows = np.flatnonzero(running)
    if len(rows):
        days = len(np.unique(view.time[rows] // DAY))
        found.append(
            Found("cumulative_volume", rows, f"on {days} days", values={"volume": volume[rows]})
        )
    return found


def _running(view: View) -> BoolArray:
    """Rows of days (UTC) on which volume all but never falls."""
    n = len(view.volume)
    running = np.zeros(n, dtype=bool)
    if not view.intraday or n <= LEAST:
        return running
    day = view.time // DAY
    first = run_starts(day)
    group = np.repeat(np.arange(len(first)), np.diff(np.r_[first, n]))
    step = np.r_[np.nan, np.diff(view.volume)]
    step[first] = np.nan
    with np.errstate(invalid="ignore"):
        n_up = np.bincount(group, step > 0, len(first))
        n_down = np.bincount(group, step < 0, len(first))
    n_steps = np.bincount(group, np.isfinite(step), len(first))
    # once a day it may start anew; a real volume falls in about half of the steps
    flagged = (n_steps >= LEAST) & (n_down <= 1) & (n_up >= 0.6 * n_steps)
    judged = n_steps >= LEAST
    if flagged.any() and flagged.sum() >= 0.9 * judged.sum():
        flagged[:] = True  # the whole file: short days, too
    return np.asarray(flagged[group], dtype=bool)
