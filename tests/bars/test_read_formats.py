"""One small invented sample of each vendor's format, read by detection alone or with ``tz``."""

import ast
import gzip
import re

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import check_bars, read_bars
from ohlcvml.exceptions import DataError

# Each sample holds these two bars, stamped 2024-03-14 13:30 and 13:31 UTC.
BARS = pd.DataFrame(
    {
        "open": [100.25, 101.0],
        "high": [101.5, 101.25],
        "low": [100.0, 100.5],
        "close": [101.0, 100.75],
        "volume": [12.0, 7.0],
    },
    index=pd.DatetimeIndex(["2024-03-14 13:30", "2024-03-14 13:31"], tz="UTC", name="time"),
)
BARS.index = BARS.index.as_unit("ns")
NEW_YORK = "America/New_York"  # 09:30
ATHENS = "Europe/Athens"  # 15:30
A, B = "100.25,101.5,100.0,101.0,12", "101.0,101.25,100.5,100.75,7"
TAB_A, TAB_B = A.replace(",", "\t"), B.replace(",", "\t")

SAMPLES = {
    "plain lower-case": (
        f"timestamp,open,high,low,close,volume\n2024-03-14 13:30:00,{A}\n2024-03-14 13:31:00,{B}\n",
        "UTC",
    ),
    "clock in the column name": (
        f"timestamp_utc,open,high,low,close,volume\n2024-03-14 13:30,{A}\n2024-03-14 13:31,{B}\n",
        None,
    ),
    "windows line ends, byte order mark": (
        f"\ufeffTime,O,H,L,C,V\r\n2024-03-14 13:30,{A}\r\n2024-03-14 13:31,{B}\r\n",
        "UTC",
    ),
    "old mac line ends": (f"Time,O,H,L,C,V\r2024-03-14 13:30,{A}\r2024-03-14 13:31,{B}", "UTC"),
    "no last newline, blank lines": (
        f"\nTime,O,H,L,C,V\n\n2024-03-14 13:30,{A}\n\n2024-03-14 13:31,{B}",
        "UTC",
    ),
    "epoch seconds": (f"time,open,high,low,close,Volume\n1710423000,{A}\n1710423060,{B}\n", None),
    "epoch ms as floats": (
        f"ts,open,high,low,close,volume\n1710423000000.0,{A}\n1710423060000.0,{B}\n",
        None,
    ),
    "Binance klines": (
        f"1710423000000,{A},1710423059999,1200.5,3,5.5,600.1,0\n"
        f"1710423060000,{B},1710423119999,700.5,2,3.5,300.1,0\n",
        None,
    ),
    "Binance klines with header, microseconds": (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
        f"taker_buy_quote_volume,ignore\n1710423000000000,{A},1710423059999999,1200.5,3,5.5,600.1,"
        f"0\n1710423060000000,{B},1710423119999999,700.5,2,3.5,300.1,0\n",
        None,
    ),
    "MetaTrader 5": (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        f"2024.03.14\t15:30:00\t{TAB_A}\t0\t20\n2024.03.14\t15:31:00\t{TAB_B}\t0\t20\n",
        ATHENS,
    ),
    "MetaTrader 4, headerless": (
        f"2024.03.14,15:30,{A}\n2024.03.14,15:31,{B}\n",
        ATHENS,
    ),
    "HistData": (
        "20240314 093000;100.250000;101.500000;100.000000;101.000000;12\n"
        "20240314 093100;101.000000;101.250000;100.500000;100.750000;7\n",
        NEW_YORK,
    ),
    "Kibot, headerless, month first": (
        f"03/14/2024,09:30,{A}\n03/14/2024,09:31,{B}\n",
        NEW_YORK,
    ),
    "compact date and time, headerless": (
        f"20240314,093000,{A}\n20240314,093100,{B}\n",
        NEW_YORK,
    ),
    "times without leading zeros": (
        f"Date,Time,Open,High,Low,Close,Volume\n20240314,930,{A}\n20240314,931,{B}\n",
        NEW_YORK,
    ),
    "date that always says midnight": (
        f"Date,Time,Open,High,Low,Close,Volume\n2024-03-14 00:00:00,09:30,{A}\n"
        f"2024-03-14 00:00:00,09:31,{B}\n",
        NEW_YORK,
    ),
    "Sierra Chart": (
        "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume\n"
        "2024/3/14, 09:30:00.0, 100.25, 101.5, 100.0, 101.0, 12, 3, 5, 7\n"
        "2024/3/14, 09:31:00.0, 101.0, 101.25, 100.5, 100.75, 7, 3, 5, 2\n",
        NEW_YORK,
    ),
    "TradeStation, quoted": (
        '"Date","Time","Open","High","Low","Close","Vol"\n'
        f"03/14/2024,09:30,{A}\n03/14/2024,09:31,{B}\n",
        NEW_YORK,
    ),
    "Dukascopy with offsets": (
        f"Local time,Open,High,Low,Close,Volume\n14.03.2024 15:30:00.000 GMT+0200,{A}\n"
        f"14.03.2024 15:31:00.000 GMT+0200,{B}\n",
        None,
    ),
    "Dukascopy, GMT in the name": (
        f"Gmt time,Open,High,Low,Close,Volume\n14.03.2024 13:30:00.000,{A}\n"
        f"14.03.2024 13:31:00.000,{B}\n",
        None,
    ),
    "Interactive Brokers, zone beside the stamp": (
        f"date,open,high,low,close,volume\n20240314 09:30:00 US/Eastern,{A}\n"
        f"20240314 09:31:00 US/Eastern,{B}\n",
        None,
    ),
    "yfinance, unnamed index and Adj Close": (
        ",Open,High,Low,Close,Adj Close,Volume\n"
        "2024-03-14 09:30:00-04:00,100.25,101.5,100.0,101.0,,12\n"
        "2024-03-14 09:31:00-04:00,101.0,101.25,100.5,100.75,,7\n",
        None,
    ),
    "yfinance, three header lines": (
        "Price,Adj Close,Close,High,Low,Open,Volume\nTicker,X,X,X,X,X,X\nDatetime,,,,,,\n"
        "2024-03-14 13:30:00+00:00,50,101.0,101.5,100.0,100.25,12\n"
        "2024-03-14 13:31:00+00:00,50,100.75,101.25,100.5,101.0,7\n",
        None,
    ),
    "bc-utils, ISO": (
        f"Time,Open,High,Low,Close,Volume\n2024-03-14T13:30:00+0000,{A}\n"
        f"2024-03-14T13:31:00+0000,{B}\n",
        None,
    ),
    "row numbers first": (
        f",date,open,high,low,close,volume\n0,2024-03-14 13:30,{A}\n1,2024-03-14 13:31,{B}\n",
        "UTC",
    ),
    "preamble line": (
        f"https://www.example.org/data\nDate,Open,High,Low,Close,Volume\n2024-03-14 13:30,{A}\n"
        f"2024-03-14 13:31,{B}\n",
        "UTC",
    ),
    "decimal comma": (
        "Zeit;Open;High;Low;Close;Volume\n14.03.2024 13:30;100,25;101,5;100,0;101,0;12\n"
        "14.03.2024 13:31;101,0;101,25;100,5;100,75;7\n",
        "UTC",
    ),
    "bar-separated": (
        "time|open|high|low|close|volume\n2024-03-14 13:30|100.25|101.5|100.0|101.0|12\n"
        "2024-03-14 13:31|101.0|101.25|100.5|100.75|7\n",
        "UTC",
    ),
    "blank-separated": (
        "2024-03-14 13:30 100.25 101.5 100.0 101.0 12\n"
        "2024-03-14 13:31 101.0 101.25 100.5 100.75 7\n",
        "UTC",
    ),
    "two time columns that agree": (
        f"unix,date,symbol,open,high,low,close,volume\n1710423000,2024-03-14 13:30,X,{A}\n"
        f"1710423060,2024-03-14 13:31,X,{B}\n",
        None,
    ),
    "rows that end in a separator": (
        f"Date,Open,High,Low,Close,Volume\n2024-03-14 13:30,{A},\n2024-03-14 13:31,{B},\n",
        "UTC",
    ),
}


