"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import float64, typeof
from numba.extending import intrinsic

from ohlcvml._compiling import njit

# Kernels allocate nothing and their caller holds every array, so numba need not count references;
# left on, counting costs a step up to ten times its work. Division by zero gives infinity or NaN.
# Without the interpreter's lock, families run beside each other in threads. Nothing calls them
# from C.
compiled = njit(cache=True, error_model="numpy", nogil=True, no_cfunc_wrapper=True, _nrt=False)

# For a step, and whatever it hands arrays to: an array is seven words to a call.
inlined = njit(cache=True, error_model="numpy", _nrt=False, inline="always")


@intrinsic
def fused(_context, _a, _b, _c):  # type: ignore[no-untyped-def]
    """``a * b + c``, rounded once: the same bits on every machine, in half the time on most."""

    def emit(_context, builder, _signature, values):  # type: ignore[no-untyped-def]
        return builder.fma(*values)

    return float64(float64, float64, float64), emit


def entry_of(kernel: Any, arguments: tuple[Any, ...]) -> Callable[..., None]:
    """Compiled function of a kernel for arguments of these types.

    Looking up the types of twenty arrays takes longer than a step over one bar, and those of a
    stream never change. The caller may pass no others.
    """
    try:
        signature = tuple(typeof(argument) for argument in arguments)
        kernel.compile(signature)
        return kernel.overloads[signature].entry_point  # type: ignore[no-any-return]
    except (AttributeError, KeyError):  # compilation is switched off, or numba keeps it elsewhere
        return kernel  # type: ignore[no-any-return]
