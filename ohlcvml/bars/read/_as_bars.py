"""Any table of bars to the bars contract: rename, sort, convert, and say what was done."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from ohlcvml._checks import boolean, check_value, one_of, optional
from ohlcvml.bars._door import TRADED, check_bars, time_index
from ohlcvml.bars._frame import symbol_starts
from ohlcvml.bars._names import COLUMN_NAMES, OHLCV, plain
from ohlcvml.bars.read._clock import parse_clock
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.typing import Bars, IntArray

if TYPE_CHECKING:  # the readers load pyarrow's compute kernels, which few calls need
    from ohlcvml.bars.read._columns import ColumnMap, Roles
    from ohlcvml.bars.read._table import FrameTable

WHO = "as_bars"
_RULES = {
    "ambiguous": one_of("raise", "infer", "earlier", "later"),
    "dayfirst": optional(boolean()),
}


def as_bars(
    table: pd.DataFrame,
    *,
    tz: str | dt.tzinfo | None = None,
    columns: ColumnMap | None = None,
    ambiguous: str = "raise",
    dayfirst: bool | None = None,
) -> Bars:
    """Bring a table of bars to the bars contract, and say what was changed.

    Columns are renamed (any case, ``Last`` for the close, two-level columns, the languages that
    :func:`read_bars` reads), text becomes numbers, infinities become NaN, stamps become UTC, index
    levels become (symbol, time), rows are sorted by time, and a row that repeats another in every
    column is removed. Nothing is guessed: what can be read in two ways raises. Prices are not
    judged: that is :func:`validate_bars`.

    Parameters
    ----------
    table : pd.DataFrame
        Bars with their time in the index or in a column. It is not written to.
    tz : str or datetime.tzinfo, optional
        Clock of stamps that carry no zone: ``"UTC"``, an IANA zone, or a zone plus hours as brokers
        run their servers (``"America/New_York+7h"``). Stamps with a zone keep it, whatever ``tz``
        says.
    columns : dict, optional
        As in :func:`read_bars`: ``time``, ``open``, ``high``, ``low``, ``close``, ``volume``,
        ``symbol`` to the name of a column; ``volume`` and ``symbol`` also to None.
    ambiguous : {"raise", "infer", "earlier", "later"}, default="raise"
        As in :func:`read_bars`: stamps that occur twice, when clocks are put back.
    dayfirst : bool, optional
        As in :func:`read_bars`: order of day and month in text such as 03/04/2024.

    Returns
    -------
    pd.DataFrame
        open, high, low, close, volume (float64; volume NaN where there is none), then every other
        column of the table as it was; index ``time`` in UTC, or (``symbol``, ``time``).
        ``attrs["changes"]`` is a list of sentences, empty where nothing was changed;
        ``attrs["symbol"]`` the symbol of a single one.

    Raises
    ------
    DataError
        Two columns for one part of a bar (``Last`` and ``Close``), no column for one, stamps
        without a zone and no ``tz``, rows of one stamp that differ, text that is no number.
    ParameterError
        A parameter breaks its rule.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.bars import as_bars
    >>> table = pd.DataFrame(
    ...     {"Open": [101.0, 100.0], "High": [102.0, 101.0], "Low": [100.0, 99.0],
    ...      "Last": ["101.5", "101"], "Volume": [7, 12]},
    ...     index=pd.DatetimeIndex(["2025-01-31 09:31", "2025-01-31 09:30"]),
    ... )
    >>> bars = as_bars(table, tz="America/New_York")
    >>> bars
                                open   high    low  close  volume
    time
    2025-01-31 14:30:00+00:00  100.0  101.0   99.0  101.0    12.0
    2025-01-31 14:31:00+00:00  101.0  102.0  100.0  101.5     7.0
    >>> for change in bars.attrs["changes"]:
    ...     print(change)
    Open, High, Low, Last, Volume renamed open, high, low, close, volume
    text made numbers in Last
    stamps read on the clock America/New_York and converted to UTC
    2 of 2 rows moved to sort them by time
    """
    given = locals()
    for name, rule in _RULES.items():
        check_value(WHO, name, rule, given[name])
    if not isinstance(table, pd.DataFrame):
        raise DataError(
            f"{WHO}: 'table' must be a DataFrame; got {type(table).__name__}. Read a file with "
            "ohlcvml.bars.read_bars."
        )
    if len(table) == 0:
        raise DataError(f"{WHO}: 'table' must not be empty; got 0 rows.")
    if columns is None and _is_canonical(table):
        bars = table.copy(deep=False)
        bars.attrs["changes"] = []
        return bars
    try:
        return _converted(table, tz, columns, ambiguous, dayfirst)
    except (DataError, ParameterError) as error:  # the readers speak for read_bars and its file
        said = str(error).replace("read_bars: table:", f"{WHO}:").replace("read_bars:", f"{WHO}:")
        from ohlcvml.bars.read._text import plain_text

        raise type(error)(plain_text(said)) from error


def _is_canonical(table: pd.DataFrame) -> bool:
    try:
        check_bars(table, WHO)
    except DataError:
        return False
    time = table.index.get_level_values(-1)
    return (
        time.dtype == pd.DatetimeTZDtype("ns", "UTC")
        and table.index.names[-1] == "time"
        and all(table[name].dtype == np.float64 for name in OHLCV)
    )


class _Part(NamedTuple):
    """The bars of one symbol or of one symbol column, in the order of the table."""

    bars: pd.DataFrame  # on a RangeIndex
    time: IntArray  # UTC nanoseconds
    symbols: pd.Series | None
    symbol: str | None


def _converted(
    table: pd.DataFrame,
    tz: str | dt.tzinfo | None,
    columns: ColumnMap | None,
    ambiguous: str,
    dayfirst: bool | None,
) -> Bars:
    from ohlcvml.bars.read._columns import check_columns, find_roles
    from ohlcvml.bars.read._instants import Options
    from ohlcvml.bars.read._table import FrameTable
    from ohlcvml.bars.read._values import read_series

    placed = dict(check_columns(columns))
    changes: list[str] = []
    frame = _named_levels(table, changes)
    raw = FrameTable("table", frame)
    levels = raw.width - frame.shape[1]
    if "time" not in placed and isinstance(frame.index, pd.DatetimeIndex) and not _dates(frame):
        placed["time"] = 0
    elif "time" not in placed and frame.index.names == ["symbol", "time"]:
        placed["time"], placed["symbol"] = 1, 0
    placed |= _undoubted(raw, levels, placed)
    options = Options(None if tz is None else parse_clock(tz), dayfirst, ambiguous, "utc", ())
    parts: list[_Part] = []
    found = find_roles(raw, placed)
    for roles in found:
        series = read_series(raw, roles, options, {}, None)
        data: dict[str, object] = dict(zip(OHLCV, series.values, strict=True))
        bars = pd.DataFrame(data)
        if len(found) == 1:
            bars = _with_others(bars, raw, roles, changes)
        symbols = None if roles.symbols is None else raw.column(roles.symbols)
        parts.append(_Part(bars, series.time, symbols, series.symbol or _over(raw, roles)))
    changes += _read_changes(raw, found, levels)
    changes.append(_clock_change(raw, found[0], series.note))
    if len(found) > 1:
        changes.append(f"columns of {len(found)} symbols put one under another")
        parts = [_traded_only(part, changes) for part in parts]
    bars = _joined(parts, isinstance(table.index, pd.MultiIndex))
    bars = _sorted(_without_infinities(bars, changes), changes)
    bars.attrs["changes"] = [change for change in changes if change]
    check_bars(bars, WHO)
    return bars


def _named_levels(table: pd.DataFrame, changes: list[str]) -> pd.DataFrame:
    """A MultiIndex as (symbol, time) where one of its two levels holds dates."""
    index = table.index
    if not isinstance(index, pd.MultiIndex):
        return table
    dates = [isinstance(level, pd.DatetimeIndex) for level in index.levels]
    if index.nlevels != 2 or sum(dates) != 1:
        return table
    if dates[0]:
        changes.append("index levels put in the order symbol, time")
        index = index.swaplevel(0, 1)
    return table.set_axis(index.set_names(["symbol", "time"]), axis=0)


def _dates(frame: pd.DataFrame) -> bool:
    """Whether the index holds dates that repeat: the time of day is then in a column."""
    index = frame.index
    assert isinstance(index, pd.DatetimeIndex)
    return bool(index.has_duplicates and index.tz is None and (index == index.normalize()).all())


def _undoubted(raw: FrameTable, levels: int, placed: ColumnMap) -> dict[str, int]:
    """The contract's own names, which need no reading; raise where two columns fit one part."""
    own: dict[str, int] = {}
    keys = list(zip(*raw.headers, strict=True))
    for role in OHLCV:
        if role in placed:
            continue
        names = {name for group in COLUMN_NAMES[role] for name in group}
        fits = [
            (i, cell, tuple(c for k, c in enumerate(cells) if k != level))
            for i, cells in enumerate(keys)
            for level, cell in enumerate(cells)
            if i >= levels and plain(cell) in names
        ]
        exact = [i for i, cell, _ in fits if cell == role]
        if len(raw.headers) == 1 and len(exact) == 1:
            own[role] = exact[0]
            continue
        key, count = max(
            Counter(k for _, _, k in fits).items(), key=lambda c: c[1], default=((), 0)
        )
        if count > 1:
            both = ", ".join(repr(cell) for _, cell, k in fits if k == key)
            raise DataError(
                f"{WHO}: several columns may be the {role}: {both}. Pass "
                f"columns={{{role!r}: 'name of the column'}}, or drop the others."
            )
    return own


