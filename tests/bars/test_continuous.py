"""Continuous series: rolls by hand, forward adjustment, and nothing past ever changes."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ohlcvml.bars import Sessions, check_bars, continuous, contract
from ohlcvml.bars.market._expiry import rule_date
from ohlcvml.exceptions import DataError, ParameterError

PRICES = ["open", "high", "low", "close"]
RAW = [f"raw_{name}" for name in PRICES]


def month(start, closes, volumes, freq="D"):
    index = pd.date_range(start, periods=len(closes), freq=freq, tz="UTC", name="time", unit="ns")
    close = np.asarray(closes, dtype=float)
    prices = {"open": close - 1, "high": close + 2, "low": close - 2, "close": close}
    return pd.DataFrame({**prices, "volume": np.asarray(volumes, dtype=float)}, index=index)


def book(**contracts):
    return pd.concat({int(k[1:]): v for k, v in contracts.items()}, names=["symbol"])


@pytest.fixture
def two():
    """March until the 15th, June 50 points above it; June trades more from the 13th on."""
    a = month("2024-03-11", [100, 101, 102, 103, 104], [9, 9, 4, 3, 2])
    b = month("2024-03-11", [150, 151, 153, 155, 154, 157], [1, 2, 5, 6, 7, 8])
    return book(m202403=a, m202406=b)


def test_the_roll_takes_effect_in_the_session_after_its_trigger(two):
    series = continuous(two)
    assert series.index.strftime("%d").tolist() == ["12", "13", "14", "15", "16"]
    assert series["contract"].tolist() == [202403, 202403, 202406, 202406, 202406]
    # Gap on the 13th: 102 - 153.
    assert series["adjustment"].tolist() == [0, 0, -51, -51, -51]
    assert series["close"].tolist() == [101, 102, 104, 103, 106]
    assert series["raw_close"].tolist() == [101, 102, 155, 154, 157]
    assert series["volume"].tolist() == [9, 4, 6, 7, 8]


def test_ratio_adjustment_multiplies(two):
    series = continuous(two, adjustment="ratio")
    np.testing.assert_allclose(series["adjustment"], [1, 1, 102 / 153, 102 / 153, 102 / 153])
    np.testing.assert_allclose(series[PRICES], series[RAW].mul(series["adjustment"], axis=0))


def test_no_adjustment(two):
    series = continuous(two, adjustment=None)
    assert (series[PRICES].to_numpy() == series[RAW].to_numpy()).all()
    assert (series["adjustment"] == 0).all()


def test_the_result_is_a_table_of_bars(two):
    series = continuous(two)
    check_bars(series, "test")
    assert list(series) == [*PRICES, "volume", *RAW, "contract", "adjustment"]
    assert (series["contract"].dtype, series.index.unit) == (np.int64, "ns")


def test_gaps_add_up_over_two_rolls():
    a = month("2024-01-01", [10, 10, 10], [9, 1, 1])
    b = month("2024-01-01", [20, 20, 20, 20, 20], [1, 5, 5, 1, 1])
    c = month("2024-01-03", [50, 50, 50, 50], [0, 7, 7, 7])
    series = continuous(book(m202401=a, m202402=b, m202403=c), earliest_roll=99)
    assert series["contract"].tolist() == [202401, 202402, 202402, 202403, 202403]
    assert series["adjustment"].tolist() == [0, -10, -10, -40, -40]
    assert set(series["close"]) == {10}


def test_an_illiquid_month_is_passed_over():
    a = month("2024-01-01", [10, 10, 10], [9, 1, 1])
    b = month("2024-01-01", [20, 20, 20], [0, 2, 2])
    c = month("2024-01-01", [50, 50, 50], [0, 7, 7])
    bars = book(m202402=a, m202403=b, m202404=c)
    assert continuous(bars)["contract"].tolist() == [202402, 202404]
    assert continuous(bars, months=(2, 3))["contract"].tolist() == [202402, 202403]


def test_it_never_rolls_back():
    a = month("2024-03-01", [10] * 5, [9, 1, 9, 9, 9])
    b = month("2024-03-01", [20] * 5, [1, 5, 1, 1, 1])
    series = continuous(book(m202403=a, m202404=b))
    assert series["contract"].tolist() == [202403, 202404, 202404, 202404]


def test_stray_lots_long_before_delivery_do_not_move_the_front():
    a = month("2024-03-01", [10] * 4, [1, 1, 1, 1])
    b = month("2024-03-01", [20] * 4, [0, 5, 5, 5])
    bars = book(m202406=a, m202409=b)  # 1 June is 92 days away
    assert set(continuous(bars)["contract"]) == {202406}
    assert continuous(bars, earliest_roll=91)["contract"].tolist() == [202406, 202409, 202409]


def test_the_gap_is_measured_at_the_last_common_bar():
    a = month("2024-03-01", [10, 11, 12], [9, 9, 0]).iloc[[0, 1]]
    b = month("2024-03-01", [20, 25, 30, 31], [1, 1, 5, 5])
    series = continuous(book(m202403=a, m202404=b))
    # The 3rd has no bar of the front, so no row; the roll is measured on the 2nd: 11 - 25.
    assert series.index.strftime("%d").tolist() == ["02", "04"]
    assert series["adjustment"].tolist() == [0, -14]


def test_expiry_by_rule_date_and_mapping(two):
    # The third Friday is the 15th: three days before is the 12th.
    by_rule = continuous(two, roll="expiry", expiry="third_friday", days_before_expiry=2)
    assert by_rule["contract"].tolist() == [202403, *[202406] * 4]
    dates = {202403: date(2024, 3, 15), 202406: date(2024, 6, 21)}
    by_date = continuous(two, roll="expiry", expiry=dates, days_before_expiry=2)
    by_contract = continuous(two, roll="expiry", contract="MES", days_before_expiry=2)
    pd.testing.assert_frame_equal(by_rule, by_date)
    assert by_contract["contract"].iloc[-1] == 202406


def test_expiry_passes_over_a_contract_that_is_due_itself():
    bars = book(
        m202401=month("2024-03-01", [10] * 3, [1] * 3),
        m202402=month("2024-03-01", [20] * 3, [1] * 3),
        m202406=month("2024-03-01", [30] * 3, [1] * 3),
    )
    series = continuous(bars, roll="expiry", expiry="third_friday")
    assert series["contract"].tolist() == [202406, 202406]
    assert (series["adjustment"] == 0).all()


@pytest.mark.parametrize(
    ("rule", "contract_id", "day"),
    [
        ("third_friday", 202406, date(2024, 6, 21)),
        ("third_wednesday", 202403, date(2024, 3, 18)),  # 6EH4: Monday before the 20th
        ("last_friday", 202405, date(2024, 5, 31)),
        ("before_notice", 202402, date(2024, 1, 29)),  # GCG4: first notice on the 31st
        ("before_notice", 202401, date(2023, 12, 27)),  # NGF4: last trade
        ("crude_oil", 202402, date(2024, 1, 22)),  # CLG4: last trade
        ("crude_oil", 202406, date(2024, 5, 21)),  # CLM4: the 25th of May is a Saturday
    ],
)
def test_rules_of_expiry(rule, contract_id, day):
    assert rule_date(rule, contract_id) == day


def test_globex_sessions_end_in_the_evening():
    # Hours of the 12th and 13th: June trades more in the session that ends on the 12th at 21:00.
    a = month("2024-03-10 22:00", [100] * 72, [9] * 24 + [1] * 48, freq="h")
    b = month("2024-03-10 22:00", [150] * 72, [5] * 72, freq="h")
    bars = book(m202403=a, m202406=b)
    keep = contract("MES")
    bars = bars[Sessions.of(keep).inside(bars.index)]
    series = continuous(bars, contract=keep)
    first = series.index[series["contract"] == 202406][0]
    assert first == pd.Timestamp("2024-03-12 22:00", tz="UTC")


@st.composite
def books(draw):
    n = draw(st.integers(12, 40))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    frames = {}
    for k, name in enumerate([202401, 202402, 202403, 202404]):
        stamps = pd.date_range("2024-01-01", periods=n * 4, freq="6h", tz="UTC", unit="ns")
        frame = month("2024-01-01", rng.integers(50, 99, n * 4), rng.integers(0, 9, n * 4), "6h")
        frame.index = stamps.rename("time")
        frames[name] = frame[rng.random(n * 4) < draw(st.sampled_from([0.3, 0.9]))].iloc[k:]
    return pd.concat(frames, names=["symbol"])


@given(
    bars=books(),
    cut=st.floats(0.3, 1),
    roll=st.sampled_from(["volume", "expiry"]),
    adjustment=st.sampled_from(["difference", "ratio", None]),
)
@settings(max_examples=40, deadline=None)
def test_truncation_law(bars, cut, roll, adjustment):
    keywords = {"roll": roll, "adjustment": adjustment, "expiry": "third_friday"}
    time = bars.index.get_level_values("time")
    end = time.min() + cut * (time.max() - time.min())
    try:
        whole, part = continuous(bars, **keywords), continuous(bars[time <= end], **keywords)
    except DataError as error:
        # Thin books may hold no bar to measure a gap at. That is said, never guessed: no past to
        # compare.
        assume("without having shared one bar" not in str(error))
        raise
    assert whole.index.is_monotonic_increasing
    assert whole.index.is_unique
    assert (np.diff(whole["contract"]) >= 0).all()
    pd.testing.assert_frame_equal(part, whole[whole.index <= end])


def real(shared_data, name):
    table = pd.read_parquet(shared_data / "norm" / f"{name}.parquet").rename(columns={"ts": "time"})
    table["time"] = pd.DatetimeIndex(table["time"]).as_unit("ns")
    table["volume"] = table["volume"].astype(float)
    return table.set_index(["symbol", "time"]).sort_index()


@pytest.mark.parametrize(
    ("name", "symbol", "rolls"),
    [("mes_1h_contracts_to2024", "MES", 22), ("mgc_1h_contracts_2018_2024", "MGC", 34)],
)
def test_real_contracts(shared_data, name, symbol, rolls):
    bars = real(shared_data, name)
    series = continuous(bars, contract=symbol)
    at = np.flatnonzero(np.diff(series["contract"])) + 1
    assert len(at) == rolls  # 23 contracts of MES; MGC passes October over in seven years
    assert series.index.is_unique
    assert series.index.is_monotonic_increasing
    number = Sessions.of(symbol).number(series.index)
    assert (number[at] > number[at - 1]).all()
    # The return across a roll is that of the new contract, in which a holder sat by then.
    for row in at:
        new = bars.xs(str(series["contract"].iloc[row]))["close"]
        before = series.index[row - 1]
        if before in new.index:
            own = new[series.index[row]] - new[before]
            assert series["close"].iloc[row] - series["close"].iloc[row - 1] == pytest.approx(own)
    # Difference-adjusted prices stay on the tick grid.
    ticks = series["close"] / contract(symbol).tick_size
    assert np.abs(ticks - ticks.round()).max() < 1e-6


@pytest.mark.parametrize("roll", ["volume", "expiry"])
@pytest.mark.parametrize("end", ["2020-03-12 12:00", "2021-09-10 20:00", "2023-06-15 03:00"])
def test_real_truncation(shared_data, roll, end):
    bars = real(shared_data, "mes_1h_contracts_to2024")
    time = bars.index.get_level_values("time")
    whole = continuous(bars, contract="MES", roll=roll)
    part = continuous(bars[time <= end], contract="MES", roll=roll)
    pd.testing.assert_frame_equal(part, whole[:end])


def test_symbols_may_be_strings_with_a_day():
    a = month("2024-03-11", [100, 101], [9, 9])
    bars = pd.concat({"20240300": a, "20240600": a}, names=["symbol"])
    assert continuous(bars)["contract"].tolist() == [202403]


def test_known_travels(two):
    known = two.index.get_level_values("time") + pd.Timedelta("20h")
    series = continuous(two.assign(known=known))
    assert (pd.DatetimeIndex(series["known"]) - series.index == pd.Timedelta("20h")).all()


@pytest.mark.parametrize("symbol", ["MESH4", "202413", 2024])
def test_symbols_must_be_contract_months(symbol):
    bars = pd.concat({symbol: month("2024-03-11", [1, 2], [1, 1])}, names=["symbol"])
    with pytest.raises(DataError, match="must be contract months YYYYMM"):
        continuous(bars)


def test_bad_data(two):
    with pytest.raises(DataError, match=r"must be indexed \(symbol, time\)"):
        continuous(two.xs(202403))
    with pytest.raises(DataError, match="needs volumes"):
        continuous(two.assign(volume=np.nan))
    with pytest.raises(DataError, match="at least two sessions"):
        continuous(two.groupby(level=0).head(1))
    with pytest.raises(DataError, match="needs positive prices"):
        continuous(two - [*[200] * 4, 0], adjustment="ratio")
    a = two.xs(202403)
    with pytest.raises(DataError, match="202403 appears under two symbols"):
        continuous(pd.concat({"202403": a, "20240300": a}, names=["symbol"]))
    with pytest.raises(DataError, match=r"none of the contracts \[202403, 202406\]"):
        continuous(two, months=(1,))


def test_contracts_that_never_meet_are_refused():
    a = month("2024-03-01", [10, 10], [1, 1])
    b = month("2024-03-05", [20, 20], [1, 1])
    with pytest.raises(DataError, match=r"202403 ends at 2024-03-02.*without having shared one"):
        continuous(book(m202403=a, m202404=b))


@pytest.mark.parametrize(
    "keywords",
    [
        {"roll": "open_interest"},
        {"adjustment": "backward"},
        {"contract": 5},
        {"sessions": "MES"},
        {"months": (0,)},
        {"earliest_roll": -1},
        {"roll": "expiry", "expiry": "whenever"},
        {"roll": "expiry"},
        {"roll": "expiry", "expiry": {202403: date(2024, 3, 15)}},
        {"days_before_expiry": -1},
    ],
)
def test_bad_parameters(two, keywords):
    with pytest.raises(ParameterError, match="continuous: "):
        continuous(two, **keywords)
