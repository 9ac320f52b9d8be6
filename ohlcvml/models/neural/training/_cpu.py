"""What makes steps slow on a CPU for no use: pages returned and cleared, numbers below 1e-38."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

# Names in malloc.h; the values left behind are those glibc moves to by itself when a process first
# frees a block of 32 MiB.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_LEFT_BEHIND = ((_MMAP_MAX, 65536), (_TRIM_THRESHOLD, 64 << 20), (_MMAP_THRESHOLD, 32 << 20))
_CHOSEN_BY_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_")
_OMP_PAUSE_SOFT = 1  # in omp.h

_lock = threading.Lock()
_users = 0


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep the C library from giving freed blocks back to the system until the outermost exit.

    A step of a recurrent network allocates and frees hundreds of MiB. glibc returns blocks of that
    size at once, and the system clears every page anew when the next step asks for them: 40 % of
    the time of an LSTM's step, measured. Other C libraries, and a process whose malloc is set by
    environment variables, are left alone. Results do not depend on it.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            libc.mallopt(_MMAP_MAX, 0)
            libc.mallopt(_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                for name, value in _LEFT_BEHIND:
                    libc.mallopt(name, value)
                libc.malloc_trim(0)


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Take numbers below 1.2e-38 for 0 in this thread and in those that compute for it.

    A gradient that goes back through hundreds of steps of a recurrent network ends in such numbers,
    which a processor computes some hundred times more slowly: an LSTM's step over 256 bars takes
    thirteen times as long with them, measured. No weight moves by them.
    """
    before = bool(np.float32(1e-45) * np.float32(1.0) == 0)
    _flush(True)
    try:
        yield
    finally:
        _flush(before)


def _flush(on: bool) -> None:
    torch.set_flush_denormal(on)
    if torch.get_num_threads() == 1:
        return
    # Threads of GNU's OpenMP keep the arithmetic they were started with, that of the thread that
    # started them: let them end, the next call that needs them starts others. LLVM's and Intel's
    # are told at each call.
    for library in threadpool_info():
        if library["prefix"] == "libgomp":
            pause = getattr(ctypes.CDLL(library["filepath"]), "omp_pause_resource_all", None)
            if pause is not None:
                pause(_OMP_PAUSE_SOFT)


@lru_cache(maxsize=1)
def _glibc() -> Any:
    """The C library if it is glibc and nobody has set it up; else None."""
    tuned = "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if tuned or any(name in os.environ for name in _CHOSEN_BY_USER):
        return None
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
    return libc if hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "mallopt") else None
