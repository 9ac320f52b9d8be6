"""What a run found, without the bars and the model: saved in its folder, printed, drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pandas as pd
from rich.console import Console, Group, RenderableType
from rich.text import Text

from ohlcvml._saved import SavedResult
from ohlcvml.evaluation import Backtest, CrossValidation, Evaluation
from ohlcvml.factory._settings import TrainSettings
from ohlcvml.factory._tables import (
    ends_of,
    looks_text,
    means_of,
    regime_table,
    rivals_of,
    score_table,
    seconds_text,
)

WIDTH = 100
_HTML = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:normal;'
    'font-family:monospace">{code}</pre>'
)


@dataclass(frozen=True, repr=False)
class TrainingReport(SavedResult):
    """What :func:`~ohlcvml.factory.train` found; printing it gives the tables of the command line.

    Attributes
    ----------
    settings : dict
        The settings of the run (:class:`TrainSettings`), plain values.
    name : str
        Name of the model.
    created : str
        When the run began, ISO 8601, UTC.
    environment : dict
        Versions and machine.
    data : dict
        Fingerprint of the bars: SHA-256, rows, first and last stamp, bar size.
    rows : dict
        Counts: ``bars``, and labelled rows used before (``train``) and in (``test``) the test set.
    unused : dict
        Rows that were not used, by reason.
    walk_forward : CrossValidation
        The headline: each fold trained on the past alone.
    held : Backtest
        Buying and holding over the same stretches.
    k_fold : CrossValidation
        Purged k-fold, two-sided.
    combinatorial : CrossValidation or None
        With ``cv="combinatorial"``.
    test : Evaluation or None
        The one look at the test set; None with ``no_test``.
    test_rows : dict
        ``first``, ``last``, ``rows`` and ``fingerprint`` of the test set.
    looks : int or None
        Looks at this test set so far.
    answers : str
        SHA-256 of what the final model answers on the last bars, by which it is known again.
    notes : list of str
    """

    settings: dict[str, Any]
    name: str
    created: str
    environment: dict[str, Any]
    data: dict[str, Any]
    rows: dict[str, int]
    unused: dict[str, int]
    walk_forward: CrossValidation
    held: Backtest
    k_fold: CrossValidation
    combinatorial: CrossValidation | None
    test: Evaluation | None
    test_rows: dict[str, Any]
    looks: int | None
    answers: str
    notes: list[str] = field(default_factory=list)

    @property
    def scores(self) -> dict[str, dict[str, Any]]:
        """Scores by part of the run: fold means, the out-of-fold run, and the test set."""
        found: dict[str, dict[str, Any]] = {
            "walk_forward": _plain(means_of(self.walk_forward)),
            "purged_k_fold_two_sided": _plain(means_of(self.k_fold)),
        }
        if self.walk_forward.backtest is not None:
            found["out_of_fold_run"] = dict(self.walk_forward.backtest.scores)
        if self.combinatorial is not None:
            found["combinatorial_two_sided"] = _plain(means_of(self.combinatorial))
        if self.test is not None:
            found["test"] = dict(self.test.scores)
        return found

    def trades(self) -> pd.DataFrame:
        """Entries, exits and reasons of the walk-forward run, and of the test set below it.

        Columns as in :attr:`~ohlcvml.evaluation.Backtest.decisions`, after ``part``:
        ``walk_forward`` or ``test``. Indexed by the decision bar.
        """
        runs = {"walk_forward": self.walk_forward.backtest}
        if self.test is not None:
            runs["test"] = self.test.backtest
        tables = [
            run.decisions.assign(part=part)[["part", *run.decisions.columns]]
            for part, run in runs.items()
            if run is not None
        ]
        return pd.concat(tables).rename_axis("decision_time")

    def plot(self, **options: Any) -> Any:
        """Equity out of fold beside buying and holding; see ``ohlcvml.evaluation.plot_equity``."""
        from ohlcvml.evaluation import plot_equity

        run = self.walk_forward.backtest
        assert run is not None  # walk-forward tests each row once
        options.setdefault("title", "Walk-forward, out of fold, net of costs")
        return plot_equity(run, others={"buy and hold": self.held}, name=self.name, **options)

    # ---- as text
    def tables(self, *, verbose: bool = False) -> Group:
        """The report as tables of rich; ``verbose`` adds the folds one by one."""
        forward, k_fold, name = self.walk_forward, self.k_fold, self.name
        parts: list[RenderableType] = []
        if verbose:
            folds = [(f"fold {fold}", row) for fold, row in forward.folds.to_dict("index").items()]
            parts.append(score_table(f"Walk-forward, {name}, fold by fold", folds))
        columns: list[tuple[str, Any]] = [
            (name, means_of(forward)),
            *ends_of(forward.intervals),
            *rivals_of(forward.baselines, means=True),
        ]
        title = (
            f"Walk-forward, {name}: mean of {len(forward.folds)} folds, and of the baselines that "
            "need no model"
        )
        parts.append(score_table(title, columns, caption="; ".join(forward.notes)))
        assert forward.backtest is not None  # walk-forward tests each row once
        columns = [(name, forward.backtest.scores), ("buy_and_hold", self.held.scores)]
        title = "Walk-forward, out of fold: the headline P&L, one run over all folds, net of costs"
        parts.append(score_table(title, columns))
        if forward.regime_scores is not None:
            parts.append(regime_table("Walk-forward by regime", forward.regime_scores))
        columns = [
            (f"{name} fold mean", means_of(k_fold)),
            *rivals_of(k_fold.baselines, means=True),
        ]
        caption = "; ".join(k_fold.notes)
        parts.append(score_table("Purged k-fold (two-sided)", columns, caption=caption))
        if self.combinatorial is not None:
            parts.append(self._paths_table(self.combinatorial))
        parts += self._test_tables()
        spaced = [item for part in parts for item in (part, Text())]
        return Group(*spaced, Text(self._rows_text()))

    def _paths_table(self, found: CrossValidation) -> RenderableType:
        spread = found.path_scores.describe()
        columns = [
            (name, spread.loc[key])
            for name, key in (("lowest", "min"), ("median", "50%"), ("highest", "max"))
        ]
        title = (
            f"Combinatorial purged (two-sided): {len(found.paths)} backtest paths over "
            f"{len(found.folds)} splits"
        )
        return score_table(title, columns, caption="; ".join(found.notes))

    def _test_tables(self) -> list[RenderableType]:
        test = self.test
        if test is None:
            told = (
                f"The test set stays shut: {self.rows['test']:,} rows from "
                f"{self.test_rows['first']} to {self.test_rows['last']}. `ohlcvml evaluate` of the "
                "bundle is the first look."
            )
            return [Text(told)]
        caption = "; ".join([looks_text(self.looks).capitalize(), *test.notes])
        columns = [(self.name, test.scores), *ends_of(test.intervals), *rivals_of(test.baselines)]
        return [score_table("Untouched test set: the last rows in time", columns, caption=caption)]

    def _rows_text(self) -> str:
        rows = self.rows
        lines = [
            f"{rows['bars']:,} bars; {rows['train'] + rows['test']:,} labelled rows used "
            f"({rows['train']:,} before the test set, {rows['test']:,} in it). Not used:"
        ]
        lines += [
            f"  {count:>8,}  {reason.replace('_', ' ')}"
            for reason, count in self.unused.items()
            if count
        ]
        lines.append(f"Walk-forward took {seconds_text(self.walk_forward.folds)}.")
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def __repr__(self) -> str:
        console = Console(file=StringIO(), width=WIDTH, record=True, color_system=None)
        console.print(self.tables())
        return console.export_text().rstrip()

    def _repr_html_(self) -> str:
        console = Console(file=StringIO(), width=WIDTH, record=True)
        console.print(self.tables())
        return console.export_html(inline_styles=True, code_format=_HTML)

    @property
    def told(self) -> TrainSettings:
        """The settings of the run, checked."""
        return TrainSettings.from_dict(self.settings, "the run")


def _plain(scores: pd.Series) -> dict[str, Any]:
    return {str(name): value for name, value in scores.items()}
