"""What a backtest reads from its tables: prices, sides, evaluation stretches, costs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._compiling import njit
from ohlcvml._time import nanoseconds, run_starts
from ohlcvml.bars import Contract, Costs, is_utc
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, FloatArray, IntArray

Int8Array = npt.NDArray[np.int8]


class Blocks(NamedTuple):
    """Evaluation stretches, each of shape (n_blocks,)."""

    row: IntArray  # first signal row
    first: IntArray  # bar of that row
    stop: IntArray  # last bar in which a position of the block may be held
    last: IntArray  # last bar evaluated: of the last signal, or of the last exit if later


def check_tables(bars: Bars, signals: Any, labels: Any) -> None:
    """Raise :class:`DataError` unless signals and labels have what the backtest reads."""
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
        if not isinstance(table.index, pd.DatetimeIndex) or not is_utc(table.index.tz):
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


def check_follows(signals: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Raise unless the signals trade the side that meta-labels are about, or nothing.

    The label of a long says nothing of a short: its stop is the short's target.
    """
    primary = labels["side"].reindex(signals.index).to_numpy(dtype=np.float64)
    side = signals["side"].to_numpy(dtype=np.float64)
    against = (side != 0.0) & np.isfinite(side) & np.isfinite(primary) & (side != primary)
    if against.any():
        at = int(np.flatnonzero(against)[0])
        raise DataError(
            "backtest: with meta-labels the column 'side' of 'signals' must be the primary model's "
            f"side or 0; {int(against.sum())} rows trade the other side, the first is "
            f"{signals.index[at]}: {side[at]:g}, the labels have {primary[at]:g}. Label the bars "
            "without side=... to trade either side."
        )


def check_market(bars: Bars) -> None:
    """Raise :class:`DataError` unless the bars are of one symbol and their prices are finite."""
    if isinstance(bars.index, pd.MultiIndex):
        raise DataError(
            "backtest: 'bars' must hold one symbol; got a MultiIndex. Contracts and capital differ "
            "by symbol: run backtest(bars.xs(symbol), ...) for each and add up the daily P&L."
        )
    prices = {
        name: bars[name].to_numpy(dtype=np.float64) for name in ("open", "high", "low", "close")
    }
    if _all_finite(*prices.values()):
        return
    for name, column in prices.items():
        if not np.isfinite(column).all():
            raise DataError(
                f"backtest: column {name!r} of 'bars' must be finite. Look at it with "
                "ohlcvml.bars.validate_bars(bars)."
            )


@njit(cache=True)
def _all_finite(open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray) -> bool:
    """Whether all prices are finite, in one pass that can be vectorised."""
    odd = 0
    for j in range(len(open_)):
        odd += not (abs(open_[j]) + abs(high[j]) + abs(low[j]) + abs(close[j]) < np.inf)
    return odd == 0


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
        row = run_starts(each)
    stamps, edge = nanoseconds(index), len(index) - 1
    # A stamp that is no bar, or out of order, is found when signals and bars are joined.
    decided = nanoseconds(signals.index)
    first = np.minimum(np.searchsorted(stamps, decided[row]), edge)
    last = np.minimum(np.searchsorted(stamps, decided[np.r_[row[1:], n] - 1]), edge)
    stop = np.r_[first[1:], edge]
    return Blocks(row, first, stop, np.minimum(last, stop))


def round_trips(costs: Costs | float, spec: Contract | None, entry: FloatArray) -> FloatArray:
    """Round trip of each entry in price units, shape (1,) where all pay the same."""
    each = costs.round_trip(spec, price=entry) if isinstance(costs, Costs) else float(costs)
    return np.atleast_1d(np.asarray(each, dtype=np.float64))
