"""Each kind of fault, planted by hand, is found where it is; clean bars show nothing."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import (
    FINDING_KINDS,
    Contract,
    Sessions,
    simulate_bars,
    validate_bars,
)
from ohlcvml.exceptions import DataError, ParameterError

HOUR = pd.Timedelta("1h")


def clean(n=3000, **kind):
    return simulate_bars(n, seed=1, **kind).bars


def report(bars, **kind):
    return validate_bars(bars, policy="report", **kind).report


def shifted(bars, rows, by):
    stamps = bars.index.tz_localize(None).to_numpy().copy()
    stamps[rows] += by.to_timedelta64()
    index = pd.DatetimeIndex(stamps, tz="UTC", name="time")
    return bars.set_axis(index, axis=0)


def back_step(bars):
    return bars.iloc[[*range(100), 150, *range(100, 150), *range(151, len(bars))]]


def duplicate(bars):
    return bars.iloc[[*range(50), 49, 49, *range(50, len(bars))]]


def conflict(bars):
    bars = duplicate(bars).copy()
    bars.iloc[51, 4] += 1
    return bars


def cells(rows, column, change):
    def plant(bars):
        bars = bars.copy()
        bars.iloc[rows, column] = change(bars.iloc[rows, column])
        return bars

    return plant


def scale(rows, factor):
    return cells(rows, slice(0, 4), lambda prices: prices * factor)


def bar_size_change(bars):
    coarse = bars.iloc[2000:].iloc[::5]
    return pd.concat([bars.iloc[:2000], coarse])


def off_grid(bars):
    return shifted(bars, [2999], -pd.Timedelta("1s"))


def gap(bars):
    return bars.drop(bars.index[500:510]).drop(bars.index[700])


def cumulative(bars):
    bars = bars.copy()
    bars["volume"] = bars["volume"].groupby(bars.index.date).cumsum()
    return bars


def spike(bars):
    bars = bars.copy()
    bars.iloc[800, 1:4] *= [1.05, 1.0, 1.05]  # high and close, back in the next bar
    return bars


def jump(bars):
    bars = bars.copy()
    bars.iloc[800:, :4] *= 1.06
    return bars


FAULTS = {
    "back_step": (back_step, 1, 101, {}),
    "duplicate": (duplicate, 2, 50, {}),
    "conflict": (conflict, 3, 49, {}),
    "missing_price": (cells([7, 9], 2, lambda c: c * np.nan), 2, 7, {}),
    "infinite price": (cells([7], 2, lambda c: c * np.inf), 1, 7, {}),
    "non_positive_price": (cells([20], slice(0, 4), lambda c: c * 0), 1, 20, {}),
    "ohlc": (cells([30, 40], 1, lambda c: c - 50), 2, 30, {}),
    "low above": (cells([31], 2, lambda c: c + 50), 1, 31, {}),
    "scale_change": (scale(slice(600, 700), 100), 100, 600, {}),
    "scale down, one bar": (scale([10], 1e-5), 1, 10, {}),
    "wrong_scale": (scale(slice(None), 100), 3000, 0, {"contract": "ES"}),
    "wrong scale, cents": (scale(slice(None), 0.01), 3000, 0, {"contract": "ES"}),
    "spike": (spike, 1, 800, {}),
    "wick": (cells([60], 2, lambda c: c * 0.95), 1, 60, {}),
    "jump": (jump, 1, 800, {}),
    "off_tick": (cells([5, 6], 1, lambda c: c + 0.1), 2, 5, {"contract": "ES"}),
    "negative_volume": (cells([3], 4, lambda c: -c), 1, 3, {}),
    "missing_volume": (cells([3, 4], 4, lambda c: c * np.nan), 2, 3, {}),
    "zero_volume": (cells([3, 4], 4, lambda c: c * 0), 2, 3, {}),
    "no_volume": (cells(slice(None), 4, lambda c: c * 0), 3000, 0, {}),
    "cumulative_volume": (cumulative, 3000, 0, {}),
    "bar_size_change": (bar_size_change, 200, 2000, {}),
    "off_grid": (off_grid, 1, 2999, {}),
    "gap": (gap, 2, 500, {}),
}
NAMES = {
    "infinite price": "missing_price",
    "low above": "ohlc",
    "scale down, one bar": "scale_change",
    "wrong scale, cents": "wrong_scale",
    "wick": "spike",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(name):
    plant, count, row, kind = FAULTS[name]
    bars = plant(clean())
    found = report(bars, **kind)
    expected = NAMES.get(name, name)
    finding = found.find(expected)
    assert finding is not None
    assert (finding.count, finding.examples[0].row) == (count, row)
    assert finding.examples[0].time == bars.index[row]
    assert list(finding.rows[:1]) == [row]
    others = {f.kind for f in found.findings if f.severity != "info"} - {expected}
    assert others - {"outside_session"} == set()


@pytest.mark.parametrize(
    "kind", [{}, {"sessions": True}, {"tick_size": None}, {"bar_size": "1h"}, {"edge": 0.3}]
)
def test_clean_bars_show_nothing(kind):
    found = report(clean(8000, **kind))
    assert {f.kind for f in found.findings} <= {"session_gap"}
    assert found.ok


@pytest.mark.parametrize("size", ["1min", "5min", "30min", "1h"])
def test_clean_bars_of_a_calendar_show_nothing_against_it(size):
    bars = clean(8000, sessions="CME_Equity", bar_size=size, start="2024-05-01")
    found = report(bars, contract="ES")
    assert {f.kind for f in found.findings} <= {"session_gap"}
    assert found.not_checked == ()


def test_clean_daily_bars_show_no_more_than_holidays():
    found = report(clean(500, sessions=True, bar_size="1D"), sessions="CME_Equity")
    assert {f.kind for f in found.findings} <= {"session_gap", "missing_session"}
    assert found.count("missing_session") == 0  # weekdays: no session is without a bar


@pytest.mark.parametrize("n_coarse", [100, 800, 3000])
@pytest.mark.parametrize("first", ["1min", "5min"])
def test_the_bar_size_may_change_either_way(n_coarse, first):
    fine, coarse = clean(3000), clean(n_coarse, bar_size="5min")
    ordered = [fine, coarse] if first == "1min" else [coarse, fine]
    offset = ordered[0].index[-1] + HOUR - ordered[1].index[0]
    bars = pd.concat([ordered[0], ordered[1].set_axis(ordered[1].index + offset, axis=0)])
    rare = len(ordered[0]) if (n_coarse < 3000) == (first == "1min") else 0
    found = report(bars, ignore=("jump", "gap", "session_gap"))
    assert [f.kind for f in found.findings] == ["bar_size_change"]
    assert found.count("bar_size_change") == pytest.approx(min(n_coarse, 3000), abs=2)
    assert n_coarse == 3000 or found.find("bar_size_change").examples[0].row == rare


def test_every_kind_is_planted_somewhere():
    here = {NAMES.get(name, name) for name in FAULTS}
    with_sessions = {"session_gap", "missing_session", "outside_session", "clock_shift"}
    assert here | with_sessions | {"close_stamp"} == set(FINDING_KINDS)


def test_gaps_are_told_apart_by_the_calendar():
    bars = clean(1380 * 10, sessions="CME_Equity", start="2024-05-05 22:00")
    session = Sessions("CME_Equity").number(bars.index)
    holes = np.zeros(len(bars), dtype=bool)
    holes[200:230] = True  # half an hour inside a session
    holes[session == session[1380 * 3]] = True  # a whole session
    found = report(bars[~holes], contract="ES")
    assert found.count("gap") == 1
    assert "30 bars missing" in found.find("gap").message
    assert found.count("missing_session") == 1
    assert found.find("missing_session").examples[0].values == {"sessions missing": 1.0}
    assert found.count("session_gap") == 7  # nine closes, two of them around the lost session


def test_a_gap_over_a_close_counts_only_nominal_bars():
    bars = clean(1380 * 4, sessions="CME_Equity", start="2024-05-05 22:00")
    found = report(bars.drop(bars.index[1370:1390]), contract="ES")
    assert found.find("gap").examples[0].values == {"bars missing": 20.0}


def test_without_a_calendar_a_halt_is_told_from_missing_bars():
    bars = clean(1380 * 30, sessions=True)
    found = report(bars.drop(bars.index[5000:5100]))
    assert found.count("gap") == 1
    assert found.count("session_gap") >= 29


def test_a_filled_daily_halt_is_outside_the_session_and_no_shifted_clock():
    bars = clean(1440 * 4, start="2024-05-06")
    found = report(bars, contract="ES")
    assert found.count("outside_session") == 4 * 60
    assert found.count("clock_shift") == 0
    assert found.ok


@pytest.mark.parametrize("hours", [1, -1, 5])
def test_weeks_with_a_shifted_clock_are_found(hours):
    bars = clean(1380 * 40, sessions="CME_Equity", start="2024-05-05 22:00")
    weeks = (bars.index >= "2024-05-18") & (bars.index < "2024-06-01")
    finding = report(shifted(bars, weeks, hours * HOUR), contract="ES").find("clock_shift")
    assert finding.severity == "warning"
    assert finding.count == weeks.sum()
    assert finding.examples[0].values == {"hours to add": -hours}
    assert "2 weeks" in finding.message


def test_a_file_read_in_the_wrong_zone_is_found():
    bars = clean(1380 * 20, sessions="CME_Equity", start="2024-05-05 22:00")
    finding = report(shifted(bars, slice(None), -4 * HOUR), contract="ES").find("clock_shift")
    assert finding.count == len(bars)
    assert finding.examples[0].values == {"hours to add": 4.0}


def test_day_session_bars_off_by_an_hour_are_found_against_the_other_weeks():
    bars = clean(1380 * 60, sessions="CME_Equity", start="2024-05-05 22:00")
    minute = bars.index.hour * 60 + bars.index.minute
    bars = bars[(minute >= 13 * 60 + 30) & (minute < 20 * 60)]
    assert report(bars, contract="ES").count("clock_shift") == 0
    weeks = (bars.index >= "2024-06-01") & (bars.index < "2024-06-15")
    found = report(shifted(bars, weeks, HOUR), contract="ES")
    assert found.count("clock_shift") == weeks.sum()


def test_holidays_are_no_shifted_clock():
    bars = clean(1380 * 60, sessions=True, start="2024-11-10 23:00")  # no holiday observed
    found = report(bars, contract="ES")
    assert found.count("clock_shift") == 0
    assert found.count("outside_session") > 0


def test_bars_stamped_at_their_close_are_told():
    bars = clean(1380 * 10, sessions="CME_Equity", start="2024-05-05 22:00")
    found = report(shifted(bars, slice(None), pd.Timedelta("1min")), contract="ES")
    assert found.count("close_stamp") == 10
    assert found.count("clock_shift") == 0


def test_negative_prices_may_be_real():
    bars = clean()
    bars[["open", "high", "low", "close"]] -= 5000.0
    assert not report(bars).ok
    allowed = report(bars, allow_negative=True)
    assert allowed.ok
    assert allowed.find("non_positive_price").severity == "info"


def test_ticks_follow_the_contract_of_the_time():
    bars = simulate_bars(
        3000, seed=0, price=1.1, tick_size=5e-5, start="2016-01-09", volatility=1e-4
    ).bars
    old = bars.index < "2016-01-10 23:00"  # the session of 11 January opens on Sunday evening
    odd = (np.rint(bars.iloc[:, :4] / 5e-5) % 2 == 1).any(axis=1)
    assert report(bars, contract="6E").count("off_tick") == int((odd & old).sum())


def test_a_contract_of_ones_own_and_one_per_symbol():
    bars = simulate_bars(500, seed=0, n_symbols=2, tick_size=0.25).bars
    own = Contract("OWN", 1.0, 1.0, valid_from=date(2020, 1, 1))
    odd = (bars.iloc[:, :4] % 1 != 0).any(axis=1)
    found = report(bars, contract={"SIM0": own})
    assert found.count("off_tick") == int(odd.loc["SIM0"].sum())
    assert {example.symbol for example in found.find("off_tick").examples} == {"SIM0"}


def test_symbols_are_judged_one_by_one():
    bars = simulate_bars(500, seed=0, n_symbols=3).bars
    assert report(bars).findings == ()
    bars.iloc[[10, 510, 1400], 3] = np.nan
    found = report(bars)
    assert found.count("missing_price") == 3
    assert [e.symbol for e in found.find("missing_price").examples] == ["SIM0", "SIM1", "SIM2"]
    assert found.find("missing_price").rows.tolist() == [10, 510, 1400]
    assert "and 2 more symbols" in found.find("missing_price").message


def test_raw_prices_decide_about_ticks():
    bars = clean()
    for name in ("open", "high", "low", "close"):
        bars[f"raw_{name}"] = bars[name]
        bars[name] += 0.1  # adjusted
    assert report(bars, contract="ES").count("off_tick") == 0


def test_a_roll_is_no_jump():
    bars = jump(clean())
    bars["contract"] = np.where(np.arange(len(bars)) < 800, 202403, 202406)
    assert report(bars).findings == ()


def test_irregular_bars_are_not_judged_by_a_grid():
    bars = clean(500)
    steps = np.random.default_rng(0).integers(1, 10_000, len(bars)).cumsum()
    bars = bars.set_axis(bars.index[0] + pd.to_timedelta(steps, unit="s"), axis=0)
    found = report(bars)
    assert found.bar_size is None
    assert found.findings == ()
    assert any("irregular" in text for text in found.not_checked)


def test_the_report_reads_well():
    found = report(cells([30], 1, lambda c: c - 50)(clean()))
    text = str(found)
    assert "3,000 bars (1 min), 2024-01-02 00:00 to 2024-01-04 01:59 UTC" in text
    assert "error   ohlc" in text
    assert "2024-01-02 00:30:00" in text
    assert "<table>" in found._repr_html_()
    assert found.to_frame().loc["ohlc", "count"] == 1
    assert found.to_dict()["findings"][0]["kind"] == "ohlc"
    assert "nothing found" in str(report(clean()))
    assert report(clean()).to_frame().empty


def test_one_bar_is_enough():
    assert report(clean().iloc[:1]).findings == ()
    assert report(clean().iloc[:1], contract="ES").ok


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda bars: bars.drop(columns="high"), "high missing"),
        (lambda bars: bars.iloc[:0], "must not be empty"),
        (lambda bars: bars.tz_localize(None), "UTC DatetimeIndex"),
        (lambda bars: bars.to_numpy(), "must be a DataFrame"),
        (lambda bars: bars.astype({"close": str}).assign(close="x"), "must hold numbers"),
        (lambda bars: bars.set_axis([pd.NaT, *bars.index[1:]], axis=0), "NaT"),
        (lambda bars: pd.concat([bars, bars["close"]], axis=1), "close.* twice"),
    ],
)
def test_what_no_policy_mends_raises(spoil, message):
    with pytest.raises(DataError, match=message):
        validate_bars(spoil(clean(100)), policy="report")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("policy", "fix"),
        ("contract", 7),
        ("contract", "NOSUCH"),
        ("sessions", "NOSUCH"),
        ("sessions", True),
        ("allow_negative", "yes"),
        ("errors", ("typo",)),
        ("ignore", "spike"),
    ],
)
def test_a_bad_parameter_is_named(name, value):
    with pytest.raises(ParameterError):
        validate_bars(clean(10), **{name: value})


def test_errors_and_ignore_may_not_contradict():
    with pytest.raises(ParameterError, match="must not share"):
        validate_bars(clean(10), errors=("spike",), ignore=("spike",))
