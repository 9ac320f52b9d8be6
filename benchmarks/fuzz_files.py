"""Damaged files of every kind that is read: bars or our typed errors, in bounded time and memory.

    python benchmarks/fuzz_files.py                # 10,000 files, two processes
    python benchmarks/fuzz_files.py --files 300 --first 0 --show

Each number gives one file: a small file of bars as a vendor writes it, damaged before it is
packed, after it is packed, both or not at all, and read with options drawn at random. What reads is
judged by ``validate_bars`` and mended, too. A file ends as bars, as a DataError or ParameterError
with a printable message, or as a fault: any other exception or warning, a message with control
characters or of more than 4,000 signs, more than 10 s, or more than 2 GB.
"""

from __future__ import annotations

import argparse
import gzip
import io
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ohlcvml.bars import read_bars, validate_bars
from ohlcvml.exceptions import DataError, DataWarning, ParameterError

SECONDS, MEMORY = 10, 2 * 2**30
READ, TYPED = "read", ("DataError", "ParameterError")
TEXTS = ("plain", "meta", "histdata", "epoch", "klines", "yahoo", "offset", "decimal", "words")
KINDS = (*TEXTS, "parquet", "feather")
PACKINGS = ("none", "none", "none", "gz", "stored", "deflate", "bzip2", "lzma", "twice", "many")
NAMES = ("bars.csv", "bars", "X_2024.csv", "GC_20240200.csv", "20240102_gc_minute_trade.csv")
TOKENS = (
    *(b"\r", b"\n", b"\r\r\n", b'"', b"'", b"\0", b"\x1b[31m", b",", b";", b"\t", b"|", b" "),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xa8", b"\x85", b"\x0b", b"\x0c", b"\x1c", b"[/b]"),
    *(b"NaN", b"inf", b"-inf", b"1e999", b"-0", b"0x10", b"1_000", b"99999999999999999999", b"-"),
    *(b"2024-02-30", b"25660416", b"1071227", b"31/31/24", b"24:00", b"9" * 5000, b"\xd9\xa3"),
    *(b"date", b"open", b"close", b"Last", b"volume", b"symbol", b"time", b"hour", b"{}", b"%s"),
)


class Outcome(NamedTuple):
    """How one file ended: a kind to be counted, and what was said."""

    number: int
    kind: str
    said: str = ""

    @property
    def fault(self) -> bool:
        return self.kind != READ and self.kind not in TYPED


def bars(rng: np.random.Generator) -> pd.DataFrame:
    """A few rows of prices with their UTC stamps."""
    n = int(rng.choice([1, 2, 5, 40, 300]))
    start = pd.Timestamp("2019-03-08 14:30") + pd.Timedelta(days=int(rng.integers(0, 900)))
    step = str(rng.choice(["1min", "5min", "1h", "1D"]))
    price = np.round(100 + rng.normal(size=(n, 4)).cumsum(axis=0), 2)
    table = pd.DataFrame(price, columns=["open", "high", "low", "close"])
    table["high"], table["low"] = price.max(axis=1), price.min(axis=1)
    table["volume"] = rng.integers(0, 900, n)
    return table.set_index(pd.date_range(start, periods=n, freq=step, name="time"))


def text(table: pd.DataFrame, kind: str) -> str:
    """The bars as a vendor writes them."""
    index = table.index
    assert isinstance(index, pd.DatetimeIndex)
    if kind == "histdata":
        return table.to_csv(sep=";", header=False, date_format="%Y%m%d %H%M%S")
    if kind == "meta":
        split = table.rename(columns=lambda name: f"<{name.upper()}>")
        split.insert(0, "<TIME>", index.strftime("%H:%M:%S"))
        return split.to_csv(sep="\t", date_format="%Y.%m.%d", index_label="<DATE>")
    if kind in ("epoch", "klines"):
        ms = pd.Index(index.as_unit("ms").asi8, name="open_time")
        wide = table.set_axis(ms).assign(close_time=ms + 59_999, count=3)
        return wide.to_csv(header=kind == "epoch")
    if kind == "yahoo":
        body = table.tz_localize("UTC").to_csv(header=False)
        return "Price,Open,High,Low,Close,Volume\nTicker,X,X,X,X,X\nDatetime,,,,,\n" + body
    if kind == "offset":
        return table.tz_localize("UTC").tz_convert("America/New_York").to_csv()
    if kind == "decimal":
        return table.to_csv(sep=";", decimal=",", date_format="%d.%m.%Y %H:%M", index_label="Zeit")
    if kind == "words":
        symbols = table.assign(symbol=np.where(np.arange(len(table)) % 2, "A[/b]", "MÜ"))
        return symbols.to_csv(date_format="%b %d, %Y %H:%M", quoting=2)
    return table.to_csv()


def content(rng: np.random.Generator, kind: str) -> bytes:
    table = bars(rng)
    if kind in TEXTS:
        encoding = str(rng.choice(["utf-8"] * 6 + ["utf-16", "latin-1"]))
        ends = str(rng.choice(["\n", "\r\n", "\r"]))
        return text(table, kind).replace("\n", ends).encode(encoding)
    buffer = io.BytesIO()
    if kind == "parquet":
        table.tz_localize("UTC").to_parquet(buffer)
    else:
        table.reset_index().to_feather(buffer)
    return buffer.getvalue()


