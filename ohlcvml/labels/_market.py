"""What a labeller needs to know of the bars: traded prices, what fills, where positions end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._time import run_ends
from ohlcvml.bars import (
    OHLCV,
    RAW_PRICES,
    Contract,
    PriceArrays,
    Sessions,
    adjusted_by_difference,
    check_bars,
    check_raw,
    contract,
    contract_changes,
    price_arrays,
    symbol_starts,
)
from ohlcvml.exceptions import DataError
from ohlcvml.labels import _race
from ohlcvml.labels._race import UNKNOWN
from ohlcvml.streams import average_true_range
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Market:
    """Bars as arrays of shape (n_bars,), symbols one after the other.

    Prices are those of the traded contract; ``offset`` is adjusted minus traded.
    """

    index: pd.Index
    starts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    atr: FloatArray
    offset: FloatArray
    by_difference: bool  # the offset is constant within a contract, so it can price a roll
    trades: BoolArray  # False on bars without volume; unknown volume counts as traded
    lock: npt.NDArray[np.int8] | None  # +1 locked limit up, −1 locked limit down
    contract_run: IntArray  # changes where the traded contract (or the symbol) changes
    session_run: IntArray  # changes where the session (or the symbol) changes
    sessions: Sessions | None  # None without a clock

    @cached_property
    def after_close(self) -> BoolArray:
        """Bars at or past the nominal close of their session."""
        if self.sessions is None or self.sessions.calendar is None:
            return np.zeros(len(self.index), dtype=bool)
        time = pd.DatetimeIndex(self.index.get_level_values(-1))
        return np.asarray(time >= self.sessions.close(self.index), dtype=bool)

    @property
    def final(self) -> IntArray:
        """Last row of each row's symbol."""
        return np.repeat(self.starts[1:] - 1, np.diff(self.starts))

    @property
    def rolls(self) -> bool:
        """Whether any symbol changes its traded contract."""
        return bool(self.contract_run[-1] > len(self.starts) - 2)


def read_market(bars: Bars, atr_window: int, sessions: Sessions, who: str) -> Market:
    """Check the bars and take them apart."""
    frame = bars.to_frame() if isinstance(bars, pd.Series) else bars
    clock = "close" in frame.columns  # else one price, as the door lets pass
    if len(frame) == 0:
        check_bars(frame, who)
    prices = price_arrays(frame, who)
    starts = symbol_starts(frame.index)
    longest = int(np.diff(starts).max())
    if longest < atr_window + 2:
        raise DataError(
            f"{who}: 'bars' must have at least atr_window + 2 = {atr_window + 2} bars of one "
            f"symbol: the ATR needs {atr_window + 1} and a position the next one; got {longest}. "
            "Pass more bars or a smaller atr_window."
        )
    traded = prices
    if clock:
        check_raw(frame, who)
        if RAW_PRICES[0] in frame.columns:
            traded = _raw_prices(frame, prices.volume)
    _check_finite(traded, frame.index, who)
    plain = traded is prices
    offset = np.zeros(len(frame)) if plain else prices.close - traded.close
    new_symbol = np.zeros(len(frame), dtype=bool)
    new_symbol[starts[1:-1]] = True
    new_contract = new_symbol.copy()
    if clock:
        new_contract |= contract_changes(frame)
    by_difference = plain or adjusted_by_difference(offset, new_contract, traded.close)
    if by_difference:
        # Differences of forward-adjusted prices are those of the traded contract, without the
        # jump from one contract to the next.
        atr = average_true_range(prices.high, prices.low, prices.close, atr_window, starts)
    else:
        atr = _range_at_traded_prices(prices, traded, new_contract, atr_window, starts)
    number = sessions.number(frame.index) if clock else np.zeros(len(frame), dtype=np.int64)
    new_session = new_symbol.copy()
    new_session[1:] |= number[1:] != number[:-1]
    return Market(
        index=frame.index,
        starts=starts,
        open=traded.open,
        high=traded.high,
        low=traded.low,
        close=traded.close,
        atr=atr,
        offset=offset,
        by_difference=by_difference,
        trades=~(prices.volume <= 0.0),
        lock=_locks(frame, who) if clock else None,
        contract_run=_numbered(new_contract),
        session_run=_numbered(new_session),
        sessions=sessions if clock else None,
    )


def _numbered(begins: BoolArray) -> IntArray:
    """Number of each bar's run, from the bars at which a run begins."""
    return np.cumsum(begins) if begins.any() else np.zeros(len(begins), dtype=np.int64)


