"""What a result shows first: main scores, those of the baselines, intervals and notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._card import Card

HEADLINE: tuple[tuple[str, str, str], ...] = (
    ("log_loss", "log-loss", "{:.4f}"),
    ("skill", "skill over no-skill", "{:+.2%}"),
    ("auc", "AUC", "{:.3f}"),
    ("directional_accuracy", "directional accuracy", "{:.3f}"),
    ("net_sharpe", "net Sharpe", "{:+.2f}"),
    ("net_return", "net return", "{:+.2%}"),
    ("max_drawdown", "maximum drawdown", "{:.2%}"),
    ("decisions", "decisions", "{:,.0f}"),
)
# A ratio of a mean to a spread says nothing of a handful of sessions.
LEAST_SESSIONS = 5
MOST_NOTES, LONGEST_NOTE = 3, 120


def score_card(
    title: str,
    scores: Mapping[str, Any] | pd.Series,
    baselines: pd.DataFrame,
    spread: Mapping[str, Any] | pd.Series | None,
    intervals: pd.DataFrame | None,
    notes: list[str],
) -> Card:
    """One row for each main score: the model, its spread over folds, its interval, the baselines.

    Parameters
    ----------
    title : str
    scores, spread : mapping from score to number
        Of the model; ``spread`` is the standard deviation over folds.
    baselines : pd.DataFrame
        One row for each rival, scores in columns.
    intervals : pd.DataFrame or None
        Index of scores, columns ``estimate``, ``low`` and ``high``.
    notes : list of str
        The first few are shown, shortened.
    """
    rivals = [str(name).replace("_", " ") for name in baselines.index]
    rows = []
    for key, heading, form in HEADLINE:
        if key not in scores:
            continue
        told = key != "net_sharpe" or scores.get("sessions", 0) >= LEAST_SESSIONS
        value = scores[key] if told else None
        cells = [_cell(value, form)]
        if spread is not None:
            cells.append(_cell(spread.get(key) if told else None, form.replace("+", "")))
        if intervals is not None:
            cells.append(_interval(intervals, key, value, form))
        others = baselines[key] if told and key in baselines else [None] * len(rivals)
        cells += [_cell(other, form) for other in others]
        rows.append((heading, *cells))
    headings = [
        "",
        "model",
        *(["± folds"] if spread is not None else []),
        *(["95 % interval"] if intervals is not None else []),
        *rivals,
    ]
    # What departs from the labels is never the note that has no room.
    notes = sorted(notes, key=lambda note: not note.startswith("as given"))
    shown = [_short(note) for note in notes[:MOST_NOTES]]
    if len(notes) > MOST_NOTES:
        shown.append(f"{len(notes) - MOST_NOTES} more in .notes")
    return Card(title, rows, tuple(headings), shown)


def span_text(index: pd.Index) -> str:
    """First and last day of some rows."""
    time = index.get_level_values(-1)
    if not len(time):
        return "no rows"
    first, last = time.min(), time.max()
    if not isinstance(first, pd.Timestamp):
        return f"{first} to {last}"
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _cell(value: Any, form: str) -> str:
    return "-" if value is None or pd.isna(value) else form.format(float(value))


def _interval(intervals: pd.DataFrame, key: str, value: Any, form: str) -> str:
    """Ends of the interval of the very figure that is shown."""
    if value is None or key not in intervals.index:
        return "-"
    row: Any = intervals.loc[key]
    estimate, low, high = (float(row[name]) for name in ("estimate", "low", "high"))
    if np.isnan(low) or not np.isclose(estimate, value):
        return "-"
    return f"[{form.format(low)}, {form.format(high)}]"


def _short(note: str) -> str:
    return note if len(note) <= LONGEST_NOTE else f"{note[: LONGEST_NOTE - 1]}…"