def damage(rng: np.random.Generator, data: bytes) -> bytes:
    """One piece of damage to bytes."""
    if not data:
        return data
    at, to = sorted(int(i) for i in rng.integers(0, len(data) + 1, 2))
    near = min(to, at + int(rng.integers(1, 40)))
    kind = int(rng.integers(0, 9))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[near:]
    if kind == 2:
        return data[:at] + rng.bytes(int(rng.integers(1, 9))) + data[at:]
    if kind == 3:
        return (
            data[:at]
            + bytes([data[min(at, len(data) - 1)] ^ int(rng.integers(1, 256))])
            + (data[at + 1 :])
        )
    if kind == 4:
        return data[:at] + data[at:near] * int(rng.integers(2, 50)) + data[near:]
    if kind == 5:
        lines = data.split(b"\n")
        one, two = rng.integers(0, len(lines), 2)
        lines[one], lines[two] = lines[two], lines[one]
        return b"\n".join(lines)
    token = TOKENS[int(rng.integers(0, len(TOKENS)))]
    if kind == 6:
        return data[:at] + token + data[near:]
    if kind == 7:  # in place of one cell
        cells = data.split(b",")
        cells[int(rng.integers(0, len(cells)))] = token
        return b",".join(cells)
    return data.replace(data[at : at + 1], token, int(rng.integers(1, 30)))


def pack(rng: np.random.Generator, data: bytes, packing: str, name: str) -> bytes:
    if packing == "none":
        return data
    if packing == "gz":
        return gzip.compress(data, mtime=0)
    methods = {"stored": 0, "deflate": 8, "bzip2": 12, "lzma": 14}
    method = methods.get(packing, 8)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for k in range(int(rng.integers(2, 4)) if packing == "many" else 1):
            inner = damage(rng, data) if k else data
            if packing == "twice":
                inner, name = pack(rng, inner, "lzma", name), "inner.zip"
            archive.writestr(zipfile.ZipInfo(f"{k}_{name}" if k else name), inner, method)
    return buffer.getvalue()


def options(rng: np.random.Generator) -> dict[str, Any]:
    every: dict[str, list[Any]] = {
        "tz": [*["UTC"] * 5, "America/New_York", "America/New_York+7h", None],
        "dayfirst": [None, True, False],
        "ambiguous": ["raise", "infer", "earlier"],
        "epoch": ["utc", "wall"],
        "scale": [1.0, 1e-5],
        "symbol": [None, "A[/b]"],
        "keep": [(), ("count",)],
        "columns": [None, None, {"time": 0}, {"close": "Last"}, {"volume": None}, {"symbol": 5}],
    }
    drawn = {name: values[int(rng.integers(0, len(values)))] for name, values in every.items()}
    kept = ("tz", *(name for name in every if rng.random() < 0.08))
    return {name: drawn[name] for name in kept}


def fuzzed(number: int) -> tuple[str, bytes, dict[str, Any]]:
    """Name, content and options of one file."""
    rng = np.random.default_rng([20_261_201, number])
    kind = KINDS[int(rng.integers(0, len(KINDS)))]
    packing = PACKINGS[int(rng.integers(0, len(PACKINGS)))]
    where = int(rng.choice([0, 0, 0, 1, 2]))  # before packing, after it, both
    data = content(rng, kind)
    for _ in range(int(rng.integers(0, 3)) if where != 1 else 0):
        data = damage(rng, data)
    name = str(rng.choice(NAMES))
    data = pack(rng, data, packing, name)
    for _ in range(int(rng.integers(1, 4)) if where != 0 else 0):
        data = damage(rng, data)
    return name, data, options(rng)


def outcome(number: int, folder: Path) -> Outcome:
    """Read one file and say how it ended."""
    name, data, chosen = fuzzed(number)
    path = folder / name
    path.write_bytes(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DataWarning)
            table = read_bars(path, **chosen)
            str(validate_bars(table, policy="report", contract="ES").report)
            validate_bars(table, policy="repair")
    except (DataError, ParameterError) as error:
        said = str(error)
        if not said.replace("\n", "").isprintable() or len(said) > 4000:
            return Outcome(number, "message", repr(said[:300]))
        return Outcome(number, type(error).__name__, said)
    except TimeoutError:
        return Outcome(number, "time", "")
    except MemoryError:
        return Outcome(number, "memory", "")
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{where.filename.rsplit('/', 1)[-1]}:{where.lineno} {error}"
        return Outcome(number, f"fault {type(error).__name__}", said[:300])
    return Outcome(number, READ)


def _late(*_: object) -> None:
    raise TimeoutError


def work(numbers: list[int]) -> list[Outcome]:
    """Read files in one process, each within its limits."""
    resource.setrlimit(resource.RLIMIT_AS, (_in_use() + MEMORY, resource.RLIM_INFINITY))
    signal.signal(signal.SIGALRM, _late)
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            signal.alarm(SECONDS)
            outcomes.append(outcome(number, Path(folder)))
            signal.alarm(0)
    return outcomes


def _in_use() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def main(files: int, first: int, processes: int, show: bool) -> int:
    started = time.perf_counter()
    numbers = np.arange(first, first + files)
    parts = [part.tolist() for part in np.array_split(numbers, max(processes, files // 250))]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        every = [one for part in pool.imap(work, parts) for one in part]
    counts = Counter(one.kind for one in every)
    for kind, count in counts.most_common():
        print(f"{count:7,d}  {kind}")
    faults = [one for one in every if one.fault]
    for one in faults if show else faults[:20]:
        print(f"file {one.number}: {one.kind}: {one.said}")
    print(f"{len(every):,} files, {len(faults)} faults, {time.perf_counter() - started:.0f} s")
    return len(faults) > 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="show every fault")
    given = parser.parse_args()
    sys.exit(main(given.files, given.first, given.processes, given.show))
