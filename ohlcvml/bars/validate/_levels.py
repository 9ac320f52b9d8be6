"""The scale of a whole file against its contract: price, tick and the level of the time."""

from __future__ import annotations

import numpy as np

from ohlcvml._time import DAY
from ohlcvml.bars.market import Contract
from ohlcvml.bars.validate._view import Found, View
from ohlcvml.typing import BoolArray, FloatArray

TICK_TOLERANCE = 0.01  # in ticks
_POWERS = range(-8, 9)
_SAMPLE = 5000  # rows at which ticks are looked at

# Lowest and highest price a contract can sensibly have, wide of all history, to tell another
# scale (cents for dollars, 1e5 points) from another market.
_LEVELS: dict[str, tuple[float, float]] = {
    "ES": (300, 30_000), "NQ": (500, 100_000), "RTY": (200, 10_000), "YM": (3_000, 200_000),
    "GC": (150, 20_000), "SI": (2, 400), "HG": (0.5, 30), "CL": (5, 500), "NG": (0.5, 50),
    "ZN": (60, 200), "ZB": (60, 250), "6E": (0.6, 2), "6B": (0.8, 2.8), "6J": (0.004, 0.02),
    "BTC": (500, 1_000_000), "ETH": (50, 50_000),
}  # fmt: skip
_MICRO = {"MES": "ES", "MNQ": "NQ", "M2K": "RTY", "MYM": "YM", "MGC": "GC", "MCL": "CL"}

# Rough prices in the middle of a year, where the range above spans several powers of ten.
_HISTORY: dict[str, dict[int, float]] = {
    "ES": {1998: 1100, 2000: 1450, 2003: 980, 2007: 1500, 2009: 920, 2013: 1640, 2017: 2430,
           2020: 3100, 2022: 4000, 2024: 5450, 2026: 6900},
    "NQ": {1999: 2300, 2000: 3700, 2003: 1200, 2007: 1950, 2009: 1480, 2013: 2950, 2017: 5700,
           2020: 10_000, 2022: 12_000, 2024: 19_500, 2026: 25_500},
    "RTY": {2002: 450, 2007: 830, 2009: 510, 2013: 990, 2017: 1410, 2020: 1430, 2022: 1750,
            2024: 2050, 2026: 2500},
    "YM": {2002: 9200, 2007: 13_500, 2009: 8500, 2013: 15_000, 2017: 21_300, 2020: 26_000,
           2022: 31_500, 2024: 39_500, 2026: 48_000},
    "GC": {1980: 600, 1985: 320, 1990: 360, 2000: 285, 2004: 395, 2008: 900, 2011: 1530,
           2015: 1180, 2018: 1280, 2020: 1750, 2023: 1930, 2024: 2330, 2025: 3350, 2026: 4300},
    "SI": {1980: 16, 1985: 6.1, 1990: 4.9, 2000: 5, 2004: 6, 2008: 17.5, 2011: 35, 2015: 15.8,
           2018: 16.5, 2020: 18, 2023: 23, 2024: 29, 2025: 37, 2026: 70},
    "HG": {1990: 1.15, 2000: 0.82, 2004: 1.25, 2008: 3.7, 2011: 4.2, 2015: 2.65, 2018: 3,
           2020: 2.65, 2022: 3.9, 2024: 4.4, 2026: 5.6},
    "CL": {1985: 27, 1990: 20, 1998: 14, 2004: 38, 2008: 120, 2009: 68, 2012: 88, 2016: 48,
           2020: 38, 2022: 105, 2024: 80, 2026: 66},
    "NG": {1990: 1.6, 2000: 4.3, 2005: 7.3, 2009: 3.9, 2012: 2.7, 2016: 2.6, 2020: 1.75,
           2022: 6, 2024: 2.6, 2026: 3.6},
    "BTC": {2013: 110, 2015: 260, 2016: 630, 2017: 2500, 2018: 6700, 2019: 9500, 2020: 9400,
            2021: 36_000, 2022: 21_000, 2023: 30_000, 2024: 63_000, 2026: 95_000},
    "ETH": {2017: 280, 2018: 470, 2019: 260, 2020: 230, 2021: 2200, 2022: 1300, 2023: 1900,
            2024: 3400, 2026: 3000},
}  # fmt: skip


