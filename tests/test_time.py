"""Stamps as integers and runs of equal values."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ohlcvml
from ohlcvml._time import (
    DAY,
    NAT,
    nanoseconds,
    run_ends,
    run_starts,
    span_nanoseconds,
    utc_days,
)
from ohlcvml.exceptions import DataError

STAMPS = ["2024-01-01", "2024-01-02 03:04:05"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_the_unit_in_which_pandas_stores_stamps_does_not_matter(unit, zone):
    index = pd.DatetimeIndex(STAMPS, tz="UTC").tz_convert(zone).as_unit(unit)
    expected = [pd.Timestamp(stamp).as_unit("ns").value for stamp in STAMPS]
    symbols = pd.MultiIndex.from_arrays([["A", "A"], index])
    for stamps in (index, pd.Series(index), symbols):
        found = nanoseconds(stamps)
        assert (found.dtype, found.tolist()) == (np.int64, expected)


def test_a_missing_stamp_is_an_error_or_the_smallest_number():
    ends = pd.Series(pd.DatetimeIndex(["2024-01-01", None], tz="UTC"))
    with pytest.raises(DataError, match="1 of 2 are NaT"):
        nanoseconds(ends)
    assert nanoseconds(ends, nat="keep").tolist()[1] == NAT == pd.NaT.value
    assert len(nanoseconds(pd.DatetimeIndex([], tz="UTC"))) == 0


@pytest.mark.parametrize("stamps", [pd.RangeIndex(3), pd.Series([1.0]), pd.Series(["a"]), [1, 2]])
def test_what_holds_no_stamps_is_refused(stamps):
    with pytest.raises(DataError, match="must be a DatetimeIndex or a column of dates"):
        nanoseconds(stamps)


def test_spans_and_days():
    assert span_nanoseconds("1D") == DAY == span_nanoseconds(pd.Timedelta(days=1).as_unit("s"))
    assert utc_days(np.array([-1, 0, DAY - 1, DAY])).tolist() == [-1, 0, 0, 1]


def test_runs_of_equal_values():
    values = np.array([3, 3, 1, 2, 2, 2])
    assert run_starts(values).tolist() == [0, 2, 3]
    assert run_ends(values).tolist() == [1, 1, 2, 5, 5, 5]
    assert len(run_starts(values[:0])) == len(run_ends(values[:0])) == 0
    assert run_starts(values[:1]).tolist() == run_ends(values[:1]).tolist() == [0]


def test_stamps_become_integers_here_alone():
    package = Path(ohlcvml.__file__).parent
    pattern = re.compile(r"as_unit\(.ns.\)\)?\.asi8")
    found = {p.name for p in package.rglob("*.py") if pattern.search(p.read_text())}
    assert found == {"_time.py"}