def write(tmp_path, text, name="bars.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("name", SAMPLES)
def test_each_format_reads_to_the_same_bars(tmp_path, name):
    text, tz = SAMPLES[name]
    bars = read_bars(write(tmp_path, text), tz=tz)
    pd.testing.assert_frame_equal(bars, BARS, check_exact=True)
    assert bars.index.dtype == "datetime64[ns, UTC]"
    check_bars(bars, "test")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8"])
def test_encodings(tmp_path, encoding):
    text = SAMPLES["plain lower-case"][0].replace("open", "öopen").replace("öo", "O")
    path = tmp_path / "bars.csv"
    path.write_bytes(("Zürich\n" + text).encode(encoding))
    pd.testing.assert_frame_equal(read_bars(path, tz="UTC"), BARS)


def test_gz_reads_as_what_it_holds_whatever_its_suffix(tmp_path):
    text, tz = SAMPLES["HistData"]
    path = tmp_path / "bars.dat"
    path.write_bytes(gzip.compress(text.encode()))
    pd.testing.assert_frame_equal(read_bars(path, tz=tz), BARS)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", None])
def test_parquet_index_of_every_unit_and_zone(tmp_path, unit, zone):
    frame = BARS.rename(columns=str.title)
    frame.index = frame.index.tz_convert(zone).as_unit(unit).rename(None)
    frame.to_parquet(tmp_path / "x.parquet")
    tz = "UTC" if zone is None else None
    pd.testing.assert_frame_equal(read_bars(tmp_path / "x.parquet", tz=tz), BARS)


def test_feather_with_a_date_column_and_integer_volume(tmp_path):
    frame = BARS.reset_index(names="date").astype({"volume": "int64", "open": "float64"})
    frame.to_feather(tmp_path / "x.feather")
    pd.testing.assert_frame_equal(read_bars(tmp_path / "x.feather"), BARS)


@pytest.mark.parametrize("kind", ["epoch", "text", "date and time"])
def test_parquet_with_untyped_times(tmp_path, kind):
    frame = BARS.reset_index()
    if kind == "epoch":
        frame["time"] = frame["time"].astype("int64") // 10**9
    elif kind == "text":
        frame["time"] = frame["time"].astype(str)
    else:
        frame.insert(0, "date", frame["time"].dt.date)
        frame["time"] = frame["time"].dt.time
    frame.to_parquet(tmp_path / "x.parquet")
    tz = "UTC" if kind == "date and time" else None
    pd.testing.assert_frame_equal(read_bars(tmp_path / "x.parquet", tz=tz), BARS)


def test_reading_what_we_wrote_gives_the_same_bars(tmp_path):
    both = pd.concat({"A": BARS, "B": BARS * 2}, names=["symbol"])
    both.to_parquet(tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(read_bars(tmp_path / "x.parquet"), both)
    BARS.to_csv(tmp_path / "x.csv")
    pd.testing.assert_frame_equal(read_bars(tmp_path / "x.csv"), BARS)


def test_nothing_is_repaired(tmp_path):
    """Bad prices, duplicates, back-steps, gaps and blanks stay as they are."""
    rows = [
        "10:00,5,1,9,2,3",
        "10:00,5,1,9,2,3",
        "09:00,0,-1,-2,0,-3",
        "15:00,,2,1,,",
        "15:01,1,inf,0,1,0",
    ]
    path = write(tmp_path, "t,o,h,l,c,v\n" + "".join(f"2024-01-02 {row}\n" for row in rows))
    bars = read_bars(path, tz="UTC")
    assert list(bars.index.hour) == [10, 10, 9, 15, 15]
    assert bars["low"].tolist() == [9, 9, -2, 1, 0]
    assert np.isnan(bars.iloc[3][["open", "close", "volume"]]).all()
    assert np.isinf(bars["high"].iloc[4])


def test_blank_first_bar_stays(tmp_path):
    path = write(tmp_path, f"t,o,h,l,c,v\n2024-03-14 13:29,,,,,\n2024-03-14 13:30,{A}\n")
    assert read_bars(path, tz="UTC")["close"].isna().tolist() == [True, False]


def test_zone_in_the_file_under_another_name_is_no_contradiction(tmp_path):
    text = SAMPLES["Interactive Brokers, zone beside the stamp"][0]
    pd.testing.assert_frame_equal(read_bars(write(tmp_path, text), tz=NEW_YORK), BARS)
    with pytest.raises(DataError, match="states the clock 'US/Eastern', which tz='UTC' contra"):
        read_bars(write(tmp_path, text), tz="UTC")


def test_volume_is_nan_where_there_is_none(tmp_path):
    bars = read_bars(write(tmp_path, "time,open,high,low,close\n1710423000,1,2,1,2\n"))
    assert bars["volume"].isna().all()
    assert bars["volume"].dtype == np.float64


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("tick_volume,real_volume", "9,4", 4.0),  # the traded volume is preferred
        ("tick_volume,real_volume", "9,0", 9.0),  # ... unless there is none
        ("<TICKVOL>,<VOL>", "0,0", 0.0),
        ("Volume,Tick Volume", ",9", 9.0),
        ("cum_vol,cum_dollar", "9,100", 9.0),
        ("quote_volume,volume", "9,4", 4.0),
        ("spread,volatility", "9,4", np.nan),
    ],
)
def test_which_volume(tmp_path, header, cells, expected):
    path = write(tmp_path, f"time,open,high,low,close,{header}\n1710423000,1,2,1,2,{cells}\n")
    assert np.array_equal(read_bars(path)["volume"], [expected], equal_nan=True)


