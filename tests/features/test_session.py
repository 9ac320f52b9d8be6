"""Sessions by hand: Thanksgiving, changes of the clock, UTC days; partial ones, gaps, streams."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Sessions, read_bars
from ohlcvml.exceptions import DataError
from ohlcvml.features import SessionFeatures
from ohlcvml.streams import average_true_range
from tests.features.conftest import make_bars

CLOCK = ["session_elapsed", "minutes_from_open", "minutes_to_close"]
BOTH = ["overnight_return", "previous_session_return", "previous_session_high_distance"]


def at(bars, *stamps):
    return bars.loc[pd.DatetimeIndex(stamps, tz="UTC")]


def sessions_of(contract, start, days, seed=0):
    """Bars of every minute inside the sessions of a contract."""
    bars = make_bars(days * 1440, seed, start)
    return bars[Sessions.of(contract).inside(bars.index)] if contract else bars


def test_the_clock_knows_thanksgiving():
    bars = sessions_of("ES", "2024-11-27 20:00", 3)
    table = SessionFeatures("ES").fit_transform(bars)
    # Thursday from 23:00 on Wednesday to 18:00, Friday from 23:00 on Thursday to 18:15, in UTC
    thursday, friday = 19 * 60, 19 * 60 + 15
    found = at(
        table, "2024-11-27 23:00", "2024-11-28 17:30", "2024-11-28 17:59", "2024-11-29 17:59"
    )
    assert found["session_elapsed"].tolist() == [1 / thursday, 1111 / thursday, 1, 1140 / friday]
    assert found["minutes_to_close"].tolist() == [60, 29, 0, 15]
    assert found["minutes_from_open"].tolist() == [1, 60, 60, 60]


@pytest.mark.parametrize("day", ["2024-03-11", "2024-11-04"])  # Mondays after a change of clocks
def test_the_open_moves_with_the_clocks(day):
    bars = sessions_of("ES", pd.Timestamp(day) - pd.Timedelta("4D"), 6)
    table = SessionFeatures("ES").fit_transform(bars)
    chicago = table.index.tz_convert("America/Chicago")
    opens = table[(chicago.hour == 17) & (chicago.minute == 0)]
    assert (opens["session_elapsed"] == 1 / (23 * 60)).all()
    assert opens["session_range_position"].notna().all()
    lasts = table[(chicago.hour == 15) & (chicago.minute == 59)]
    assert (lasts["minutes_to_close"] == 0).all()
    assert len(opens) == len(lasts) == 4


def test_without_a_contract_sessions_are_utc_days():
    bars = make_bars(3 * 1440, start="2025-01-04")  # from a Saturday on
    table = SessionFeatures().fit_transform(bars)
    assert at(table, "2025-01-04 11:59")["session_elapsed"].item() == 0.5
    assert at(table, "2025-01-05 23:30")["minutes_to_close"].item() == 29
    assert table[BOTH].iloc[:1440].isna().all(axis=None)
    assert table[BOTH].iloc[1440:].notna().all(axis=None)


def test_prices_by_hand():
    stamps = pd.DatetimeIndex(
        ["2025-01-01 00:00", "2025-01-01 12:00", "2025-01-02 06:00", "2025-01-02 06:10",
         "2025-01-02 06:20"], tz="UTC", name="time",
    )  # fmt: skip
    prices = [
        (10, 14, 9, 12),
        (12, 16, 11, 15),
        (17, 18, 16, 17),
        (17, 21, 17, 20),
        (20, 20, 15, 16),
    ]
    columns = ["open", "high", "low", "close"]
    bars = pd.DataFrame(prices, index=stamps, columns=columns, dtype=float)
    bars["volume"] = [1.0, 2.0, 3.0, np.nan, 1.0]
    table = SessionFeatures(bar_size="10min", opening_minutes=375, atr_window=2).fit_transform(bars)
    last = table.iloc[-1]
    atr = (((5 + 3) / 2 + 4) / 2 + 5) / 2  # true ranges 5, 3, 4, 5
    assert last["session_return"] == pytest.approx((16 - 17) / (atr * np.sqrt(3)))
    assert last["session_range"] == pytest.approx((21 - 15) / (atr * np.sqrt(3)))
    assert last["session_range_position"] == pytest.approx(1 / 6)
    assert last["overnight_return"] == pytest.approx((17 - 15) / 7)
    assert last["previous_session_return"] == pytest.approx((15 - 10) / 7)
    assert last["previous_session_high_distance"] == pytest.approx((16 - 16) / atr)
    assert last["previous_session_low_distance"] == pytest.approx((16 - 9) / atr)
    assert last["session_vwap_distance"] == pytest.approx((16 - (3 * 17 + 17) / 4) / atr)
    # the range of the bars stamped before 6:15, while it is being made and after
    expected = [3 / 5, 6 / 5, 1 / 2, 4 / 5, 0]
    assert table["opening_range_position"].tolist() == pytest.approx(expected)
    # the fourth bar has no volume of its own and is held against the VWAP so far
    assert table["session_vwap_distance"].isna().tolist() == [True, True, False, False, False]


def oracle(bars, sessions, size=pd.Timedelta("1min")):
    """Session columns in plain pandas."""
    number = sessions.number(bars.index)
    starts = np.array([0, len(bars)])
    atr = average_true_range(*(bars[x].to_numpy() for x in ("high", "low", "close")), 14, starts)
    by = bars.groupby(number)
    open_, high, low = by["open"].transform("first"), by["high"].cummax(), by["low"].cummin()
    root = atr * np.sqrt(by.cumcount() + 1)
    typical = bars[["high", "low", "close"]].mean(axis=1)
    vwap = (typical * bars["volume"]).groupby(number).cumsum() / by["volume"].cumsum()
    whole = by.agg({"open": "first", "high": "max", "low": "min", "close": "last"}).shift()
    before = whole.loc[number].set_index(bars.index)
    reach = before["high"] - before["low"]
    since = bars.index - sessions.open(bars.index)
    first = bars[since < pd.Timedelta("30min")].groupby(number[since < pd.Timedelta("30min")])
    first = first.agg({"high": "max", "low": "min"}).reindex(number).set_index(bars.index)
    high_30 = by["high"].cummax().where(since < pd.Timedelta("30min"), first["high"])
    low_30 = by["low"].cummin().where(since < pd.Timedelta("30min"), first["low"])
    place = ((bars["close"] - low_30) / (high_30 - low_30)).where(high_30 > low_30, 0.5)
    columns = {
        "session_return": (bars["close"] - open_) / root,
        "session_range": (high - low) / root,
        "session_range_position": ((bars["close"] - low) / (high - low)).where(high > low, 0.5),
        "opening_range_position": place,
        "overnight_return": (open_ - before["close"]) / reach,
        "previous_session_return": (before["close"] - before["open"]) / reach,
        "previous_session_high_distance": (bars["close"] - before["high"]) / atr,
        "previous_session_low_distance": (bars["close"] - before["low"]) / atr,
        "session_vwap_distance": (bars["close"] - vwap) / atr,
    }
    return pd.DataFrame(columns)


@pytest.mark.parametrize("level", [0.0, 10_000.0])
def test_a_plain_oracle_agrees_over_holes_and_days_without_bars(level):
    bars = sessions_of("ES", "2024-11-20 23:00", 12)
    bars[["open", "high", "low", "close"]] += level
    day = bars.index.normalize().strftime("%m-%d")
    kept = np.random.default_rng(0).random(len(bars)) < 0.7
    bars = bars[(kept | (np.arange(len(bars)) == 0)) & ~day.isin(["11-25", "11-26"])]
    expected = oracle(bars, Sessions("CME_Equity"))
    found = SessionFeatures("ES").fit_transform(bars)[list(expected)]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert expected.iloc[-1].notna().all()


def test_a_session_that_began_before_the_data_is_not_guessed():
    bars = sessions_of("ES", "2024-11-20 12:00", 4)
    table = SessionFeatures("ES").fit_transform(bars)
    number = Sessions("CME_Equity").number(bars.index)
    rest = table.columns.difference(CLOCK)
    assert table.loc[number == number[0], rest].isna().all(axis=None)
    assert table.loc[number == number[0] + 1, BOTH].isna().all(axis=None)
    assert table.loc[number == number[0] + 1, "session_return"].notna().all()
    assert table.loc[number == number[0] + 2, BOTH].notna().all(axis=None)
    assert table[CLOCK].notna().all(axis=None)


def test_a_bar_in_the_halt_belongs_to_the_session_that_ended():
    bars = make_bars(2000, start="2024-11-20 23:00")  # the halt is filled with bars
    halted = ~Sessions("CME_Equity").inside(bars.index)
    table = SessionFeatures("ES").fit_transform(bars)[halted]
    assert halted.sum() == 60
    assert (table["minutes_to_close"] == 0).all()
    assert (table["session_elapsed"] == 1).all()
    assert table["session_range_position"].between(0, 1).all()


def stream_of(feature, bars, save_at):
    stream, rows = feature.stream(), []
    for row, (time, bar) in enumerate(zip(bars.index, bars.to_dict("records"), strict=True)):
        if row == save_at:
            stream = feature.stream({key: np.array(v.tolist()) for key, v in stream.state.items()})
        rows.append(stream.push(bar, time))
    return np.array(rows)


@pytest.mark.parametrize("contract", ["ES", None])
def test_stream_gives_the_bits_of_the_batch(contract):
    bars = sessions_of("ES", "2024-11-27 20:00", 3)
    bars.iloc[[500, 501, 1100], 1] = np.nan
    bars.iloc[[600, 1200], 4] = np.nan
    feature = SessionFeatures(contract)
    batch = feature.fit_transform(bars)
    for save_at in (700, 1190):
        assert np.array_equal(stream_of(feature, bars, save_at), batch, equal_nan=True)


def test_a_missing_bar_is_passed_over():
    bars = sessions_of("ES", "2024-11-27 20:00", 3)
    gone = [120, 121, 400, 1300]  # 120 is the first bar of a session
    holed = bars.copy()
    holed.iloc[gone, :4] = np.nan
    table = SessionFeatures("ES").fit_transform(holed)
    assert table.iloc[gone].isna().all(axis=None)
    rest = table.drop(table.index[gone])
    pd.testing.assert_frame_equal(
        rest, SessionFeatures("ES").fit_transform(bars.drop(bars.index[gone]))
    )


@pytest.mark.filterwarnings("ignore:SessionFeatures. 'volume' is 0")  # as meant here
def test_flat_bars_and_no_volume_stay_finite():
    bars = make_bars(4000, start="2025-01-01")
    bars.iloc[:, :4], bars["volume"] = 5000.0, 0.0
    table = SessionFeatures().fit_transform(bars)
    assert not np.isinf(table).any(axis=None)
    assert (table["session_range_position"] == 0.5).all()
    assert (
        table[["session_return", "session_vwap_distance", "overnight_return"]].isna().all(axis=None)
    )


def test_volume_may_be_left_out():
    bars = make_bars(100).assign(volume=np.nan)
    with pytest.raises(DataError, match="volume"):
        SessionFeatures().fit_transform(bars)
    table = SessionFeatures(volume=False).fit_transform(bars)
    assert list(table) == SessionFeatures().feature_names[:-1]


def test_rows_without_dates_are_nan():
    price = make_bars(50)[["close"]].set_axis(["price"], axis=1).reset_index(drop=True)
    assert SessionFeatures("ES").fit_transform(price).isna().all(axis=None)


def test_finer_bars_than_declared_raise():
    with pytest.raises(DataError, match=r"bar_size='5min'; 49 of 49 bars .* at 1min"):
        SessionFeatures(bar_size="5min").fit_transform(make_bars(50))


def test_real_es_bars(shared_data):
    bars = read_bars(shared_data / "norm" / "es_1m_quotrading_2025.parquet").iloc[:30_000]
    feature = SessionFeatures("ES")
    table = feature.fit_transform(bars)
    expected = oracle(bars, Sessions("CME_Equity"))
    known = table["previous_session_return"].notna()
    assert known.mean() > 0.9
    np.testing.assert_allclose(
        table.loc[known, list(expected)], expected[known], rtol=1e-8, atol=1e-8
    )
    rows = slice(20_000, 26_000)  # over a weekend
    cold = stream_of(feature, bars.iloc[rows], 3000)
    assert np.allclose(
        cold[feature.lookback :], table.iloc[rows][feature.lookback :], equal_nan=True
    )