def _used(roles: Roles) -> set[int]:
    times = {column for entry in roles.times for column in entry}
    symbols = set() if roles.symbols is None else {roles.symbols}
    return times | {*roles.prices, *roles.volumes} | symbols


def _over(raw: FrameTable, roles: Roles) -> str | None:
    """What a second level of names says over all prices: their symbol."""
    own = {
        cell
        for row in raw.headers
        if len({row[i] for i in roles.prices}) == 1
        for cell in (row[roles.prices[0]],)
    }
    return own.pop() or None if len(own) == 1 else None


def _with_others(
    bars: pd.DataFrame, raw: FrameTable, roles: Roles, changes: list[str]
) -> pd.DataFrame:
    """Add the columns that are no part of a bar, as they are."""
    others = [i for i in range(raw.width) if i not in _used(roles)]
    if len(raw.headers) > 1:
        if others:
            changes.append(f"left out: {', '.join(_title(raw, i) for i in others)}")
        return bars
    kept = {raw.headers[0][i]: raw.column(i) for i in others if raw.headers[0][i] not in OHLCV}
    text = [i for i in others if raw.headers[0][i] in TRADED and raw.typed(i) is None]
    kept |= {raw.headers[0][i]: pd.Series(raw.numbers(i)) for i in text}
    lost = [raw.headers[0][i] for i in others if raw.headers[0][i] in OHLCV]
    if lost:
        changes.append(f"left out: {', '.join(lost)}")
    return pd.concat([bars, pd.DataFrame(kept)], axis=1) if kept else bars


