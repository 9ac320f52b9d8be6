"""A plugin for pytest: kernels of the core packages run as Python, where a tracer sees their lines.

``python -m pytest -p tests.python_kernels tests/labels`` asks the compiled kernels' own tests of
their Python form. Kernels of the other packages stay compiled, because simulated bars and features
take minutes without, and `ohlcvml._elementary` reads bits, which Python cannot.
"""

from __future__ import annotations

from ohlcvml import _compiling

PACKAGES = ("ohlcvml.labels.", "ohlcvml.samples.", "ohlcvml.splits.", "ohlcvml.pipeline.")
_compiled = _compiling.njit


def njit(function=None, **options):
    """Stand for `ohlcvml._compiling.njit`: functions of `PACKAGES` are left as they are."""
    if function is None:
        return lambda decorated: njit(decorated, **options)
    if function.__module__.startswith(PACKAGES):
        return function
    return _compiled(function, **options)


_compiling.njit = njit
