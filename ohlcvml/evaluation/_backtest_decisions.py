"""From signals and labels to orders: which decision is filled where, and how it ends."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit

from ohlcvml.bars import Contract, Costs, check_bars
from ohlcvml.evaluation._backtest_kernel import BLOCK_EXIT
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray, Labels

__all__ = [
    "Blocks",
    "Matched",
    "Prices",
    "find_blocks",
    "check_tables",
    "match",
    "nanoseconds",
    "round_trips",
    "traded_prices",
]

Int8Array = npt.NDArray[np.int8]

FLAT, UNLABELLED, UNRESOLVED, OTHER_SESSION, BLOCK_OVER, MATCHED = 0, 1, 2, 3, 4, 5
_ALIEN_SIGNAL, _ALIEN_END, _ALIEN_PRICE = 1, 2, 3
_PRICE_SLACK = 1e-6  # as a fraction of the price; a foreign table misses by far more


class Prices(NamedTuple):
    """Prices of the contract traded in each bar, each of shape (n_bars,)."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    mark: FloatArray  # close without roll gaps
    rolls: IntArray  # rolls up to and including the bar; shape (0,) where there are none


def traded_prices(bars: Bars) -> Prices:
    """Raw prices where the bars carry them, and a close whose differences hold no roll gap."""
    raw = "raw_close" in bars.columns
    open_, high, low, close = (
        np.ascontiguousarray(bars[f"raw_{name}" if raw else name].to_numpy(dtype=np.float64))
        for name in ("open", "high", "low", "close")
    )
    if "contract" not in bars.columns:
        return Prices(open_, high, low, close, close, np.empty(0, np.int64))
    contract = bars["contract"].to_numpy()
    rolled = np.r_[False, contract[1:] != contract[:-1]]
    mark = close
    if rolled.any():
        step = np.diff(close, prepend=close[0])
        step[rolled] = _roll_steps(bars, open_, close, np.flatnonzero(rolled), raw)
        mark = close[0] + np.cumsum(step)
    return Prices(open_, high, low, close, mark, np.cumsum(rolled))


def _roll_steps(
    bars: Bars, open_: FloatArray, close: FloatArray, at: IntArray, raw: bool
) -> FloatArray:
    """P&L of one unit over the bar that follows a roll, the gap between contracts left out."""
    offset = bars["close"].to_numpy(dtype=np.float64) - close
    if not raw or not offset.any():  # not adjusted: only the bar's own move is known
        return np.asarray(close[at] - open_[at])
    adjusted = offset + close
    jumps = np.delete(np.diff(offset), at - 1)
    if np.abs(jumps).max(initial=0.0) <= 1e-6 * np.abs(close).max():
        return np.asarray(adjusted[at] - adjusted[at - 1])  # adjusted by differences
    return np.asarray(close[at] * (1.0 - adjusted[at - 1] / adjusted[at]))  # by ratios


class Blocks(NamedTuple):
    """Evaluation stretches, each of shape (n_blocks,)."""

    row: IntArray  # first signal row
    first: IntArray  # bar of that row
    stop: IntArray  # last bar in which a position of the block may be held
    last: IntArray  # last bar evaluated: of the last signal, or of the last exit if later


class Matched(NamedTuple):
    """Decisions that can be filled, each of shape (n_decisions,), and what became of the rest."""

    first: npt.NDArray[np.int32]  # the bar after the decision's
    last: npt.NDArray[np.int32]
    entry: FloatArray
    gain: FloatArray
    side: Int8Array
    exit: Int8Array
    cost: FloatArray  # the labels' round trip, in price units; shape (0,) where not asked for
    fate: IntArray  # shape (6,): signal rows by reason

    def head(self, count: int) -> Matched:
        """Return the first ``count`` decisions."""
        return Matched(
            self.first[:count],
            self.last[:count],
            self.entry[:count],
            self.gain[:count],
            self.side[:count],
            self.exit[:count],
            self.cost[:count],
            self.fate,
        )


