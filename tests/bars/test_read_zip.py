"""Zips of many tables: contracts, chunks, Lean days, notes, and limits."""

import gzip
import io
import zipfile

import pandas as pd
import pytest

from ohlcvml.bars import check_bars, read_bars
from ohlcvml.exceptions import DataError

HEAD = "Time,Open,High,Low,Close,Volume\n"


def bar(stamp, price=1, volume=1):
    return f"{stamp},{price},{price},{price},{price},{volume}\n"


def table(*stamps, price=1):
    return HEAD + "".join(bar(stamp, price) for stamp in stamps)


def pack(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def save(tmp_path):
    def write(members, name="x.zip"):
        path = tmp_path / name
        path.write_bytes(pack(members) if isinstance(members, dict) else members)
        return path

    return write


EARLY, LATE = "2024-01-05T10:00+00:00", "2024-05-05T10:00+00:00"


def test_contract_months_become_symbols(save):
    path = save(
        {
            "Hour_GOLD_micro_20240400.csv": table(EARLY, LATE, price=2),
            "Hour_GOLD_micro_20240200.csv": table(EARLY, price=1),
        }
    )
    bars = read_bars(path)
    assert bars.index.names == ["symbol", "time"]
    assert bars.index.get_level_values("symbol").tolist() == ["202402", "202404", "202404"]
    assert bars["close"].tolist() == [1, 2, 2]
    check_bars(bars, "test")


def test_symbol_picks_one_contract(save):
    path = save({"G_20240400.csv": table(EARLY, LATE), "G_20240200.csv": table(EARLY)})
    bars = read_bars(path, symbol="202404")
    assert bars.index.names == ["time"]
    assert (len(bars), bars.attrs["symbol"]) == (2, "202404")


def test_symbol_that_is_not_there_lists_those_that_are(save):
    path = save({"G_20240400.csv": table(EARLY), "G_20240200.csv": table(EARLY)})
    with pytest.raises(
        DataError, match=r"symbol='202406' is not .*'202402', '202404'.*leave 'symbol' out"
    ):
        read_bars(path, symbol="202406")


def test_two_roots_stay_apart(save):
    names = ["Hour_GOLD_20240400.csv", "Hour_SP_20240400.csv"]
    bars = read_bars(save({name: table(EARLY) for name in names}))
    assert bars.index.get_level_values(0).tolist() == ["GOLD_202404", "SP_202404"]


def test_months_whose_stamps_fit_are_chunks_of_one_series(save):
    path = save(
        {
            "FILUSDT-1m-2024-05.csv": "1714557600000,1,1,1,1,5\n",
            "FILUSDT-1m-2024-04.csv": "open_time,o,h,l,c,v\n1711965600000,1,1,1,1,4\n",
        }
    )
    bars = read_bars(path)
    assert bars.index.names == ["time"]
    assert bars["volume"].tolist() == [4, 5]


def test_months_whose_stamps_do_not_fit_are_contracts(save):
    path = save({"ES_202403.csv": table(EARLY), "ES_202406.csv": table(EARLY, LATE)})
    bars = read_bars(path)
    assert bars.index.get_level_values(0).tolist() == ["202403", "202406", "202406"]


def test_years_of_several_symbols(save):
    path = save(
        {
            "ES_2023.csv": table("2023-05-05T10:00Z"),
            "ES_2024.csv": table(EARLY),
            "NQ_2024.csv": table(EARLY),
        }
    )
    bars = read_bars(path)
    assert bars.index.get_level_values(0).tolist() == ["ES", "ES", "NQ"]
    assert bars.index.get_level_values(1).year.tolist() == [2023, 2024, 2024]


def test_plain_names_leave_out_what_all_share(save):
    bars = read_bars(save({"data_ESH24_1m.csv": table(EARLY), "data_ESM24_1m.csv": table(EARLY)}))
    assert bars.index.get_level_values(0).tolist() == ["ESH24", "ESM24"]


def test_one_name_twice_raises(save):
    path = save({"a/ES.csv": table(EARLY), "b/ES.csv.gz": gzip.compress(table(EARLY).encode())})
    with pytest.raises(DataError, match=r"both name the symbol 'ES'"):
        read_bars(path)


def test_one_member_is_a_plain_series_and_notes_are_left_out(save):
    path = save({"DAT_M1_2024.csv": table(EARLY), "DAT_M1_2024.txt": "gap of 5 min", "x.md": "hi"})
    bars = read_bars(path, symbol="EURUSD")
    assert (len(bars), bars.index.names) == (1, ["time"])
    assert bars.attrs["symbol"] == "EURUSD"


def test_zip_as_pandas_writes_it(tmp_path):
    bars = pd.DataFrame(
        dict.fromkeys(["open", "high", "low", "close", "volume"], 1.0),
        index=pd.DatetimeIndex([EARLY], name="time"),
    )
    bars.to_csv(tmp_path / "x.zip")  # the member is called x
    assert len(read_bars(tmp_path / "x.zip")) == 1


def lean_day(day, *contracts):
    return pack(
        {
            f"{day}_gc_minute_trade_{c}.csv": "34200000,1,1,1,1,3\n34260000,2,2,2,2,4\n"
            for c in contracts
        }
    )


def test_lean_days_inside_a_zip(save):
    path = save(
        {
            "20240314_trade.zip": lean_day("20240314", "202404", "202406_20240626"),
            "20240315_trade.zip": lean_day("20240315", "202404"),
        }
    )
    bars = read_bars(path, tz="America/New_York")
    assert bars.index.get_level_values(0).tolist() == ["202404"] * 4 + ["202406"] * 2
    one = read_bars(path, tz="America/New_York", symbol="202404")
    assert [str(t)[5:16] for t in one.index] == [
        "03-14 13:30",
        "03-14 13:31",
        "03-15 13:30",
        "03-15 13:31",
    ]


def test_lean_file_alone_and_without_its_date(save):
    data = b"34200000,1,1,1,1,3\n"
    bars = read_bars(save(data, "20240314_spy_minute_trade.csv"), tz="America/New_York")
    assert str(bars.index[0]) == "2024-03-14 13:30:00+00:00"
    assert bars.attrs["symbol"] == "spy"
    with pytest.raises(DataError, match="Lean files need the date in their name"):
        read_bars(save(data, "spy.csv"), tz="America/New_York")


def test_lean_needs_a_clock_and_trade_bars(save):
    data = b"34200000,1,1,1,1,3\n"
    with pytest.raises(DataError, match="has no time zone"):
        read_bars(save(data, "20240314_spy_minute_trade.csv"))
    with pytest.raises(DataError, match="minute quote data, not of trade bars"):
        read_bars(save(data, "20240314_spy_minute_quote.csv"), tz="UTC")
    with pytest.raises(DataError, match=r"not milliseconds since midnight: line 2"):
        read_bars(save(data + b"86400000,1,1,1,1,3\n", "20240314_spy_minute_trade.csv"), tz="UTC")


def test_symbol_column_makes_symbols(tmp_path):
    rows = [
        f"2024-01-05 {hour}:00,{symbol},1,1,1,1,{volume}\n"
        for hour in (10, 11)
        for symbol, volume in (("NQ", 2), ("ES", 1))
    ]
    path = tmp_path / "long.csv"
    path.write_text("time,symbol,open,high,low,close,volume\n" + "".join(rows))
    bars = read_bars(path, tz="UTC")
    assert bars.index.get_level_values(0).tolist() == ["ES", "ES", "NQ", "NQ"]
    assert read_bars(path, tz="UTC", symbol="nq")["volume"].tolist() == [2, 2]
    with pytest.raises(DataError, match="symbol='CL' is not in the file"):
        read_bars(path, tz="UTC", symbol="CL")


def test_symbols_side_by_side(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(
        "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\n"
        "Ticker,ES=F,NQ=F,ES=F,NQ=F,ES=F,NQ=F,ES=F,NQ=F,ES=F,NQ=F\nDate,,,,,,,,,,\n"
        "2024-01-05,1,10,2,20,1,10,1,10,5,50\n"
    )
    bars = read_bars(path, tz="UTC")
    assert bars.index.get_level_values(0).tolist() == ["ES=F", "NQ=F"]
    assert bars.loc["NQ=F"].iloc[0].tolist() == [10, 20, 10, 10, 50]


def test_zip_bomb_is_stopped(save):
    bomb = save({"big.csv": table(EARLY) + " " * 2_000_000})
    assert bomb.stat().st_size < 10_000
    with pytest.raises(DataError, match=r"big.csv: unpacks to more than max_bytes=1000000 bytes"):
        read_bars(bomb, max_bytes=1_000_000)


def test_limit_counts_all_members_and_gz(save):
    text = table(EARLY)
    many = save({f"A{i}.csv": text for i in range(5)})
    with pytest.raises(DataError, match="max_bytes=200"):
        read_bars(many, max_bytes=200)
    with pytest.raises(DataError, match="max_bytes=20 "):
        read_bars(save(gzip.compress(text.encode()), "x.csv.gz"), max_bytes=20)


def test_zips_nested_too_deep(save):
    inner = pack({"a.csv": table(EARLY)})
    for _ in range(3):
        inner = pack({"a.zip": inner})
    with pytest.raises(DataError, match="packed more than 2 deep"):
        read_bars(save(inner))


def test_zip_without_a_table_and_excel(save):
    with pytest.raises(DataError, match=r"no table in the zip, it holds readme.md"):
        read_bars(save({"readme.md": "x"}))
    with pytest.raises(DataError, match="Excel workbook"):
        read_bars(save({"[Content_Types].xml": "x", "xl/sheet.xml": "y"}))


@pytest.mark.parametrize("make", [lambda d: d[: len(d) // 2], lambda d: d[:40] + b"zz" + d[42:]])
def test_damaged_zip_and_gz(save, make):
    text = "".join(table(EARLY, price=i) for i in range(50))
    with pytest.raises(DataError, match="damaged"):
        read_bars(save(make(pack({"a.csv": text}))))
    with pytest.raises(DataError, match="damaged"):
        read_bars(save(make(gzip.compress(text.encode())), "a.csv.gz"))


def test_members_are_named_in_messages(save):
    path = save(
        {"G_20240400.csv": table(EARLY), "G_20240200.csv": HEAD + bar(EARLY) + bar("never")}
    )
    with pytest.raises(DataError, match=r"x.zip/G_20240200.csv: 1 cells .*line 3"):
        read_bars(path)


def test_nothing_is_written_beside_the_zip(save, tmp_path):
    path = save({"../evil.csv": table(EARLY)})
    assert len(read_bars(path)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["x.zip"]
    assert not (tmp_path.parent / "evil.csv").exists()
    assert isinstance(read_bars(path).index, pd.DatetimeIndex)
