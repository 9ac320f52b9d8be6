"""Out-of-fold answers on disk: parquet tables and one JSON file, nothing that is executed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError
from ohlcvml.pipeline._answer import Answer

__all__ = ["read_folder", "write_folder"]

FORMAT = "ohlcvml.out_of_fold"
VERSION = 1
FACTS = "out_of_fold.json"
TESTED = -1  # in place of a fold: the intervals of the tested rows


def write_folder(found: Any, folder: Path) -> Path:
    """Write an ``OutOfFold`` to a new folder."""
    if folder.exists() and any(folder.iterdir()):
        raise DataError(
            f"OutOfFold.save: the folder {folder} exists and is not empty. Give another name, or "
            "delete it."
        )
    folder.mkdir(parents=True, exist_ok=True)
    found.labels.to_parquet(folder / "labels.parquet")
    found.signal.to_parquet(folder / "signal.parquet")
    _answers(found).to_parquet(folder / "answers.parquet")
    found.folds.to_parquet(folder / "folds.parquet")
    found.class_shares.rename(columns=str).to_parquet(folder / "class_shares.parquet")
    _intervals(found).to_parquet(folder / "intervals.parquet")
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "spec": found.labels.attrs["spec"],
        "levels": None if found.answer.quantiles is None else list(found.answer.levels),
        "extrapolated": list(found.answer.extrapolated),
        "failures": {str(number): text for number, text in found.failures.items()},
        "untested": found.untested,
    }
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return folder


def read_folder(folder: Path) -> dict[str, Any]:
    """Arguments of the ``OutOfFold`` that a folder holds."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        names = ("labels", "signal", "answers", "folds", "class_shares", "intervals")
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}
    except (OSError, ValueError) as error:
        raise DataError(
            f"OutOfFold.load: {folder} does not hold what OutOfFold.save wrote: {error}."
        ) from error
    if facts.get("format") != FORMAT or facts.get("version") != VERSION:
        raise DataError(
            f"OutOfFold.load: {folder} must hold version {VERSION} of {FORMAT}; got version "
            f"{facts.get('version')} of {facts.get('format')}. Run out_of_fold again."
        )
    answers, intervals = tables["answers"], tables["intervals"]
    labels, shares = tables["labels"], tables["class_shares"]
    labels.attrs["spec"] = facts["spec"]
    parts = {
        int(fold): part[["first", "last"]].to_numpy(dtype=np.int64)
        for fold, part in intervals.groupby("fold")
    }
    return {
        "rows": answers["row"].to_numpy(dtype=np.int64),
        "fold": answers["fold"].to_numpy(dtype=np.int64),
        "path": answers["path"].to_numpy(dtype=np.int64) if "path" in answers else None,
        "labels": labels,
        "signal": tables["signal"],
        "answer": _answer(answers, facts),
        "folds": tables["folds"],
        "class_shares": shares.rename(columns=int),
        "tested_intervals": parts.pop(TESTED),
        "training_intervals": parts,
        "failures": {int(number): text for number, text in facts["failures"].items()},
        "untested": int(facts["untested"]),
    }


def _answers(found: Any) -> pd.DataFrame:
    answer: Answer = found.answer
    columns: dict[str, Any] = {"row": found.rows, "fold": found.fold}
    if found.path is not None:
        columns["path"] = found.path
    for k, values in enumerate(answer.probabilities.T):
        columns[f"probability_{k}"] = values
    if answer.expected_return is not None:
        columns["expected_return"] = answer.expected_return
    if answer.quantiles is not None:
        for k, values in enumerate(answer.quantiles.T):
            columns[f"quantile_{k}"] = values
    return pd.DataFrame(columns)


def _answer(answers: pd.DataFrame, facts: dict[str, Any]) -> Answer:
    def block(prefix: str) -> Any:
        names = [name for name in answers.columns if name.startswith(prefix)]
        return answers[names].to_numpy(dtype=np.float64)

    expected = None
    if "expected_return" in answers:
        expected = answers["expected_return"].to_numpy(dtype=np.float64)
    levels = facts["levels"]
    return Answer(
        block("probability_"),
        expected,
        None if levels is None else block("quantile_"),
        () if levels is None else tuple(levels),
        tuple(facts["extrapolated"]),
    )


def _intervals(found: Any) -> pd.DataFrame:
    parts = {**found.training_intervals, TESTED: found.tested_intervals}
    return pd.concat(
        [
            pd.DataFrame({"fold": fold, "first": each[:, 0], "last": each[:, 1]})
            for fold, each in parts.items()
        ],
        ignore_index=True,
    )
