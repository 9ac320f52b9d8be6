"""From signals and labels to orders: which decision is filled where, and how it ends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._compiling import njit
from ohlcvml._time import nanoseconds
from ohlcvml.bars import TradedPrices
from ohlcvml.evaluation.backtest._decisions import (
    Blocks,
    Int8Array,
    sides_of,
)
from ohlcvml.evaluation.backtest._kernel import BLOCK_EXIT
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray, Labels

FLAT, UNLABELLED, UNRESOLVED, OTHER_SESSION, BLOCK_OVER, MATCHED = 0, 1, 2, 3, 4, 5
_ALIEN_SIGNAL, _ALIEN_END, _ALIEN_PRICE = 1, 2, 3
_PRICE_SLACK = 1e-6  # as a fraction of the price; a foreign table misses by far more


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


@njit(inline="always")
def _growth(log_return: float) -> float:
    """exp(x) − 1 to the last bit or the one before it: by its series where that is short."""
    x = log_return
    if abs(x) > 1.0 / 64.0:
        return float(np.expm1(x))
    tail = 1 / 24 + x * (1 / 120 + x * (1 / 720 + x * (1 / 5040)))
    return x + x * x * (1 / 2 + x * (1 / 6 + x * tail))


@njit(cache=True)
def _first_from(stamps: IntArray, stamp: int, start: int) -> int:
    """Find the first bar behind ``start`` that is not before ``stamp``, else the last bar."""
    low, step = start, 1
    while low + step < len(stamps) and stamps[low + step] < stamp:
        low += step
        step *= 2
    high = min(low + step, len(stamps) - 1)
    while low < high:
        middle = (low + high) // 2
        if stamps[middle] < stamp:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, error_model="numpy")
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
    prices: TradedPrices,
    session: IntArray,
    next_open: bool,
    in_points: bool,
    out: Matched,
) -> tuple[int, int, int]:
    n, s, m = len(stamps), len(signal_stamps), len(label_stamps)
    fate, priced = out.fate, len(out.cost) > 0
    first, last, entry, gain = out.first, out.last, out.entry, out.gain
    out_side, out_exit, out_cost = out.side, out.exit, out.cost
    open_, high, low, close = prices.open, prices.high, prices.low, prices.close
    mark, rolls = prices.mark, prices.rolls
    has_sessions, has_rolls = len(session) > 0, len(rolls) > 0
    per_bar = 1.0 / (stamps[1] - stamps[0]) if n > 1 else 0.0
    count, flat, label, i, block = 0, 0, 0, 0, 0
    next_block = blocks.row[1] if len(blocks.row) > 1 else s
    stop, latest = blocks.stop[0], blocks.last[0]
    problem, where = 0, -1
    before = signal_stamps[0] - 1
    # Unsigned indices (r, b, c, a, e) spare the test for negative ones, a third of the time.
    for row in range(s):
        r = np.uint64(row)
        now = signal_stamps[r]
        while i < n and stamps[np.uint64(i)] < now:
            i += 1
        if i == n or stamps[np.uint64(i)] != now or now <= before:
            problem, where = _ALIEN_SIGNAL, row
            break
        before = now
        while label < m and label_stamps[np.uint64(label)] < now:
            label += 1
        if side[r] == 0:
            flat += 1
            continue
        b = np.uint64(label)
        if label == m or label_stamps[b] != now:
            fate[UNLABELLED] += 1
            continue
        # Joined without `or`: one branch instead of four.
        if censored[b] | (exit_[b] < 0) | (not abs(ret[b]) < np.inf) | (i + 1 >= n):
            fate[UNRESOLVED] += 1
            continue
        if has_sessions and session[i + 1] != session[i]:
            fate[OTHER_SESSION] += 1
            continue
        if row >= next_block:
            blocks.last[block] = latest
            while block + 1 < len(blocks.row) and blocks.row[block + 1] <= row:
                block += 1
            next_block = blocks.row[block + 1] if block + 1 < len(blocks.row) else s
            stop, latest = blocks.stop[block], blocks.last[block]
        if i + 1 > stop:
            fate[BLOCK_OVER] += 1
            continue
        # Without a gap the end is where the size of a bar says; else search for it.
        end = label_end[b]
        ends = i + int((end - now) * per_bar + 0.5)
        if ends <= i or ends >= n or stamps[np.uint64(ends)] != end:
            ends = _first_from(stamps, end, i)
            if stamps[ends] != end or ends <= i:
                problem, where = _ALIEN_END, label
                break
        a, e, c = np.uint64(i + 1), np.uint64(ends), np.uint64(count)
        price = open_[a] if next_open else close[np.uint64(i)]
        move = ret[b] if in_points else price * _growth(ret[b])
        spans_roll = has_rolls and rolls[e] != rolls[a]
        slack = _PRICE_SLACK * abs(price)
        left = price + move
        if not spans_roll and not (low[e] - slack <= left <= high[e] + slack):
            problem, where = _ALIEN_PRICE, label
            break
        how = exit_[b]
        if ends > stop:
            ends, how = stop, BLOCK_EXIT
            move = (close[a] - price) + (mark[ends] - mark[a])
        first[c], last[c] = i + 1, ends
        entry[c], gain[c] = price, move
        out_side[c], out_exit[c] = side[r], how
        if priced:
            out_cost[c] = cost[b] * (1.0 if in_points else price)
        latest = max(latest, ends)
        count += 1
    blocks.last[block] = latest
    fate[FLAT] += flat
    fate[MATCHED] += count
    return count, problem, where


def match(
    bars: Bars,
    signals: pd.DataFrame,
    labels: Labels,
    prices: TradedPrices,
    session: IntArray,
    blocks: Blocks,
    next_open: bool,
    with_cost: bool,
    in_points: bool,
) -> Matched:
    """Join signals, labels and bars by stamp; raise where they do not belong together.

    Parameters
    ----------
    bars, signals, labels : pd.DataFrame
        Checked by :func:`check_tables`.
    prices : TradedPrices
        Of the bars.
    session : int64 array of shape (n_bars,) or (0,)
        Session numbers; a decision whose next bar lies in another is not filled.
    blocks : Blocks
        Evaluation stretches; ``last`` is moved to the last exit.
    next_open : bool
        Fill at the open of the next bar, or at the decision bar's close.
    with_cost : bool
        Also give the labels' round trips.
    in_points : bool
        Returns and costs of the labels are in points, otherwise log returns and fractions.
    """
    most = min(len(signals), len(labels))
    # One block of memory for each type: with many, the edges of each are small pages.
    rows, money, codes = (np.empty((2, most), kind) for kind in (np.int32, np.float64, np.int8))
    out = Matched(
        rows[0],
        rows[1],
        money[0],
        money[1],
        codes[0],
        codes[1],
        np.empty(most if with_cost else 0),
        np.zeros(6, np.int64),
    )
    bare = labels.copy(deep=False)
    bare.attrs = {}  # each column taken from a table copies its attributes
    count, problem, where = _match(
        nanoseconds(bars.index),
        nanoseconds(signals.index),
        sides_of(signals),
        blocks,
        nanoseconds(labels.index),
        nanoseconds(bare["end"], nat="keep"),
        bare["censored"].to_numpy(dtype=np.bool_),
        bare["ret"].to_numpy(dtype=np.float64),
        bare["exit"].to_numpy(dtype=np.int8),
        bare["cost"].to_numpy(dtype=np.float64),
        prices,
        session,
        next_open,
        in_points,
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
            "TripleBarrierLabeller(...).fit_transform(bars)."
        )
    return out.head(count)
