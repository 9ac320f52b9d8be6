"""How kernels are compiled."""

from __future__ import annotations

from numba import njit

__all__ = ["compiled", "inlined"]

# Kernels allocate nothing and their caller holds every array, so numba need not count references;
# left on, counting costs a step up to ten times its work. Division by zero gives infinity or NaN.
# Without the interpreter's lock, families run beside each other in threads.
compiled = njit(cache=True, error_model="numpy", nogil=True, _nrt=False)

# For a step, and whatever it hands arrays to: an array is seven words to a call.
inlined = njit(cache=True, error_model="numpy", _nrt=False, inline="always")
