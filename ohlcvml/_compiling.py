"""Compiling to machine code, also where no folder can be written."""

from __future__ import annotations

import warnings
from typing import Any

import numba

from ohlcvml.exceptions import CompilationWarning

_told = False


def njit(function: Any = None, **options: Any) -> Any:
    """``numba.njit``; with ``cache=True`` and no folder to keep it in, uncached with one warning.

    numba refuses such a function, and with it the import, where neither the package nor the home
    folder can be written, as in a container that is mounted read-only.
    """
    global _told
    if function is None:
        return lambda decorated: njit(decorated, **options)
    try:
        return numba.njit(**options)(function)
    except RuntimeError as error:
        if not options.get("cache") or "no locator available" not in str(error):
            raise
    if not _told:
        _told = True
        warnings.warn(
            "ohlcvml: compiled code cannot be kept, because neither the package's folder nor the "
            "home folder can be written; every process compiles anew, which takes seconds to "
            "minutes. Set NUMBA_CACHE_DIR to a folder that can be written.",
            CompilationWarning,
            stacklevel=2,
        )
    return numba.njit(**{**options, "cache": False})(function)
