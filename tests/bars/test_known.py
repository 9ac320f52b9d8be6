"""When bars are known: never before they are over, and at the close where the session ends."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import Sessions, contract, known_at
from ohlcvml.exceptions import DataError, ParameterError


def frame(*stamps, **columns):
    index = pd.DatetimeIndex(list(stamps), tz="UTC", name="time")
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    return pd.DataFrame({**prices, **columns}, index=index)


def clock(known):
    return known.strftime("%d %H:%M").tolist()


def test_stamp_plus_size():
    bars = frame("2024-01-08 10:00", "2024-01-08 10:05", "2024-01-08 10:10")
    known = known_at(bars)
    assert clock(known) == ["08 10:05", "08 10:10", "08 10:15"]
    assert (str(known.tz), known.unit) == ("UTC", "ns")


def test_capped_at_the_close_of_the_session():
    # NYSE closes at 21:00 UTC; an hourly bar stamped half past is over half an hour early.
    bars = frame("2024-01-08 19:30", "2024-01-08 20:30", "2024-01-09 14:30")
    assert clock(known_at(bars, sessions=Sessions("NYSE"), bar_size="1h")) == [
        "08 20:30",
        "08 21:00",
        "09 15:30",
    ]


def test_a_bar_that_reaches_into_the_next_session_is_not_capped():
    # 20:00 to 24:00 UTC holds the close at 22:00 and an hour of the session that opens at 23:00.
    bars = frame("2024-01-08 16:00", "2024-01-08 20:00")
    assert clock(known_at(bars, sessions=contract("MES"), bar_size="4h")) == [
        "08 20:00",
        "09 00:00",
    ]


def test_daily_bars_stamped_at_the_open_are_known_at_the_close():
    bars = frame("2024-01-07 23:00", "2024-01-08 23:00")
    assert clock(known_at(bars, sessions="MES")) == ["08 22:00", "09 22:00"]


def test_bars_outside_the_session_are_not_capped():
    assert clock(known_at(frame("2024-01-08 22:10"), sessions="MES", bar_size="5min")) == [
        "08 22:15"
    ]


def test_the_column_known_is_the_answer():
    known = pd.to_datetime(["2024-01-08 10:07", "2024-01-08 10:30"]).tz_localize("UTC")
    bars = frame("2024-01-08 10:00", "2024-01-08 10:07", known=known.tz_convert("Asia/Tokyo"))
    assert clock(known_at(bars, sessions="MES")) == ["08 10:07", "08 10:30"]


def test_multiindex_keeps_the_order_of_the_rows():
    one = frame("2024-01-08 10:00", "2024-01-08 10:05")
    both = pd.concat({"ES": one, "NQ": one}, names=["symbol"])
    assert clock(known_at(both)) == clock(known_at(one)) * 2


def test_irregular_bars_need_the_column():
    bars = frame("2024-01-08 10:00", "2024-01-08 10:07", "2024-01-08 10:09", "2024-01-08 10:20")
    with pytest.raises(DataError, match="irregular bars must carry a tz-aware column 'known'"):
        known_at(bars)


@pytest.mark.parametrize(
    ("known", "rule"),
    [
        (["2024-01-08 10:05"], "must be tz-aware"),
        (pd.DatetimeIndex(["2024-01-08 09:59"], tz="UTC"), "must not lie before the bar's stamp"),
        (pd.DatetimeIndex([None], tz="UTC"), "must not hold NaT"),
    ],
)
def test_bad_known(known, rule):
    with pytest.raises(DataError, match=rule):
        known_at(frame("2024-01-08 10:00", known=known))


@pytest.mark.parametrize("size", ["0min", "-1min", "a while", 5, "NaT"])
def test_bad_bar_size(size):
    with pytest.raises(ParameterError, match="'bar_size' must be a span of time"):
        known_at(frame("2024-01-08 10:00"), bar_size=size)


def test_a_naive_index_is_refused():
    with pytest.raises(DataError, match=r"have no time zone.*as_bars"):
        known_at(frame("2024-01-08").tz_localize(None))


def test_another_size_than_the_bars_have_is_refused():
    bars = frame(*pd.date_range("2024-01-08 10:00", periods=20, freq="5min"))
    with pytest.raises(DataError, match=r"bar_size='1min'; 19 of 19 bars .* at 5min"):
        known_at(bars, bar_size="1min")  # else each would be known four minutes early


@given(
    minute=st.lists(st.integers(0, 60 * 24 * 60), min_size=1, max_size=30, unique=True),
    size=st.sampled_from(["1min", "7min", "1h", "4h", "1D", "3D"]),
    calendar=st.sampled_from(["CME_Equity", "NYSE", "24/7"]),
)
@settings(max_examples=50, deadline=None)
def test_nothing_trades_between_known_and_the_end_of_the_bar(minute, size, calendar):
    stamps = pd.Timestamp("2024-11-01", tz="UTC") + pd.to_timedelta(sorted(minute), unit="min")
    sessions, span = Sessions(calendar), pd.Timedelta(size)
    known = known_at(frame(*stamps.tz_localize(None)), sessions=sessions, bar_size=size)
    assert ((known > stamps) & (known <= stamps + span)).all()
    for i in np.flatnonzero(known < stamps + span):
        rest = pd.date_range(known[i], stamps[i] + span, freq="min", inclusive="left")
        assert not sessions.inside(rest).any()
