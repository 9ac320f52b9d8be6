"""Where ohlcvml keeps records of its own on this machine."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["data_folder"]


def data_folder() -> Path:
    """Folder of ohlcvml's own records: ``OHLCVML_HOME``, or ``ohlcvml`` in the user's data folder.

    Examples
    --------
    >>> from ohlcvml.evaluation import data_folder
    >>> isinstance(data_folder().name, str)
    True
    """
    override = os.environ.get("OHLCVML_HOME")
    if override:
        return Path(override)
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    return base / "ohlcvml"
