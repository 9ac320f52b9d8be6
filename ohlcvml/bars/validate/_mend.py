"""What the policies repair and drop do to bars, and the exact account of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars._door import time_index
from ohlcvml.bars._frame import symbol_starts
from ohlcvml.bars._names import OHLCV
from ohlcvml.bars.validate._findings import FINDING_KINDS, Change
from ohlcvml.bars.validate._judge import Judgement, Rules, tick_sizes
from ohlcvml.bars.validate._view import Found
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray

PRICES = OHLCV[:4]
REMOVED = "removed"


def mend(
    bars: Bars, judgement: Judgement, rules: Rules, policy: str
) -> tuple[Bars, list[Change], IntArray]:
    """Mend the errors of a judgement.

    Parameters
    ----------
    policy : {"repair", "drop"}

    Returns
    -------
    bars : pd.DataFrame
        The same object where there was nothing to do.
    changes : list of Change
        Positions are those of ``bars`` as given here.
    take : int64 array
        Position in the bars given of each row returned.
    """
    acted = {f.kind for f in judgement.findings if f.severity == "error"}
    acted = {
        kind
        for kind in acted
        if (FINDING_KINDS[kind].repair if policy == "repair" else FINDING_KINDS[kind].drop)
    }
    take = np.arange(len(bars), dtype=np.int64)
    if not acted:
        return bars, [], take
    parts = [f for f in judgement.found if f.kind in acted]
    changes: list[Change] = []
    gone = np.zeros(len(bars), dtype=bool)
    for kind in FINDING_KINDS:  # a fixed order: each row is accounted for once
        if kind not in acted:
            continue
        own = [f for f in parts if f.kind == kind]
        rows = _removed(bars, kind, own, policy)
        rows = rows[~gone[rows]]
        gone[rows] = True
        if len(rows):
            changes.append(_change(bars, kind, REMOVED, rows))
    if policy == "repair" and "back_step" in acted:
        take, moved = _sorted(bars)
        changes.append(_change(bars, "back_step", "sorted by time", moved))
    take = take[~gone[take]]
    table = bars.iloc[take]
    if policy == "repair":
        table, cells = _rewrite(table, bars, take, parts, rules)
        changes += cells
    return table, changes, take


def _removed(bars: Bars, kind: str, found: list[Found], policy: str) -> IntArray:
    """Positions of the rows that a policy removes because of one kind."""
    rows = np.sort(np.concatenate([f.rows for f in found]))
    if kind == "back_step":
        return _late(bars) if policy == "drop" else rows[:0]
    if policy == "drop" or kind in (
        *("duplicate", "off_grid", "missing_price", "non_positive_price", "spike", "zero_volume"),
    ):
        return rows
    if kind == "conflict":
        keys = pd.MultiIndex.from_arrays([_symbol_number(bars)[rows], _stamps(bars)[rows]])
        return rows[np.asarray(keys.duplicated(keep="last"))]
    if kind == "ohlc":
        return rows[_torn(bars, rows)]
    return rows[:0]


def _torn(bars: Bars, rows: IntArray) -> BoolArray:
    """Rows of which one price is more than twice another: no widening makes sense of them."""
    prices = bars[list(PRICES)].to_numpy(dtype=np.float64)[rows]
    low = prices.min(axis=1)
    return np.asarray((low > 0) & (prices.max(axis=1) > 2 * low), dtype=bool)


def _rewrite(
    table: Bars, bars: Bars, take: IntArray, found: list[Found], rules: Rules
) -> tuple[Bars, list[Change]]:
    """Mend single values, on rows already removed and sorted."""
    place = np.full(len(bars), -1, dtype=np.int64)
    place[take] = np.arange(len(take))
    columns = {name: table[name].to_numpy(dtype=np.float64, copy=True) for name in OHLCV}
    changes: list[Change] = []
    written: set[str] = set()
    for kind in FINDING_KINDS:
        own = [f for f in found if f.kind == kind]
        for one in own:
            powers = np.zeros(len(one.rows), np.int64) if one.power is None else one.power
            kept = place[one.rows] >= 0
            at, power = place[one.rows[kept]], powers[kept]
            if len(at) == 0:
                continue
            touched, action = _rewrite_kind(kind, columns, at, power, table, rules)
            if not touched:
                continue
            written.update(touched)
            changes.append(_change(bars, kind, action, np.sort(take[at])))
    if not written:
        return table, _merged(bars, changes)
    table = table.copy()
    for name in written:
        table[name] = columns[name]
    return table, _merged(bars, changes)


def _rewrite_kind(
    kind: str,
    columns: dict[str, FloatArray],
    at: IntArray,
    power: IntArray,
    table: Bars,
    rules: Rules,
) -> tuple[tuple[str, ...], str]:
    """Write new values into ``columns`` at the rows; return the columns touched and the action."""
    if kind == "ohlc":
        rows = np.column_stack([columns[name][at] for name in PRICES])
        columns["high"][at], columns["low"][at] = rows.max(axis=1), rows.min(axis=1)
        return ("high", "low"), "high and low widened to hold open and close"
    if kind == "scale_change":
        # dividing by an exact power of ten rounds once: 123456 / 1e5 is 1.23456
        up, down = 10.0 ** np.maximum(power, 0), 10.0 ** np.maximum(-power, 0)
        for name in PRICES:
            columns[name][at] = columns[name][at] / up * down
        return PRICES, "prices divided by a power of ten"
    if kind == "off_tick":
        symbol = table.index[at[0]][0] if isinstance(table.index, pd.MultiIndex) else None
        own = rules.of(symbol)[0]
        if own is None:
            return (), ""
        ticks = tick_sizes(own, time_index(table.index[at], "validate_bars"))
        which = np.searchsorted([start for start, _ in ticks], _stamps(table)[at], side="right") - 1
        size = np.array([tick for _, tick in ticks])[which]
        # as many decimals as the tick has, so that 0.1 · 3 is 0.3
        decimals = max(0, int(np.ceil(-np.log10(size.min()))) + 6)
        for name in PRICES:
            columns[name][at] = np.round(np.rint(columns[name][at] / size) * size, decimals)
        return PRICES, "prices rounded to the nearest tick"
    if kind == "negative_volume":
        columns["volume"][at] = np.nan
        return ("volume",), "volume set to NaN"
    if kind == "cumulative_volume":
        running = np.zeros(len(table), dtype=bool)
        running[at] = True
        starts = symbol_starts(table.index)[:-1]
        before = np.r_[np.nan, columns["volume"][:-1]]
        follows = np.r_[False, running[:-1]]
        follows[starts] = False
        volume = columns["volume"]
        anew = ~follows | (volume < before)
        columns["volume"] = np.where(running & ~anew, volume - before, volume)
        return ("volume",), "volume became the difference to the row before"
    return (), ""


def _change(bars: Bars, kind: str, action: str, rows: IntArray) -> Change:
    return Change(kind, action, len(rows), rows, bars.index[rows])


def _merged(bars: Bars, changes: list[Change]) -> list[Change]:
    """One change per kind and action, over all symbols."""
    groups: dict[tuple[str, str], list[IntArray]] = {}
    for change in changes:
        groups.setdefault((change.kind, change.action), []).append(change.rows)
    return [
        _change(bars, kind, action, np.sort(np.concatenate(rows)))
        for (kind, action), rows in groups.items()
    ]


def _stamps(bars: Bars) -> IntArray:
    return nanoseconds(time_index(bars.index, "validate_bars"), nat="keep")


def _symbol_number(bars: Bars) -> IntArray:
    starts = symbol_starts(bars.index)
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts)).astype(np.int64)


def _late(bars: Bars) -> IntArray:
    """Rows stamped earlier than a row before them in their symbol."""
    stamps, starts = _stamps(bars), symbol_starts(bars.index)
    latest = np.concatenate([np.maximum.accumulate(stamps[a:b]) for a, b in pairwise(starts)])
    return np.flatnonzero(stamps < latest)


def _sorted(bars: Bars) -> tuple[IntArray, IntArray]:
    """Order by time within each symbol, and the rows stamped earlier than one before them."""
    order = np.lexsort((_stamps(bars), _symbol_number(bars))).astype(np.int64)
    return order, _late(bars)
