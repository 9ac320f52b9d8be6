"""Bars in blocks: what a kernel needs of neighbouring bars side by side, missing ones left out.

A recursive sum costs the same either way. Everything else becomes loops over arrays without a
branch, which run as vectors. Each value is made by the same operations as for one bar, in the same
order, so the bits do not depend on where blocks begin. In a kernel::

    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(close, close, start, stop, recent, before)
        for k in range(columns):
            row = out[k, start : start + n]
            ...  # row[b] from recent[before + b] and up to ``before`` values before it
            unpack(close, start, stop, n, out, k)
        keep(recent, before, n)

``recent`` is state: ``before + BLOCK`` values, NaN at first, of which the first ``before`` are to
be remembered. Take slices of it and index them from 0: an index that might be negative is no
vector.
"""

from __future__ import annotations

import numpy as np

from ohlcvml.streams.kernels._compiled import compiled, inlined

BLOCK = 256


@compiled
def pack(values, known, start, stop, recent, before):  # type: ignore[no-untyped-def]
    """Put the values of bars where ``known`` is not NaN behind the older ones; return how many."""
    source, mark, target, missing = values[start:stop], known[start:stop], recent[before:], 0
    for b in range(stop - start):
        missing += 1 if np.isnan(mark[b]) else 0
    if missing == 0:
        for b in range(stop - start):
            target[b] = source[b]
        return stop - start
    n = 0
    for b in range(stop - start):
        target[n] = source[b]
        n += 0 if np.isnan(mark[b]) else 1
    return n


@inlined
def unpack(known, start, stop, n, out, k):  # type: ignore[no-untyped-def]
    """Move the ``n`` results of a block to the bars they belong to; the others become NaN."""
    if n < stop - start:
        at = start + n
        for t in range(stop - 1, start - 1, -1):
            if np.isnan(known[t]):
                out[k, t] = np.nan
            else:
                at -= 1
                out[k, t] = out[k, at]


@compiled
def keep(recent, before, n):  # type: ignore[no-untyped-def]
    """Move the newest ``before`` values to the front."""
    newest = recent[n:]
    for i in range(before):
        recent[i] = newest[i]
