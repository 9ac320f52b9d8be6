"""Laws of reading over random bars, random layouts and random damage."""

import contextlib
import datetime as dt
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ohlcvml.bars import read_bars
from ohlcvml.exceptions import DataError

SETTINGS = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read(data, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars"
        path.write_bytes(data)
        return read_bars(path, **options)


@st.composite
def random_bars(draw):
    n = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    start = draw(st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2040, 1, 1)))
    steps = rng.integers(1, 10_000, n).cumsum()
    index = pd.DatetimeIndex([start.replace(microsecond=0)] * n) + pd.to_timedelta(steps, "s")
    path = 1000 + rng.normal(size=(n, 4)).cumsum(axis=0).round(4)
    return pd.DataFrame(
        {
            "open": path[:, 0],
            "high": path.max(axis=1),
            "low": path.min(axis=1),
            "close": path[:, 3],
            "volume": rng.integers(2000, 9000, n).astype(float),
        },
        index=index.as_unit("ns").rename("time"),
    )


@given(
    bars=random_bars(),
    sep=st.sampled_from([",", ";", "\t", "|"]),
    header=st.booleans(),
    stamp=st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y%m%d %H%M%S", "%Y.%m.%dT%H:%M:%SZ"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    order=st.permutations(["open", "high", "low", "close", "volume"]),
)
@SETTINGS
def test_what_to_csv_writes_is_read_back_exactly(bars, sep, header, stamp, newline, order):
    table = bars[order] if header else bars
    text = table.to_csv(sep=sep, header=header, date_format=stamp, lineterminator=newline)
    got = read(text.encode(), tz="UTC")
    expected = bars.tz_localize("UTC")
    pd.testing.assert_frame_equal(got, expected, check_exact=True, check_freq=False)


@given(bars=random_bars(), seed=st.integers(0, 2**32 - 1))
@SETTINGS
def test_rows_stay_in_file_order_with_duplicates(bars, seed):
    rows = np.random.default_rng(seed).integers(0, len(bars), 2 * len(bars))
    shuffled = bars.iloc[rows].tz_localize("UTC")
    got = read(shuffled.to_csv().encode())
    pd.testing.assert_frame_equal(got, shuffled, check_exact=True, check_freq=False)


@given(
    bars=random_bars(),
    cut=st.floats(0, 1),
    at=st.floats(0, 1),
    byte=st.integers(0, 255),
    kind=st.sampled_from(["csv", "gz", "zip"]),
)
@SETTINGS
def test_damage_is_read_or_refused_but_never_crashes(bars, cut, at, byte, kind):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        compression = {"gz": "gzip", "zip": "zip"}.get(kind)
        bars.to_csv(path, compression=compression)
        data = bytearray(path.read_bytes())
    data[int(at * (len(data) - 1))] = byte
    with contextlib.suppress(DataError):  # anything else is a crash
        got = read(bytes(data[: int(cut * len(data)) + 1]), tz="UTC")
        assert list(got.columns) == ["open", "high", "low", "close", "volume"]


@given(bars=random_bars(), line=st.integers(0, 59), column=st.integers(0, 5))
@SETTINGS
def test_a_damaged_cell_is_named_by_its_line(bars, line, column):
    lines = bars.to_csv().splitlines()
    line = 1 + line % len(bars)
    cells = lines[line].split(",")
    cells[column] = "damaged"
    lines[line] = ",".join(cells)
    # a file of one damaged row holds no bars at all
    match = f"line {line + 1};" if len(bars) > 1 else "line 2;|no row"
    with pytest.raises(DataError, match=match):
        read("\n".join(lines).encode(), tz="UTC")
