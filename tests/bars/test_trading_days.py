"""The trading day of each bar: contracts, FX and CFDs, crypto."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import Contract, Sessions, contract, register_contract, trading_days
from ohlcvml.exceptions import DataError, ParameterError

NEW_YORK = ZoneInfo("America/New_York")


def utc(*stamps):
    return pd.DatetimeIndex(list(stamps), tz="UTC")


def rolled_at_five(stamp):
    """The day of New York that ends at 17:00, Saturdays and Sundays given to Friday."""
    day = (stamp.astimezone(NEW_YORK).replace(tzinfo=None) + dt.timedelta(hours=7)).date()
    return day - dt.timedelta(days=max(day.weekday() - 4, 0))


@given(st.lists(st.datetimes(dt.datetime(1995, 1, 1), dt.datetime(2035, 1, 1)), max_size=20))
@settings(max_examples=25, deadline=None)
def test_fx_days_are_rolled_at_five_in_new_york_whatever_the_clock_change(moments):
    index = pd.DatetimeIndex(sorted(moments), tz="UTC")
    expected = [rolled_at_five(stamp.to_pydatetime()) for stamp in index]
    assert [day.date() for day in trading_days(index, "fx")] == expected


def test_crypto_days_are_those_of_utc():
    index = pd.date_range("2023-12-30", "2024-01-03", freq="7h", tz="UTC")
    assert trading_days(index, "crypto").tolist() == index.tz_localize(None).normalize().tolist()


@pytest.mark.parametrize("unit", ["s", "ns"])
def test_a_contract_has_the_dates_of_its_sessions(unit):
    index = utc("2024-01-07 23:00", "2024-01-08 21:59", "2024-01-08 23:00").as_unit(unit)
    expected = list(pd.DatetimeIndex(["2024-01-08", "2024-01-08", "2024-01-09"]))
    symbols = pd.MultiIndex.from_product([["MES"], index])
    for market in ("MES", contract("MES"), Sessions.of("MES")):
        assert trading_days(index, market).tolist() == expected
        assert trading_days(symbols, market).tolist() == expected
    assert trading_days(index.tz_convert("Asia/Tokyo"), "MES").tolist() == expected
    assert trading_days(index[::-1], "MES").tolist() == expected[::-1]


def test_a_registered_contract_carries_its_market(contracts_restored):
    register_contract(Contract("EURUSD", 1e-5, 1.0, calendar="fx"))
    register_contract(Contract("BTCUSDT", 0.1, 0.1, calendar="crypto"))
    sunday = utc("2024-01-07 23:30")
    assert trading_days(sunday, "EURUSD")[0] == pd.Timestamp("2024-01-08")
    assert trading_days(sunday, "BTCUSDT")[0] == pd.Timestamp("2024-01-07")
    assert Sessions.of("EURUSD") == Sessions.of("fx") == Sessions("fx")
    assert Sessions("fx").close(sunday)[0] == pd.Timestamp("2024-01-08 22:00", tz="UTC")


def test_what_is_no_market_is_refused(contracts_restored):
    index = utc("2024-01-08")
    for market, message in [
        (None, r"parameter 'market' must name a market; got None. Pass a Contract, its symbol"),
        (252, "must name a market; got 252"),
        ("forex", "must be one of"),
        (Contract("OWN", 0.1, 1.0), "must have a calendar"),
        (Sessions(), "must have a calendar"),
    ]:
        with pytest.raises(ParameterError, match=message):
            trading_days(index, market)
    with pytest.raises(ParameterError, match="must not be named as a market"):
        register_contract(Contract("fx", 1e-5, 1.0))


def test_an_index_without_a_clock_is_refused():
    for index, message in [
        (pd.RangeIndex(3), "got a RangeIndex"),
        (pd.DatetimeIndex(["2024-01-08"]), "got a DatetimeIndex without a time zone"),
    ]:
        with pytest.raises(DataError, match=message):
            trading_days(index, "fx")
    with pytest.raises(DataError, match="must not hold NaT"):
        trading_days(pd.DatetimeIndex([None], tz="UTC"), "fx")
    assert len(trading_days(utc(), "fx")) == 0


@pytest.mark.parametrize(
    ("name", "days", "dates"),
    [("eurusd_1m_histdata_2018", 260, 313), ("xauusd_1m_histdata_2018", 258, 312)],
)
def test_a_year_of_fx_has_as_many_days_as_are_annualised(shared_data, name, days, dates):
    time = pd.read_parquet(shared_data / "norm" / f"{name}.parquet", columns=["ts"])["ts"]
    index = pd.DatetimeIndex(time)
    counted = trading_days(index, "fx").nunique()
    assert counted == days
    assert Sessions.of("fx").per_year / counted == pytest.approx(1.0, abs=0.015)
    # Without a market, the dates of UTC are what is counted, and what a year is made of.
    assert index.normalize().nunique() == dates
    assert Sessions().per_year_of(index) == 313


def test_a_specification_changes_with_the_trade_date_not_with_midnight():
    """Half ticks of 6E began with the session of 11 January 2016, on Sunday evening."""
    evening = utc("2016-01-10 23:30", "2016-01-08 21:00")
    assert [contract("6E", on=stamp).tick_value for stamp in evening] == [6.25, 12.5]
    assert contract("6E", on="2016-01-10").tick_value == 12.5


def test_labels_and_checks_read_the_specification_of_the_trade_date():
    from ohlcvml.bars.validate._judge import tick_sizes
    from ohlcvml.labels._market import specifications

    index = utc("2016-01-08 21:00", "2016-01-10 23:30", "2016-01-11 12:00")
    (old, before), (new, after) = specifications("6E", index)
    assert (old.tick_value, before.tolist()) == (12.5, [True, False, False])
    assert (new.tick_value, after.tolist()) == (6.25, [False, True, True])
    opens = pd.Timestamp("2016-01-10 23:00", tz="UTC").value
    assert tick_sizes("6E", index) == [(np.iinfo(np.int64).min, 1e-4), (opens, 5e-5)]
