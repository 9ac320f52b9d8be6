"""Logarithm, exponential, sine and cosine with the same bits on every machine.

Those of numpy and of the C library differ in the last digit from one processor to the next. These
are made of additions, products and quotients alone, whose bits IEEE 754 fixes, in an order that
does not depend on how a loop over them is compiled. Bars, features and labels use no others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ohlcvml._compiling import njit
from ohlcvml.typing import FloatArray

_inlined = njit(cache=True, error_model="numpy", _nrt=False, inline="always")
_compiled = njit(cache=True, error_model="numpy", nogil=True, _nrt=False)

_LOG2E = 1.4426950408889634
# log 2 in two parts: the first, of 32 bits, times an exponent is exact.
_LN2_HIGH, _LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
_ROOT = int(np.float64(0.5**0.5).view(np.int64))
_ONE = int(np.float64(1.0).view(np.int64))
_FRACTION = (1 << 52) - 1
_BIG = int(np.float64(2.0**52).view(np.int64))  # with a small whole number in its last bits
_ROUND = 6755399441055744.0  # 1.5 * 2**52: added and subtracted, it rounds to a whole number
_LEAST, _MOST = -700.0, 700.0  # beyond them the exponential is given as 0 and infinity
# half of pi in three parts, the first two of 33 bits
_QUARTER = (
    float.fromhex("0x1.921fb544p+0"),
    float.fromhex("0x1.0b4611a6p-34"),
    float.fromhex("0x1.3198a2e037073p-69"),
)


@intrinsic  # type: ignore[untyped-decorator]
def _float_of_bits(typing_context: Any, bits: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _bits_of_float(typing_context: Any, value: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@_inlined
def log(x):  # type: ignore[no-untyped-def]
    """Natural logarithm, off by at most 1 ulp; NaN of what is not above 0. No subnormal numbers.

    x is m 2^k with m between the roots of 1/2 and 2. With f = m - 1 and s = f / (2 + f),
    log m = 2 artanh s = f - (h - s (h + R)), h = f^2 / 2, R = 2 (s^2 / 3 + s^4 / 5 + ...).
    """
    moved = _bits_of_float(x) - _ROOT + _ONE
    exponent = _float_of_bits((moved >> 52) | _BIG) - (4503599627370496.0 + 1023.0)
    f = _float_of_bits((moved & _FRACTION) + _ROOT) - 1.0
    s = f / (2.0 + f)
    z = s * s
    tail = 2 / 15 + z * (2 / 17 + z * (2 / 19 + z * (2 / 21 + z * (2 / 23))))
    tail = 2 / 5 + z * (2 / 7 + z * (2 / 9 + z * (2 / 11 + z * (2 / 13 + z * tail))))
    series = z * (2 / 3 + z * tail)
    half = 0.5 * f * f
    low = s * (half + series) + exponent * _LN2_LOW
    value = exponent * _LN2_HIGH - ((half - low) - f)
    return value if 0.0 < x < np.inf else (np.inf if x == np.inf else np.nan)


@_inlined
def exp(x):  # type: ignore[no-untyped-def]
    """Exponential, to 1e-15 of itself; 0 below -700, infinity above 700."""
    clipped = x if x > _LEAST else _LEAST
    clipped = clipped if clipped < _MOST else _MOST
    shifted = clipped * _LOG2E + _ROUND
    whole = shifted - _ROUND
    r = (clipped - whole * _LN2_HIGH) - whole * _LN2_LOW
    # Taylor to degree 13: |r| <= log(2) / 2, so the rest is below 1e-17.
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    # The low bits of the shifted number are the whole number; moved up they are an exponent.
    value = p * _float_of_bits((_bits_of_float(shifted) + 1023) << 52)
    value = value if x <= _MOST else np.inf
    value = value if x >= _LEAST else 0.0
    return value if x == x else np.nan


@_inlined
def _circle(x, quarters):  # type: ignore[no-untyped-def]
    """Sine of x + quarters * pi / 2, to 2e-16, for an x within 1e5 of 0."""
    shifted = x * (2.0 / math.pi) + _ROUND
    whole = shifted - _ROUND
    r = ((x - whole * _QUARTER[0]) - whole * _QUARTER[1]) - whole * _QUARTER[2]
    z = r * r
    s = -1.0 / 1307674368000.0
    s = s * z + 1.0 / 6227020800.0
    s = s * z - 1.0 / 39916800.0
    s = s * z + 1.0 / 362880.0
    s = s * z - 1.0 / 5040.0
    s = s * z + 1.0 / 120.0
    s = s * z - 1.0 / 6.0
    s = r + r * (z * s)
    c = 1.0 / 20922789888000.0
    c = c * z - 1.0 / 87178291200.0
    c = c * z + 1.0 / 479001600.0
    c = c * z - 1.0 / 3628800.0
    c = c * z + 1.0 / 40320.0
    c = c * z - 1.0 / 720.0
    c = c * z + 1.0 / 24.0
    c = 1.0 - (0.5 * z - z * z * c)
    quarter = (_bits_of_float(shifted) + quarters) & 3
    value = c if quarter & 1 else s
    return -value if quarter & 2 else value


@_inlined
def sine(x):  # type: ignore[no-untyped-def]
    """Sine, to 2e-16, of an angle up to 1e5."""
    return _circle(x, 0)


@_inlined
def cosine(x):  # type: ignore[no-untyped-def]
    """Cosine, to 2e-16, of an angle up to 1e5."""
    return _circle(x, 1)


@_compiled
def _logarithms(values, out):  # type: ignore[no-untyped-def]
    for i in range(values.shape[0]):
        out[i] = log(values[i])


@_compiled
def _cosines(values, out):  # type: ignore[no-untyped-def]
    for i in range(values.shape[0]):
        out[i] = cosine(values[i])


@_compiled
def _sines(values, out):  # type: ignore[no-untyped-def]
    for i in range(values.shape[0]):
        out[i] = sine(values[i])


@_compiled
def _exponentials(values, out):  # type: ignore[no-untyped-def]
    for i in range(values.shape[0]):
        out[i] = exp(values[i])


def logarithms(values: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """Natural logarithms of an array, NaN of what is not above 0."""
    return _each(_logarithms, values, out)


def exponentials(values: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """Exponentials of an array."""
    return _each(_exponentials, values, out)


def sines(values: FloatArray) -> FloatArray:
    """Sines of an array of angles up to 1e5."""
    return _each(_sines, values, None)


def cosines(values: FloatArray) -> FloatArray:
    """Cosines of an array of angles up to 1e5."""
    return _each(_cosines, values, None)


def _each(kernel: Any, values: FloatArray, out: FloatArray | None) -> FloatArray:
    if out is None:
        values = np.require(values, np.float64, ["C", "W"])
        out = np.empty(values.shape)
        kernel(values.reshape(-1), out.reshape(-1))
    else:  # one dimension, contiguous
        kernel(values, out)
    return out
