"""The labels table: its columns, its exit codes and the check that it belongs to some bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._compiling import njit
from ohlcvml.exceptions import DataError
from ohlcvml.labels import _race
from ohlcvml.labels._lifetime import check_lifetime
from ohlcvml.labels._spec import LabelSpec
from ohlcvml.labels._values import check_values
from ohlcvml.typing import Bars, BoolArray, IntArray, Labels

LABEL_COLUMNS: tuple[str, ...] = (
    "label",
    "end",
    "ret",
    "cost",
    "net_ret",
    "weight",
    "exit",
    "censored",
)
EXIT_CODES: dict[str, int] = {
    "up": _race.UP,
    "down": _race.DOWN,
    "time": _race.TIME,
    "session": _race.SESSION,
    "roll": _race.ROLL,
    "both": _race.BOTH,
}


def end_stamps(index: pd.Index, rows: IntArray) -> pd.Index:
    """Stamps of ``rows`` in the index's own type; NaT (or −1 for integers) where a row is −1."""
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if isinstance(time, pd.DatetimeIndex):
        stamps = np.empty(len(rows), dtype=np.int64)
        _take(time.asi8, rows, pd.NaT.value, stamps)
        return pd.DatetimeIndex(stamps, dtype=time.dtype, copy=False)
    known = rows >= 0
    taken = time.take(np.where(known, rows, 0))
    if pd.api.types.is_integer_dtype(time.dtype):
        return pd.Index(np.where(known, taken.to_numpy(), -1))
    return taken if known.all() else taken.where(known)


@njit(cache=True)
def _take(stamps, rows, missing, out):  # type: ignore[no-untyped-def]
    for k in range(len(rows)):
        out[k] = stamps[np.uint64(rows[k])] if rows[k] >= 0 else missing


def label_positions(labels: Labels, index: pd.Index) -> tuple[IntArray, IntArray]:
    """Positions on the bar index of the decision bar and of the resolving bar of each label.

    Parameters
    ----------
    labels : pd.DataFrame
        A labels table.
    index : pd.Index
        Index of the bars the labels were made from.

    Returns
    -------
    start, end : int64 arrays of shape (n_labels,)
        ``end`` is −1 while a label is unresolved; either is −1 for a stamp that is not in
        ``index``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import FixedHorizonLabeller, label_positions
    >>> bars = simulate_bars(100, seed=0).bars
    >>> labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> start, end = label_positions(labels, bars.index)
    >>> (end - start)[:3]
    array([5, 5, 5])
    """
    start = index.get_indexer(labels.index).astype(np.int64)
    end = np.full(len(labels), -1, dtype=np.int64)
    known = np.flatnonzero(labels["exit"].to_numpy() >= 0)
    stamps = pd.Index(labels["end"].iloc[known])
    if isinstance(index, pd.MultiIndex):
        rows = labels.index[known]
        levels = [rows.get_level_values(k) for k in range(index.nlevels - 1)]
        stamps = pd.MultiIndex.from_arrays([*levels, stamps], names=index.names)
    end[known] = index.get_indexer(stamps)
    return start, end


def check_labels(labels: Labels, bars: Bars, who: str, *, spec: LabelSpec | None = None) -> None:
    """Raise :class:`DataError` unless ``labels`` is a labels table on these ``bars``.

    Parameters
    ----------
    labels : pd.DataFrame
        Columns as in ``LABEL_COLUMNS``, and ``side`` for meta-labels, on a subset of the bar index
        in its order. Further columns are nobody's business.
    bars : pd.DataFrame
        The bars the labels should belong to. Their volume and limit tell which bars fill an exit:
        a label may outlive the horizon only to wait for one.
    who : str
        Name of the caller, for the message.
    spec : LabelSpec or None, default=None
        What was assumed in making the labels; by default the table says it itself.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import FixedHorizonLabeller, check_labels
    >>> bars = simulate_bars(100, seed=0).bars
    >>> labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> check_labels(labels, bars, "example")
    >>> check_labels(labels, bars.iloc[:50], "example")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ohlcvml.exceptions.DataError: example: 'labels' do not match the bars: 49 of 85 rows are wrong,
    first row 36, where 2024-01-02 00:50:00+00:00 is not a bar of 'bars'. ...
    """
    remedy = "Make them with ohlcvml.labels.TripleBarrierLabeller(...).fit_transform(bars)."
    if not isinstance(labels, pd.DataFrame):
        raise DataError(
            f"{who}: 'labels' must be a labels table (DataFrame); got {type(labels).__name__}. "
            + remedy
        )
    missing = [name for name in LABEL_COLUMNS if name not in labels.columns]
    if not missing:
        spec = LabelSpec.of(labels, who) if spec is None else spec
        missing = ["side"] if spec.kind == "meta" and "side" not in labels.columns else []
    if missing:
        raise DataError(
            f"{who}: 'labels' must have the columns {', '.join(LABEL_COLUMNS)}, and 'side' for "
            f"meta-labels; {', '.join(missing)} missing. {remedy}"
        )
    assert spec is not None, "found above"
    if len(labels) == 0:
        unused = labels.attrs.get("unused", {})
        counted = ", ".join(f"{k}: {v}" for k, v in unused.items() if v) or "not recorded"
        raise DataError(f"{who}: 'labels' has no rows; decisions not used: {counted}.")
    check_values(labels, spec, who)
    start, end = label_positions(labels, bars.index)
    resolved = labels["exit"].to_numpy() >= 0
    _refuse(start < 0, labels.index, "is not a bar of 'bars'", who)
    _refuse(resolved & (end < 0), labels["end"], "(an 'end') is not a bar of 'bars'", who)
    _refuse(resolved & (end < start), labels["end"], "(an 'end') lies before its label", who)
    _refuse(np.diff(start, prepend=-1) <= 0, labels.index, "is out of the bars' order", who)
    check_lifetime(start, end, spec.horizon, bars, who)


def _refuse(bad: BoolArray, stamps: Any, what: str, who: str) -> None:
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        stamp = stamps.iloc[at] if isinstance(stamps, pd.Series) else stamps[at]
        raise DataError(
            f"{who}: 'labels' do not match the bars: {int(bad.sum())} of {len(bad)} rows are "
            f"wrong, first row {at}, where {stamp} {what}. Label the same bars you pass, and do "
            "not resample, cut or re-index either of them in between."
        )
