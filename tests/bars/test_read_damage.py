"""Damaged files of every kind end as bars or as our typed errors, with messages of plain text."""

import io
import time
import zipfile

import pytest

from benchmarks.fuzz_files import outcome
from ohlcvml.bars import read_bars
from ohlcvml.exceptions import DataError

HEAD = "time,open,high,low,close,volume\n"
ROWS = "".join(f"2024-03-14 13:{m},1,2,1,2,5\n" for m in range(30, 40))


def write(folder, data, name="bars.csv"):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_a_sample_of_damaged_files_has_no_fault(tmp_path):
    ended = [outcome(number, tmp_path) for number in range(300)]
    assert [one for one in ended if one.fault] == []
    assert sum(one.kind == "read" for one in ended) > 30
    assert sum(one.kind == "DataError" for one in ended) > 100


def test_a_carriage_return_ends_a_line_wherever_it_stands(tmp_path):
    cut = (HEAD + ROWS).replace("13:33,1", "13:33,1\r", 1)
    with pytest.raises(DataError, match=r"2 rows do not have 6 fields .* lines 5, 6"):
        read_bars(write(tmp_path, cut), tz="UTC")
    mixed = (HEAD + ROWS).replace("\n", "\r", 4).replace("\n", "\r\r\n", 2)
    assert len(read_bars(write(tmp_path, mixed), tz="UTC")) == 10


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_of_any_packing(tmp_path, method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("bars.csv", HEAD + ROWS * 50)
    data, refused = buffer.getvalue(), 0
    for at in range(40, len(data) - 80, 7):
        broken = write(tmp_path, data[:at] + b"\xff\x00\x13" + data[at + 3 :], "bars.zip")
        try:
            assert len(read_bars(broken, tz="UTC")) == 500  # bytes that carry nothing
        except DataError:
            refused += 1
    assert refused > 3


def test_cells_of_any_length_take_no_time(tmp_path):
    """No pattern tries a long cell again from each of its signs."""
    for cell in ("9" * 20_000 + "x", "1," * 10_000 + "x", "2024-" * 4_000, "1:" * 10_000):
        for text in (f"{cell}\n" * 3 + ROWS, HEAD + ROWS + f"2024-03-14 13:50,1,2,{cell},2,5\n"):
            started = time.process_time()
            with pytest.raises(DataError):
                read_bars(write(tmp_path, text))
            assert time.process_time() - started < 2, cell[:10]


def test_a_line_end_inside_quotes_is_named_without_a_fault(tmp_path):
    text = HEAD + ROWS + '"2024-03-14\n13:40",1,2,1,2,5\n' + ROWS + "x,1,2,1,2,5\n"
    with pytest.raises(DataError):
        read_bars(write(tmp_path, text), tz="UTC")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_quoted_whole(tmp_path, ending):
    lines = [f'"{line}"' for line in (HEAD + ROWS).splitlines()]
    cells = ['"' + line.strip('"').replace(",", '"",""').join(['""', '""']) + '"' for line in lines]
    for text in (lines, [HEAD.strip(), *lines[1:]], cells):
        bars = read_bars(write(tmp_path, ending.join(text)), tz="UTC")
        assert bars["high"].tolist() == [2.0] * 10
        assert bars.index[-1].minute == 39


@pytest.mark.parametrize("sign", ["\x1b[31m", "\x07", "\x9b", "\u202e", "\u2028"])
def test_messages_hold_no_control_characters(tmp_path, sign):
    """A cell, a column and a member's name of a stranger's file do not steer a terminal."""
    texts = [
        HEAD.replace("time", f"wh{sign}en") + ROWS,
        HEAD + ROWS + f"20{sign}24,1,2,1,2,5\n",
        HEAD + ROWS + f"2024-03-14 13:50,1,[/b]{sign},1,2,5\n",
        HEAD + ROWS + f"2024-03-14 13:50,{sign}" + "9" * 20_000 + "\n",
    ]
    for text in texts:
        with pytest.raises(DataError) as caught:
            read_bars(write(tmp_path, " " * 70_000 + "\n" + text), symbol="none")
        said = str(caught.value)
        assert said.isprintable(), said
        assert len(said) < 4000
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"[/b]{sign}.csv", "no table")
    with pytest.raises(DataError) as caught:
        read_bars(write(tmp_path, buffer.getvalue(), "bars.zip"))
    assert "[/b]" in str(caught.value)
    assert str(caught.value).isprintable()