def _check_finite(prices: PriceArrays, index: pd.Index, who: str) -> None:
    for name, column in zip(OHLCV[:4], prices[:4], strict=True):
        with np.errstate(invalid="ignore", over="ignore"):
            if np.isfinite(column.sum()):  # tells it of most columns, at a fraction of the cost
                continue
        finite = np.isfinite(column)
        if not finite.all():
            at = int(np.flatnonzero(~finite)[0])
            raise DataError(
                f"{who}: prices must be finite; {name!r} is {column[at]} in row {at} "
                f"({index[at]}). Look at the bars with ohlcvml.bars.validate_bars(bars), "
                "mend them with policy='drop'."
            )


def _raw_prices(frame: Bars, volume: FloatArray) -> PriceArrays:
    open_, high, low, close = (
        np.ascontiguousarray(frame[name].to_numpy(dtype=np.float64)) for name in RAW_PRICES
    )
    return PriceArrays(open_, high, low, close, volume)


def _range_at_traded_prices(
    adjusted: PriceArrays,
    traded: PriceArrays,
    new_contract: BoolArray,
    window: int,
    starts: IntArray,
) -> FloatArray:
    """ATR in prices of the traded contract, from ratio-adjusted bars.

    The close before a contract's first bar is put at that contract's level by the ratio.
    """
    before = traded.close.copy()
    first = np.flatnonzero(new_contract)
    before[first - 1] = adjusted.close[first - 1] * traded.close[first] / adjusted.close[first]
    # Only the close of the bar before enters a true range.
    return average_true_range(traded.high, traded.low, before, window, starts)


def _locks(frame: Bars, who: str) -> npt.NDArray[np.int8] | None:
    if "limit" not in frame.columns:
        return None
    lock = frame["limit"].to_numpy(dtype=np.float64, na_value=0.0)
    if not np.isin(lock, (-1.0, 0.0, 1.0)).all():
        raise DataError(
            f"{who}: the column 'limit' of the bars must hold +1 (locked limit up), -1 (locked "
            f"limit down), 0 or NaN; got {lock[~np.isin(lock, (-1.0, 0.0, 1.0))][0]}. Rename the "
            "column if it means something else."
        )
    return lock.astype(np.int8) if lock.any() else None


def limits(
    market: Market, *, session_exit: bool, roll_exit: bool
) -> tuple[IntArray | None, npt.NDArray[np.int8] | None]:
    """Last row to which a position that is open in each row may be held, and why.

    That is the last row before the session's close, or of the traded contract. It is UNKNOWN where
    later rows do not yet show that the session or the contract has ended.
    """
    never = np.full(len(market.index), UNKNOWN, dtype=np.int64)
    session = roll = never
    if session_exit:
        # Bars after the close are a stretch of their own.
        session = _last_of_run(2 * market.session_run + market.after_close, market)
    if roll_exit and market.rolls:
        roll = _last_of_run(market.contract_run, market)
    if session is never and roll is never:
        return None, None
    code = np.where(roll < session, _race.ROLL, _race.SESSION).astype(np.int8)
    return np.minimum(session, roll), code


def _last_of_run(run: IntArray, market: Market) -> IntArray:
    last = run_ends(run)
    return np.where(last == market.final, UNKNOWN, last)


def settlement(market: Market, fills: BoolArray) -> IntArray | None:
    """First row of the symbol, from each row on, that fills; −1 if there is none."""
    if fills.all():
        return None
    n = len(fills)
    later = np.where(fills, np.arange(n), n)
    first = np.minimum.accumulate(later[::-1])[::-1]
    return np.where(first <= market.final, first, -1).astype(np.int64)


def specifications(
    given: str | Contract | None, index: pd.Index
) -> list[tuple[Contract | None, BoolArray | None]]:
    """Contract specifications in force, with the bars they hold for (None: all of them)."""
    if not isinstance(given, str):
        return [(given, None)]
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if not isinstance(time, pd.DatetimeIndex):
        return [(contract(given), None)]
    first, last = contract(given, on=time.min()), contract(given, on=time.max())
    if first == last:
        return [(first, None)]
    days = Sessions.of(first).date(time)
    found = {day: contract(given, on=day) for day in days.unique()}
    return [
        (spec, np.asarray(days.isin([d for d, s in found.items() if s == spec]), dtype=bool))
        for spec in dict.fromkeys(found.values())
    ]


def latest_specification(given: str | Contract | None, index: pd.Index) -> Contract | None:
    """Return the contract as it was specified at the last bar."""
    if not isinstance(given, str):
        return given
    time = index.get_level_values(-1)
    return contract(given, on=time.max()) if isinstance(time, pd.DatetimeIndex) else contract(given)
