"""All checks over all symbols of a table: bars in, findings out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars._door import time_index
from ohlcvml.bars._frame import symbol_starts
from ohlcvml.bars._names import OHLCV
from ohlcvml.bars.market import Contract, Sessions
from ohlcvml.bars.market import contract as look_up
from ohlcvml.bars.validate._findings import FINDING_KINDS, Example, Finding, by_gravity
from ohlcvml.bars.validate._levels import check_level
from ohlcvml.bars.validate._prices import (
    check_scale,
    check_spikes,
    check_ticks,
    check_values,
)
from ohlcvml.bars.validate._sessions import check_clock, check_outside, check_stamp_side
from ohlcvml.bars.validate._time import (
    check_gaps,
    check_grid,
    check_order,
    check_size,
    typical_step,
)
from ohlcvml.bars.validate._view import Found, View, stamps_index
from ohlcvml.bars.validate._volume import check_volume
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, FloatArray, IntArray

N_EXAMPLES = 5
ContractLike = Contract | str | None


class Rules(NamedTuple):
    """What to judge by."""

    contract: Mapping[object, Contract | str] | ContractLike
    sessions: Sessions | None  # None: from the contract
    allow_negative: bool
    errors: tuple[str, ...]
    ignore: tuple[str, ...]

    def of(self, symbol: object) -> tuple[ContractLike, Sessions]:
        """Contract and sessions of one symbol."""
        own = self.contract.get(symbol) if isinstance(self.contract, Mapping) else self.contract
        if self.sessions is not None:
            return own, self.sessions
        return own, Sessions.of(own)


class Judgement(NamedTuple):
    """Findings, and what mending needs: all ``Found`` with positions in the bars given."""

    findings: tuple[Finding, ...]
    found: list[Found]
    size: int  # bar size in nanoseconds; 0 for irregular bars


def judge(bars: Bars, rules: Rules) -> Judgement:
    """Run every check on every symbol."""
    stamps = nanoseconds(time_index(bars.index, "validate_bars"), nat="keep")
    starts = symbol_starts(bars.index)
    prices = _columns(bars, OHLCV[:4])
    volume = _columns(bars, OHLCV[4:])[:, 0]
    raw = tuple(f"raw_{name}" for name in OHLCV[:4])
    traded = _columns(bars, raw) if all(name in bars.columns for name in raw) else prices
    codes = pd.factorize(bars["contract"])[0] if "contract" in bars.columns else None
    every: dict[str, list[tuple[object, Found]]] = {}
    kept: list[IntArray] = []
    for first, last in pairwise(starts.tolist()):
        part = slice(first, last)
        order, keep = check_order(stamps[part], np.column_stack([prices[part], volume[part]]))
        kept.append(keep + first)
        for one in order:
            if one.kind not in rules.ignore:
                found = one._replace(rows=one.rows + first)
                every.setdefault(one.kind, []).append((_symbol(bars, first), found))
    # one bar size for all symbols: a thin one alone may show none
    size = 0
    if "known" not in bars.columns:
        size = typical_step(np.concatenate([np.diff(stamps[rows]) for rows in kept]))
    for rows in kept:
        symbol = _symbol(bars, rows[0])
        roll = np.zeros(len(rows), dtype=bool)
        if codes is not None:
            roll[1:] = codes[rows][1:] != codes[rows][:-1]
        arrays = (stamps[rows], np.asfortranarray(prices[rows]), traded[rows], volume[rows])
        view = View(*arrays, roll, rows, size)
        for one in _check(view, rules, symbol):
            if one.kind not in rules.ignore:
                found = one._replace(rows=rows[one.rows])
                every.setdefault(one.kind, []).append((symbol, found))
    shown = {"close": prices[:, 3]}
    time = stamps_index(stamps)
    findings = [_finding(kind, parts, time, shown, rules) for kind, parts in every.items()]
    return Judgement(by_gravity(findings), [f for p in every.values() for _, f in p], size)


def _symbol(bars: Bars, row: int) -> object:
    """Symbol of a row: None for a single series, a tuple where there are several levels."""
    if not isinstance(bars.index, pd.MultiIndex):
        return None
    key = bars.index[int(row)][:-1]
    return key[0] if len(key) == 1 else key


def _check(view: View, rules: Rules, symbol: object) -> list[Found]:
    """Every check of one symbol but that of its order."""
    own, sessions = rules.of(symbol)
    found, other_size = check_size(view)
    found += check_grid(view, other_size)
    found += check_gaps(view, sessions, other_size)
    found += check_outside(view, sessions)
    found += check_stamp_side(view, sessions)
    found += check_clock(view, sessions)
    values, usable = check_values(view, rules.allow_negative)
    if rules.allow_negative and any(f.kind == "non_positive_price" for f in values):
        # near zero a logarithm says nothing: leave those rows out of what is judged by ratios
        floor = 0.1 * float(np.nanmedian(np.abs(view.prices[:, 3])))
        usable &= view.prices[:, 2] > floor
    scale, level = check_scale(view, usable)
    found += values + scale
    spec = look_up(own) if isinstance(own, str) else own
    wrong = check_level(view, usable, spec)
    found += wrong
    found += check_spikes(view, usable, level)
    # off the contract's scale, "between ticks" says nothing more
    if own is not None and not any(f.severity is None for f in wrong):
        found += check_ticks(view, usable, tick_sizes(own, view.index))
    return found + check_volume(view)


def tick_sizes(own: Contract | str, index: pd.DatetimeIndex) -> list[tuple[int, float]]:
    """Tick sizes over the span of the bars, as (from when in nanoseconds, size)."""
    always = int(np.iinfo(np.int64).min)
    if isinstance(own, Contract):
        return [(always, own.tick_size)]
    sessions = Sessions.of(own)
    first, day = (sessions.date(index[[row]])[0].date() for row in (0, -1))
    ticks: list[tuple[int, float]] = []
    while True:
        try:
            spec = look_up(own, on=day)
        except DataError:  # before the first known specification: that one has to do
            break
        start = spec.valid_from
        if start is None or start <= first:
            ticks.append((always, spec.tick_size))
            break
        noon = pd.DatetimeIndex([pd.Timestamp(start, tz="UTC") + pd.Timedelta("12h")])
        opens = noon.normalize() if sessions.calendar is None else sessions.open(noon)
        ticks.append((int(nanoseconds(opens)[0]), spec.tick_size))
        day = start - timedelta(days=1)
    if not ticks:
        return [(always, look_up(own).tick_size)]
    ticks[-1] = (always, ticks[-1][1])
    return ticks[::-1]


def _finding(
    kind: str,
    parts: list[tuple[object, Found]],
    time: pd.DatetimeIndex,
    shown: dict[str, FloatArray],
    rules: Rules,
) -> Finding:
    """Put what was found in all symbols into one finding."""
    known = FINDING_KINDS[kind]
    rank = ("info", "warning", "error")
    severity = max((f.severity or known.severity for _, f in parts), key=rank.index)
    if kind in rules.errors:
        severity = "error"
    examples: list[Example] = []
    for symbol, found in parts:
        for k, row in enumerate(found.rows[: N_EXAMPLES - len(examples)].tolist()):
            if found.values is None:
                values = {name: float(column[row]) for name, column in shown.items()}
            else:
                values = {name: float(column[k]) for name, column in found.values.items()}
            examples.append(Example(time[row], values, row, symbol))
    symbol, found = parts[0]
    detail = found.detail
    if len(parts) > 1:
        detail = f"{symbol}" + (f", {detail}" if detail else "")
        detail += f", and {len(parts) - 1} more symbol{'s' if len(parts) > 2 else ''}"
    message = known.meaning + (f": {detail}" if detail else "") + f". {known.remedy}"
    rows = np.sort(np.concatenate([f.rows for _, f in parts]))
    return Finding(kind, severity, len(rows), tuple(examples), message, rows)


def _columns(bars: Bars, names: tuple[str, ...]) -> FloatArray:
    """Named columns as one column-major float64 array of shape (n, len(names))."""
    table = np.empty((len(bars), len(names)), order="F")
    for at, name in enumerate(names):
        table[:, at] = bars[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return table
