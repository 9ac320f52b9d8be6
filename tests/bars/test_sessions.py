"""Sessions against the calendar read by eye and against a row-by-row oracle."""

import numpy as np
import pandas as pd
import pandas_market_calendars as mcal
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import Sessions, contract
from ohlcvml.exceptions import DataError, ParameterError


def utc(*stamps):
    return pd.DatetimeIndex(list(stamps), tz="UTC")


EQUITY = Sessions("CME_Equity")
CALENDARS = ["CBOT_InterestRate", "CMEGlobex_FX", "NYSE", "24/7"]


def test_overnight_session_belongs_to_the_next_date():
    # Chicago is UTC-6 in January: Tuesday's session opens on Monday at 23:00 UTC.
    stamps = utc("2024-01-08 21:59", "2024-01-08 22:00", "2024-01-08 22:59", "2024-01-08 23:00")
    days = [str(d.date()) for d in EQUITY.date(stamps)]
    assert days == ["2024-01-08", "2024-01-08", "2024-01-08", "2024-01-09"]
    assert EQUITY.inside(stamps).tolist() == [True, False, False, True]
    assert np.diff(EQUITY.number(stamps)).tolist() == [0, 0, 1]


def test_open_close_and_next_open():
    stamps = utc("2024-01-05 12:00", "2024-01-07 12:00")  # a Friday and the Sunday after it
    assert EQUITY.open(stamps).tolist() == list(utc("2024-01-04 23:00", "2024-01-04 23:00"))
    assert EQUITY.close(stamps).tolist() == list(utc("2024-01-05 22:00", "2024-01-05 22:00"))
    assert EQUITY.next_open(stamps).tolist() == list(utc("2024-01-07 23:00", "2024-01-07 23:00"))
    assert EQUITY.close(stamps).unit == "ns"


def test_daylight_saving_moves_the_open():
    stamps = utc("2024-03-08 12:00", "2024-03-11 12:00")
    assert EQUITY.open(stamps).hour.tolist() == [23, 22]


def test_early_close_and_holiday():
    # Good Friday 2022: no session; Thanksgiving: trading stops at noon in Chicago.
    stamps = utc("2022-04-14 12:00", "2022-04-18 12:00", "2024-11-28 12:00")
    number = EQUITY.number(stamps)
    assert number[1] - number[0] == 1
    assert EQUITY.close(stamps)[2] == pd.Timestamp("2024-11-28 18:00", tz="UTC")


def test_holidays_differ_by_product():
    stamp = utc("2023-11-23 19:00")  # Thanksgiving, 13:00 in Chicago
    assert not EQUITY.inside(stamp)[0]
    assert Sessions(contract("MGC").calendar).inside(stamp)[0]


def test_a_real_break_is_outside_a_zero_length_one_is_not():
    stamps = utc("2019-12-03 21:14", "2019-12-03 21:15", "2019-12-03 21:29", "2019-12-03 21:30")
    assert EQUITY.inside(stamps).tolist() == [True, False, False, True]
    assert len(set(EQUITY.number(stamps))) == 1
    assert EQUITY.inside(utc("2023-12-05 21:15")).all()


def test_crypto_halt_between_sessions_is_no_part_of_either():
    crypto = Sessions.of("BTC")
    assert crypto.inside(utc("2023-11-20 21:59", "2023-11-20 22:30")).tolist() == [True, False]


# Calendars that are used as the library has them; the corrected ones are tested below.
@pytest.mark.parametrize("calendar", CALENDARS)
@given(
    minutes=st.lists(st.integers(0, 10 * 365 * 24 * 60), min_size=1, max_size=20),
)
@settings(max_examples=10, deadline=None)
def test_row_by_row_oracle(calendar, minutes):
    table = _schedule(calendar)
    stamps = pd.Timestamp("2015-01-05", tz="UTC") + pd.to_timedelta(sorted(minutes), unit="min")
    sessions = Sessions(calendar)
    row = [int(np.flatnonzero(table["market_open"] <= s)[-1]) for s in stamps]
    assert sessions.date(stamps).tolist() == table.index[row].tolist()
    assert sessions.close(stamps).tolist() == table["market_close"].iloc[row].tolist()
    number = sessions.number(stamps)
    assert (number - number[0]).tolist() == (np.array(row) - row[0]).tolist()


_tables = {}


def _schedule(calendar):
    if calendar not in _tables:
        _tables[calendar] = mcal.get_calendar(calendar).schedule("2014-12-01", "2025-03-01")
    return _tables[calendar]


def test_the_number_of_a_bar_does_not_depend_on_other_bars():
    long = pd.date_range("1955-01-01", "2044-01-01", freq="97h", tz="UTC")
    number = EQUITY.number(long)
    assert (np.diff(number) >= 0).all()
    assert EQUITY.number(long[-3:]).tolist() == number[-3:].tolist()
    assert EQUITY.number(long[:3]).tolist() == number[:3].tolist()
    # The first session of 1970 was the Friday after New Year.
    assert EQUITY.number(utc("1970-01-01 12:00", "1970-01-02 12:00")).tolist() == [-1, 0]


