"""Small tables of bars with answers that can be worked out by hand."""

import numpy as np
import pandas as pd

PRICES = ["open", "high", "low", "close"]


def stamped(n, start="2024-03-05 15:00", freq="1min"):
    return pd.date_range(start, periods=n, freq=freq, tz="UTC", unit="ns", name="time")


def race_bars(*rows, start="2024-03-05 15:00", index=None, level=100.0, **columns):
    """Two bars that make the ATR of window 1 equal 1 at row 1, then ``rows`` of o, h, l, c.

    So the first decision is row 1, and it enters at the open of the first of ``rows``. Extra
    columns are given for ``rows`` alone and 0 (or 10 for the volume) before.
    """
    warm_up = [(level,) * 4, (level, level + 0.5, level - 0.5, level)]
    table = pd.DataFrame([*warm_up, *rows], columns=PRICES, dtype=float)
    table["volume"] = 10.0
    for name, values in columns.items():
        first = 10.0 if name == "volume" else (values[0] if name == "contract" else 0.0)
        table[name] = [first, first, *values]
    table.index = stamped(len(table), start) if index is None else index
    return table


def random_bars(rng, n, *, freq="1min", start="2024-03-05 15:00", tick=0.25, dead=0.1, lock=False):
    """A random walk on ticks with gaps, bars without volume, bars of unknown volume and locks."""
    steps = rng.integers(-3, 4, (n, 4)) * tick
    steps[rng.random(n) < 0.1, 0] += rng.choice([-8, 8]) * tick
    path = 100.0 + np.cumsum(steps.ravel()).reshape(n, 4)
    table = pd.DataFrame(index=stamped(n, start, freq))
    table["open"], table["close"] = path[:, 0], path[:, 3]
    table["high"], table["low"] = path.max(axis=1), path.min(axis=1)
    volume = rng.integers(1, 50, n).astype(float)
    volume[rng.random(n) < dead] = 0.0
    volume[rng.random(n) < 0.1] = np.nan
    table["volume"] = volume
    if lock:
        table["limit"] = rng.choice([-1.0, 0.0, 0.0, 0.0, 1.0, np.nan], n)
    return table[[*PRICES, *table.columns.drop(PRICES)]]


def first(labels):
    return labels.iloc[0]