def check_level(view: View, usable: BoolArray, contract: Contract | None) -> list[Found]:
    """Judge the scale of the whole file against the contract."""
    traded = view.traded[usable]
    if len(traded) < 10:
        return []
    rows = np.flatnonzero(usable)
    middle = float(np.median(traded[:, 3]))
    if contract is None:
        # whole numbers of five digits are the mark of prices in points (FX × 1e5)
        if middle >= 10_000 and bool((traded == np.rint(traded)).all()):
            detail = (
                f"every price is a whole number near {middle:g}: are these points? With a "
                "contract this is checked"
            )
            return [Found("wrong_scale", rows, detail, "info")]
        return []
    root = _MICRO.get(contract.symbol, contract.symbol)
    low, high = _LEVELS.get(root, (0.0, np.inf))
    likely = _likely_power(root, int(np.median(view.time[usable])), middle)
    some = traded[np.linspace(0, len(traded) - 1, min(len(traded), _SAMPLE)).astype(np.int64)]
    by_price = [k for k in _POWERS if low <= middle * 10.0**k <= high]
    if not low <= middle <= high:
        by_tick = [k for k in by_price if _on_tick(some, k, contract.tick_size)]
        hint = _hint(by_price, by_tick, likely, contract.tick_size)
        detail = f"median close {middle:g}, {contract.symbol} trades in {low:g} to {high:g}{hint}"
        return [Found("wrong_scale", rows, detail)]
    if likely and likely in by_price and not _on_tick(some, 0, contract.tick_size):
        sure = _on_tick(some, likely, contract.tick_size)
        fits = "price and tick" if sure else f"the price, no scale the tick {contract.tick_size:g}"
        detail = (
            f"median close {middle:g}, {contract.symbol} was near {middle * 10.0**likely:g} at the "
            f"time; scale=1e{likely} would fit {fits}"
        )
        return [Found("wrong_scale", rows, detail, None if sure else "warning")]
    ticks = np.rint(some / contract.tick_size)
    if len(np.unique(ticks[:, 3])) >= 20 and bool((ticks % 10 == 0).all()):
        detail = f"every price is a multiple of 10 ticks of {contract.tick_size:g}"
        return [Found("wrong_scale", rows, detail, "warning")]
    return []


def _likely_power(root: str, time: int, price: float) -> int:
    """Power of ten that brings a price nearest to what the contract cost at the time; else 0."""
    history = _HISTORY.get(root)
    if history is None or price <= 0:
        return 0
    year = 1970 + time / (365.25 * DAY) - 0.5
    usual = np.interp(year, list(history), np.log10(list(history.values())))
    return int(np.rint(usual - np.log10(price)))


def _on_tick(prices: FloatArray, power: int, tick: float) -> bool:
    """Whether prices times a power of ten lie on the grid of the tick, and on no grid ten wider."""
    ticks = prices * 10.0**power / tick
    whole = np.rint(ticks)
    if float(np.mean(np.abs(ticks - whole) <= TICK_TOLERANCE)) < 0.99:
        return False
    many = len(np.unique(whole)) >= 10
    return not (many and float(np.mean(whole % 5 == 0)) >= 0.99)


def _hint(by_price: list[int], by_tick: list[int], likely: int, tick: float) -> str:
    """Which scale to read the file with: the one that fits best, or all that may be meant."""
    if likely in by_tick:
        by_tick = [likely]
    elif likely in by_price:  # the time speaks for another: tell all
        by_tick = []
    if len(by_tick) == 1:
        return f"; scale=1e{by_tick[0]} would fit price and tick"
    powers = by_tick or by_price
    if not powers:
        return ""
    listed = ", ".join(f"1e{k}" for k in powers)
    said = "price and tick" if by_tick else f"the price, none the tick {tick:g}"
    if len(powers) == 1:
        said = said.replace("none", "not")
        return f"; scale={listed} would fit {said}"
    return f"; of the scales {listed} each would fit {said}"
