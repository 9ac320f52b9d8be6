"""Rolling totals of several series at once, over several windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ohlcvml.streams.kernels._compiled import inlined

ROUNDS = 4  # of the ring between one adding up and the next


def new_totals(windows: Sequence[int], series: int, prefix: str = "") -> dict[str, Any]:
    """Empty state of :func:`slide_totals`: ring of rows, totals of shape (windows, series), turn.

    The turn holds the slot of the next row and the rounds of the ring until the totals are redone.
    """
    ring, totals = np.zeros((max(windows), series)), np.zeros((len(windows), series))
    turn = np.array([0, ROUNDS], dtype=np.int64)
    return {f"{prefix}ring": ring, f"{prefix}totals": totals, f"{prefix}turn": turn}


@inlined
def slide_totals(row, windows, ring, totals, turn):  # type: ignore[no-untyped-def]
    """Slide every window by a row: a tuple with a value of each series.

    Every few rounds of the ring the totals are added up anew, so that they do not drift and a wild
    value does not leave its rounding behind. Whole numbers are exact throughout.
    """
    slot, size = turn[0], ring.shape[0]
    for k in range(windows.shape[0]):
        oldest = slot - windows[k]
        oldest = oldest if oldest >= 0 else oldest + size
        for j in range(len(row)):
            totals[k, j] += row[j] - ring[oldest, j]
    for j in range(len(row)):
        ring[slot, j] = row[j]
    turn[0] = slot + 1
    if slot + 1 == size:
        turn[0] = 0
        turn[1] -= 1
        if turn[1] == 0:
            turn[1] = ROUNDS
            add_up(windows, ring, totals)


@inlined
def added_up(turn):  # type: ignore[no-untyped-def]
    """Whether the last slide has added the totals up anew; then the ring is full to its end."""
    return turn[0] == 0 and turn[1] == ROUNDS


@inlined
def add_up(windows, ring, totals):  # type: ignore[no-untyped-def]
    """Totals of the last rows of a ring that has just been filled to its end."""
    size = ring.shape[0]
    for k in range(windows.shape[0]):
        for j in range(ring.shape[1]):
            totals[k, j] = 0.0
        for at in range(size - windows[k], size):
            for j in range(ring.shape[1]):
                totals[k, j] += ring[at, j]
