"""What file names say: Lean's date and contract, contract months, the period of a chunk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError

_DAY = 86_400_000_000_000
_LEAN = re.compile(
    r"(?P<day>(?:19|20)\d{6})_(?P<root>.+?)_(?P<size>tick|second|minute)_"
    r"(?P<kind>trade|quote|openinterest)(?:_(?P<contract>.+))?",
    re.IGNORECASE,
)
_YEAR_MONTH = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])"
_CONTRACT = re.compile(rf"(?<!\d)({_YEAR_MONTH})00(?!\d)")
_PERIOD = re.compile(
    r"(?:^|[-_ .])(?P<year>(?:19|20)\d\d)"
    r"(?:[-_]?(?P<month>0[1-9]|1[0-2])(?:[-_]?(?P<day>0[1-9]|[12]\d|3[01]))?)?$"
)


@dataclass(frozen=True)
class Lean:
    """Midnight of the day in a Lean file's name (ns since 1970, its own clock) and its symbol."""

    day: int
    symbol: str


def read_lean_name(name: str, source: str) -> Lean | None:
    """Read a name such as ``20131007_gc_minute_trade_201312.csv``; None if it is not Lean's."""
    match = _LEAN.fullmatch(_stem(name))
    if match is None:
        return None
    if match["kind"].lower() != "trade" or match["size"].lower() == "tick":
        raise DataError(
            f"read_bars: {source}: a Lean file of {match['size']} {match['kind']} data, not of "
            "trade bars. Pass a ..._second_trade or ..._minute_trade file."
        )
    try:
        day = pd.Timestamp(match["day"])
    except ValueError as error:
        raise DataError(
            f"read_bars: {source}: {match['day']} in the file's name is no date. Mend the name."
        ) from error
    contract = match["contract"] or match["root"]
    month = re.fullmatch(rf"({_YEAR_MONTH})(?:_\d{{8}})?", contract)
    return Lean(day.as_unit("ns").value, month[1] if month else contract)


def _stem(name: str) -> str:
    while True:
        bare = re.sub(
            r"\.(?:csv|tsv|txt|prn|parquet|pq|feather|arrow|ipc|gz|zip)$", "", name, flags=re.I
        )
        if bare == name:
            return name
        name = bare


def name_symbols(names: list[str], spans: list[tuple[int, int]]) -> tuple[list[str], bool]:
    """Symbols of the members of a zip, from their names and first and last stamps.

    ``YYYYMM00`` is a contract month. A year, month or day at the end of a name is the period of a
    chunk if the stamps of every member lie in the period its name says; such chunks of one series
    get one symbol. Otherwise ``YYYYMM`` is a contract month and anything else part of the symbol.
    What all names share is left out.

    Parameters
    ----------
    names : list of str
        File names.
    spans : list of (int, int)
        First and last stamp of each member, UTC ns.

    Returns
    -------
    symbols : list of str
    chunked : bool
        Whether members of one symbol are chunks of one series.

    Examples
    --------
    >>> from ohlcvml.bars.read._names import name_symbols
    >>> name_symbols(["GOLD_20240200.csv", "GOLD_20240400.csv"], [(0, 1), (0, 1)])
    (['202402', '202404'], False)
    """
    stems = [_stem(name) for name in names]
    contracts = [_CONTRACT.search(stem) for stem in stems]
    if all(contracts):
        roots = [
            stem[: m.start()] + stem[m.end() :]
            for stem, m in zip(stems, contracts, strict=True)
            if m
        ]
        months = [m[1] for m in contracts if m]
        return _with_roots(roots, months), False
    periods = [_PERIOD.search(stem) for stem in stems]
    if all(periods):
        if all(_covers(m, span) for m, span in zip(periods, spans, strict=True) if m):
            roots = [stem[: m.start()] for stem, m in zip(stems, periods, strict=True) if m]
            return _shorten(roots), True
        if all(m["month"] and not m["day"] for m in periods if m):
            roots = [stem[: m.start()] for stem, m in zip(stems, periods, strict=True) if m]
            return _with_roots(roots, [m["year"] + m["month"] for m in periods if m]), False
    return _shorten(stems), False


def _covers(period: re.Match[str], span: tuple[int, int]) -> bool:
    """Whether stamps lie in the period, give or take a day for the vendor's clock."""
    unit: Any = "D" if period["day"] else "M" if period["month"] else "Y"
    text = "-".join(part for part in (period["year"], period["month"], period["day"]) if part)
    try:
        begin = np.datetime64(text, unit)
    except ValueError:
        return False
    first = begin.astype("M8[ns]").astype(np.int64) - _DAY
    last = (begin + 1).astype("M8[ns]").astype(np.int64) + _DAY
    return bool(first <= span[0] and span[1] <= last)


def _with_roots(roots: list[str], months: list[str]) -> list[str]:
    if len(set(roots)) == 1:
        return months
    return [f"{root}_{month}" for root, month in zip(_shorten(roots), months, strict=True)]


def _shorten(stems: list[str]) -> list[str]:
    """Leave out the leading and trailing words that all names share."""
    if len(set(stems)) == 1:
        return stems
    words = [re.split(r"([-_ .])", stem) for stem in stems]
    shortest = min(map(len, words))
    head = 0
    while head < shortest - 1 and len({tuple(w[head : head + 2]) for w in words}) == 1:
        head += 2
    tail = 0
    while (
        tail < shortest - head - 1 and len({tuple(w[len(w) - tail - 2 :][:2]) for w in words}) == 1
    ):
        tail += 2
    return ["".join(w[head : len(w) - tail]) for w in words]


def check_distinct(symbols: list[str], members: list[str]) -> None:
    """Raise if two members claim one symbol, which only chunks and Lean's days may.

    ``members`` are paths inside the zip, one a symbol.
    """
    seen: dict[str, str] = {}
    for symbol, name in zip(symbols, members, strict=True):
        if symbol in seen and seen[symbol] != name:
            raise DataError(
                f"read_bars: members {seen[symbol]!r} and {name!r} of the zip both name the "
                f"symbol {symbol!r}, but their names do not part it into periods. Rename one or "
                "read them one by one."
            )
        seen[symbol] = name
