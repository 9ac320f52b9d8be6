"""The exponential of numbers up to zero, in operations that vectorise to the same bits."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ohlcvml.streams.kernels import inlined

__all__ = ["exp_negative"]

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10  # the high part has 32 bits
_ROUND = 6755399441055744.0  # 1.5 * 2**52: added and subtracted, it rounds to a whole number
_LEAST = -700.0  # below it the answer is given as 0


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


@inlined
def exp_negative(x):  # type: ignore[no-untyped-def]
    """exp(x) for x <= 0, to 1e-15 of itself; 0 below -700, and for NaN.

    A library function may be one routine for one number and another for a vector of them; these
    are additions and products, whose bits are the same either way.
    """
    clipped = x if x > _LEAST else _LEAST
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
    power = _float_of_bits((_bits_of_float(shifted) + 1023) << 52)
    return p * power if x > _LEAST else 0.0