def _title(raw: FrameTable, column: int) -> str:
    return " ".join(row[column] for row in raw.headers if row[column])


def _read_changes(raw: FrameTable, found: list[Roles], levels: int) -> list[str]:
    """Names and kinds of columns that became others."""
    changes = []
    first = found[0]
    titles = {role: _title(raw, i) for role, i in zip(OHLCV, first.prices, strict=False)}
    if first.volumes:
        titles["volume"] = _title(raw, first.volumes[0])
    else:
        changes.append("volume is NaN: the table has none")
    renamed = {title: role for role, title in titles.items() if title != role}
    if renamed:
        changes.insert(0, f"{', '.join(renamed)} renamed {', '.join(renamed.values())}")
    prices = [i for roles in found for i in (*roles.prices, *roles.volumes)]
    text = [_title(raw, i) for i in prices if raw.typed(i) is None]
    if text:
        changes.append(f"text made numbers in {', '.join(text)}")
    column = first.times[0][0]
    if column >= levels:
        changes.append(f"time taken from the column {_title(raw, column)}")
    return changes


def _clock_change(raw: FrameTable, roles: Roles, note: str) -> str:
    values = raw.typed(roles.times[0][0])
    zone = getattr(getattr(values, "dtype", None), "tz", None)
    if zone is not None:
        return "" if str(zone) == "UTC" else f"stamps converted from {zone} to UTC"
    if note in ("epoch, UTC", "UTC offsets in the file"):
        return f"stamps made of {'epochs' if note.startswith('epoch') else 'text with offsets'}"
    return f"stamps read on the clock {note} and converted to UTC"