def test_adjusted_close_is_ignored(tmp_path):
    path = write(tmp_path, "time,open,high,low,close,adj close\n1710423000,1,5,1,3,4\n")
    assert read_bars(path)["close"].tolist() == [3.0]


@pytest.mark.parametrize(
    "names",
    [
        "open,high,low,last,close",
        "open,high,low,close,last",
        "open,high,low,Schluss,close",
        "o,h,l,c,close",
        "open,high,low,last,volume,open,high,low,close",
        "open,high,low,close,open,high,low,close",
        "open,high,low,close,openprice,highprice,lowprice,lastprice",
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_two_prices_of_one_kind_are_not_chosen_between(tmp_path, names, kind):
    """The message names all four columns of each set, and what it says reads that set."""
    columns = ["time", *names.split(",")]
    cells = [1710423000, *(10 + i for i in range(len(columns) - 1))]
    path = write(tmp_path, f"{','.join(columns)}\n{','.join(map(str, cells))}\n")
    if kind == "parquet" and len(set(columns)) == len(columns):
        path = tmp_path / "bars.parquet"
        pd.DataFrame([cells], columns=columns).to_parquet(path)
    with pytest.raises(
        DataError, match=r"several columns for .*Pass all four of the set"
    ) as caught:
        read_bars(path)
    choices = re.findall(r"columns=(\{[^}]*\})", str(caught.value))
    closes = []
    for choice in map(ast.literal_eval, choices):
        assert list(choice) == ["open", "high", "low", "close"]
        bars = read_bars(path, columns=choice)
        assert bars[list(choice)].iloc[0].tolist() == [cells[i] for i in choice.values()]
        closes.append(bars["close"].iloc[0])
    assert len(set(closes)) == len(choices) == 2


def test_keep_adds_columns_under_their_own_names(tmp_path):
    text = "time,open,high,low,close,vwap,Flag\n1710423000,1,5,1,2,3.5,a\n"
    bars = read_bars(write(tmp_path, text), keep=["VWAP", "flag"])
    assert list(bars.columns) == ["open", "high", "low", "close", "volume", "vwap", "Flag"]
    assert bars.iloc[0][["vwap", "Flag"]].tolist() == [3.5, "a"]


def test_scale_is_rounded_correctly(tmp_path):
    path = write(
        tmp_path, "time,open,high,low,close,volume\n1710423000,80439,80442,80292,80313,47\n"
    )
    bars = read_bars(path, scale=1e-5)
    assert bars.iloc[0].tolist() == [0.80439, 0.80442, 0.80292, 0.80313, 47.0]
    assert read_bars(path, scale=2.5)["open"].tolist() == [201097.5]


def test_irregular_bars_keep_their_milliseconds(tmp_path):
    rows = "2015-01-01 23:00:23.723,1,1,1,1,5\n2015-01-02 07:07:35.156,1,1,1,1,4\n"
    path = write(tmp_path, "date_time,open,high,low,close,cum_vol\n" + rows)
    bars = read_bars(path, tz="UTC")
    assert [t.microsecond for t in bars.index] == [723000, 156000]


def test_columns_override_the_detection(tmp_path):
    path = write(tmp_path, f"{A},2024-03-14 13:30\n{B},2024-03-14 13:31\n")
    spec = {"open": 0, "high": 1, "low": 2, "close": 3, "volume": 4, "time": 5}
    pd.testing.assert_frame_equal(read_bars(path, tz="UTC", columns=spec), BARS)
    named = write(tmp_path, f"Tag,Uhr,A,B,C,D,E\n14.03.2024,13:30,{A}\n14.03.2024,13:31,{B}\n")
    spec = dict(zip(["open", "high", "low", "close", "volume"], "ABCDE"), time=("Tag", "Uhr"))
    pd.testing.assert_frame_equal(read_bars(named, tz="UTC", columns=spec), BARS)


def test_epochs_on_a_wall_clock_only_when_asked(tmp_path):
    """MetaTrader's Python API counts seconds on the server's clock."""
    path = write(tmp_path, f"time,open,high,low,close,volume\n1710430200,{A}\n1710430260,{B}\n")
    bars = read_bars(path, tz=ATHENS, epoch="wall")
    pd.testing.assert_frame_equal(bars, BARS)
    with pytest.raises(DataError, match=r"UTC, which tz='Europe/Athens' contradicts.*epoch='wall'"):
        read_bars(path, tz=ATHENS)


def test_offset_in_the_stamp_counts_whatever_tz_says(tmp_path):
    path = write(tmp_path, SAMPLES["bc-utils, ISO"][0])
    pd.testing.assert_frame_equal(read_bars(path, tz=NEW_YORK), BARS)


def test_offsets_may_change_inside_the_file(tmp_path):
    rows = "2024-11-01 09:30:00-04:00,1,1,1,1\n2024-11-04 09:30:00-05:00,1,1,1,1\n"
    bars = read_bars(write(tmp_path, ",Open,High,Low,Close\n" + rows))
    assert [t.hour for t in bars.index] == [13, 14]


def test_one_bar_reads(tmp_path):
    path = write(tmp_path, "20240314 093000;1;2;1;2;12\n")
    assert len(read_bars(path, tz=NEW_YORK)) == 1


def test_attrs_say_how_the_clock_was_read(tmp_path):
    path = write(tmp_path, SAMPLES["HistData"][0])
    assert read_bars(path, tz=NEW_YORK, symbol="EURUSD").attrs == {
        "clock": "America/New_York",
        "symbol": "EURUSD",
    }
