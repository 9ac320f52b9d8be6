"""Natural logarithms of the values of a block, as vectors, for a kernel that needs some of its own.

The library's takes its values one by one, three times as long. Where a column of the table is
wanted, :class:`Channels` has it.
"""

from __future__ import annotations

import numpy as np

from ohlcvml.streams.kernels import compiled

__all__ = ["logarithms"]

# log 2 in two parts: the first, of 32 bits, times an exponent is exact.
_HIGH, _LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
_ROOT = int(np.float64(0.5**0.5).view(np.int64))


@compiled
def logarithms(values, n, exponents):  # type: ignore[no-untyped-def]
    """Put logarithms in the place of values, NaN of what is not above 0; off by at most 2 ulp.

    A value is m 2^k with m between the roots of 1/2 and 2, and log m = 2 artanh(s) with
    s = (m - 1) / (m + 1), a series of s^2 <= 0.03. Subnormal values are not provided for.
    """
    bits = values.view(np.int64)
    for b in range(n):
        exponent = (bits[b] - _ROOT) >> 52
        exponents[b] = exponent if values[b] > 0 else np.nan
        bits[b] -= exponent << 52
    for b in range(n):
        s = (values[b] - 1.0) / (values[b] + 1.0)
        z = s * s
        tail = 1 / 13 + z * (1 / 15 + z * (1 / 17 + z * (1 / 19 + z * (1 / 21))))
        tail = 1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + z * tail))))
        rest = 2.0 * s * (z * tail) + exponents[b] * _LOW
        values[b] = exponents[b] * _HIGH + (2.0 * s + rest)
