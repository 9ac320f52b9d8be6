"""Where ohlcvml keeps records of its own on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from ohlcvml.exceptions import ParameterError


def data_folder() -> Path:
    """Folder of ohlcvml's own records: ``OHLCVML_HOME``, or ``ohlcvml`` in the user's data folder.

    Raises
    ------
    ParameterError
        ``OHLCVML_HOME`` is not set, and the account has no home.

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
    try:
        home = Path.home()
    except RuntimeError as error:
        raise ParameterError(
            "data_folder: this account has no home folder; set the environment variable "
            "OHLCVML_HOME to a folder for ohlcvml's own records."
        ) from error
    return (home / "AppData" / "Local" if windows else home / ".local" / "share") / "ohlcvml"
