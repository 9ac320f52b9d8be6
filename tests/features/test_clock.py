"""Time and sessions as inputs: the same integers for a table and bar by bar."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Sessions, simulate_bars
from ohlcvml.exceptions import DataError
from ohlcvml.streams._channels import BarRow, Channels
from ohlcvml.streams._clock import DAY, NO_TIME, SESSION_INPUTS

BARS = simulate_bars(3000, seed=0, start="2024-11-27 12:00", sessions=True).bars


@pytest.mark.parametrize("calendar", ["", "CME_Equity", "CMEGlobex_GC"])
def test_one_bar_has_the_clock_of_the_table(calendar):
    names = ["time@1min", *(f"{name}@{calendar}" for name in SESSION_INPUTS)]
    channels, row = Channels(BARS, "test"), BarRow("test")
    arrays = [row[name] for name in names]
    one_by_one = []
    for time, bar in zip(BARS.index, BARS.to_dict("records"), strict=True):
        row.read(bar, time)
        one_by_one.append([int(array[0]) for array in arrays])
    assert np.array_equal(np.array(one_by_one).T, [channels[name] for name in names])


def test_sessions_are_those_of_the_calendar():
    channels, sessions = Channels(BARS, "test"), Sessions("CME_Equity")
    assert np.array_equal(channels["session@CME_Equity"], sessions.number(BARS.index))
    close = pd.DatetimeIndex(channels["session_close@CME_Equity"], tz="UTC")
    assert (close == sessions.close(BARS.index)).all()


def test_without_a_calendar_a_session_is_the_utc_day():
    channels = Channels(BARS, "test")
    opened = channels["session_open@"]
    assert (pd.DatetimeIndex(opened, tz="UTC") == BARS.index.normalize()).all()
    assert (channels["session_close@"] - opened == DAY).all()
    assert (np.diff(channels["session@"]) == np.diff(opened) // DAY).all()


def test_rows_without_dates_have_no_time():
    channels = Channels(BARS.reset_index(drop=True), "test")
    assert (channels["time@1min"] == NO_TIME).all()
    assert (channels["session@CME_Equity"] == NO_TIME).all()


def test_two_symbols_are_not_each_others_neighbours():
    both = pd.concat({"a": BARS, "b": BARS}, names=["symbol", "time"])
    assert len(Channels(both, "test")["time@1min"]) == 2 * len(BARS)


def test_bars_finer_than_declared_raise():
    message = r"test: bars must be at least bar_size=0 days 00:05:00 apart; 3 in a .* Pass the size"
    with pytest.raises(DataError, match=message):
        Channels(BARS, "test")["time@5min"]
    row = BarRow("test")
    row["time@5min"]
    for at in range(3):
        row.read(BARS.iloc[at])
    with pytest.raises(DataError, match=message):
        row.read(BARS.iloc[3])


def test_strays_are_suffered_and_disorder_is_not():
    five = BARS.iloc[np.r_[0:100:5, 101, 102, 105:200:5]]
    assert len(Channels(five, "test")["time@5min"]) == len(five)
    row = BarRow("test")
    row["time@5min"]
    for at in range(len(five)):
        row.read(five.iloc[at])
    with pytest.raises(DataError, match="in the order of time"):
        row.read(five.iloc[3])


def test_a_bar_without_a_stamp_raises_where_one_is_needed():
    row = BarRow("test")
    row["session@"]
    with pytest.raises(DataError, match=r"must carry its stamp.*push"):
        row.read(BARS.iloc[0].to_numpy())


def bar_of(kind, at):
    bar, time = BARS.iloc[at], BARS.index[at]
    named = next(BARS.iloc[[at]].itertuples())
    forms = {
        "series": (bar, None),
        "argument": (bar.to_numpy(), time),
        "text": (bar.to_dict(), str(time)),
        "numpy": (bar.to_dict(), time.tz_localize(None).to_datetime64()),
        "field": ({**bar, "time": time.to_pydatetime()}, None),
        "tuple": (named, None),
        "zone": (bar.to_dict(), time.tz_convert("America/Chicago")),
    }
    return forms[kind]


@pytest.mark.parametrize("kind", ["series", "argument", "text", "numpy", "field", "tuple", "zone"])
def test_a_stamp_may_come_in_many_forms(kind):
    row = BarRow("test")
    time = row["time@1min"]
    row.read(*bar_of(kind, 7))
    assert time[0] == BARS.index.as_unit("ns").asi8[7]


@pytest.mark.parametrize("argument", ["@", "CME_Equity@", "CME_Equity@ES", "CMEGlobex_GC@GC"])
def test_facts_of_one_bar_are_the_row_of_its_session(argument):
    name, number = f"session_facts@{argument}", f"session@{argument.partition('@')[0]}"
    channels, row = Channels(BARS, "test"), BarRow("test")
    facts, table, session = row[name], channels[name], channels[number]
    assert table[0, 0] == session[0]
    for at in range(0, len(BARS), 37):
        row.read(BARS.iloc[at])
        assert np.array_equal(facts[0], table[session[at] - table[0, 0]])


def test_facts_are_no_column_of_bars():
    table = Channels(BARS, "test")["session_facts@CME_Equity@ES"]
    assert len(table) == Sessions("CME_Equity").number(BARS.index)[[0, -1]] @ [-1, 1] + 1
