"""One continuous series from futures contracts, adjusted forward only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import Rule, check_value, each, instance_of, integer, one_of, optional
from ohlcvml._time import nanoseconds, utc_days
from ohlcvml.bars._door import check_bars, time_index
from ohlcvml.bars._frame import symbol_starts
from ohlcvml.bars.market import RULES, Contract, Sessions, rule_date, rule_of
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray

_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class _Month:
    """Bars of one contract: rows of the table, their stamps and sessions, volume by session."""

    id: int
    rows: IntArray
    stamps: IntArray
    session: IntArray
    close: FloatArray
    volume: FloatArray  # (n_sessions,)
    first_day: date


def continuous(
    bars_by_contract: Bars,
    *,
    roll: str = "volume",
    adjustment: str | None = "difference",
    contract: Contract | str | None = None,
    sessions: Sessions | None = None,
    months: tuple[int, ...] | None = None,
    earliest_roll: int = 45,
    expiry: str | Mapping[int, date] | None = None,
    days_before_expiry: int = 8,
) -> Bars:
    """Chain the contracts of one future into one series that trades the front contract.

    A session's bars are all of one contract. Whether the next session trades a later contract is
    settled when a session is over, from what is known then, and the front never moves back. So a
    row never changes when later bars are added: the series of truncated data is the truncated
    series. For the same reason the first session gives no rows: it only settles with which
    contract to begin. The result may be used like any bars; a change of ``contract`` between two
    rows is a roll.

    The series is adjusted *forward*: at a roll from A to B, B's prices are moved by the gap
    between the two at the last bar stamp that both have before the roll takes effect, and A's
    stay. Returns across the roll are then those of a holder who changed contracts at that bar.

    Parameters
    ----------
    bars_by_contract : pd.DataFrame
        Bars indexed (symbol, time), the symbols being contract months ``YYYYMM`` (or ``YYYYMM00``)
        as numbers or strings.
    roll : {"volume", "expiry"}, default="volume"
        ``"volume"``: when, in a finished session, a later contract traded more than the front;
        the one that traded most becomes the front (so a month that is never liquid is passed
        over). ``"expiry"``: the nearest later contract from the session on whose date lies
        ``days_before_expiry`` calendar days or fewer before the front's expiry. Either way, a
        contract becomes the front only after a bar that both have.
    adjustment : {"difference", "ratio", None}, default="difference"
        Add the gap, multiply by the ratio of the two prices, or leave raw prices. Ratio-adjusted
        prices are no traded prices: do not mix them with costs in ticks (use ``raw_*``).
    contract : Contract or str, optional
        Gives the sessions and, for a symbol that comes with the package, the rule of expiry.
    sessions : Sessions, optional
        Sessions in place of the contract's. Without either, sessions are UTC dates.
    months : tuple of int, optional
        Contract months to use, 1 to 12, e.g. ``(2, 4, 6, 8, 12)`` for gold; all by default.
    earliest_roll : int, default=45
        A volume roll is considered from this many calendar days before the first of the front's
        contract month on. It keeps stray lots in far contracts from moving the front.
    expiry : str or mapping of int to datetime.date, optional
        Expiry of each contract month, or a rule: ``"third_friday"`` (equity index),
        ``"third_wednesday"`` (two business days before it: currencies), ``"last_friday"``
        (bitcoin), ``"before_notice"`` (third last business day of the month before: metals,
        Treasuries, natural gas), ``"crude_oil"``. By default the contract's own.
    days_before_expiry : int, default=8
        Calendar days; 8 days before a third Friday is the customary Thursday.

    Returns
    -------
    pd.DataFrame
        Index ``time`` (UTC). Columns: adjusted open, high, low, close; volume; ``raw_open``,
        ``raw_high``, ``raw_low``, ``raw_close`` as traded; ``contract`` (int64, YYYYMM);
        ``adjustment`` (float64: raw + adjustment, or raw · adjustment for ratio, is the adjusted
        price); ``known`` where the input has it.

    Raises
    ------
    DataError
        If the symbols are no contract months, there is no volume to roll by, no expiry, the front
        ends without ever having shared a bar with a later contract, or a price at a ratio roll is
        not positive.

    Examples
    --------
    B trades more than A for the first time on the 12th, so the series trades B from the 13th on,
    moved down by the gap of 50 points between the two on the 12th.

    >>> import pandas as pd
    >>> from ohlcvml.bars import continuous
    >>> time = pd.date_range("2024-03-11 15:00", periods=4, freq="D", tz="UTC", name="time")
    >>> a = pd.DataFrame({"close": [5100.0, 5110, 5105, 5120], "volume": [9.0, 4, 2, 1]}, time)
    >>> b = pd.DataFrame({"close": [5150.0, 5160, 5154, 5171], "volume": [1.0, 6, 8, 9]}, time)
    >>> bars = pd.concat({202403: a, 202406: b}, names=["symbol"])
    >>> for name in ("open", "high", "low"):
    ...     bars[name] = bars["close"]
    >>> continuous(bars)[["close", "raw_close", "contract", "adjustment"]].values.tolist()
    [[5110.0, 5110.0, 202403.0, 0.0],
     [5104.0, 5154.0, 202406.0, -50.0], [5121.0, 5171.0, 202406.0, -50.0]]
    """
    check_value("continuous", "roll", one_of("volume", "expiry"), roll)
    check_value("continuous", "adjustment", one_of("difference", "ratio", None), adjustment)
    check_value("continuous", "contract", optional(instance_of(Contract, str)), contract)
    check_value("continuous", "sessions", optional(instance_of(Sessions)), sessions)
    check_value("continuous", "months", optional(each(integer(1, 12))), months)
    check_value("continuous", "earliest_roll", integer(0), earliest_roll)
    check_value("continuous", "expiry", optional(_EXPIRY), expiry)
    check_value("continuous", "days_before_expiry", integer(0), days_before_expiry)

    calendar = sessions if sessions is not None else Sessions.of(contract)
    table, session, days = _months(bars_by_contract, calendar, months)
    if roll == "volume":
        _require_volume(bars_by_contract)
        due = {m.id: m.first_day - timedelta(days=earliest_roll) for m in table}
    else:
        root = contract.symbol if isinstance(contract, Contract) else contract
        expires = _expiries([m.id for m in table], expiry, root)
        due = {i: day - timedelta(days=days_before_expiry) for i, day in expires.items()}

    if len(session) < 2:
        raise DataError(
            "continuous: 'bars_by_contract' must span at least two sessions; got one. The first "
            "only settles with which contract to begin."
        )
    fronts = _fronts(table, session, days, due, by_volume=roll == "volume")
    return _chain(bars_by_contract, table, fronts, adjustment)


_EXPIRY = Rule(
    f"one of {', '.join(map(repr, RULES))} or a mapping of YYYYMM to a date",
    lambda value: value in RULES if isinstance(value, str) else isinstance(value, Mapping),
    "no such rule",
)


def _months(
    bars: Bars, sessions: Sessions, months: tuple[int, ...] | None
) -> tuple[list[_Month], IntArray, list[date]]:
    """Contracts by month, the session numbers that have bars, and the dates of those sessions."""
    check_bars(bars, "continuous")
    if not isinstance(bars.index, pd.MultiIndex) or bars.index.nlevels != 2:
        raise DataError(
            "continuous: 'bars_by_contract' must be indexed (symbol, time), one symbol for each "
            f"contract month; got a {type(bars.index).__name__} with {bars.index.nlevels} "
            "level(s). Use pd.concat({202403: a, 202406: b}, names=['symbol'])."
        )
    time = time_index(bars.index, "continuous")
    dates = sessions.date(time)
    number = sessions.number(time)
    if sessions.calendar is None:
        number = utc_days(nanoseconds(dates))
    starts = symbol_starts(bars.index)
    ids = [_contract_id(symbol) for symbol in bars.index.get_level_values(0)[starts[:-1]]]
    if len(set(ids)) < len(ids):
        raise DataError(
            "continuous: each contract month must appear once; "
            f"{next(i for i in ids if ids.count(i) > 1)} appears under two symbols."
        )
    used = [k for k in np.argsort(ids) if months is None or ids[k] % 100 in months]
    if not used:
        raise DataError(f"continuous: none of the contracts {sorted(ids)} is of 'months' {months}.")

    stamps = nanoseconds(time)
    close = bars["close"].to_numpy(dtype=np.float64)
    volume = bars["volume"].to_numpy(dtype=np.float64)
    every = np.concatenate([np.arange(starts[k], starts[k + 1]) for k in used])
    session, first = np.unique(number[every], return_index=True)
    result = []
    for k in used:
        rows = np.arange(starts[k], starts[k + 1], dtype=np.int64)
        where = np.searchsorted(session, number[rows])
        sums = np.bincount(where, np.nan_to_num(volume[rows]), minlength=len(session))
        traded = sums.astype(np.float64)
        opening = date(ids[k] // 100, ids[k] % 100, 1)
        result.append(_Month(ids[k], rows, stamps[rows], where, close[rows], traded, opening))
    return result, session, [stamp.date() for stamp in dates[every[first]]]


def _contract_id(symbol: Any) -> int:
    text = str(symbol)
    if text.isdecimal() and len(text) in (6, 8) and 1 <= int(text[4:6]) <= 12:
        return int(text[:6])
    raise DataError(
        "continuous: the symbols of 'bars_by_contract' must be contract months YYYYMM; got "
        f"{symbol!r}. Rename them, e.g. 'MESH4' to 202403."
    )


def _require_volume(bars: Bars) -> None:
    if not (bars["volume"] > 0).any():
        raise DataError(
            "continuous: roll='volume' needs volumes; the column 'volume' holds none above 0. Use "
            "roll='expiry'."
        )


def _expiries(
    ids: list[int], expiry: str | Mapping[int, date] | None, root: str | None
) -> dict[int, date]:
    if isinstance(expiry, Mapping):
        missing = [i for i in ids if i not in expiry]
        if missing:
            raise ParameterError(
                "continuous: parameter 'expiry' must give a date for each contract month; missing "
                f"{missing}."
            )
        return {i: pd.Timestamp(expiry[i]).date() for i in ids}
    rule = expiry if expiry is not None else rule_of(root)
    if rule is None:
        raise ParameterError(
            "continuous: roll='expiry' needs the dates of expiry; got expiry=None and contract="
            f"{root!r}. Pass contract='MES', a rule ({', '.join(RULES)}) or a mapping of YYYYMM "
            "to a date."
        )
    return {i: rule_date(rule, i) for i in ids}


def _fronts(
    table: list[_Month],
    session: IntArray,
    days: list[date],
    due: dict[int, date],
    *,
    by_volume: bool,
) -> list[int]:
    """Position in ``table`` of the contract that each session trades."""
    traded = np.stack([month.volume for month in table])
    present = np.zeros(traded.shape, dtype=np.bool_)
    for k, month in enumerate(table):
        present[k, month.session] = True

    # The first session only settles with what to begin: the nearest contract or the most traded.
    begin = np.flatnonzero(present[:, 0])
    front = int(begin[np.argmax(traded[begin, 0])]) if by_volume else int(begin[0])
    fronts = [front]
    for s in range(1, len(session)):
        # By volume, session s - 1 tells; by expiry, the date of session s itself, known long ago.
        if by_volume:
            if days[s - 1] >= due[table[front].id]:
                front = _most_traded(table, traded[:, s - 1], front, s)
        elif days[s] >= due[table[front].id]:
            front = _nearest(table, [due[month.id] > days[s] for month in table], front, s)
        if not present[front, s:].any() and present[front + 1 :, s].any():
            _require_common_bar(table, present, front, s)
        fronts.append(front)
    return fronts


def _most_traded(table: list[_Month], volume: FloatArray, front: int, s: int) -> int:
    """The later contract that traded most, if it traded more than the front."""
    more = [k for k in range(front + 1, len(table)) if volume[k] > volume[front]]
    for k in sorted(more, key=lambda k: (-volume[k], k)):
        if _common(table[front], table[k], s):
            return k
    return front


def _nearest(table: list[_Month], alive: list[bool], front: int, s: int) -> int:
    """The nearest later contract that is not due itself."""
    later = range(front + 1, len(table))
    return next((k for k in later if alive[k] and _common(table[front], table[k], s)), front)


def _common(a: _Month, b: _Month, s: int) -> tuple[int, int] | None:
    """Positions of the last stamp that both have before session ``s``."""
    end_a, end_b = np.searchsorted(a.session, s), np.searchsorted(b.session, s)
    _, at_a, at_b = np.intersect1d(
        a.stamps[:end_a], b.stamps[:end_b], assume_unique=True, return_indices=True
    )
    return (int(at_a[-1]), int(at_b[-1])) if len(at_a) else None


def _require_common_bar(table: list[_Month], present: BoolArray, front: int, s: int) -> None:
    """The front is over while others trade: it must have been possible to leave it."""
    later = range(front + 1, len(table))
    if any(_common(table[front], table[k], s) for k in later):
        return
    names = [table[k].id for k in later if present[k, s]]
    last = pd.Timestamp(int(table[front].stamps[-1]), unit="ns", tz="UTC")
    raise DataError(
        f"continuous: contract {table[front].id} ends at {last} without having shared one bar "
        f"with a later contract; {names} trade on. The gap between them cannot be measured; add "
        "overlapping bars, or start the data at the later contract."
    )


def _chain(bars: Bars, table: list[_Month], fronts: list[int], adjustment: str | None) -> Bars:
    rows: list[IntArray] = []
    moved: list[FloatArray] = []
    chosen: list[IntArray] = []
    shift = 1.0 if adjustment == "ratio" else 0.0
    edges = [1, *(np.flatnonzero(np.diff(fronts[1:])) + 2).tolist(), len(fronts)]
    for begin, stop in pairwise(edges):
        month = table[fronts[begin]]
        if begin > 1:
            shift = _shifted(shift, table[fronts[begin - 1]], month, begin, adjustment)
        start, end = np.searchsorted(month.session, [begin, stop])
        rows.append(month.rows[start:end])
        moved.append(np.full(end - start, shift))
        chosen.append(np.full(end - start, month.id, dtype=np.int64))

    picked = bars.iloc[np.concatenate(rows)]
    change = np.concatenate(moved)
    columns: dict[str, Any] = {}
    raw = {name: picked[name].to_numpy(dtype=np.float64) for name in _PRICES}
    for name in _PRICES:
        columns[name] = raw[name] * change if adjustment == "ratio" else raw[name] + change
    columns["volume"] = picked["volume"].to_numpy(dtype=np.float64)
    columns |= {f"raw_{name}": raw[name] for name in _PRICES}
    columns |= {"contract": np.concatenate(chosen), "adjustment": change}
    if "known" in picked.columns:
        columns["known"] = picked["known"].to_numpy()
    time = time_index(picked.index, "continuous").as_unit("ns")
    return pd.DataFrame(columns, index=pd.DatetimeIndex(time, name="time"))


def _shifted(shift: float, old: _Month, new: _Month, s: int, adjustment: str | None) -> float:
    if adjustment is None:
        return shift
    common = _common(old, new, s)
    assert common is not None  # _next_front takes no other
    was, now = float(old.close[common[0]]), float(new.close[common[1]])
    if adjustment == "difference":
        return shift + (was - now)
    if was <= 0.0 or now <= 0.0:
        raise DataError(
            f"continuous: adjustment='ratio' needs positive prices; the roll from {old.id} to "
            f"{new.id} finds {was} and {now}. Use adjustment='difference'."
        )
    return shift * (was / now)
