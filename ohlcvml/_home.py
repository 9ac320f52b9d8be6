"""Where ohlcvml keeps records of its own on this machine."""

from __future__ import annotations

import os
from pathlib import Path


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
    windows = os.name == "nt"
    base = os.environ.get("LOCALAPPDATA" if windows else "XDG_DATA_HOME")
    if base:  # a machine account may have no home, so it is only asked for where it is needed
        return Path(base) / "ohlcvml"
    home = Path.home()
    return (home / "AppData" / "Local" if windows else home / ".local" / "share") / "ohlcvml"
