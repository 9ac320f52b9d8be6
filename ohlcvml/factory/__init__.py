"""The main jobs as functions: train a model on a file or a table of bars, and keep its runs.

The command line, YAML files and notebooks say what a run is by the same :class:`TrainSettings`.
Everything but the settings loads on first use, because the command line reads the settings to say
what its options are.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ohlcvml.factory._settings import IN_RUN, TrainSettings

if TYPE_CHECKING:
    from ohlcvml.factory._from_run import create_bundle_from_run
    from ohlcvml.factory._places import check_file
    from ohlcvml.factory._read import read_data
    from ohlcvml.factory._report import TrainingReport
    from ohlcvml.factory._result import TrainingResult
    from ohlcvml.factory._runs import Run, compare_runs, list_runs, open_run
    from ohlcvml.factory._tables import frame_table, looks_text, score_table
    from ohlcvml.factory._train import train

__all__ = [
    "IN_RUN",
    "Run",
    "TrainSettings",
    "TrainingReport",
    "TrainingResult",
    "check_file",
    "compare_runs",
    "create_bundle_from_run",
    "frame_table",
    "list_runs",
    "looks_text",
    "open_run",
    "read_data",
    "score_table",
    "train",
]

_HOMES = {
    "create_bundle_from_run": "_from_run",
    "check_file": "_places",
    "read_data": "_read",
    "TrainingReport": "_report",
    "TrainingResult": "_result",
    "Run": "_runs",
    "compare_runs": "_runs",
    "list_runs": "_runs",
    "frame_table": "_tables",
    "looks_text": "_tables",
    "open_run": "_runs",
    "score_table": "_tables",
    "train": "_train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ohlcvml.factory' has no attribute {name!r}")
    return getattr(import_module(f"ohlcvml.factory.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
