"""Runs that are over: a folder each, with everything but the bars and the model."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ohlcvml._home import data_folder
from ohlcvml.exceptions import DataError, OhlcvmlError, ParameterError
from ohlcvml.factory._places import check_run_folder
from ohlcvml.factory._report import TrainingReport

REPORT = "report"
_SHOWN = ("rows", "log_loss", "skill", "auc", "net_sharpe", "net_return", "max_drawdown")


@dataclass(frozen=True, repr=False)
class Run:
    """The folder of a run.

    It holds ``report`` (a saved :class:`TrainingReport`), ``settings.yaml`` (``ohlcvml train
    --config`` repeats the run), ``scores.csv``, ``out_of_fold.parquet``, ``trades.csv``,
    ``equity.png`` where matplotlib is installed, and ``bundles``. Only ``report`` is read again.

    Attributes
    ----------
    path : Path
    report : TrainingReport
    """

    path: Path
    report: TrainingReport = field(hash=False)

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.name

    @property
    def bundle_place(self) -> Path:
        """Where the run's bundle stands unless told otherwise."""
        told = self.report
        return self.path / "bundles" / f"{told.name.lower()}_h{told.settings['horizon']}"

    def __repr__(self) -> str:
        return f"Run({self.name})\n{self.report!r}"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def place_of_run(name: str, created: str, folder: str | None) -> Path | None:
    """Where a run shall be kept, before anything is computed.

    Parameters
    ----------
    name, created : str
        Name of the model, and when the run began.
    folder : str or None
        The folder itself; by default a new one in ``runs`` of the data folder.

    Returns
    -------
    Path or None
        None where the data folder cannot be written: a result must not be lost because it could
        not be kept.

    Raises
    ------
    ParameterError
        ``folder`` is taken or cannot be written.
    """
    if folder is not None:
        check_run_folder(Path(folder))
        return Path(folder)
    stamp = pd.Timestamp(created).strftime("%Y%m%d-%H%M%S")
    try:
        runs = _runs_folder()
        runs.mkdir(parents=True, exist_ok=True)
    except (OSError, ParameterError):
        return None
    if not os.access(runs, os.W_OK):
        return None
    return runs / f"{stamp}-{name.lower()}-{secrets.token_hex(2)}"


def keep_run(report: TrainingReport, path: Path) -> Run:
    """Write the folder of a run: whole, or not at all."""
    check_run_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    try:
        beside.mkdir()
        report.save(beside / REPORT)
        text = yaml.safe_dump(_repeatable(report.settings), sort_keys=False, allow_unicode=True)
        (beside / "settings.yaml").write_text(text, encoding="utf-8")
        pd.DataFrame(report.scores).rename_axis("score").to_csv(beside / "scores.csv")
        report.walk_forward.predictions.to_parquet(beside / "out_of_fold.parquet")
        report.trades().to_csv(beside / "trades.csv")
        if find_spec("matplotlib") is not None:
            report.plot().savefig(beside / "equity.png", dpi=120)
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Run(path, report)


def open_run(run: str | Path) -> Run:
    """Read a run.

    Parameters
    ----------
    run : str or Path
        Its folder, or its name (or the beginning of it) among the runs of the data folder.

    Raises
    ------
    DataError
        There is none, several begin so, or it is damaged.

    Examples
    --------
    >>> from ohlcvml.factory import open_run
    >>> open_run("a run that was never kept")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ohlcvml.exceptions.DataError: open_run: 'a run that was never kept' must be a run's folder, ...
    """
    path = Path(run)
    if not (path / REPORT).is_dir():
        path = _named(str(run))
    return Run(path, TrainingReport.load(path / REPORT))


def list_runs(folder: str | Path | None = None) -> pd.DataFrame:
    """The runs kept in a folder, the latest first.

    Parameters
    ----------
    folder : str, Path or None
        By default ``runs`` of the data folder.

    Returns
    -------
    pd.DataFrame
        Indexed by name: model, contract, data, bars, rows and scores of walk-forward. A run that
        cannot be read is listed with the reason in the column ``damaged``.

    Examples
    --------
    >>> import tempfile
    >>> from ohlcvml.factory import list_runs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(list_runs(folder))
    0
    """
    rows = {}
    for path in _folders(_runs_folder() if folder is None else Path(folder)):
        try:
            rows[path.name] = _row(open_run(path))
        except OhlcvmlError as error:
            rows[path.name] = {"damaged": str(error)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("run")


def compare_runs(*runs: Run | str | Path) -> pd.DataFrame:
    """Scores of runs side by side, and the settings in which they differ.

    Parameters
    ----------
    *runs : Run, or names or folders of runs

    Returns
    -------
    pd.DataFrame
        One column a run; the index is (part, name), where the parts are ``settings``, ``data`` and
        those of :attr:`TrainingReport.scores`.

    Raises
    ------
    DataError
        There are fewer than two.

    Examples
    --------
    >>> from ohlcvml.factory import compare_runs
    >>> compare_runs("20261201-101500-logistic-1f2e")
    Traceback (most recent call last):
    ohlcvml.exceptions.DataError: compare_runs: needs at least two runs; got 1. Name more.
    """
    if len(runs) < 2:
        raise DataError(f"compare_runs: needs at least two runs; got {len(runs)}. Name more.")
    opened = [run if isinstance(run, Run) else open_run(run) for run in runs]
    columns: dict[str, dict[tuple[str, str], Any]] = {}
    told = {run.name: run.report.settings for run in opened}
    differ = [
        key
        for key in opened[0].report.settings
        if len({repr(settings.get(key)) for settings in told.values()}) > 1
    ]
    for run in opened:
        found: dict[tuple[str, str], Any] = {
            ("settings", key): told[run.name].get(key) for key in differ
        }
        found[("data", "sha256")] = run.report.data["sha256"][:12]
        for part, scores in run.report.scores.items():
            found |= {(part, name): scores[name] for name in _SHOWN if name in scores}
        columns[run.name] = found
    table = pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in columns.items()}
    )
    order = dict.fromkeys(key for values in columns.values() for key in values)
    table = table.reindex(list(order))
    table.index = pd.MultiIndex.from_tuples(list(order), names=["part", "name"])
    return table


def _row(run: Run) -> dict[str, Any]:
    report = run.report
    scores = report.scores["walk_forward"]
    return {
        "model": report.name,
        "contract": report.settings["contract"],
        "data": report.settings["data"],
        "bars": report.rows["bars"],
        **{name: scores[name] for name in _SHOWN if name in scores},
    }


def _repeatable(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings that can be used again: what names a place of this run is left out."""
    left_out = {"run_dir", "create_bundle", "plot", "overwrite"}
    return {key: value for key, value in settings.items() if key not in left_out}


def _runs_folder() -> Path:
    return data_folder() / "runs"


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    found = [path for path in parent.iterdir() if (path / REPORT).is_dir()]
    return sorted((path for path in found if not path.name.startswith(".")), reverse=True)


def _named(name: str) -> Path:
    parent = _runs_folder()
    found = [path for path in _folders(parent) if name and path.name.startswith(name)]
    if len(found) != 1:
        told = "none begins so" if not found else f"{len(found)} begin so"
        raise DataError(
            f"open_run: {name!r} must be a run's folder, or the beginning of a name in {parent}; "
            f"{told}. `ohlcvml runs list` lists them."
        )
    return found[0]
