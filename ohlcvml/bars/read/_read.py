"""Files of any common vendor to the bars contract, without a guess and without a repair."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ohlcvml._checks import boolean, check_value, each, integer, one_of, optional, real, string
from ohlcvml.bars._names import OHLCV
from ohlcvml.bars.read._clock import parse_clock
from ohlcvml.bars.read._columns import ColumnMap, check_columns, find_keep, find_roles
from ohlcvml.bars.read._files import Member, open_members
from ohlcvml.bars.read._instants import Options
from ohlcvml.bars.read._names import Lean, check_distinct, name_symbols, read_lean_name
from ohlcvml.bars.read._table import open_table
from ohlcvml.bars.read._text import plain_text
from ohlcvml.bars.read._values import Series, read_series
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.typing import Bars, FloatArray

_RULES = {
    "scale": real(0.0, open_low=True),
    "symbol": optional(string()),
    "dayfirst": optional(boolean()),
    "ambiguous": one_of("raise", "infer", "earlier", "later"),
    "epoch": one_of("utc", "wall"),
    "keep": each(string(), empty=True),
    "max_bytes": integer(1),
}


def read_bars(
    path: str | os.PathLike[str],
    *,
    tz: str | dt.tzinfo | None = None,
    scale: float = 1.0,
    symbol: str | None = None,
    dayfirst: bool | None = None,
    ambiguous: str = "raise",
    epoch: str = "utc",
    columns: ColumnMap | None = None,
    keep: Sequence[str] = (),
    max_bytes: int = 2**31,
) -> Bars:
    r"""Read bars from a file of any common vendor and bring their clock to UTC.

    Reads delimited text (comma, semicolon, tab, bar or blank; header or none; one or two time
    columns; dates, epoch s, ms, us or ns; MetaTrader, HistData, yfinance with several header lines,
    Lean, Binance klines), parquet and feather, each also inside gz or zip; a zip may hold many
    tables, or zips of tables. Reading judges nothing: bad prices, duplicates, back-steps and gaps
    stay where they are, for :func:`validate_bars`. What cannot be read without a guess raises.

    Parameters
    ----------
    path : str or path-like
        The kind of file is told from its content, not from its suffix.
    tz : str or datetime.tzinfo, optional
        Clock of stamps that carry no offset: ``"UTC"``, an IANA zone, or a zone plus hours as
        brokers run their servers (``"America/New_York+7h"``, ``"UTC+2h"``). Not needed for epochs,
        stamps with an offset (the offset counts, whatever ``tz`` says) and columns that name their
        clock (``timestamp_utc``, ``... US/Eastern``), which a different ``tz`` contradicts.
    scale : float, default=1.0
        Prices are multiplied by it: 1e-5 for integer points of a five-digit pair. (Where 1/scale
        is a whole number they are divided by that, which rounds correctly.)
    symbol : str, optional
        Which symbol to read where the file holds several (case does not matter). The symbol of a
        member of a zip is its contract month as YYYYMM where its name has one, else the part of
        the name that differs. Where the file holds a single series this is only its label.
    dayfirst : bool, optional
        Order of day and month in dates such as 03/04/2024, needed if no number exceeds 12.
    ambiguous : {"raise", "infer", "earlier", "later"}, default="raise"
        Stamps that occur twice, when clocks are put back: raise with count and examples; let the
        order of the rows decide and raise if it does not; or read all as the first or second
        occurrence. Stamps that never occur, when clocks are put forward, always raise: the clock
        is wrong.
    epoch : {"utc", "wall"}, default="utc"
        Whether epochs count in UTC or, against the definition, on the wall clock of ``tz``
        (MetaTrader's Python API).
    columns : dict, optional
        Overrides the detection: ``time``, ``open``, ``high``, ``low``, ``close``, ``volume``,
        ``symbol`` to a name in the file or a position from 0; ``time`` also to a pair (date, time
        of day); ``volume`` and ``symbol`` also to None.
    keep : sequence of str, default=()
        Further columns to keep under the names the file gives them. None are kept by default.
    max_bytes : int, default=2147483648
        Most bytes that gz, zip and parquet may unpack to; nothing is unpacked to the disk.

    Returns
    -------
    pd.DataFrame of shape (n_bars, 5 + len(keep))
        Columns open, high, low, close, volume (float64; volume NaN where the file has none).
        Index: ``DatetimeIndex`` named ``time``, UTC, nanoseconds, as stamped in the file and in
        its order; a MultiIndex (symbol, time) where the file holds several symbols, each symbol's
        rows together. ``attrs``: ``clock`` says how stamps were read and what was decided about
        stamps that occur twice; ``symbol`` where it is known.

    Raises
    ------
    DataError
        Missing, empty, damaged or unreadable files; rows that cannot be parsed, with their lines;
        a clock, an order of day and month, or a column that cannot be decided, with what to pass.
    ParameterError
        A parameter breaks its rule.

    Notes
    -----
    Column names are compared without case, blanks and signs. Two columns for one price, such as
    ``Last`` and ``Close`` or two sets of prices, raise; ``Adj Close`` is never read. Time columns
    are told by what they hold: every column is a candidate, a date and a time of day make one
    stamp whatever they are called, and several columns of times must agree. Where stamps repeat
    and a column that is not read tells the rows apart, that column is named and nothing is read.

    Volume is the traded volume (``volume``, ``<VOL>``, ...) if any of it is positive, else the tick
    volume (``<TICKVOL>``), else ``cum_vol`` as event-bar builders call the volume of a bar. Stamps
    are taken to be what the contract says, the open of the bar; vendors that stamp the close must
    be shifted by the caller.

    A zip's members are read in the order of their names. A year, month or day that ends a name is
    a chunk of one series if every member's stamps lie in the period its name states, and the
    chunks are joined. ``.txt`` members are read only where there is no other table.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from ohlcvml.bars import read_bars
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "bars.csv"
    >>> _ = path.write_text(
    ...     "Date;Time;Open;High;Low;Last;Volume\n"
    ...     "31.01.2025;09:30;100.25;101.5;100;101;12\n"
    ...     "31.01.2025;09:31;101;101;100.5;100.75;7\n"
    ... )
    >>> read_bars(path, tz="America/New_York")
                                 open   high    low   close  volume
    time
    2025-01-31 14:30:00+00:00  100.25  101.5  100.0  101.00    12.0
    2025-01-31 14:31:00+00:00  101.00  101.0  100.5  100.75     7.0
    """
    given = locals()
    for name, rule in _RULES.items():
        check_value("read_bars", name, rule, given[name])
    column_map = check_columns(columns)
    clock = None if tz is None else parse_clock(tz)
    options = Options(clock, dayfirst, ambiguous, epoch, tuple(keep))
    parts: list[tuple[Member, Series]] = []
    try:
        for member in open_members(path, max_bytes):
            parts += [(member, one) for one in _read_member(member, options, column_map, max_bytes)]
        labels, known = _labels(parts)
        return _join([one for _, one in parts], labels, known, scale, symbol)
    except (DataError, ParameterError) as error:
        said = plain_text(str(error))
        if said == str(error):
            raise
        raise type(error)(said) from None


def _read_member(
    member: Member, options: Options, columns: ColumnMap, max_bytes: int
) -> list[Series]:
    lean = _lean(member)
    table = open_table(member.source, member.data, max_bytes)
    if lean is not None and not table.headers:
        columns = {"time": 0, **columns}
    keep = find_keep(table, options.keep)
    day = lean.day if lean is not None and not table.headers else None
    return [read_series(table, roles, options, keep, day) for roles in find_roles(table, columns)]


def _labels(parts: list[tuple[Member, Series]]) -> tuple[list[np.ndarray], bool]:
    """Symbol of each row of each part, and whether the file itself names it."""
    own = [_own_symbol(member, one) for member, one in parts]
    known = None not in own
    symbols = [symbol or "" for symbol in own]
    by_rows = [m.name for m, one in parts if one.symbols is not None or _lean(m) is not None]
    if len(by_rows) < len(parts):
        names = [member.name for member, _ in parts]
        spans = [(int(one.time.min()), int(one.time.max())) for _, one in parts]
        named, chunked = name_symbols(names, spans)
        symbols = [mine or other for mine, other in zip(own, named, strict=True)]
        if not chunked:
            check_distinct(symbols, [member.source for member, _ in parts])
    rows = [
        np.full(len(one.time), symbol, dtype=object) if one.symbols is None else one.symbols
        for symbol, (_, one) in zip(symbols, parts, strict=True)
    ]
    return rows, known


def _own_symbol(member: Member, one: Series) -> str | None:
    """Symbol stated by the table or, beyond doubt, by its name; "" if each row states its own."""
    if one.symbols is not None:
        return ""
    lean = _lean(member)
    return one.symbol or (lean.symbol if lean else None)


def _lean(member: Member) -> Lean | None:
    return read_lean_name(member.name, member.source)


def _join(
    parts: list[Series], labels: list[np.ndarray], known: bool, scale: float, symbol: str | None
) -> Bars:
    label = np.concatenate(labels)
    codes, found = pd.factorize(label, sort=True)
    chosen = np.arange(len(label))
    if symbol is not None and (len(found) > 1 or known):
        hits = [i for i, name in enumerate(found) if name.lower() == symbol.lower()]
        if len(hits) != 1:
            shown = ", ".join(map(repr, found[:8])) + (" ..." if len(found) > 8 else "")
            raise DataError(
                f"read_bars: symbol={symbol!r} is not in the file, which holds {len(found)} "
                f"({shown}). Pass one of them, or leave 'symbol' out for all."
            )
        chosen = np.flatnonzero(codes == hits[0])
    elif len(found) > 1:
        chosen = np.argsort(codes, kind="stable")
    time = pd.DatetimeIndex(
        np.concatenate([part.time for part in parts])[chosen].view("M8[ns]"), name="time"
    ).tz_localize("UTC")
    data: dict[str, object] = {}
    for i, name in enumerate(OHLCV):
        values = np.concatenate([part.values[i] for part in parts])[chosen]
        data[name] = values if name == "volume" else _scaled(values, scale)
    for name in parts[0].extra:
        column = pd.concat([part.extra[name] for part in parts], ignore_index=True)
        data[name] = column.iloc[chosen].array
    index: pd.Index = time
    if len(found) > 1 and symbol is None:
        index = pd.MultiIndex.from_arrays([label[chosen], time], names=["symbol", "time"])
    bars = pd.DataFrame(data, index=index)
    bars.attrs["clock"] = "; ".join(dict.fromkeys(part.note for part in parts))
    label_known = symbol or (str(found[0]) if known and len(found) == 1 else "")
    if label_known:
        bars.attrs["symbol"] = label_known
    return bars


def _scaled(values: FloatArray, scale: float) -> FloatArray:
    if scale == 1:
        return values
    divisor = round(1 / scale) if scale < 1 else 0
    # 80439 / 100000 is the nearest float to 0.80439; 80439 * 1e-5 is its neighbour
    return values / divisor if divisor and 1 / divisor == scale else values * scale