@njit(cache=True)  # type: ignore[untyped-decorator]
def _match(
    stamps: IntArray,
    signal_stamps: IntArray,
    side: Int8Array,
    blocks: Blocks,
    label_stamps: IntArray,
    label_end: IntArray,
    censored: BoolArray,
    ret: FloatArray,
    exit_: Int8Array,
    cost: FloatArray,
    prices: Prices,
    session: IntArray,
    next_open: bool,
    in_points: bool,
    out: Matched,
) -> tuple[int, int, int]:
    n, s, m = len(stamps), len(signal_stamps), len(label_stamps)
    fate, priced = out.fate, len(out.cost) > 0
    per_bar = 1.0 / (stamps[1] - stamps[0]) if n > 1 else 0.0
    count, label, i, block = 0, 0, 0, 0
    problem, where = 0, -1
    for row in range(s):
        while i < n and stamps[i] < signal_stamps[row]:
            i += 1
        if (
            i == n
            or stamps[i] != signal_stamps[row]
            or (row > 0 and signal_stamps[row] <= signal_stamps[row - 1])
        ):
            problem, where = _ALIEN_SIGNAL, row
            break
        while label < m and label_stamps[label] < stamps[i]:
            label += 1
        if side[row] == 0:
            fate[FLAT] += 1
            continue
        if label == m or label_stamps[label] != stamps[i]:
            fate[UNLABELLED] += 1
            continue
        if censored[label] or exit_[label] < 0 or not np.isfinite(ret[label]) or i + 1 >= n:
            fate[UNRESOLVED] += 1
            continue
        if len(session) > 0 and session[i + 1] != session[i]:
            fate[OTHER_SESSION] += 1
            continue
        a = i + 1
        while block + 1 < len(blocks.row) and blocks.row[block + 1] <= row:
            block += 1
        stop = blocks.stop[block]
        if a > stop:
            fate[BLOCK_OVER] += 1
            continue
        # Without a gap the end is where the size of a bar says; else search before or behind.
        ahead = int((label_end[label] - stamps[i]) * per_bar + 0.5)
        low, step = i, 1
        if 0 < ahead < n - i and stamps[i + ahead] <= label_end[label]:
            low, step = i + ahead - 1, 1
        while low + step < n and stamps[low + step] < label_end[label]:
            low += step
            step *= 2
        high = min(low + step, n - 1)
        while low < high:
            middle = (low + high) // 2
            if stamps[middle] < label_end[label]:
                low = middle + 1
            else:
                high = middle
        e = low
        if stamps[e] != label_end[label] or e < a:
            problem, where = _ALIEN_END, label
            break
        price = prices.open[a] if next_open else prices.close[i]
        move = ret[label] if in_points else price * np.expm1(ret[label])
        spans_roll = len(prices.rolls) > 0 and prices.rolls[e] != prices.rolls[a]
        slack = _PRICE_SLACK * abs(price)
        left = price + move
        if not spans_roll and not (prices.low[e] - slack <= left <= prices.high[e] + slack):
            problem, where = _ALIEN_PRICE, label
            break
        how = exit_[label]
        if e > stop:
            e, how = stop, BLOCK_EXIT
            move = (prices.close[a] - price) + (prices.mark[e] - prices.mark[a])
        out.first[count], out.last[count] = a, e
        out.entry[count], out.gain[count] = price, move
        out.side[count], out.exit[count] = side[row], how
        if priced:
            out.cost[count] = cost[label] * (1.0 if in_points else price)
        blocks.last[block] = max(blocks.last[block], e)
        count += 1
        fate[MATCHED] += 1
    return count, problem, where


def match(
    bars: Bars,
    signals: pd.DataFrame,
    labels: Labels,
    prices: Prices,
    session: IntArray,
    blocks: Blocks,
    next_open: bool,
    with_cost: bool,
) -> Matched:
    """Join signals, labels and bars by stamp; raise where they do not belong together.

    Parameters
    ----------
    bars, signals, labels : pd.DataFrame
        Checked by :func:`check_tables`.
    prices : Prices
        Of the bars.
    session : int64 array of shape (n_bars,) or (0,)
        Session numbers; a decision whose next bar lies in another is not filled.
    blocks : Blocks
        Evaluation stretches; ``last`` is moved to the last exit.
    next_open : bool
        Fill at the open of the next bar, or at the decision bar's close.
    with_cost : bool
        Also give the labels' round trips.
    """
    most = min(len(signals), len(labels))
    out = Matched(
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most),
        np.empty(most),
        np.empty(most, np.int8),
        np.empty(most, np.int8),
        np.empty(most if with_cost else 0),
        np.zeros(6, np.int64),
    )
    count, problem, where = _match(
        nanoseconds(bars.index),
        nanoseconds(signals.index),
        sides_of(signals),
        blocks,
        nanoseconds(labels.index),
        nanoseconds(labels["end"]),
        labels["censored"].to_numpy(dtype=np.bool_),
        labels["ret"].to_numpy(dtype=np.float64),
        labels["exit"].to_numpy(dtype=np.int8),
        labels["cost"].to_numpy(dtype=np.float64),
        prices,
        session,
        next_open,
        labels.attrs.get("return_unit") == "points",
        out,
    )
    if problem == _ALIEN_SIGNAL:
        raise DataError(
            "backtest: the index of 'signals' must be bars of 'bars' in increasing order; row "
            f"{where} ({signals.index[where]}) is not. Pass the signals as predict_signal(bars) "
            "gave them."
        )
    if problem:
        row = labels.index[where]
        what = (
            f"the label of {row} ends at {labels['end'].iloc[where]}, which is no later bar of it"
            if problem == _ALIEN_END
            else f"the label of {row} closes at a price outside the range of its last bar"
        )
        raise DataError(
            f"backtest: 'labels' do not match 'bars': {what}. Label these bars: "
            "TripleBarrierLabeller(...).fit_transform(bars), and pass its entry policy as 'entry'."
        )
    return out.head(count)


