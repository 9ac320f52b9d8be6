"""Prices and moves that are equal but for rounding.

Few decimal ticks are binary numbers: 1.1 - 1.0 and 1.2 - 1.1 differ in the last digits, and so do
typical prices that are the same third of a tick. Prices as they were read need no tolerance: equal
ones have equal bits. What is computed of several prices is compared through here.
"""

from __future__ import annotations

from ohlcvml.streams.kernels._compiled import inlined

# Of a price. A few sums of prices are off by 1e-15; a third of a tick is 5e-9 or more on every
# market we know (one cent at 600,000).
_SAME_PRICE = 1e-10

# Log returns that differ by no more are equal: logarithms of prices are off by 2e-15 each.
SAME_RETURN = 1e-12


@inlined
def tie(price):  # type: ignore[no-untyped-def]
    """Largest difference of two equal prices, or moves, near this price that rounding can make."""
    return _SAME_PRICE * abs(price)
