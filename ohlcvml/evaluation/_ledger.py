"""The data base of what was tried on this machine: ``ledger.sqlite`` in the data folder."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ohlcvml._home import data_folder
from ohlcvml.exceptions import DataError, OhlcvmlWarning, ParameterError

Result = TypeVar("Result")

WAIT_SECONDS = 60.0  # for another process that is writing
_UNWRITABLE = ("readonly database", "unable to open database", "read-only")


def ledger_path() -> Path:
    """Where the ledger lies; see :func:`ohlcvml.evaluation.data_folder`."""
    return data_folder() / "ledger.sqlite"


def in_ledger(work: Callable[[sqlite3.Connection], Result]) -> Result | None:
    """Run ``work`` in one transaction that no other process can interleave with.

    Returns None, and has changed nothing, where there is no data folder or it cannot be written.
    Where the file or what is in it is damaged, or it stays locked for a minute, it warns and
    returns None too: a result must not be lost because it could not be recorded. ``work`` raises
    :class:`DataError` where a record is not as it was written.
    """
    try:
        path = ledger_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
    except (OSError, ParameterError, sqlite3.OperationalError):
        return None
    try:
        connection.execute("BEGIN IMMEDIATE")
        result = work(connection)
        connection.execute("COMMIT")
        return result
    except (DataError, OSError, sqlite3.Error) as error:
        if not any(text in str(error) for text in _UNWRITABLE):
            warnings.warn(
                f"nothing was recorded in {path}: {error}. Move the file away if it is damaged; a "
                "new one is begun.",
                OhlcvmlWarning,
                stacklevel=3,
            )
        return None
    finally:
        connection.close()  # rolls back what was not committed