def check_tables(bars: Bars, signals: Any, labels: Any) -> None:
    """Raise :class:`DataError` unless the three tables have what the backtest reads."""
    check_bars(bars, "backtest")
    if isinstance(bars.index, pd.MultiIndex):
        raise DataError(
            "backtest: 'bars' must hold one symbol; got a MultiIndex. Contracts and capital differ "
            "by symbol: run backtest(bars.xs(symbol), ...) for each and add up the daily P&L."
        )
    for name, table, columns in (
        ("signals", signals, ("side",)),
        ("labels", labels, ("end", "ret", "cost", "exit", "censored")),
    ):
        missing = [c for c in columns if c not in getattr(table, "columns", ())]
        if not isinstance(table, pd.DataFrame) or missing or len(table) == 0:
            raise DataError(
                f"backtest: {name!r} must be a non-empty DataFrame with the columns "
                f"{', '.join(columns)}; got {type(table).__name__} without {missing}, "
                f"{len(table)} rows."
            )
        if not isinstance(table.index, pd.DatetimeIndex) or str(table.index.tz) != "UTC":
            raise DataError(
                f"backtest: {name!r} must be indexed by the stamps of 'bars' (UTC); got "
                f"{type(table.index).__name__}."
            )
    known = nanoseconds(bars.index)
    stamps = nanoseconds(labels.index)
    some = stamps[[0, len(stamps) // 2, -1]]
    if (known[np.searchsorted(known, some).clip(max=len(known) - 1)] != some).any():
        raise DataError(
            f"backtest: 'labels' do not match 'bars': they run from {labels.index[0]} to "
            f"{labels.index[-1]} on other stamps than the bars, which run from {bars.index[0]} to "
            f"{bars.index[-1]}. Label the bars you pass."
        )
    for name in ("open", "high", "low", "close"):
        if not np.isfinite(bars[name].to_numpy(dtype=np.float64).sum()):
            raise DataError(
                f"backtest: column {name!r} of 'bars' must be finite. Look at it with "
                "ohlcvml.bars.validate_bars(bars)."
            )


def sides_of(signals: pd.DataFrame) -> Int8Array:
    """Sides as int8; NaN counts as flat, anything but −1, 0 and 1 raises."""
    given = signals["side"].to_numpy()
    if given.dtype == np.int8:
        side = given
    else:
        number = np.nan_to_num(given.astype(np.float64), nan=0.0)
        side = number.astype(np.int8)
        if (side != number).any():
            side = np.array([2], dtype=np.int8)
    if len(side) and (side.min() < -1 or side.max() > 1):
        raise DataError(
            "backtest: column 'side' of 'signals' must be -1, 0 or 1; got "
            f"{sorted(set(given.tolist()) - {-1, 0, 1})[:3]}. Sizes are set by the execution."
        )
    return np.ascontiguousarray(side)


def find_blocks(marks: Any, index: pd.Index, signals: pd.DataFrame) -> Blocks:
    """Find the evaluation stretches from one mark per signal row (None: a single stretch)."""
    n = len(signals)
    row = np.zeros(1, dtype=np.int64)
    if marks is not None:
        each = np.asarray(marks)
        if each.shape != (n,):
            raise DataError(
                f"backtest: 'blocks' must hold one block mark for each of the {n} rows of "
                f"'signals', e.g. the fold number; got shape {each.shape}."
            )
        row = np.r_[0, np.flatnonzero(each[1:] != each[:-1]) + 1].astype(np.int64)
    stamps, edge = nanoseconds(index), len(index) - 1
    # A stamp that is no bar, or out of order, is found when signals and bars are joined.
    decided = nanoseconds(signals.index)
    first = np.minimum(np.searchsorted(stamps, decided[row]), edge)
    last = np.minimum(np.searchsorted(stamps, decided[np.r_[row[1:], n] - 1]), edge)
    stop = np.r_[first[1:], edge]
    return Blocks(row, first, stop, np.minimum(last, stop))


def nanoseconds(index: pd.Index | pd.Series) -> IntArray:
    """Stamps as int64 nanoseconds, without a copy where they are that already."""
    time: Any = index.array
    return np.asarray((time if time.unit == "ns" else time.as_unit("ns")).asi8, dtype=np.int64)


def round_trips(costs: Costs | float, spec: Contract | None, entry: FloatArray) -> FloatArray:
    """Round trip of each entry in price units, shape (1,) where all pay the same."""
    each = costs.round_trip(spec, price=entry) if isinstance(costs, Costs) else float(costs)
    return np.atleast_1d(np.asarray(each, dtype=np.float64))
