"""The scale of a file against its contract: the one power of ten that fits, or all that may."""

import re

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import contract, validate_bars

# Prices of the contracts in their time, from their exchanges' published settlements, rounded.
PRICES = [
    ("ES", 2010, 1130), ("ES", 2025, 6300), ("MES", 2020, 3300), ("NQ", 2016, 4700),
    ("NQ", 2025, 23_000), ("RTY", 2018, 1600), ("YM", 2012, 12_900), ("YM", 2025, 44_500),
    ("GC", 2001, 271), ("GC", 2013, 1400), ("MGC", 2025, 3400), ("SI", 2003, 4.9),
    ("SI", 2024, 30.5), ("CL", 1999, 19.2), ("CL", 2021, 70.5), ("NG", 2023, 2.7),
    ("HG", 2010, 3.4), ("ETH", 2022, 1600), ("ETH", 2025, 2800), ("BTC", 2019, 7900),
    ("ZN", 2024, 110), ("6E", 2018, 1.17), ("6J", 2023, 0.0071),
]  # fmt: skip


def on_ticks(symbol, year, price, n=150, off=0.0):
    """Bars of a random walk on the contract's ticks."""
    tick = contract(symbol).tick_size
    rng = np.random.default_rng(year)
    step = max(1, round(price * 0.002 / tick))
    close = round(price / tick) + rng.integers(-step, step + 1, n).cumsum()
    opened = np.r_[close[0], close[:-1]]
    top = np.maximum(opened, close) + rng.integers(0, step + 1, n)
    bottom = np.minimum(opened, close) - rng.integers(0, step + 1, n)
    table = np.column_stack([opened, top, bottom, close]) * tick + off
    index = pd.date_range(f"{year}-06-03 14:30", periods=n, freq="5min", tz="UTC", name="time")
    bars = pd.DataFrame(np.round(table, 8), index, ["open", "high", "low", "close"])
    return bars.assign(volume=5.0)


def wrong(bars, symbol):
    return validate_bars(bars, contract=symbol, policy="report").report.find("wrong_scale")


@pytest.mark.parametrize(("symbol", "year", "price"), PRICES)
def test_every_power_of_ten_is_found_and_named(symbol, year, price):
    bars = on_ticks(symbol, year, price)
    names = ["open", "high", "low", "close"]
    told = {}
    for power in (-5, -2, -1, 0, 1, 2):
        finding = wrong(bars.assign(**{n: bars[n] * 10.0**power for n in names}), symbol)
        scales = re.findall(r"(?<![\d.])1e(-?\d+)", finding.message) if finding else []
        told[power] = (finding.severity if finding else None, [int(k) for k in scales])
    expected = {power: ("error" if power else None, [-power] if power else []) for power in told}
    assert told == expected


def test_gold_in_cents_is_read_by_the_scale_that_is_told(tmp_path):
    bars = on_ticks("GC", 2023, 1950)
    cents = bars.assign(**{n: bars[n] * 100 for n in ("open", "high", "low", "close")})
    finding = wrong(cents, "GC")
    assert "scale=1e-2 would fit price and tick" in finding.message
    assert "1e-1" not in finding.message
    assert wrong(bars, "GC") is None


@pytest.mark.parametrize(("symbol", "year", "price"), PRICES)
def test_markets_that_moved_and_adjusted_prices_are_no_other_scale(symbol, year, price):
    tick = contract(symbol).tick_size
    for factor, off in ((0.7, 0.0), (1.4, 0.37 * tick)):
        assert wrong(on_ticks(symbol, year, price * factor, off=off), symbol) is None


def test_where_no_scale_fits_the_tick_every_one_that_fits_the_price_is_told():
    bars = on_ticks("GC", 2023, 1950, off=0.0371)
    cents = bars.assign(**{n: bars[n] * 100 for n in ("open", "high", "low", "close")})
    assert "of the scales 1e-3, 1e-2, 1e-1 each would fit the price, none the tick 0.1" in (
        wrong(cents, "GC").message
    )


def test_spot_gold_is_no_future_on_another_scale():
    """Two decimals off the tick, at the price of its time."""
    bars = on_ticks("GC", 2018, 1290, off=0.03)
    assert wrong(bars, "GC") is None
    tenth = bars.assign(**{n: bars[n] / 10 for n in ("open", "high", "low", "close")})
    finding = wrong(tenth, "GC")
    assert "of the scales 1e1, 1e2 each would fit the price" in finding.message
    silver = on_ticks("SI", 2024, 30.5, off=0.0021)  # a tenth of it was a price once
    finding = wrong(
        silver.assign(**{n: silver[n] / 10 for n in ("open", "high", "low", "close")}), "SI"
    )
    assert finding.severity == "warning"
    assert "scale=1e1 would fit the price, no scale the tick" in finding.message
