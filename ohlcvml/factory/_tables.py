"""Tables of a run's report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from ohlcvml.evaluation import CrossValidation

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
SHARPE_ENDS = ("sharpe_low", "sharpe_high")
NOTHING = "-"
INTERVAL = ("95 % from", "to")


def score_table(title: str, columns: list[tuple[str, Any]], *, caption: str = "") -> Table:
    """A table with one column for each named mapping of scores.

    Rows in which no column has a value are left out, and the caption says which and why.

    Parameters
    ----------
    title : str
    columns : list of (str, mapping from score to number)
    caption : str

    Returns
    -------
    rich.table.Table

    Examples
    --------
    >>> from ohlcvml.factory import score_table
    >>> table = score_table("Two models", [("a", {"auc": 0.51}), ("b", {"auc": 0.52})])
    >>> table.row_count, [column.header.plain for column in table.columns]
    (1, ['', 'a', 'b'])
    """
    columns, notes = _without_empty_intervals(columns)
    notes = [*([caption.rstrip(".")] if caption else []), *notes]
    rows: list[tuple[str, list[str]]] = []
    short: list[str] = []
    blank: list[str] = []
    for key, heading, form in SCORES:
        if all(key not in scores for _, scores in columns):
            continue
        told = [
            key not in PER_SESSION or scores.get("sessions", 0) >= LEAST_SESSIONS
            for _, scores in columns
        ]
        cells = [
            _cell(scores.get(key, np.nan) if tell else np.nan, form)
            for (_, scores), tell in zip(columns, told, strict=True)
        ]
        if any(cell != NOTHING for cell in cells):
            rows.append((heading, cells))
        elif key not in SHARPE_ENDS:
            (blank if any(told) else short).append(heading)
    if short:
        notes.append(f"no {', '.join(short)}: fewer than {LEAST_SESSIONS} sessions")
    if blank:
        notes.append(f"no {', '.join(blank)}: not defined on these rows")
    headings = ["", *(name.replace("_", " ") for name, _ in columns)]
    return plain_table(title, headings, rows, "; ".join(notes))


def _without_empty_intervals(
    columns: list[tuple[str, Any]],
) -> tuple[list[tuple[str, Any]], list[str]]:
    """Columns of the ends of intervals are left out where no score has an interval."""
    ends = [scores for name, scores in columns if name in INTERVAL]
    if not ends or any(bool(scores.notna().any()) for scores in ends):
        return columns, []
    kept = [(name, scores) for name, scores in columns if name not in INTERVAL]
    return kept, ["no 95 % intervals: fewer than 6 effective blocks"]


def plain_table(
    title: str, headings: list[str], rows: list[tuple[str, list[str]]], caption: str = ""
) -> Table:
    """A table whose first column is text and whose others are figures; nothing in it is markup."""
    table = Table(
        title=Text(title),
        caption=Text(caption) if caption else None,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for number, heading in enumerate(headings):
        left = number == 0
        table.add_column(Text(heading), no_wrap=left, justify="left" if left else "right")
    for heading, cells in rows:
        table.add_row(Text(heading), *map(Text, cells))
    return table


def regime_table(title: str, scores: pd.DataFrame) -> Table:
    """Main scores of each regime, one row a regime."""
    shown = [item for item in SCORES if item[0] in scores.columns and item[0] in _BY_REGIME]
    rows = []
    for key, values in scores.iterrows():
        column, regime = key if isinstance(key, tuple) else ("", key)
        few = values.get("sessions", 0) < LEAST_SESSIONS
        cells = [
            NOTHING if few and name in PER_SESSION else _cell(values[name], form)
            for name, _, form in shown
        ]
        rows.append((f"{column} {regime}".strip(), cells))
    return plain_table(title, ["", *(heading for _, heading, _ in shown)], rows)


_BY_REGIME = frozenset({"rows", "skill", "auc", "net_sharpe", "net_return", "exposure"})


def frame_table(title: str, frame: pd.DataFrame) -> Table:
    """A DataFrame as a table; figures are rounded as those of a report.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.factory import frame_table
    >>> frame_table("One", pd.DataFrame({"auc": [0.51234]}, index=["a"])).row_count
    1
    """
    forms = {name: form for name, _, form in SCORES}
    rows = []
    for key, values in frame.iterrows():
        names = [str(part) for part in (key if isinstance(key, tuple) else (key,))]
        cells = [_any_cell(value, (names[-1], str(name)), forms) for name, value in values.items()]
        rows.append((" ".join(names), cells))
    return plain_table(title, ["", *map(str, frame.columns)], rows)


def _any_cell(value: Any, names: tuple[str, str], forms: dict[str, str]) -> str:
    if isinstance(value, (dict, list)):
        return str(value)
    if value is None or pd.isna(value):
        return NOTHING
    form = next((forms[name] for name in names if name in forms), "{:g}")
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return form.format(value) if number else str(value)


def means_of(result: CrossValidation) -> pd.Series:
    """Fold means; without the ends of the folds' own intervals, whose means bound nothing."""
    return result.summary()["mean"].drop(list(SHARPE_ENDS), errors="ignore")


def ends_of(intervals: pd.DataFrame) -> list[tuple[str, Any]]:
    """Ends of the 95 % intervals; not of the fold mean of Sharpe ratios, which has none."""
    shown = intervals.drop(index="net_sharpe", errors="ignore")
    return list(zip(INTERVAL, (shown["low"], shown["high"]), strict=True))


def rivals_of(baselines: pd.DataFrame, *, means: bool = False) -> list[tuple[str, Any]]:
    """One column for each baseline; where they are ``means`` of folds, as in :func:`means_of`."""
    shown = baselines.drop(columns=list(SHARPE_ENDS), errors="ignore") if means else baselines
    return [(str(name), scores) for name, scores in shown.iterrows()]


def looks_text(looks: int | None) -> str:
    """What a count of looks at a test set means.

    Examples
    --------
    >>> from ohlcvml.factory import looks_text
    >>> looks_text(1)
    'first look at this test set'
    """
    if looks is None:
        return "looks are not counted here (the data folder cannot be read or written)"
    if looks == 1:
        return "first look at this test set"
    return f"look number {looks} at this test set: it is no longer untouched"


def seconds_text(folds: Mapping[str, Any] | pd.DataFrame) -> str:
    """Time of fitting and predicting, over all folds."""
    fit, ask = float(sum(folds["fit_seconds"])), float(sum(folds["predict_seconds"]))
    return f"{fit:,.1f} s of fitting and {ask:,.1f} s of predicting in all folds"


def _cell(value: Any, form: str) -> str:
    return NOTHING if value is None or pd.isna(value) else form.format(float(value))
