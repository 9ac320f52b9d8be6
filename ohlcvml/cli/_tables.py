"""Tables a run prints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from ohlcvml._requires import extras_of, missing_packages
from ohlcvml.bars import BarReport
from ohlcvml.cli._training import TrainingResult
from ohlcvml.evaluation import CrossValidation
from ohlcvml.models.configs import model_classes

SCORES: tuple[tuple[str, str, str], ...] = (
    ("rows", "rows", "{:,.0f}"),
    ("log_loss", "log-loss", "{:.4f}"),
    ("skill", "skill over no-skill", "{:+.2%}"),
    ("auc", "AUC", "{:.3f}"),
    ("directional_accuracy", "directional accuracy", "{:.3f}"),
    ("balanced_accuracy", "balanced accuracy", "{:.3f}"),
    ("f1", "F1", "{:.3f}"),
    ("calibration_error", "calibration error", "{:.3f}"),
    ("sessions", "sessions", "{:.0f}"),
    ("net_sharpe", "net Sharpe", "{:+.2f}"),
    ("sharpe_low", "  95 % from", "{:+.2f}"),
    ("sharpe_high", "  95 % to", "{:+.2f}"),
    ("sortino", "net Sortino", "{:+.2f}"),
    ("net_return", "net return", "{:+.2%}"),
    ("max_drawdown", "maximum drawdown", "{:.2%}"),
    ("calmar", "Calmar", "{:+.2f}"),
    ("win_rate", "win rate", "{:.3f}"),
    ("profit_factor", "profit factor", "{:.2f}"),
    ("turnover", "turnover a session", "{:.1f}"),
    ("cost_share", "costs / gross", "{:.2f}"),
    ("exposure", "exposure", "{:.3f}"),
)

# Ratios of a mean to a spread say nothing of a handful of sessions.
PER_SESSION = frozenset({"net_sharpe", "sharpe_low", "sharpe_high", "sortino", "calmar"})
LEAST_SESSIONS = 5


def score_table(title: str, columns: list[tuple[str, Any]], caption: str | None = None) -> Table:
    """A table with one column for each named mapping of scores."""
    table = Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    for name, _ in columns:
        table.add_column(name.replace("_", " "), justify="right")
    for key, heading, form in SCORES:
        if all(key not in scores for _, scores in columns):
            continue
        cells = []
        for _, scores in columns:
            told = key not in PER_SESSION or scores.get("sessions", 0) >= LEAST_SESSIONS
            cells.append(_cell(scores.get(key, np.nan) if told else np.nan, form))
        table.add_row(heading, *cells)
    return table


def _cell(value: Any, form: str) -> str:
    return "-" if value is None or pd.isna(value) else form.format(float(value))


def print_bars(console: Console, report: BarReport, notes: list[str]) -> None:
    """What the file is and what was found in it."""
    console.print(str(report), highlight=False)
    for note in notes:
        console.print(f"note: {note}")


def print_result(console: Console, result: TrainingResult, model: str) -> None:
    """Scores of folds, out-of-fold run and test set, with baselines, and the unused rows."""
    forward, k_fold, test = result.walk_forward, result.k_fold, result.test
    folds = [(f"fold {fold}", row) for fold, row in forward.folds.to_dict("index").items()]
    console.print(score_table(f"Walk-forward, {model}, fold by fold", folds))
    columns: list[tuple[str, Any]] = [
        (model, _means(forward)),
        *_ends(forward.intervals),
        *_rows(forward.baselines),
    ]
    title = "Walk-forward: mean of the folds, and of the baselines that need no model"
    console.print(score_table(title, columns, "; ".join(forward.notes) or None))
    assert forward.backtest is not None  # walk-forward tests each row once
    columns = [(model, forward.backtest.scores), ("buy_and_hold", result.held.scores)]
    title = "Walk-forward, out of fold: the headline P&L, one run over all folds, net of costs"
    console.print(score_table(title, columns))
    columns = [(f"{model} fold mean", _means(k_fold)), *_rows(k_fold.baselines)]
    console.print(score_table("Purged k-fold (two-sided)", columns, "; ".join(k_fold.notes)))
    caption = "; ".join([looks_text(result.looks).capitalize(), *test.notes]) + "."
    columns = [(model, test.scores), *_ends(test.intervals), *_rows(test.baselines)]
    console.print(score_table("Untouched test set: the last rows in time", columns, caption))
    used = len(result.parts.train) + len(result.parts.test)
    console.print(
        f"{len(result.bars):,} bars; {used:,} labelled rows used "
        f"({len(result.parts.train):,} before the test set, {len(result.parts.test):,} in it). "
        "Not used:"
    )
    for reason, count in result.unused.items():
        if count:
            console.print(f"  {count:>8,}  {reason.replace('_', ' ')}", highlight=False)
    if result.bundle is not None:
        console.print(
            f"Bundle written to {result.bundle}; read back, it predicts the same bits on all "
            f"{len(result.bars):,} bars.",
            highlight=False,
        )


def _means(result: CrossValidation) -> Any:
    return result.summary()["mean"]


def _ends(intervals: pd.DataFrame) -> list[tuple[str, Any]]:
    """Ends of the 95 % intervals; not of the fold mean of Sharpe ratios, which has none."""
    shown = intervals.drop(index="net_sharpe", errors="ignore")
    return [("95 % from", shown["low"]), ("to", shown["high"])]


def _rows(baselines: pd.DataFrame) -> list[tuple[str, Any]]:
    return [(str(name), scores) for name, scores in baselines.iterrows()]


def looks_text(looks: int | None) -> str:
    if looks is None:
        return "looks are not counted here (the data folder cannot be written)"
    if looks == 1:
        return "first look at this test set"
    return f"look number {looks} at this test set: it is no longer untouched"


SEES = {"row": "features of one bar", "window": "a window of features", "path": "bars alone"}


def models_table() -> Table:
    """Every model: family, what it sees, licence, extra and whether it is installed."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("name", "class", "family", "sees", "licence", "extra", "installed"):
        table.add_column(heading, no_wrap=heading in {"name", "class"})
    order = sorted(model_classes().items(), key=lambda item: (_family(item[1]), item[0]))
    for name, cls in order:
        tagged: Any = cls
        missing = missing_packages(cls)
        table.add_row(
            name,
            cls.__name__,
            _family(cls),
            SEES[tagged.get_class_tag("representation")],
            tagged.get_class_tag("licence"),
            ", ".join(extras_of(cls)) or "-",
            f"no: {', '.join(missing)}" if missing else "yes",
        )
    return table


def _family(cls: Any) -> str:
    return str(cls.get_class_tag("model_family"))
