"""Bars with known swings, and swings by definition."""

from itertools import pairwise

import numpy as np
import pandas as pd


def table(closes, high=None, low=None, wick=0.5):
    """Bars around closes, each a range of its own unless the ends are given."""
    closes = np.asarray(closes, dtype=float)
    high = closes + wick if high is None else np.asarray(high, dtype=float)
    low = closes - wick if low is None else np.asarray(low, dtype=float)
    index = pd.date_range("2024-01-02", periods=len(closes), freq="min", tz="UTC", name="time")
    columns = {"open": closes, "high": high, "low": low, "close": closes, "volume": 1.0}
    return pd.DataFrame(columns, index=index)


def zigzag(*turns):
    """Closes that go from turn to turn in steps of 1."""
    legs = [np.arange(a, b, np.sign(b - a)) for a, b in pairwise(turns)]
    return np.concatenate([*legs, [turns[-1]]]).astype(float)


def swings(values, window):
    """(bar, price) of each swing high, from the definition."""
    return [
        (j, values[j])
        for j in range(window, len(values) - window)
        if values[j] > values[j - window : j].max()
        and values[j] >= values[j + 1 : j + 1 + window].max()
    ]


def last_two(found, row, window, age):
    known = [(j, price) for j, price in found if j + window <= row <= j + age]
    return known[-1] if known else None, known[-2] if len(known) > 1 else None
