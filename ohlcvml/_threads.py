"""How many threads to use, and fits whose bits do not depend on it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def threads(n_jobs: int) -> int:
    """Number of threads for a parameter ``n_jobs``.

    -1 stands for ``OMP_NUM_THREADS`` where that is set to a number of at least 1; else for the
    processors that this process may use: by its affinity and by the quota of its container
    (cgroup, both versions), which ``os.cpu_count`` does not know.
    """
    if n_jobs != -1:
        return n_jobs
    told = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # "4,2": by level
    if told.isdecimal() and int(told) >= 1:
        return int(told)
    import joblib

    return int(joblib.cpu_count())


_lock = threading.Lock()
_users = 0
_before: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let matrix products run in one thread, so that sums are added up in one order.

    With several, BLAS cuts the rows of a product among them and adds up the parts: the last bits
    of a fitted model then tell how many processors the machine had. The limit is the process's:
    it is lifted when the last of the fits that run beside one another is over.
    """
    import scipy.linalg  # noqa: F401  loads scipy's own BLAS: one that is not loaded has no limit
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    global _users, _before
    with _lock:
        limits = threadpool_limits(limits=1, user_api="blas")
        _before = limits if _users == 0 else _before
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _before.restore_original_limits()
                _before = None
