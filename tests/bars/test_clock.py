"""Wall clocks to UTC: broker clocks, hours that occur twice or never."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import read_bars
from ohlcvml.bars.read._clock import local_to_utc, parse_clock
from ohlcvml.exceptions import DataError, ParameterError


def convert(stamps, tz, ambiguous="raise", groups=None):
    wall = pd.DatetimeIndex(stamps).as_unit("ns").asi8
    utc, note = local_to_utc(
        wall,
        parse_clock(tz),
        ambiguous=ambiguous,
        groups=np.zeros(len(wall), dtype=np.int64) if groups is None else np.array(groups),
        where=lambda rows: f"rows {', '.join(str(r) for r in rows)}",
        source="x.csv",
    )
    return [str(t)[5:16] for t in pd.DatetimeIndex(utc.view("M8[ns]"))], note


FOLD = "2024-11-03 "  # New York puts clocks back from 02:00 to 01:00


@pytest.mark.parametrize(
    ("tz", "winter", "summer"),
    [
        ("UTC", "12:00", "12:00"),
        ("America/New_York", "17:00", "16:00"),
        ("America/New_York+7h", "10:00", "09:00"),
        ("America/New_York-1h", "18:00", "17:00"),
        ("Europe/Athens", "10:00", "09:00"),
        ("UTC+2h", "10:00", "10:00"),
        ("UTC+5h30m", "06:30", "06:30"),
        ("Etc/GMT+5", "17:00", "17:00"),
        (dt.timezone(dt.timedelta(hours=-3)), "15:00", "15:00"),
    ],
)
def test_noon_on_each_clock(tz, winter, summer):
    got, note = convert(["2024-01-15 12:00", "2024-07-15 12:00"], tz)
    assert got == [f"01-15 {winter}", f"07-15 {summer}"]
    assert note == ""


def test_broker_clock_follows_new_york_switch_dates_not_its_own():
    # Between the US (10 March) and the European switch (31 March) of 2024 the two differ.
    broker, _ = convert(["2024-03-20 12:00"], "America/New_York+7h")
    athens, _ = convert(["2024-03-20 12:00"], "Europe/Athens")
    assert (broker, athens) == (["03-20 09:00"], ["03-20 10:00"])


@pytest.mark.parametrize("tz", ["Mars/Olympus", "America/New_York+7", "", "America", "EST5EDT4", 3])
def test_unknown_clock_is_a_parameter_error(tz):
    with pytest.raises(ParameterError, match="'tz' must be 'UTC', an IANA zone"):
        parse_clock(tz)


def test_ambiguous_hour_raises_with_count_examples_and_remedy():
    stamps = [FOLD + "00:59", FOLD + "01:10", FOLD + "01:20", FOLD + "02:00"]
    with pytest.raises(
        DataError, match=r"2 stamps occur twice .*2024-11-03 01:10:00.*rows 1, 2.*"
    ) as e:
        convert(stamps, "America/New_York")
    assert "leaves 2 of them undecided" in str(e.value)
    assert "ambiguous='earlier' or 'later'" in str(e.value)


def test_ambiguous_hour_earlier_and_later():
    stamps = [FOLD + "00:30", FOLD + "01:30", FOLD + "02:30"]
    early, note = convert(stamps, "America/New_York", "earlier")
    assert early == ["11-03 04:30", "11-03 05:30", "11-03 07:30"]
    assert note == "1 stamps that occur twice on 'America/New_York' read as the earlier"
    assert convert(stamps, "America/New_York", "later")[0][1] == "11-03 06:30"


def test_order_decides_half_hour_bars_and_says_so():
    stamps = [FOLD + t for t in ("00:30", "01:00", "01:30", "01:00", "01:30", "02:00")]
    got, note = convert(stamps, "America/New_York", "infer")
    assert got == [
        "11-03 04:30",
        "11-03 05:00",
        "11-03 05:30",
        "11-03 06:00",
        "11-03 06:30",
        "11-03 07:00",
    ]
    assert "decided by the order of the rows: 2 earlier, 2 later" in note
    with pytest.raises(DataError, match="decides all of them: pass ambiguous='infer'"):
        convert(stamps, "America/New_York")


def test_order_decides_hourly_bars():
    stamps = [FOLD + t for t in ("00:00", "01:00", "01:00", "02:00")]
    got, _ = convert(stamps, "America/New_York", "infer")
    assert got == ["11-03 04:00", "11-03 05:00", "11-03 06:00", "11-03 07:00"]


@pytest.mark.parametrize(
    "times",
    [
        ("00:59", "01:00", "01:30", "02:00"),  # one pass only
        ("00:59", "01:10", "01:10", "01:20"),  # a duplicated minute bar
        ("00:59", "01:10", "01:05", "01:20"),  # plain disorder
        ("01:50", "01:00", "01:50", "01:00"),  # runs back twice
    ],
)
def test_infer_raises_where_the_order_proves_nothing(times):
    with pytest.raises(DataError, match="undecided"):
        convert([FOLD + t for t in times], "America/New_York", "infer")


def test_infer_looks_at_each_symbol_alone():
    times = ("01:00", "01:00", "01:30", "01:30", "01:00", "01:00", "01:30", "01:30")
    got, _ = convert([FOLD + t for t in times], "America/New_York", "infer", [0, 1] * 4)
    assert [t[6:] for t in got] == ["05:00"] * 2 + ["05:30"] * 2 + ["06:00"] * 2 + ["06:30"] * 2


def test_missing_hour_raises_with_count():
    with pytest.raises(
        DataError, match=r"2 stamps do not exist .*2024-03-10 02:00:00.*another clock"
    ):
        convert(["2024-03-10 01:59", "2024-03-10 02:00", "2024-03-10 02:30"], "America/New_York")


@given(
    st.lists(
        st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2030, 1, 1)), min_size=1, max_size=30
    ),
    st.sampled_from(["America/New_York", "Europe/Athens", "Asia/Tokyo", "America/New_York+7h"]),
)
@settings(deadline=None, max_examples=50)
def test_law_wall_clock_round_trip(times, tz):
    """Outside folds, what a zone shows for an instant leads back to that instant."""
    clock = parse_clock(tz)
    utc = pd.DatetimeIndex(times, tz="UTC").as_unit("ns")
    local = utc.tz_convert(clock.zone).tz_localize(None)
    wall = local.asi8 + clock.shift
    back, _ = local_to_utc(
        wall,
        clock,
        ambiguous="earlier",
        groups=np.zeros(len(wall), dtype=np.int64),
        where=str,
        source="x",
    )
    off = utc.asi8 - back
    assert set(off.tolist()) <= {0, 3_600_000_000_000}  # an hour apart only in the fold
    assert (off[~local.month.isin([10, 11])] == 0).all()


def test_fold_in_a_file_names_its_lines(tmp_path):
    path = tmp_path / "btc.csv"
    rows = [
        f"2024-11-03 0{h}:{m},1,1,1,1,1"
        for h, m in ((0, 30), (1, "00"), (1, 30), (1, "00"), (1, 30))
    ]
    path.write_text("time,open,high,low,close,volume\n" + "\n".join(rows))
    with pytest.raises(DataError, match=r"4 stamps occur twice.*lines 3, 4, 5"):
        read_bars(path, tz="America/New_York")
    bars = read_bars(path, tz="America/New_York", ambiguous="infer")
    assert bars.index.is_monotonic_increasing
    assert "2 earlier, 2 later" in bars.attrs["clock"]
