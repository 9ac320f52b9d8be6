"""Every way to write a stamp, and the order of day and month."""

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars.read._stamps import AWARE, BAD, DATE, EPOCH, NAIVE, is_stamp, parse_stamps
from ohlcvml.exceptions import DataError


def parse(*cells, dayfirst=None):
    stamps = parse_stamps(pa.array(cells, type=pa.string()), dayfirst, "x.csv")
    return pd.DatetimeIndex(stamps.time.view("M8[ns]")), stamps.kind.tolist()


NOON = "2024-05-31 13:05:09"


@pytest.mark.parametrize(
    ("cell", "expected", "kind"),
    [
        ("2024-05-31 13:05:09", NOON, NAIVE),
        ("2024.05.31 13:05", "2024-05-31 13:05", NAIVE),
        ("2024/5/31 13:05:09", NOON, NAIVE),
        ("2024-05-31T13:05:09.123", NOON + ".123", NAIVE),
        ("2024-05-31 13:05:09.123456789", NOON + ".123456789", NAIVE),
        ("20240531 130509", NOON, NAIVE),
        ("20240531130509", NOON, NAIVE),
        ("20240531130509123", NOON + ".123", NAIVE),
        ("202405311305", "2024-05-31 13:05", NAIVE),
        ("20240531T130509", NOON, NAIVE),
        ("20240531", "2024-05-31", DATE),
        ("2024-05-31", "2024-05-31", DATE),
        ("31.05.2024 13:05:09", NOON, NAIVE),
        ("05/31/2024 1:05:09 PM", NOON, NAIVE),
        ("05/31/2024 12:05 AM", "2024-05-31 00:05", NAIVE),
        ("31 May 2024 13:05:09", NOON, NAIVE),
        ("31-May-2024", "2024-05-31", DATE),
        ("May 31, 2024", "2024-05-31", DATE),
        ("2024-05-31T13:05:09Z", NOON, AWARE),
        ("2024-05-31 13:05:09 UTC", NOON, AWARE),
        ("2024-05-31 09:05:09-04:00", NOON, AWARE),
        ("2024-05-31T18:35:09+0530", NOON, AWARE),
        ("31.05.2024 15:05:09.000 GMT+0200", NOON, AWARE),
        ("1717160709", NOON, EPOCH),
        ("1717160709.5", NOON + ".5", EPOCH),
        ("1717160709000", NOON, EPOCH),
        ("1717160709000000", NOON, EPOCH),
        ("1717160709000000000", NOON, EPOCH),
        ("999999999", "2001-09-09 01:46:39", EPOCH),
    ],
)
def test_one_stamp_in_each_format(cell, expected, kind):
    times, kinds = parse(cell)
    assert kinds == [kind]
    assert times[0] == pd.Timestamp(expected)
    assert is_stamp(cell) == kind


@pytest.mark.parametrize(
    "cell",
    [
        *("", "n/a", "13:05", "1.25", "12345", "34200000", "9999999999", "9999999999999999999"),
        *("2024-02-30", "2024-13-01 00:00", "2024-01-01 24:00", "2024-01-01 10:61", "1600-01-01"),
        *("31/31/2024", "05/31/24", "31 Foo 2024", "2024-05-31 13:05 PM", "2024-05-31 noon"),
    ],
)
def test_what_is_no_stamp(cell):
    assert parse(cell)[1] == [BAD]


def test_null_cells_are_no_stamps():
    assert parse(None, "2024-05-31", None)[1] == [BAD, DATE, BAD]


def test_formats_may_vary_from_row_to_row():
    times, _ = parse("2024-5-1 9:30", "2024-05-01 09:30:00.5", "20240501 0931")
    assert [str(t)[11:] for t in times] == ["09:30:00", "09:30:00.500000", "09:31:00"]


@pytest.mark.parametrize(
    ("cells", "first_day"),
    [(("03/04/2024", "25/04/2024"), "2024-04-03"), (("03/04/2024", "04/25/2024"), "2024-03-04")],
)
def test_one_large_number_decides_the_order(cells, first_day):
    assert parse(*cells)[0][0] == pd.Timestamp(first_day)


def test_undecidable_order_says_what_to_pass():
    with pytest.raises(DataError, match=r"undecidable.*dayfirst=True .*3 April.*dayfirst=False"):
        parse("03/04/2024", "05/06/2024")
    assert parse("03/04/2024", dayfirst=True)[0][0] == pd.Timestamp("2024-04-03")
    assert parse("03/04/2024", dayfirst=False)[0][0] == pd.Timestamp("2024-03-04")


def test_dayfirst_that_contradicts_the_dates_raises():
    with pytest.raises(DataError, match="dayfirst=True contradicts the dates"):
        parse("03/25/2024", dayfirst=True)


def test_two_orders_in_one_column_raise():
    with pytest.raises(DataError, match=r"1 dates .* day first \('25/03/2024'\) and 1 .*03/25"):
        parse("03/25/2024", "25/03/2024")


FORMATS = [
    "%Y-%m-%d %H:%M:%S", "%Y%m%d %H%M%S", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p",
    "%Y-%m-%dT%H:%M:%S.%f", "%d %b %Y %H:%M:%S", "%B %d, %Y %H:%M:%S", "%Y%m%d%H%M%S",
]  # fmt: skip


@given(
    st.lists(
        st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2200, 1, 1)), min_size=1, max_size=40
    ),
    st.sampled_from(FORMATS),
)
@settings(deadline=None, max_examples=50)
def test_law_what_strftime_writes_is_read_back(times, form):
    times = [t.replace(microsecond=0) if "%f" not in form else t for t in times]
    decided = any(t.day > 12 for t in times)
    got, kinds = parse(
        *[t.strftime(form) for t in times], dayfirst=None if decided else form.startswith("%d")
    )
    assert set(kinds) == {NAIVE}
    assert got.equals(pd.DatetimeIndex(times).as_unit("ns"))


@given(st.integers(100_000_000, 7_000_000_000), st.sampled_from([1, 10**3, 10**6, 10**9]))
@settings(deadline=None, max_examples=50)
def test_law_epochs_of_every_unit(seconds, unit):
    if unit > 1 and seconds < 1_000_000_000:
        seconds += 1_000_000_000
    times, kinds = parse(str(seconds * unit))
    assert kinds == [EPOCH]
    assert times[0] == pd.Timestamp(seconds, unit="s")
