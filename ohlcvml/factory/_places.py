"""Where a job writes is checked before it computes, so that nothing is lost at its end."""

from __future__ import annotations

import os
from pathlib import Path

from ohlcvml._plotting import pyplot
from ohlcvml.exceptions import ParameterError
from ohlcvml.factory._settings import IN_RUN, TrainSettings


def check_places(settings: TrainSettings) -> None:
    """Raise unless a run can write its picture and its bundle."""
    if settings.plot is not None:
        _check_picture("train", Path(settings.plot))
    if settings.create_bundle not in (None, IN_RUN):
        _check_bundle("train", Path(str(settings.create_bundle)), settings.overwrite)


def check_run_folder(path: Path) -> None:
    """Raise unless there is room for a run at ``path``."""
    if path.exists() or path.is_symlink():
        raise ParameterError(
            f"train: the run's folder {path} exists, and a run is never written over another. "
            "Choose another --run-dir, or leave it out."
        )
    _check_above("train: '--run-dir' must name a place that can be written", path)


def check_file(who: str, option: str, path: str | Path) -> None:
    """Raise unless a file can be written at ``path``.

    Parameters
    ----------
    who, option : str
        The job and its option, for the message.
    path : str or Path

    Raises
    ------
    ParameterError
        It is a folder, lies in none, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from ohlcvml.factory import check_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_file("predict", "--output", f"{folder}/signals.csv")  # nothing: it can
    """
    path = Path(path)
    rule = f"{who}: '{option}' must name a file in a folder that can be written; {path}"
    if path.is_dir():
        raise ParameterError(f"{rule} is a folder. Add the file's name.")
    if not path.parent.is_dir():
        raise ParameterError(f"{rule}: there is no folder {path.parent}. Make it first.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ParameterError(f"{rule} cannot be written. Choose another place.")


def _check_picture(who: str, path: Path) -> None:
    check_file(who, "--plot", path)
    pyplot(f"{who} --plot")
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        raise ParameterError(
            f"{who}: '--plot' must end in the name of a format of pictures ({', '.join(known)}); "
            f"got {path}. For example equity.png."
        )


def _check_bundle(who: str, path: Path, overwrite: bool) -> None:
    rule = f"{who}: '--create-bundle' must name a place that can be written"
    if not overwrite and (path.exists() or path.is_symlink()):
        raise ParameterError(
            f"{rule}; {path} exists. Choose another path, or pass --overwrite to replace a bundle."
        )
    _check_above(rule, path)


def _check_above(rule: str, path: Path) -> None:
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ParameterError(f"{rule}; {above} cannot be written. Choose another place.")
