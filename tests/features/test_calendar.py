"""What is known in advance: clocks, holidays, closures, ends of month, expiries; no surprises."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Contract, Sessions
from ohlcvml.features import CalendarFeatures
from tests.features.conftest import make_bars


def bars_at(*stamps):
    index = pd.DatetimeIndex(stamps, tz="UTC", name="time")
    return make_bars(len(index)).set_index(index)


def values(contract, name, *stamps):
    return CalendarFeatures(contract).fit_transform(bars_at(*stamps))[name].tolist()


def test_time_of_day_turns_once_in_24_hours():
    table = CalendarFeatures().fit_transform(bars_at("2025-01-07 00:00", "2025-01-07 06:00"))
    np.testing.assert_allclose(table["time_of_day_sin"], [0, 1], atol=1e-15)
    np.testing.assert_allclose(table["time_of_day_cos"], [1, 0], atol=1e-15)
    np.testing.assert_allclose(table["day_of_week_sin"], np.sin(2 * np.pi / 7))  # a Tuesday


@pytest.mark.parametrize("contract", ["ES", "GC", "CL"])
def test_the_same_minute_in_chicago_is_the_same_time_of_day(contract):
    days = pd.DatetimeIndex(["2024-03-08", "2024-03-11", "2024-11-01", "2024-11-04"])
    stamps = (days + pd.Timedelta("10h")).tz_localize("America/Chicago").tz_convert("UTC")
    assert len(set(stamps.hour)) == 2
    table = CalendarFeatures(contract).fit_transform(bars_at(*stamps.tz_localize(None)))
    np.testing.assert_allclose(table["time_of_day_sin"], np.sin(2 * np.pi * 17 / 24))
    assert table["day_of_week_cos"].nunique() == 2  # Fridays and Mondays


def test_sunday_evening_is_monday():
    evening, monday = "2025-01-12 23:30", "2025-01-13 15:00"
    one, other = values("ES", "day_of_week_sin", evening, monday)
    assert one == other == 0
    assert values(None, "day_of_week_sin", evening) == [np.sin(2 * np.pi * 6 / 7)]


def test_thanksgiving_by_hand():
    # Monday to Wednesday; Thursday and Friday close early; Monday
    days = ["2024-11-25", "2024-11-26", "2024-11-27", "2024-11-28", "2024-11-29", "2024-12-02"]
    noons = [f"{day} 16:00" for day in days]
    assert values("ES", "holiday_proximity", *noons) == [0, 0, 0.5, 1, 1, 0]
    assert values("ES", "closed_days_ahead", *noons) == [0, 0, 0, 0, 2, 0]
    assert values("ES", "month_end_proximity", *noons) == [0, 0, 0, 0.5, 1, 0]
    # The 28th: two days of the month are left
    assert values(None, "month_end_proximity", *noons) == [0, 0, 0, 0, 0.5, 0]


def test_christmas_and_a_long_weekend_by_hand():
    days = ["2024-12-20", "2024-12-23", "2024-12-24", "2024-12-26", "2024-03-27", "2024-03-28"]
    noons = sorted(f"{day} 15:00" for day in days)
    assert values("ES", "holiday_proximity", *noons) == [0.5, 1, 0, 0.5, 1, 0]
    assert values("ES", "closed_days_ahead", *noons) == [0, 3, 2, 0, 1, 0]


def test_expiries_by_hand():
    # ES: the third Friday of March, June, ...; crude oil: three business days before the 25th
    days = ["2024-02-16", "2024-03-13", "2024-03-14", "2024-03-15", "2024-03-19", "2024-03-20"]
    noons = [f"{day} 15:00" for day in days]
    assert values("MES", "expiry_proximity", *noons) == [0, 0, 0.5, 1, 0, 0]
    assert values("CL", "expiry_proximity", *noons) == [0, 0, 0, 0, 0.5, 1]


@pytest.mark.parametrize(
    ("calendar", "day"),
    [("NYSE", "2001-09-10"), ("NYSE", "2012-10-26"), ("NYSE", "2018-12-04"),
     ("CME_Equity", "2025-01-08"), ("CME_Equity", "2025-01-09")],
)  # fmt: skip
def test_what_nobody_could_know_is_not_told(calendar, day):
    contract = Contract("XYZ", 0.01, 0.01, calendar=calendar)
    assert values(contract, "holiday_proximity", f"{day} 14:45") == [0]
    friday = pd.Timestamp(day).dayofweek == 4
    assert values(contract, "closed_days_ahead", f"{day} 14:45") == [2 if friday else 0]


@pytest.mark.parametrize(
    ("contract", "count"),
    [(None, 5), ("ES", 8), (Contract("FDAX", 1.0, 25.0, "EUR", "EUREX"), 7),
     (Contract("ES", 0.25, 12.5), 6), (Contract("SPOT", 0.01, 0.01), 5)],
)  # fmt: skip
def test_columns_that_need_what_is_not_known_are_left_out(contract, count):
    table = CalendarFeatures(contract).fit_transform(make_bars(100))
    assert table.shape[1] == count == len(CalendarFeatures(contract).describe())
    assert table.notna().all(axis=None)


@pytest.mark.parametrize("contract", [None, "ES", "CL"])
def test_stream_gives_the_bits_of_the_batch(contract):
    index = pd.date_range("2023-11-20", "2025-02-01", freq="97min", tz="UTC", name="time")
    bars = make_bars(len(index)).set_index(index)
    feature = CalendarFeatures(contract)
    batch, stream = feature.fit_transform(bars), feature.stream()
    rows = []
    for row, (time, bar) in enumerate(zip(index, bars.to_dict("records"), strict=True)):
        stream = feature.stream(stream.state) if row == 500 else stream
        rows.append(stream.push(bar, time))
    assert np.array_equal(rows, batch)


def test_a_table_of_many_years_has_the_values_of_each():
    index = pd.date_range("1999-12-20", "2031-01-10", freq="7h", tz="UTC", name="time")
    bars = make_bars(len(index)).set_index(index)
    feature = CalendarFeatures("ZN")
    whole = feature.fit_transform(bars)
    for year in (2000, 2009, 2010, 2029):
        part = bars.loc[str(year)]
        pd.testing.assert_frame_equal(
            feature.transform(part), whole.loc[part.index], check_freq=False
        )


def test_symbols_on_different_days_do_not_mix():
    feature = CalendarFeatures("ES")
    tables = {"a": make_bars(300, start="2024-11-28"), "b": make_bars(300, start="2023-07-03")}
    together = feature.fit_transform(pd.concat(tables, names=["symbol", "time"]))
    for name, bars in tables.items():
        assert np.array_equal(together.loc[name], feature.transform(bars))


def test_proximities_are_rare_and_reach_one():
    index = pd.date_range("2020-01-01", "2026-01-01", freq="30min", tz="UTC", name="time")
    bars = make_bars(len(index)).set_index(index)[Sessions("CME_Equity").inside(index)]
    table = CalendarFeatures("ES").fit_transform(bars)
    ahead = table[[name for name in table if name.endswith("proximity")]]
    assert ((ahead.max() == 1) & (ahead.min() == 0)).all()
    assert (ahead.gt(0).mean() < 0.2).all()


def test_rows_without_dates_are_nan():
    price = make_bars(50)[["close"]].set_axis(["price"], axis=1).reset_index(drop=True)
    assert CalendarFeatures("ES").fit_transform(price).isna().all(axis=None)
