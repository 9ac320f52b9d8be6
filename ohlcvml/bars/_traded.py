"""Prices of the contract that is traded, and where it changes: one place for raw prices and rolls.

Continuous bars are adjusted, so that a roll leaves no gap in features. Orders, barriers, costs and
ticks belong to the contract of the day, whose own prices the bars carry as ``raw_open`` …
``raw_close``, with its name in ``contract``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ohlcvml.bars._frame import price_arrays
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray

RAW_PRICES: tuple[str, ...] = ("raw_open", "raw_high", "raw_low", "raw_close")
_SLACK = 1e-9  # of the price: the rounding of raw plus adjustment


class TradedPrices(NamedTuple):
    """Prices of the contract traded in each bar, each of shape (n_bars,)."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    mark: FloatArray  # close without the gaps of rolls: its differences are P&L per unit
    rolls: IntArray  # rolls up to and including the bar; shape (0,) without a column contract


def traded_prices(bars: Bars, who: str) -> TradedPrices:
    """Return raw prices where the bars of one symbol carry them, and what a holder earns.

    Parameters
    ----------
    bars : pd.DataFrame
        One symbol. With any of ``raw_open raw_high raw_low raw_close`` all of them and
        ``contract`` are needed.
    who : str
        Name of the caller, for the message.

    Examples
    --------
    Raw closes 100, 101 | 111, 112: the roll is a gap of 9 and a move of 1.

    >>> import pandas as pd
    >>> from ohlcvml.bars import traded_prices
    >>> index = pd.date_range("2025-03-10", periods=4, freq="1D", tz="UTC", name="time")
    >>> raw = pd.Series([100.0, 101.0, 111.0, 112.0], index)
    >>> names = ["open", "high", "low", "close"]
    >>> bars = pd.DataFrame({name: raw - [0, 0, 9, 9] for name in names})
    >>> bars = bars.assign(**{f"raw_{name}": raw for name in names}, contract=[1, 1, 2, 2])
    >>> prices = traded_prices(bars, "example")
    >>> prices.close.tolist(), prices.mark.tolist(), prices.rolls.tolist()
    ([100.0, 101.0, 111.0, 112.0], [100.0, 101.0, 102.0, 103.0], [0, 0, 1, 1])
    """
    check_raw(bars, who)
    raw = RAW_PRICES[0] in bars.columns
    open_, high, low, close = (
        np.ascontiguousarray(bars[f"raw_{name}" if raw else name].to_numpy(dtype=np.float64))
        for name in ("open", "high", "low", "close")
    )
    if "contract" not in bars.columns:
        return TradedPrices(open_, high, low, close, close, np.empty(0, np.int64))
    changes = contract_changes(bars)
    mark = close
    if changes.any():
        step = np.diff(close, prepend=close[0])
        step[changes] = _roll_steps(bars, open_, close, changes)
        mark = close[0] + np.cumsum(step)
    return TradedPrices(open_, high, low, close, mark, np.cumsum(changes))


def check_raw(bars: Bars, who: str) -> None:
    """Raise :class:`DataError` where only some of the columns of raw prices are there.

    Examples
    --------
    >>> from ohlcvml.bars import check_raw, simulate_bars
    >>> check_raw(simulate_bars(3, seed=0).bars.assign(raw_close=1.0), "me")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ohlcvml.exceptions.DataError: me: bars with 'raw_close' must have all of raw_open, raw_high, ...
    """
    have = [name for name in RAW_PRICES if name in bars.columns]
    missing = [name for name in (*RAW_PRICES, "contract") if name not in bars.columns]
    if have and missing:
        raise DataError(
            f"{who}: bars with {have[0]!r} must have all of {', '.join(RAW_PRICES)} and contract; "
            f"{', '.join(missing)} missing. Use ohlcvml.bars.continuous, or drop the raw columns."
        )


def traded_close(bars: Bars, who: str) -> FloatArray:
    """Close of the contract traded in each bar, shape (n_bars,); several symbols may follow.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars, traded_close
    >>> bars = simulate_bars(3, seed=0).bars
    >>> traded_close(bars, "example").tolist() == bars["close"].tolist()
    True
    """
    check_raw(bars, who)
    if RAW_PRICES[3] in bars.columns:
        return np.asarray(bars[RAW_PRICES[3]].to_numpy(dtype=np.float64))
    return price_arrays(bars, who).close  # of a table of one price, that price


def contract_changes(bars: Bars) -> BoolArray:
    """Whether another contract is traded in each bar than in the one before, shape (n_bars,).

    False throughout without a column ``contract``. The first bars of later symbols are True where
    their contract is another.

    Examples
    --------
    >>> from ohlcvml.bars import contract_changes, simulate_bars
    >>> bars = simulate_bars(3, seed=0).bars.assign(contract=["H", "H", "M"])
    >>> contract_changes(bars).tolist()
    [False, False, True]
    """
    changes = np.zeros(len(bars), dtype=bool)
    if "contract" in bars.columns:
        names = bars["contract"].to_numpy()
        changes[1:] = names[1:] != names[:-1]
    return changes


def adjusted_by_difference(offset: FloatArray, changes: BoolArray, price: FloatArray) -> bool:
    """Whether adjusted minus raw price is constant within each contract.

    Parameters
    ----------
    offset : float64 array of shape (n_bars,)
        Adjusted minus raw price.
    changes : bool array of shape (n_bars,)
        First bars of a contract (or symbol).
    price : float64 array of shape (n_bars,)
        Raw price, the scale of rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.bars import adjusted_by_difference
    >>> price, changes = np.array([10.0, 11.0, 20.0]), np.array([False, False, True])
    >>> adjusted_by_difference(np.array([0.0, 0.0, -9.0]), changes, price)
    True
    >>> adjusted_by_difference(np.array([0.0, 1.0, -9.0]), changes, price)
    False
    """
    moved = np.abs(np.diff(offset)) > _SLACK * (1.0 + np.abs(price[1:]))
    return not bool((moved & ~changes[1:]).any())


def _roll_steps(bars: Bars, open_: FloatArray, close: FloatArray, changes: BoolArray) -> FloatArray:
    """P&L of one unit over each bar that follows a roll, the gap between contracts left out."""
    at = np.flatnonzero(changes)
    adjusted = bars["close"].to_numpy(dtype=np.float64)
    offset = adjusted - close
    if not offset.any():  # not adjusted: only the bar's own move is known
        return np.asarray(close[at] - open_[at])
    if adjusted_by_difference(offset, changes, close):
        return np.asarray(adjusted[at] - adjusted[at - 1])
    return np.asarray(close[at] * (1.0 - adjusted[at - 1] / adjusted[at]))  # by ratios
