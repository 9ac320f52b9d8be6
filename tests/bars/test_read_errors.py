"""What cannot be read without a guess raises, and the message says what to do."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import read_bars
from ohlcvml.exceptions import DataError, ParameterError

HEAD = "time,open,high,low,close,volume\n"
GOOD = "2024-03-14 13:30,1,2,1,2,5\n"


@pytest.fixture
def refuse(tmp_path):
    """Assert that a file raises DataError with a message that matches."""

    def check(data, match, error=DataError, name="bars.csv", **options):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        with pytest.raises(error, match=match) as caught:
            read_bars(path, **options)
        assert str(caught.value).startswith("read_bars: ")

    return check


def test_missing_path_folder_and_no_path(tmp_path):
    with pytest.raises(DataError, match=r"none.csv: there is no such file. Check the path"):
        read_bars(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"not a file\. Pass the path"):
        read_bars(tmp_path)
    with pytest.raises(ParameterError, match="'path' must be a path; got DataFrame"):
        read_bars(pd.DataFrame())


def test_empty_file(refuse):
    refuse(b"", "bars.csv: the file is empty")
    refuse(b"\n \n", "no row of bars")


def test_header_without_rows(refuse):
    refuse(HEAD, "no rows of bars below the header")


def test_prose_and_binary_garbage(refuse):
    refuse("Dear Sir or Madam,\nthis is a letter, not a table.\n", r"no row of bars.*'Dear Sir")
    refuse(np.random.default_rng(0).bytes(5000), "neither text nor parquet, feather, gz or zip")
    refuse(pickle.dumps({"open": [1]}), "neither text nor parquet")


@pytest.mark.parametrize(
    ("magic", "kind"),
    [(b"BZh91AY", "bzip2"), (b"\x89HDF\r\n", "HDF5"), (b"\x28\xb5\x2f\xfd", "zstandard")],
)
def test_known_kinds_that_are_not_read(refuse, magic, kind):
    refuse(magic + b"\0" * 100, f"this is {kind}, which is not read. Convert it to CSV")


@pytest.mark.parametrize("magic", [b"PAR1", b"ARROW1"])
def test_damaged_parquet_and_feather(refuse, magic):
    refuse(magic + b"\0" * 200 + magic, "parquet or feather data are damaged")


def test_parquet_over_the_limit(tmp_path):
    pd.DataFrame({"time": np.arange(1000), "open": 1.0}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match="more than max_bytes=1000 "):
        read_bars(tmp_path / "x.parquet", max_bytes=1000)


def test_naive_clock_says_what_to_pass(refuse):
    refuse(
        HEAD + GOOD,
        r"'time' has no time zone \(first stamp 2024-03-14 13:30:00\). Pass 'tz': 'UTC'.*York\+7h",
    )


def test_naive_parquet_too(tmp_path):
    index = pd.DatetimeIndex(["2024-01-01"], name="date")
    pd.DataFrame(dict.fromkeys(["open", "high", "low", "close"], 1.0), index).to_parquet(
        tmp_path / "x.parquet"
    )
    with pytest.raises(DataError, match="'date' has no time zone"):
        read_bars(tmp_path / "x.parquet")


def test_clock_in_the_name_contradicted(refuse):
    text = (HEAD + GOOD).replace("time", "time_utc")
    refuse(text, r"states the clock 'UTC', which tz='Asia/Tokyo' contradicts", tz="Asia/Tokyo")


def test_undecidable_order_of_day_and_month(refuse):
    text = HEAD + "03/04/2024 13:30,1,2,1,2,5\n"
    refuse(
        text, r"column 'time': the order of day and month is undecidable.*dayfirst=True", tz="UTC"
    )


def test_two_digit_years(refuse):
    refuse(HEAD + "14/03/24,1,2,1,2,5\n", "two-digit years, which are not read", tz="UTC")


def test_wrong_columns(refuse):
    refuse("time,price,size\n2024-03-14,1,2\n", "no row of bars", tz="UTC")
    refuse(
        "time,open,top,low,close\n2024-03-14,1,2,1,2\n",
        r"no column for high among 'time', 'open', 'top'.*columns=\{'high': 'name in the file'",
        tz="UTC",
    )
    refuse(
        "bar,open,high,low,close\n7,1,2,1,2\n8,1,2,1,2\n",
        r"no time column among 'bar', 'open'.*columns=\{'time'",
        tz="UTC",
    )
    refuse("2024-03-14,1,2,3\n", "no header and only 4 columns", tz="UTC")


def test_closing_times_are_not_taken_for_opens(refuse):
    text = "close_time,open,high,low,close\n2024-03-14 13:31,1,2,1,2\n"
    refuse(text, "no time column among 'close_time'", tz="UTC")


def test_headerless_columns_in_another_order(refuse):
    rows = "".join(f"2024-03-{d} 13:30,{d},{d - 5},{d + 5},{d},9\n" for d in range(10, 20))
    refuse(rows, r"not open, high, low, close in this order \(10 of 10 rows", tz="UTC")


def test_headerless_adjusted_close_is_not_a_volume(refuse):
    rows = "".join(f"2024-03-{d},{d},{d + 5},{d - 5},{d},{d},900\n" for d in range(10, 20))
    refuse(rows, "the column after the close looks like a price", tz="UTC")


def test_same_name_twice(refuse):
    refuse(
        "time,open,high,low,close,close\n1710423000,1,2,1,2,2\n",
        r"several columns for close \(close: 'close' at 4, 'close' at 5.*columns=\{'open': 1, ",
    )


def test_unsure_volume(refuse):
    text = "unix,open,high,low,close,Volume BTC,Volume USD\n1710423000,1,2,1,2,3,4\n"
    refuse(text, r"volume is undecidable: 'Volume BTC', 'Volume USD'. Pass columns=\{'volume'")


def test_running_total_is_no_volume(refuse):
    rows = "".join(f"{1710423000 + 60 * i},1,2,1,2,{5 * i}\n" for i in range(1, 9))
    refuse(
        "time,open,high,low,close,cum_vol\n" + rows, "'cum_vol' only grows, it is a running total"
    )


def test_bad_rows_are_named_by_line(refuse):
    bad = (
        HEAD + GOOD + "\n" + "2024-03-14 13:31,1,2,x,2,5\n" + GOOD + "2024-03-14 13:32,1,2,y,2,5\n"
    )
    refuse(
        bad, r"2 cells of column 'low' are not numbers: lines 4, 6; the first reads 'x'", tz="UTC"
    )


def test_bad_stamps_are_named_by_line(refuse):
    bad = HEAD + GOOD + "yesterday,1,2,1,2,5\n" + GOOD + ",1,2,1,2,5\n2024-02-30,1,2,1,2,5\n"
    refuse(
        bad, r"3 cells of column 'time' are not stamps .*: lines 3, 5, 6; .*'yesterday'", tz="UTC"
    )


def test_short_and_long_rows_are_named_by_line(refuse):
    bad = HEAD + GOOD + "2024-03-14 13:31,1,2\n" + "\n" + GOOD + GOOD.replace("5\n", "5,6\n") + GOOD
    refuse(
        bad, r"2 rows do not have 6 fields .*: lines 3, 6; the first reads '2024-03-14 13:31,1,2'"
    )


def test_last_row_cut_short(refuse):
    refuse(HEAD + GOOD * 300 + "2024-03-14 13:31,1,2,1", "1 rows do not have 6 fields .*line 302")


@pytest.mark.parametrize(
    "row", ["?,1,2,1,2,5", "2024-03-14 13:29,1,2", ",,2,,,", "2024-03-14,a,b,c,d,e"]
)
def test_damaged_first_row_does_not_pass_for_a_header(refuse, row):
    refuse(HEAD + row + "\n" + GOOD, r"line 2", tz="UTC")
    refuse("\n" + HEAD + "\n" + row + "\n\n" + GOOD, r"line 4", tz="UTC")


def test_footer_is_not_dropped(refuse):
    refuse(
        HEAD + GOOD + "Downloaded from somewhere as of 14.03.2024\n", "do not have 6 fields.*line 3"
    )


def test_header_that_does_not_fit_the_rows(refuse):
    refuse("open,high,low,close,volume\n" + GOOD, "header has 5 names but the rows have 6 fields")
    refuse(HEAD.strip() + ",vwap\n" + GOOD, "header has 7 names but the rows have 6 fields")


def test_undecidable_comma(refuse):
    text = "time;open;high;low;close\n2024-03-14;1,234;1,300;1,200;1,250\n"
    refuse(
        text,
        r"whether the comma in '1,234' is a decimal comma or parts thousands is undecidable",
        tz="UTC",
    )


def test_stamps_with_and_without_offset(refuse):
    bad = HEAD + GOOD + GOOD + GOOD.replace("13:30", "13:31Z")
    refuse(bad, r"mixes stamps with and without a UTC offset.*1 of 3 rows.*line 4", tz="UTC")


def test_time_columns_that_disagree(refuse):
    text = "unix,date,open,high,low,close\n1710423000,2024-03-14 09:30,1,2,1,2\n"
    refuse(
        text,
        r"time columns 'unix' and 'date' disagree in 1 rows \(line 2\).*columns=\{'time': 'unix'\}",
    )
    refuse(text, "disagree in 1 rows", tz="Asia/Tokyo")


def test_time_columns_that_agree_through_tz(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("unix,date,open,high,low,close\n1710423000,2024-03-14 09:30,1,2,1,2\n")
    assert str(read_bars(path, tz="America/New_York").index[0]) == "2024-03-14 13:30:00+00:00"
    assert len(read_bars(path, columns={"time": "unix"})) == 1


def test_columns_and_keep_that_are_not_there(refuse):
    refuse(HEAD + GOOD, r"columns=\{'close': 'Zu'\} fits 0 columns", columns={"close": "Zu"})
    refuse(HEAD + GOOD, r"columns=\{'close': 9\} fits 0 columns.*6 columns", columns={"close": 9})
    refuse(HEAD + GOOD, r"keep='vwap' fits 0 columns of 'time', 'open'", keep=["vwap"])
    refuse(HEAD + GOOD, "'close' is always read", error=ParameterError, keep=["Close"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scale", 0.0),
        ("scale", float("nan")),
        ("symbol", 7),
        ("dayfirst", "yes"),
        ("ambiguous", "NaT"),
        ("epoch", "s"),
        ("columns", {"adj": 1}),
        ("columns", {"close": None}),
        ("columns", ["time"]),
        ("keep", "vwap"),
        ("max_bytes", 0),
        ("tz", "New York"),
    ],
)
def test_bad_parameters(refuse, name, value):
    refuse(HEAD + GOOD, f"parameter '{name}' must", error=ParameterError, **{name: value})


def test_parameters_are_checked_before_the_file_is_looked_at():
    with pytest.raises(ParameterError, match="'scale'"):
        read_bars(Path("nowhere.csv"), scale=-1)