def test_multiindex_uses_the_time_level_and_keeps_the_order():
    time_level = utc("2024-01-08 12:00", "2024-01-09 12:00")
    index = pd.MultiIndex.from_product([["ES", "NQ"], time_level])
    assert EQUITY.number(index).tolist() == [*EQUITY.number(time_level)] * 2


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_unit_and_naive_clock_do_not_matter(unit):
    stamps = utc("2024-01-08 12:00", "2024-01-09 12:00").as_unit(unit)
    expected = EQUITY.number(utc("2024-01-08 12:00", "2024-01-09 12:00"))
    assert EQUITY.number(stamps).tolist() == expected.tolist()
    assert EQUITY.number(stamps.tz_localize(None)).tolist() == expected.tolist()
    assert EQUITY.number(stamps.tz_convert("America/Chicago")).tolist() == expected.tolist()


def test_without_a_calendar():
    none = Sessions()
    stamps = utc("2024-01-08 23:30", "2024-01-09 00:30")
    assert none.number(stamps).tolist() == [0, 0]
    assert [str(d.date()) for d in none.date(stamps)] == ["2024-01-08", "2024-01-09"]
    assert none.inside(stamps).all()
    assert none.close(stamps).isna().all()
    assert none.open(stamps).isna().all()


@pytest.mark.parametrize("sessions", [Sessions(), EQUITY])
@pytest.mark.parametrize("index", [pd.RangeIndex(3), pd.period_range("2020", periods=3, freq="M")])
def test_indexes_without_stamps_know_no_sessions(sessions, index):
    assert sessions.number(index).tolist() == [0, 0, 0]
    assert sessions.inside(index).all()
    assert sessions.date(index).isna().all()
    assert sessions.close(index).isna().all()


def test_empty_index():
    assert len(EQUITY.number(utc())) == len(EQUITY.close(utc())) == len(EQUITY.date(utc())) == 0


def test_sessions_a_year():
    assert EQUITY.per_year == 258.1  # holidays with a half session count
    assert Sessions("NYSE").per_year == 251.6
    assert Sessions("24/7").per_year == 365.2
    assert Sessions().per_year == 252


def test_sessions_a_year_of_bars_that_never_stop():
    always = pd.date_range("2024-01-01", periods=24 * 30, freq="h", tz="UTC")
    forex = always[(always.dayofweek < 5) | ((always.dayofweek == 6) & (always.hour >= 22))]
    assert Sessions().per_year_of(always) == 365
    assert Sessions().per_year_of(forex) == 313  # UTC dates: six a week
    assert Sessions().per_year_of(always[always.dayofweek < 5]) == 252
    assert Sessions("fx").per_year_of(forex) == Sessions("fx").per_year == 260.8
    assert EQUITY.per_year_of(always) == EQUITY.per_year


def test_of_a_contract():
    assert Sessions.of("MES") == Sessions.of(contract("MES")) == Sessions("CME_Equity")
    assert Sessions.of(None) == Sessions(None) == Sessions.of(Sessions())
    with pytest.raises(ParameterError, match=r"Sessions.of: parameter 'source'"):
        Sessions.of(3.5)


def test_unknown_calendar_is_told_at_once():
    with pytest.raises(ParameterError, match=r"CMEGlobex_MGC.*Did you mean.*get_calendar_names"):
        Sessions("CMEGlobex_MGC")
    with pytest.raises(ParameterError, match="'calendar' must be a non-empty string or None"):
        Sessions(5)


def test_nat_is_refused():
    with pytest.raises(DataError, match="must not hold NaT; 1 of 2"):
        EQUITY.number(pd.DatetimeIndex(["2024-01-08", None], tz="UTC"))


def test_bars_outside_the_session_in_a_real_file(shared_data):
    table = pd.read_parquet(shared_data / "norm" / "es_1m_quotrading_2025.parquet")
    stamps = pd.DatetimeIndex(table["ts"])
    outside = stamps[~EQUITY.inside(stamps)]
    # 780: thirteen hours, on Labor Day after the early close, in daily halts of the vendor's
    # suspect first days, in one halt in November, and on a Sunday before the open.
    counts = pd.Series(1, outside.strftime("%m-%d")).groupby(level=0).sum()
    expected = {"09-01": 300, "09-02": 60, "09-03": 60, "11-03": 60, "11-09": 300}
    assert counts.to_dict() == expected
    assert len(outside) == 780


@pytest.mark.parametrize(
    ("name", "symbol", "outside"),
    [
        ("es_5m_tradingview_2024_25", "ES", 0),
        ("mes_1h_contracts_to2024", "MES", 0),
        ("mgc_1h_contracts_2018_2024", "MGC", 0),
    ],
)
def test_real_bars_lie_inside_the_sessions(shared_data, name, symbol, outside):
    stamps = pd.read_parquet(shared_data / "norm" / f"{name}.parquet", columns=["ts"])["ts"]
    stamps = pd.DatetimeIndex(stamps.unique())
    assert np.count_nonzero(~Sessions.of(symbol).inside(stamps)) == outside


def test_real_sessions_all_have_bars(shared_data):
    table = pd.read_parquet(shared_data / "norm" / "es_5m_tradingview_2024_25.parquet")
    number = np.unique(EQUITY.number(pd.DatetimeIndex(table["ts"])))
    assert (np.diff(number) == 1).all()