def _traded_only(part: _Part, changes: list[str]) -> _Part:
    """Without the rows where one symbol of several has nothing at all."""
    known = part.bars.notna().any(axis=1).to_numpy()
    if not known.all():
        changes.append(f"{np.count_nonzero(~known):,} empty rows of {part.symbol} left out")
    return part._replace(bars=part.bars[known], time=part.time[known])


def _joined(parts: list[_Part], by_symbol: bool) -> pd.DataFrame:
    time = pd.DatetimeIndex(
        np.concatenate([part.time for part in parts]).view("M8[ns]"), name="time"
    ).tz_localize("UTC")
    bars = pd.concat([part.bars for part in parts], ignore_index=True)
    symbols: pd.Series | None = parts[0].symbols
    symbol = parts[0].symbol
    if len(parts) > 1:
        symbols = pd.Series([part.symbol for part in parts for _ in range(len(part.time))])
    elif symbols is not None and not by_symbol:
        first = symbols.iloc[0]
        if (symbols == first).all():
            symbols, symbol = None, str(first)
    if symbols is None:
        bars.index = time
        if symbol:
            bars.attrs["symbol"] = symbol
    else:
        bars.index = pd.MultiIndex.from_arrays([symbols, time], names=["symbol", "time"])
    return bars


def _without_infinities(bars: pd.DataFrame, changes: list[str]) -> pd.DataFrame:
    for name in (*OHLCV, *(name for name in TRADED if name in bars.columns)):
        infinite = np.isinf(bars[name].to_numpy(dtype=np.float64, na_value=np.nan))
        if infinite.any():
            bars[name] = bars[name].where(~infinite)
            changes.append(f"{np.count_nonzero(infinite):,} infinite values of {name} made NaN")
    return bars


def _sorted(bars: pd.DataFrame, changes: list[str]) -> pd.DataFrame:
    """Rows in the order of time within each symbol, each stamp once."""
    keys: list[IntArray] = [time_index(bars.index, WHO).asi8]
    if isinstance(bars.index, pd.MultiIndex):
        keys.append(pd.factorize(bars.index.get_level_values(0), sort=True)[0])
    order = np.lexsort(keys)
    moved = int(np.count_nonzero(order != np.arange(len(order))))
    if moved and not _in_order(bars.index):
        changes.append(f"{moved:,} of {len(order):,} rows moved to sort them by time")
        bars = bars.iloc[order]
    again = bars.index.duplicated()
    if not again.any():
        return bars
    # NaN equals NaN here: a copy of a row without volume is a copy.
    copies = bars.reset_index().duplicated().to_numpy()
    differ = again & ~copies
    if differ.any():
        at = int(np.flatnonzero(differ)[0])
        raise DataError(
            f"{WHO}: {np.count_nonzero(differ):,} rows have the stamp of another row and other "
            f"values, the first is stamped {bars.index[at]}. A wrong 'tz' or two contracts in one "
            "table do this. Decide which rows to keep, for example "
            "table[~table.index.duplicated(keep='last')], and call as_bars again."
        )
    changes.append(f"{np.count_nonzero(again):,} repeated rows removed")
    return bars[~again]


def _in_order(index: pd.Index) -> bool:
    """Whether symbols stand together and time never runs back: then nothing needs moving."""
    try:
        starts = symbol_starts(index)
    except DataError:
        return False
    back = np.diff(time_index(index, WHO).asi8) < 0
    back[starts[1:-1] - 1] = False
    return not back.any()
