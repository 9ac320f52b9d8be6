"""Which decisions open a position, and why the others do not."""

from __future__ import annotations

import numpy as np

from ohlcvml._compiling import njit

# Why a decision has no row, in the order in which the reasons are tried.
REASONS: tuple[str, ...] = (
    "no_side",
    "warm_up",
    "no_next_bar",
    "next_session",
    "no_fill",
    "locked",
    "closed",
    "no_range",
    "wrong_side",
)
WARM_UP, NO_NEXT_BAR, NEXT_SESSION, NO_FILL, LOCKED, CLOSED, NO_RANGE = range(1, 8)


@njit(cache=True)
def decide(  # type: ignore[no-untyped-def]
    reason,
    mine,
    starts,
    atr,
    session,
    trades,
    enters,
    after_close,
    limit,
    needs_range,
    next_open,
    rows,
):
    """Write the rows that open a position, ascending, and return how many they are.

    ``rows`` has shape (n_bars,); its rest stays as it is. ``reason`` of the others is written.
    Arrays of shape (n_bars,), or (0,) where they do not apply: ``mine``, which bars are asked
    about; ``session``, which must not change before the next bar; ``trades`` and ``enters``, the
    bars that fill at all and in this direction; ``after_close``; ``limit``, the last bar a
    position may be held to.
    """
    n, m = len(atr), 0
    asks, parts, fills, takes = len(mine) > 0, len(session) > 0, len(trades) > 0, len(enters) > 0
    closes, limited = len(after_close) > 0, len(limit) > 0
    for symbol in range(len(starts) - 1):
        final = starts[symbol + 1] - 1
        for i in range(starts[symbol], final + 1):
            if asks and not mine[i]:
                continue
            following = min(i + 1, n - 1)
            entry = following if next_open else i
            if np.isnan(atr[i]):
                reason[i] = WARM_UP
            elif i == final:
                reason[i] = NO_NEXT_BAR
            elif parts and session[following] != session[i]:
                reason[i] = NEXT_SESSION
            elif fills and not trades[entry]:
                reason[i] = NO_FILL
            elif takes and not enters[entry]:
                reason[i] = LOCKED
            elif (closes and after_close[entry]) or (limited and limit[entry] < i + 1):
                reason[i] = CLOSED
            elif needs_range and atr[i] <= 0.0:
                reason[i] = NO_RANGE
            else:
                rows[m] = i
                m += 1
    return m


@njit(cache=True)
def count_reasons(reason, n):  # type: ignore[no-untyped-def]
    """How many decisions have each of ``n`` reasons; -1 is none."""
    counts = np.zeros(n, np.int64)
    for i in range(len(reason)):
        if reason[i] >= 0:
            counts[reason[i]] += 1
    return counts
