"""Known answers of ``as_bars``: the same bars, however they were written."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import as_bars, check_bars, simulate_bars
from ohlcvml.exceptions import DataError, ParameterError

BARS = simulate_bars(50, seed=0).bars
TWO = pd.concat({"ES": BARS, "NQ": BARS * 2}, names=["symbol"])
HOUR = pd.Timedelta("1h")
NAMED = BARS.rename(columns=str.capitalize)

SAME = {
    "case": (NAMED, {}, ["Open, High, Low, Close, Volume renamed open, high, low, close, volume"]),
    "a naive clock": (
        BARS.tz_localize(None),
        {"tz": "UTC"},
        ["stamps read on the clock UTC and converted to UTC"],
    ),
    "a broker's clock": (
        BARS.set_axis(BARS.index.tz_convert("America/New_York").tz_localize(None) + 7 * HOUR),
        {"tz": "America/New_York+7h"},
        ["stamps read on the clock America/New_York+7h and converted to UTC"],
    ),
    "another zone": (
        BARS.tz_convert("America/Chicago"),
        {},
        ["stamps converted from America/Chicago to UTC"],
    ),
    "newest first": (BARS[::-1], {}, ["50 of 50 rows moved to sort them by time"]),
    "the last bar twice": (pd.concat([BARS, BARS.iloc[[-1]]]), {}, ["1 repeated rows removed"]),
    "text": (BARS.astype(str), {}, ["text made numbers in open, high, low, close, volume"]),
    "time in a column": (
        BARS.reset_index().rename(columns={"time": "Date"}),
        {},
        ["time taken from the column Date"],
    ),
    "another language": (
        BARS.set_axis(["Ouverture", "Plus haut", "Plus bas", "Clôture", "Volume"], axis=1),
        {},
        [
            "Ouverture, Plus haut, Plus bas, Clôture, Volume renamed open, high, low, close, volume"
        ],
    ),
    "numbered names": (
        BARS.set_axis(["1. open", "2. high", "3. low", "4. close", "5. volume"], axis=1),
        {},
        [
            "1. open, 2. high, 3. low, 4. close, 5. volume renamed open, high, low, close, volume"
        ],
    ),
    "its own names": (BARS, {}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_the_same_bars_however_they_were_written(case):
    table, options, changes = SAME[case]
    before = table.copy()
    bars = as_bars(table, **options)
    pd.testing.assert_frame_equal(bars, BARS, check_freq=False)
    assert bars.attrs["changes"] == changes
    pd.testing.assert_frame_equal(table, before)
    assert "changes" not in table.attrs


@pytest.mark.parametrize(
    "table",
    [
        TWO.swaplevel(),
        TWO.swaplevel().sort_index(),
        TWO.reset_index(),
        TWO.iloc[::-1],
        pd.concat({"ES": NAMED, "NQ": NAMED * 2}, axis=1),
        pd.concat({"ES": NAMED, "NQ": NAMED * 2}, axis=1).swaplevel(axis=1).sort_index(axis=1),
    ],
    ids=["swapped", "by time", "long", "newest first", "wide", "wide, symbol below"],
)
def test_several_symbols_stand_one_under_another(table):
    bars = as_bars(table)
    pd.testing.assert_frame_equal(bars, TWO, check_freq=False)
    assert bars.attrs["changes"]
    check_bars(bars, "test")


def test_one_symbol_over_the_names_is_kept():
    bars = as_bars(pd.concat({"ES": NAMED}, axis=1))
    assert bars.attrs["symbol"] == "ES"
    assert bars.equals(BARS)


def test_a_symbol_that_did_not_trade_has_no_bar():
    wide = pd.concat({"ES": NAMED, "NQ": NAMED.iloc[10:]}, axis=1)
    bars = as_bars(wide)
    assert bars.groupby("symbol").size().to_dict() == {"ES": 50, "NQ": 40}
    assert "10 empty rows of NQ left out" in bars.attrs["changes"]


def test_infinities_become_missing_and_no_volume_is_told():
    bars = as_bars(
        NAMED.assign(Close=NAMED["Close"].where(np.arange(50) != 7, np.inf)).drop(columns="Volume")
    )
    assert np.isnan(bars["close"].iloc[7])
    assert bars["volume"].isna().all()
    assert bars.attrs["changes"][1:] == [
        "volume is NaN: the table has none",
        "1 infinite values of close made NaN",
    ]


def test_other_columns_stay_as_they_are():
    extra = {"contract": 202403, "raw_close": 1.5, "known": BARS.index, "note": "x"}
    table = NAMED.assign(**extra)[::-1]
    bars = as_bars(table)
    assert list(bars.columns[5:]) == list(extra)
    pd.testing.assert_frame_equal(bars[list(extra)], table[::-1][list(extra)], check_freq=False)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (NAMED.assign(Last=1.0), "several columns may be the close: 'Close', 'Last'"),
        (
            BARS.drop(columns="volume").assign(tick_volume=1, real_volume=2),
            "several columns may be the volume",
        ),
        (BARS.tz_localize(None), "has no time zone"),
        (pd.concat([BARS, BARS.iloc[[-1]] + 1]), "have the stamp of another row and other values"),
        (BARS.assign(close="n/a"), "must hold numbers"),
        (BARS.drop(columns="high"), "no column for high"),
        (BARS.reset_index(drop=True), "no time column"),
        (BARS.iloc[:0], "must not be empty"),
        (BARS["close"], "must be a DataFrame"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_be_read_in_two_ways_raises(table, message):
    with pytest.raises(DataError, match=rf"^as_bars: .*{message}"):
        as_bars(table)


def test_the_caller_decides_what_is_undecided():
    assert as_bars(NAMED.assign(Last=1.0), columns={"close": "Last"})["close"].eq(1.0).all()
    last = as_bars(BARS.assign(Last=1.0))  # its own name needs no reading
    assert last["close"].equals(BARS["close"])
    with pytest.raises(ParameterError, match=r"^as_bars: parameter 'tz' must be"):
        as_bars(BARS.tz_localize(None), tz="Mars")
