"""Names of bar columns: the contract's own, and what vendors call them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import pandas as pd

from ohlcvml.exceptions import DataError

OHLCV: tuple[str, ...] = ("open", "high", "low", "close", "volume")
REMEDY = "Use ohlcvml.bars.as_bars(table, tz=...), which renames, sorts, converts and reports."

# Names are compared without case, accents, blanks and signs: "<Close>", "close", "Close " are one.
# Within a role, an earlier group wins over a later one when a file is read.
COLUMN_NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "open": (
        ("open", "o", "openprice", "priceopen"),
        ("eroffnung", "eroffnungskurs", "eroffn", "ouverture", "ouv", "apertura", "abertura"),
        ("开盘", "开盘价", "始値"),
    ),
    "high": (
        ("high", "h", "highprice", "pricehigh"),
        ("hoch", "hochst", "tageshoch", "haut", "plushaut", "maximo", "maxima", "massimo"),
        ("最高", "最高价", "高値"),
    ),
    "low": (
        ("low", "l", "lowprice", "pricelow"),
        ("tief", "tiefst", "tagestief", "bas", "plusbas", "minimo", "minima"),
        ("最低", "最低价", "安値"),
    ),
    "close": (
        ("close", "c", "closeprice", "priceclose"),
        ("last", "closelast", "lastprice"),
        ("schluss", "schlusskurs", "cloture", "fermeture", "cierre", "chiusura", "fechamento"),
        ("zuletzt", "dernier", "ultimo", "收盘", "收盘价", "終値"),
    ),
    "volume": (
        ("volume", "vol", "v", "realvolume", "realvol", "basevolume", "totalvolume"),
        ("volumen", "umsatz", "成交量", "出来高"),
        ("tickvolume", "tickvol", "ticksvolume"),
        ("cumvol",),
    ),
    "symbol": (("symbol",), ("ticker",), ("instrument",), ("sym",)),
}


def plain(name: object) -> str:
    """A name without case, accents, blanks, signs and a number before it (``"1. open"``)."""
    text = unicodedata.normalize("NFKD", re.sub(r"^\s*\d+\.\s+", "", str(name))).casefold()
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", text))


_KNOWN: dict[str, str] = {
    plain(name): role for role in OHLCV for group in COLUMN_NAMES[role] for name in group
}


def named(names: list[str], role: str) -> list[int]:
    """Positions of the plain ``names`` that mean ``role``, from its first group that has any."""
    for group in COLUMN_NAMES[role]:
        wanted = {plain(name) for name in group}
        found = [i for i, name in enumerate(names) if name in wanted]
        if found:
            return found
    return []


def all_named(names: list[str], role: str) -> list[int]:
    """Positions of the plain ``names`` that mean ``role``, from all of its groups."""
    wanted = {plain(name) for group in COLUMN_NAMES[role] for name in group}
    return [i for i, name in enumerate(names) if name in wanted]


def look_alikes(columns: Iterable[object]) -> dict[str, list[str]]:
    """Which columns look like which part of a bar, in any case, dialect or language we read.

    A single letter counts where at least two of them stand together, as in ``o h l c``.

    Returns
    -------
    dict
        open, high, low, close or volume to the columns that look like it, in their order.

    Examples
    --------
    >>> from ohlcvml.bars._names import look_alikes
    >>> look_alikes(["Open", "Last", "Close", "rsi_14"])
    {'open': ['Open'], 'close': ['Last', 'Close']}
    >>> look_alikes(["c", "x"]), look_alikes(["c", "H"])
    ({}, {'close': ['c'], 'high': ['H']})
    """
    found = [(str(c), p) for c in columns if (p := plain(c)) in _KNOWN]
    if len({p for _, p in found if len(p) == 1}) == 1:
        found = [(c, p) for c, p in found if len(p) > 1]
    roles: dict[str, list[str]] = {}
    for column, name in found:
        roles.setdefault(_KNOWN[name], []).append(column)
    return roles


def has_bar_columns(columns: pd.Index, who: str, *, one_price: bool) -> bool:
    """Whether the columns are those of bars; raise if they are not.

    With ``one_price`` a table none of whose names looks like a part of a bar gives False.
    """
    if isinstance(columns, pd.MultiIndex):
        flat = [name for level in columns.levels for name in level]
        if one_price and not look_alikes(flat):
            return False
        raise DataError(
            f"{who}: 'bars' must have one level of column names; got {columns.nlevels} levels "
            f"({', '.join(map(repr, list(columns[:3])))} ...). {REMEDY}"
        )
    missing = [name for name in OHLCV if name not in columns]
    if not missing:
        twice = [name for name in OHLCV if not isinstance(columns.get_loc(name), int)]
        if twice:
            raise DataError(
                f"{who}: 'bars' must have each column once; {', '.join(twice)} come twice. "
                f"Remove one of them. {REMEDY}"
            )
        return True
    alike = look_alikes(columns)
    if one_price and not alike:
        return False
    wanted = f"{who}: 'bars' must have columns {', '.join(OHLCV)}"
    others = [repr(c) for found in alike.values() for c in found if c not in OHLCV]
    if others:
        kind = "is one of these" if len(others) == 1 else "are these"
        raise DataError(
            f"{wanted}; {', '.join(others)} {kind} in another case or dialect. {REMEDY}"
        )
    got = str(list(map(str, columns[:12]))) + (" ..." if len(columns) > 12 else "")
    raise DataError(
        f"{wanted}; {', '.join(missing)} missing from {got}. Give volume as NaN where there is "
        f"none. {REMEDY}"
    )
