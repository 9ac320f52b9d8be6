"""Recursive averages: one value at a time, and over the bars of a block."""

from __future__ import annotations

import numpy as np

from ohlcvml.features._compiled import compiled

__all__ = ["smooth", "smooth_rows"]


@compiled
def smooth(average, value, age, window, weight):  # type: ignore[no-untyped-def]
    """Advance a recursive average by one value; ``age`` counts the values, this one included.

    Seeded with the mean of the first ``window`` values; while ``age < window`` the return value
    is their running sum. ``weight`` of a new value: 1 / window in Wilder's average, 2 / (window +
    1) in the exponential one.
    """
    if age > window:
        return average + (value - average) * weight
    return average + value if age < window else (average + value) / window


@compiled
def smooth_rows(values, n, age, windows, weights, averages, rows):  # type: ignore[no-untyped-def]
    """Advance averages of one series by ``n`` values; row k gets those of window k, NaN first.

    ``age`` counts the values before. Where it is negative, so many of ``values`` are none yet. An
    average waits for itself: six side by side take the time of one. Of what is missing to six, the
    last is computed again.
    """
    last = windows.shape[0] - 1
    for k in range(0, last + 1, 6):
        top, longest = min(k + 5, last), 0
        for j in range(k, top + 1):
            longest = max(longest, windows[j])
        if age < longest:
            for j in range(k, top + 1):
                average, row = averages[j], rows[j]
                for b in range(n):
                    count = age + b + 1
                    if count > 0:
                        average = smooth(average, values[b], count, windows[j], weights[j])
                    row[b] = average if count >= windows[j] else np.nan
                averages[j] = average
            continue
        k1, k2, k3, k4 = min(k + 1, last), min(k + 2, last), min(k + 3, last), min(k + 4, last)
        a0, a1, a2, a3 = averages[k], averages[k1], averages[k2], averages[k3]
        w0, w1, w2, w3 = weights[k], weights[k1], weights[k2], weights[k3]
        a4, a5, w4, w5 = averages[k4], averages[top], weights[k4], weights[top]
        r0, r1, r2, r3, r4, r5 = rows[k], rows[k1], rows[k2], rows[k3], rows[k4], rows[top]
        for b in range(n):
            value = values[b]
            a0 = a0 + (value - a0) * w0
            a1 = a1 + (value - a1) * w1
            a2 = a2 + (value - a2) * w2
            a3 = a3 + (value - a3) * w3
            a4 = a4 + (value - a4) * w4
            a5 = a5 + (value - a5) * w5
            r0[b], r1[b], r2[b], r3[b], r4[b], r5[b] = a0, a1, a2, a3, a4, a5
        averages[k], averages[k1], averages[k2], averages[k3] = a0, a1, a2, a3
        averages[k4], averages[top] = a4, a5
