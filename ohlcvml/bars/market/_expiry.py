"""When futures contracts stop trading, or must be left, by documented rules."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

# Root symbol -> rule. Deliverable contracts are left before first notice, not at their last trade.
_RULE_OF: dict[str, str] = {
    **dict.fromkeys(("ES", "MES", "NQ", "MNQ", "RTY", "M2K", "YM", "MYM"), "third_friday"),
    **dict.fromkeys(("GC", "MGC", "SI", "HG", "NG", "ZN", "ZB"), "before_notice"),
    **dict.fromkeys(("CL", "MCL"), "crude_oil"),
    **dict.fromkeys(("6E", "6B", "6J"), "third_wednesday"),
    **dict.fromkeys(("BTC", "ETH"), "last_friday"),
}

# Root symbol -> months that are traded; every month of the others. Serial months that only see
# trade near their end are left out.
_MONTHS_OF: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("ES", "MES", "NQ", "MNQ", "RTY", "M2K", "YM", "MYM"), (3, 6, 9, 12)),
    **dict.fromkeys(("ZN", "ZB", "6E", "6B", "6J"), (3, 6, 9, 12)),
    **dict.fromkeys(("GC", "MGC"), (2, 4, 6, 8, 10, 12)),
    **dict.fromkeys(("SI", "HG"), (3, 5, 7, 9, 12)),
}

RULES: tuple[str, ...] = tuple(sorted(set(_RULE_OF.values())))


def rule_of(symbol: str | None) -> str | None:
    """Return the rule of a root symbol that comes with the package."""
    return None if symbol is None else _RULE_OF.get(symbol)


def rule_date(rule: str, contract_id: int) -> date:
    """Date of a rule for the contract month YYYYMM. Holidays are not known, weekends are.

    - ``third_friday`` of the contract month (equity index).
    - ``third_wednesday``: two business days before it (currencies).
    - ``last_friday`` of the contract month (bitcoin, ether).
    - ``before_notice``: third last business day of the month before, ahead of the first notice day
      of metals and Treasuries, and the last trading day of natural gas.
    - ``crude_oil``: three business days before the 25th of the month before, four where the 25th
      is no business day.
    """
    year, month = divmod(contract_id, 100)
    first = np.datetime64(f"{year:04d}-{month:02d}", "M")
    if rule == "third_friday":
        day = np.busday_offset(first, 2, roll="forward", weekmask="Fri")
    elif rule == "last_friday":
        day = np.busday_offset(first + 1, -1, roll="forward", weekmask="Fri")
    elif rule == "third_wednesday":
        wednesday = np.busday_offset(first, 2, roll="forward", weekmask="Wed")
        day = np.busday_offset(wednesday, -2)
    elif rule == "before_notice":
        day = np.busday_offset(first.astype("datetime64[D]"), -3, roll="forward")
    else:
        twenty_fifth = (first - 1).astype("datetime64[D]") + 24
        day = np.busday_offset(
            twenty_fifth, -3 if np.is_busday(twenty_fifth) else -4, roll="forward"
        )
    result: date = day.astype("datetime64[D]").astype(object)
    return result


@lru_cache(maxsize=32)
def expiries(symbol: str, first_year: int, last_year: int) -> npt.NDArray[np.datetime64]:
    """Dates of the rule of a symbol for the contract months of some years, in order."""
    rule = _RULE_OF[symbol]
    months = _MONTHS_OF.get(symbol, tuple(range(1, 13)))
    years = range(first_year, last_year + 1)
    days = [rule_date(rule, 100 * year + month) for year in years for month in months]
    return np.array(days, dtype="datetime64[D]")
