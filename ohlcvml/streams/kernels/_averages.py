"""Recursive averages: one value at a time, and over the bars of a block."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml.streams.kernels._compiled import compiled, fused


@compiled
def blend(average, value, weight):  # type: ignore[no-untyped-def]
    """Move a recursive average to a value by ``weight``.

    Only one multiplication and addition wait for the average before. What a value gets and what
    stays are 1 together, exactly: equal values have their average.
    """
    kept = 1.0 - weight
    return fused(average, kept, value * (1.0 - kept))


@compiled
def smooth(average, value, age, window, weight):  # type: ignore[no-untyped-def]
    """Advance a recursive average by one value; ``age`` counts the values, this one included.

    Seeded with the mean of the first ``window`` values; while ``age < window`` the return value
    is their running sum. ``weight`` of a new value: 1 / window in Wilder's average, 2 / (window +
    1) in the exponential one.
    """
    if age > window:
        return blend(average, value, weight)
    return average + value if age < window else (average + value) / window


def average_params(*averages: tuple[int, int, int], wilder: bool = False) -> tuple[Any, ...]:
    """Parameters of :func:`smooth_rows`: (chains, weights) of averages (series, window, delay).

    The first ``delay`` values of the series are none. Weights are those of exponential averages or
    of Wilder's.
    """
    chains = np.array(averages, dtype=np.int64)
    return chains, 1.0 / chains[:, 1] if wilder else 2.0 / (chains[:, 1] + 1)


@compiled
def smooth_rows(values, n, count, chains, weights, averages, rows):  # type: ignore[no-untyped-def]
    """Advance averages of the rows of ``values`` by the ``n`` bars of a block.

    Row k gets the averages of chain k, NaN before the first. ``count`` is that of the bars before.
    An average waits for itself: six side by side, or two, take the time of one. Of what is missing
    the last is computed again.
    """
    last, settled = chains.shape[0] - 1, True
    for k in range(last + 1):
        settled = settled and count >= chains[k, 1] + chains[k, 2]
    if not settled:
        for k in range(last + 1):
            average, value, row = averages[k], values[chains[k, 0]], rows[k]
            for b in range(n):
                age = count + b + 1 - chains[k, 2]
                if age > 0:
                    average = smooth(average, value[b], age, chains[k, 1], weights[k])
                row[b] = average if age >= chains[k, 1] else np.nan
            averages[k] = average
        return
    i = 0
    while i <= last:
        j = min(i + 1, last)
        a0, a1, w0, w1 = averages[i], averages[j], weights[i], weights[j]
        v0, v1, r0, r1 = values[chains[i, 0]], values[chains[j, 0]], rows[i], rows[j]
        if last - i < 2:
            for b in range(n):
                a0 = blend(a0, v0[b], w0)
                a1 = blend(a1, v1[b], w1)
                r0[b], r1[b] = a0, a1
            averages[i], averages[j] = a0, a1
            return
        k, m = i + 2, min(i + 3, last)
        a2, a3, w2, w3 = averages[k], averages[m], weights[k], weights[m]
        v2, v3, r2, r3 = values[chains[k, 0]], values[chains[m, 0]], rows[k], rows[m]
        p, q = min(i + 4, last), min(i + 5, last)
        a4, a5, w4, w5 = averages[p], averages[q], weights[p], weights[q]
        v4, v5, r4, r5 = values[chains[p, 0]], values[chains[q, 0]], rows[p], rows[q]
        for b in range(n):
            a0 = blend(a0, v0[b], w0)
            a1 = blend(a1, v1[b], w1)
            a2 = blend(a2, v2[b], w2)
            a3 = blend(a3, v3[b], w3)
            a4 = blend(a4, v4[b], w4)
            a5 = blend(a5, v5[b], w5)
            r0[b], r1[b], r2[b], r3[b], r4[b], r5[b] = a0, a1, a2, a3, a4, a5
        averages[i], averages[j], averages[k], averages[m] = a0, a1, a2, a3
        averages[p], averages[q] = a4, a5
        i += 6
