"""Larger bars: hand-made answers, a naive oracle, and the law of the prefix."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import Sessions, contract, known_at, resample
from ohlcvml.exceptions import DataError, DataWarning, ParameterError

EQUITY = Sessions("CME_Equity")
PRICES = ["open", "high", "low", "close"]


def bars_at(stamps, seed=0):
    """Bars with whole-number prices and volumes, so that sums are exact."""
    stamps = pd.DatetimeIndex(stamps)
    stamps = stamps.tz_localize("UTC") if stamps.tz is None else stamps
    rng = np.random.default_rng(seed)
    price = rng.integers(100, 200, (len(stamps), 4)).astype(float)
    price = np.c_[price[:, 0], price.max(1), price.min(1), price[:, 1]]
    volume = rng.integers(1, 9, len(stamps)).astype(float)
    index = pd.DatetimeIndex(stamps, name="time").as_unit("ns")
    return pd.DataFrame(price, columns=PRICES, index=index).assign(volume=volume)


def clock(stamps, form="%d %H:%M"):
    return pd.DatetimeIndex(stamps).strftime(form).tolist()


def test_five_minutes_by_hand():
    bars = bars_at(pd.date_range("2024-01-08 10:00", periods=11, freq="min"))
    bars.loc[:, PRICES] = np.arange(11.0)[:, None] + [0.0, 0.5, -0.5, 0.25]
    result = resample(bars.assign(volume=1.0), "5min")
    assert result[PRICES].to_numpy().tolist() == [[0, 4.5, -0.5, 4.25], [5, 9.5, 4.5, 9.25]]
    assert result["volume"].tolist() == [5, 5]
    assert clock(result.index) == ["08 10:00", "08 10:05"]
    assert clock(result["known"]) == ["08 10:05", "08 10:10"]


def test_bins_count_from_the_session_open_and_end_at_the_close():
    # 23 hours from 23:00 UTC on: five bars of four hours and one of three.
    bars = bars_at(pd.date_range("2024-01-08 23:00", "2024-01-09 21:59", freq="min"))
    result = resample(bars, "4h", contract="MES")
    assert clock(result.index, "%H") == ["23", "03", "07", "11", "15", "19"]
    assert clock(result["known"], "%H") == ["03", "07", "11", "15", "19", "22"]


def test_one_daily_bar_per_session():
    # Christmas 2024: half session on the 24th, none on the 25th.
    stamps = pd.date_range("2024-12-22 23:00", "2024-12-27 21:59", freq="min", tz="UTC")
    result = resample(bars_at(stamps[EQUITY.inside(stamps)]), "1D", sessions=EQUITY)
    assert clock(result.index) == ["22 23:00", "23 23:00", "25 23:00", "26 23:00"]
    assert clock(result["known"]) == ["23 22:00", "24 18:15", "26 22:00", "27 22:00"]
    assert np.diff(EQUITY.number(result.index)).tolist() == [1, 1, 1]


def test_a_week_of_sessions():
    stamps = pd.date_range("2024-01-07 23:00", "2024-01-19 21:59", freq="h", tz="UTC")
    result = resample(bars_at(stamps[EQUITY.inside(stamps)]), "7D", contract=contract("ES"))
    assert clock(result.index) == ["07 23:00", "14 23:00"]
    assert clock(result["known"]) == ["12 22:00", "19 22:00"]


def test_without_sessions_bins_count_from_midnight_utc():
    bars = bars_at(pd.date_range("2024-01-08 22:00", periods=30, freq="h"))
    assert clock(resample(bars, "5h").index) == [
        "08 20:00", "09 00:00", "09 05:00", "09 10:00", "09 15:00", "09 20:00",
    ]  # fmt: skip
    assert clock(resample(bars, "1D").index, "%d") == ["08", "09"]
    assert clock(resample(bars, "7D", partial=True).index, "%a %d") == ["Mon 08"]


@pytest.mark.parametrize(("n", "rows"), [(9, 1), (10, 2), (11, 2)])
def test_the_last_bar_is_left_out_until_it_is_over(n, rows):
    bars = bars_at(pd.date_range("2024-01-08 10:00", periods=n, freq="min"))
    assert len(resample(bars, "5min")) == rows


def test_a_later_bar_proves_the_one_before_complete():
    # No trade at 10:04: at 10:04 the bar may still change, at 10:07 it may not.
    stamps = pd.date_range("2024-01-08 10:00", periods=8, freq="min").delete([4, 5, 6])
    bars = bars_at(stamps)
    assert len(resample(bars[:4], "5min", bar_size="1min")) == 0
    result = resample(bars, "5min", bar_size="1min")
    assert clock(result["known"]) == ["08 10:05"]


def test_partial_keeps_the_last_bar_known_as_far_as_it_goes():
    bars = bars_at(pd.date_range("2024-01-08 10:00", periods=7, freq="min"))
    result = resample(bars, "5min", partial=True)
    assert clock(result["known"]) == ["08 10:05", "08 10:07"]
    assert result["close"].iloc[-1] == bars["close"].iloc[-1]


def naive_spans(stamp, size, sessions):
    """Span of a bar, reading the calendar row by row."""
    size = pd.Timedelta(size)
    if sessions.calendar is None:
        origin = stamp.normalize()
        start = origin + (stamp - origin) // size * size
        return start, min(start + size, origin + pd.Timedelta("1D"))
    one = pd.DatetimeIndex([stamp])
    opened, close = sessions.open(one)[0], sessions.close(one)[0]
    if size == pd.Timedelta("1D"):
        return opened, close
    start = opened + (stamp - opened) // size * size
    return start, min(start + size, close)


@given(
    gaps=st.lists(st.integers(1, 40), min_size=2, max_size=80),
    size=st.sampled_from(["5min", "15min", "1h", "1D"]),
    calendar=st.sampled_from([None, "CME_Equity", "NYSE"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=50, deadline=None)
def test_naive_oracle(gaps, size, calendar, seed):
    sessions = Sessions(calendar)
    stamps = pd.Timestamp("2024-11-29 17:30", tz="UTC") + pd.to_timedelta(np.cumsum(gaps), "min")
    bars = bars_at(stamps[sessions.inside(stamps)], seed)
    if len(bars) == 0:
        return
    result = resample(bars, size, sessions=sessions, partial=True, bar_size="1min")
    groups = {}
    for stamp, row in bars.iterrows():
        groups.setdefault(naive_spans(stamp, size, sessions), []).append(row)
    assert result.index.tolist() == [start for start, _ in groups]
    for (_, end), rows, (_, got) in zip(groups, groups.values(), result.iterrows(), strict=True):
        part = pd.DataFrame(rows)
        expected = [
            part["open"].iloc[0], part["high"].max(), part["low"].min(),
            part["close"].iloc[-1], part["volume"].sum(),
        ]  # fmt: skip
        assert got[[*PRICES, "volume"]].tolist() == expected
        assert got["known"] in (end, part.index[-1] + pd.Timedelta("1min"))


@given(
    gaps=st.lists(st.integers(1, 90), min_size=3, max_size=80),
    cut=st.floats(0.05, 1),
    size=st.sampled_from(["5min", "45min", "4h", "1D", "7D"]),
    calendar=st.sampled_from([None, "CME_Equity", "NYSE"]),
    outside=st.sampled_from(["drop", "keep"]),
    irregular=st.booleans(),
)
@settings(max_examples=50, deadline=None)
@pytest.mark.filterwarnings("ignore::ohlcvml.exceptions.DataWarning")
def test_prefix_law(gaps, cut, size, calendar, outside, irregular):
    stamps = pd.Timestamp("2024-11-27 12:00", tz="UTC") + pd.to_timedelta(np.cumsum(gaps), "min")
    bars, sessions = bars_at(stamps), Sessions(calendar)
    keywords = {"sessions": sessions, "outside": outside}
    if irregular:  # each bar lasts about half the way to the next
        bars["known"] = stamps + pd.to_timedelta(np.r_[gaps[1:], 1] * 30_000_000_001, "ns")
    else:
        keywords["bar_size"] = "1min"
    prefix = bars.iloc[: max(1, int(cut * len(bars)))]
    seen = known_at(prefix, sessions=sessions, bar_size="1min")[-1]
    whole = resample(bars, size, **keywords)
    pd.testing.assert_frame_equal(resample(prefix, size, **keywords), whole[whole["known"] <= seen])


def test_symbols_do_not_meet():
    one = bars_at(pd.date_range("2024-01-08 10:00", periods=7, freq="min"), seed=1)
    two = bars_at(pd.date_range("2024-01-08 10:02", periods=13, freq="min"), seed=2)
    both = pd.concat({"ES": one, "NQ": two}, names=["symbol"])
    result = resample(both, "5min")
    assert result.index.names == ["symbol", "time"]
    pd.testing.assert_frame_equal(result.loc["ES"], resample(one, "5min"))
    pd.testing.assert_frame_equal(result.loc["NQ"], resample(two, "5min"))


def test_in_two_steps_as_in_one():
    stamps = pd.date_range("2024-01-07 23:00", "2024-01-10 21:59", freq="min", tz="UTC")
    bars = bars_at(stamps[EQUITY.inside(stamps)])
    hours = resample(bars, "1h", sessions=EQUITY)
    pd.testing.assert_frame_equal(
        resample(hours, "1D", sessions=EQUITY), resample(bars, "1D", sessions=EQUITY)
    )


def test_bars_outside_the_session_are_counted_or_kept_apart():
    stamps = pd.date_range("2024-01-08 21:00", "2024-01-08 23:59", freq="min")
    bars = bars_at(stamps)
    with pytest.warns(DataWarning, match="60 of 180 bars are stamped after the nominal close"):
        result = resample(bars, "3h", contract="MES")
    assert clock(result.index, "%H") == ["20"]
    kept = resample(bars, "3h", contract="MES", outside="keep")
    assert clock(kept.index, "%H") == ["20", "22"]
    assert clock(kept["known"], "%H") == ["22", "23"]
    assert kept["volume"].sum() == bars["volume"][:120].sum()


def test_event_bars_are_known_when_their_last_constituent_is():
    bars = bars_at(["2024-01-08 10:00:10", "2024-01-08 10:04:30", "2024-01-08 10:06:00"])
    known = pd.to_datetime(["2024-01-08 10:04:30", "2024-01-08 10:06:00", "2024-01-08 10:30:00"])
    result = resample(bars.assign(known=known.tz_localize("UTC")), "5min")
    assert clock(result["known"], "%H:%M") == ["10:06", "10:30"]
    assert clock(result.index, "%H:%M") == ["10:00", "10:05"]


def test_bars_with_a_known_column_are_checked_like_others_where_they_are_regular():
    hours = resample(bars_at(pd.date_range("2024-01-08", periods=600, freq="min")), "1h")
    for size in ("5min", "90min"):
        with pytest.raises(ParameterError, match="a multiple of the bars' own size 0 days 01"):
            resample(hours, size)


def test_nan_volume_stays_unknown():
    bars = bars_at(pd.date_range("2024-01-08 10:00", periods=4, freq="min"))
    bars.iloc[1, 4] = np.nan
    assert np.isnan(resample(bars, "2min")["volume"]).tolist() == [True, False]


def test_continuous_columns_travel():
    bars = bars_at(pd.date_range("2024-01-08 10:00", periods=4, freq="min"))
    raw = bars[PRICES].add_prefix("raw_") - 50
    bars = bars.join(raw).assign(contract=np.int64(202403), adjustment=50.0, other="x")
    result = resample(bars, "2min")
    assert (result["raw_high"] == result["high"] - 50).all()
    assert result["contract"].dtype == np.int64
    assert "other" not in result
    bars["contract"] = [202403, 202403, 202403, 202406]
    with pytest.raises(DataError, match="must not mix two contracts; 1 would"):
        resample(bars, "2min")


@pytest.mark.parametrize("size", ["30s", "90s", "0min", "ever", 5])
def test_bad_size(size):
    bars = bars_at(pd.date_range("2024-01-08 10:00", periods=4, freq="min"))
    with pytest.raises(ParameterError, match="resample: parameter 'size' must be"):
        resample(bars, size)


def test_more_than_a_day_must_be_days():
    bars = bars_at(pd.date_range("2024-01-08", periods=99, freq="h"))
    with pytest.raises(ParameterError, match="whole number of days"):
        resample(bars, "36h")


@pytest.mark.parametrize(
    "keywords",
    [
        {"sessions": "MES"},
        {"contract": 5},
        {"partial": "yes"},
        {"outside": "merge"},
        {"sessions": EQUITY, "contract": "MES"},
    ],
)
def test_bad_parameters(keywords):
    bars = bars_at(pd.date_range("2024-01-08 10:00", periods=4, freq="min"))
    with pytest.raises(ParameterError, match="resample: "):
        resample(bars, "2min", **keywords)


def test_overlapping_bars_are_refused():
    bars = bars_at(["2024-01-08 10:00", "2024-01-08 10:05", "2024-01-08 10:09:59"])
    with pytest.raises(DataError, match="must not overlap; 1 begin before"):
        resample(bars, "15min", bar_size="5min")


def test_bars_across_the_end_of_a_span_are_refused():
    # New York opens at half past: a bar stamped 14:00 UTC holds minutes of two sessions.
    bars = bars_at(pd.date_range("2024-01-08 14:00", periods=6, freq="h"))
    with pytest.raises(DataError, match="reach across the end of theirs, the first at row 0"):
        resample(bars, "2h", sessions=Sessions("NYSE"))


def test_real_hours_agree_with_real_minutes(shared_data):
    table = pd.read_parquet(shared_data / "norm" / "es_1m_quotrading_2025.parquet")
    time_index = pd.DatetimeIndex(table.pop("ts"), name="time").as_unit("ns")
    bars = table.set_index(time_index)[[*PRICES, "volume"]]
    with pytest.warns(DataWarning, match="780 of 72810"):
        days = resample(bars, "1D", contract="ES")
    assert (np.diff(EQUITY.number(days.index)) == 1).all()
    own = bars[EQUITY.inside(bars.index)]
    high = own["high"].groupby(EQUITY.number(own.index)).max()
    assert days["high"].tolist() == high.tolist()[: len(days)]
