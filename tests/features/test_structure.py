"""Swings and structure: known zigzags, a plain oracle, plateaus, and nothing before its time."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import StructureFeatures
from ohlcvml.streams import average_true_range
from tests.features.conftest import make_bars
from tests.features.swings import last_two, swings, table, zigzag

NAMES = [
    "swing_high_distance",
    "swing_low_distance",
    "bars_since_swing_high",
    "bars_since_swing_low",
    "swing_trend",
    "swing_range",
    "retracement",
    "pullback_depth",
    "break_of_structure",
]


def structure(bars, window, memory=12, atr_window=1):
    found = StructureFeatures((window,), memory, atr_window).fit_transform(bars)
    return found.rename(columns=lambda name: name.removesuffix(f"_{window}"))


def test_columns_are_named_in_order():
    names = StructureFeatures().feature_names
    assert names == [f"{name}_{w}" for name in NAMES for w in (5, 20)]


def test_a_zigzag_by_hand():
    bars = table(zigzag(100, 110, 104, 115))
    found = structure(bars, window=3)
    atr = 1.5  # true range of every bar after the first: from the close before to the far wick
    # The high of row 10, 110.5, is known in row 13 (close 107); the low of row 16 in row 19.
    assert found["swing_high_distance"].first_valid_index() == bars.index[13]
    assert found["swing_high_distance"].iloc[13] == pytest.approx((107 - 110.5) / atr)
    assert found["bars_since_swing_high"].iloc[13] == pytest.approx(3 / 36)
    assert found["pullback_depth"].iloc[13] == pytest.approx((110.5 - 106.5) / atr)
    row = found.iloc[19]  # close 107
    assert row["swing_low_distance"] == pytest.approx((107 - 103.5) / atr)
    assert row["swing_range"] == pytest.approx(7 / atr)
    assert row["retracement"] == pytest.approx((107 - 103.5) / 7)
    assert row["pullback_depth"] == pytest.approx((107.5 - 103.5) / atr)
    assert found["swing_low_distance"].iloc[:19].isna().all()
    # The first close above 110.5 is that of row 23.
    assert np.flatnonzero(found["break_of_structure"] == 1).tolist() == [23]
    assert found["retracement"].iloc[27] == pytest.approx((115 - 103.5) / 7)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_trend_of_swings_by_hand(sign):
    rising = zigzag(100, 110, 104, 115, 108, 120, 113, 119, 107, 111)
    trend = structure(table(1000 + sign * rising), window=3, memory=20)["swing_trend"]
    turns = np.cumsum(np.abs(np.diff([100, 110, 104, 115, 108, 120, 113, 119, 107])))
    known = dict(zip("ABCDEFGH", turns + 3, strict=True))  # highs A C E G, lows B D F H
    assert trend.iloc[: known["D"]].isna().all()
    assert (trend.iloc[known["D"] : known["G"]] == sign).all()  # C > A and D > B
    assert (trend.iloc[known["G"] : known["H"]] == 0).all()  # G < E, F > D
    assert trend.iloc[known["H"]] == -sign  # G < E, H < F


def test_a_falling_market_mirrors_a_rising_one():
    bars = make_bars(3000, 3)
    mirror = pd.DataFrame(
        {
            "open": 10_000 - bars["open"],
            "high": 10_000 - bars["low"],
            "low": 10_000 - bars["high"],
            "close": 10_000 - bars["close"],
            "volume": 1.0,
        }
    )
    one, two = structure(bars, 4, atr_window=14), structure(mirror, 4, atr_window=14)
    for name, other, sign in [
        ("swing_high_distance", "swing_low_distance", -1),
        ("bars_since_swing_high", "bars_since_swing_low", 1),
        ("swing_trend", "swing_trend", -1),
        ("swing_range", "swing_range", 1),
        ("retracement", "retracement", 1),
        ("pullback_depth", "pullback_depth", 1),
        ("break_of_structure", "break_of_structure", -1),
    ]:
        np.testing.assert_allclose(one[name], sign * two[other], rtol=0, atol=1e-6)


def oracle(bars, window, memory, atr_window):
    """All columns, each row from the bars up to it by the definitions."""
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    atr = average_true_range(high, low, close, atr_window, np.array([0, len(bars)]))
    highs, lows = swings(high, window), [(j, -price) for j, price in swings(-low, window)]
    age, rows, above, below = memory * window, [], set(), set()
    for t in range(len(bars)):
        row = dict.fromkeys(NAMES, np.nan)
        if t >= age + window:
            row = dict.fromkeys(NAMES, 0.0) | {"retracement": 0.5}
            row |= {"bars_since_swing_high": 1.0, "bars_since_swing_low": 1.0}
        (top, old_top), (bottom, old_bottom) = (
            last_two(found, t, window, age) for found in (highs, lows)
        )
        event = 0.0
        if top:
            row["swing_high_distance"] = close[t] - top[1]
            row["bars_since_swing_high"] = (t - top[0]) / age
            if close[t] > top[1] and top[0] not in above:
                above.add(top[0])
                event = 1.0
        if bottom:
            row["swing_low_distance"] = close[t] - bottom[1]
            row["bars_since_swing_low"] = (t - bottom[0]) / age
            if close[t] < bottom[1] and bottom[0] not in below:
                below.add(bottom[0])
                event = -1.0
        if (top and bottom) or t >= age + window:
            row["break_of_structure"] = event
        depths = []
        if top and not (bottom and bottom[0] > top[0]):
            depths.append(top[1] - low[top[0] + 1 : t + 1].min())
        if bottom and not (top and top[0] > bottom[0]):
            depths.append(high[bottom[0] + 1 : t + 1].max() - bottom[1])
        if depths:
            row["pullback_depth"] = max(depths)
        if top and bottom:
            row["swing_range"] = span = top[1] - bottom[1]
            row["retracement"] = 0.5
            if span > 0 and top[0] != bottom[0]:
                back = top[1] - close[t] if top[0] > bottom[0] else close[t] - bottom[1]
                row["retracement"] = np.clip(back / span, -1, 2)
            if old_top and old_bottom:
                sides = np.sign(top[1] - old_top[1]) + np.sign(bottom[1] - old_bottom[1])
                row["swing_trend"] = np.trunc(sides / 2)
        for name in ("swing_high_distance", "swing_low_distance", "swing_range", "pullback_depth"):
            row[name] /= atr[t]
        rows.append(row)
    return pd.DataFrame(rows, index=bars.index)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("window", "memory"), [(1, 3), (2, 2), (5, 12), (20, 4)])
def test_a_plain_oracle_agrees(seed, window, memory):
    bars = make_bars(900, seed)
    if seed == 2:  # coarse ticks: plateaus everywhere
        bars[["open", "high", "low", "close"]] = (bars.iloc[:, :4] / 4).round() * 4
    found, expected = structure(bars, window, memory, 14), oracle(bars, window, memory, 14)
    np.testing.assert_allclose(found[NAMES], expected[NAMES], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("window", [1, 4, 9])
def test_a_swing_is_not_seen_before_it_is_confirmed(window):
    bars = make_bars(600, 5)
    whole = structure(bars, window)
    for j, _ in swings(bars["high"].to_numpy(), window)[2:8]:
        changed = bars.copy()  # the bar that would confirm it goes above it instead
        changed.iloc[j + window, 1] = bars["high"].iloc[j] + 1
        found = structure(changed, window)
        pd.testing.assert_frame_equal(found.iloc[: j + window], whole.iloc[: j + window])
        age = "bars_since_swing_high"
        assert whole[age].iloc[j + window] == pytest.approx(1 / 12)
        assert not found[age].iloc[j + window] <= 1 / 12


def test_of_equal_highs_the_first_counts():
    high = [1, 2, 3, 4, 4, 4, 3, 2, 1, 1, 4, 2, 1, 1]
    closes = np.minimum(np.array(high) - 0.5, 2.5)
    found = structure(table(closes, high=high, low=closes - 9), window=2)
    age = (24 * found["bars_since_swing_high"]).round(6)
    # Row 3 is known in row 5; rows 4 and 5 are none; row 10, as high again, is.
    assert age.first_valid_index() == found.index[5]
    assert age.iloc[5:12].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert age.iloc[12] == 2


def test_a_flat_market_has_no_swings():
    flat = structure(table(np.full(60, 100.0), wick=0.0), window=2, memory=3)
    assert flat.iloc[:8].isna().all(axis=None)  # (memory + 1) w rows
    late = flat.iloc[8:]
    assert (late[["swing_trend", "break_of_structure"]] == 0).all(axis=None)
    assert (late["retracement"] == 0.5).all()
    assert (late[["bars_since_swing_high", "bars_since_swing_low"]] == 1).all(axis=None)
    assert late[["swing_high_distance", "swing_range", "pullback_depth"]].isna().all(axis=None)


def test_swings_are_forgotten():
    bars = table(np.r_[zigzag(100, 104, 100), np.linspace(99, 50, 60)])
    found = structure(bars, window=2, memory=5)
    age = (10 * found["bars_since_swing_high"]).round(6)
    assert age.iloc[4 + 2 : 4 + 11].tolist() == list(range(2, 11))  # the high of row 4
    assert (age.iloc[4 + 10 :] == 10).all()
    assert found["swing_high_distance"].iloc[4 + 10] < -5
    assert (found["swing_high_distance"].iloc[4 + 11 :] == 0).all()


def test_a_gap_past_both_swings():
    before = zigzag(100, 110, 104, 108)
    found = structure(table(np.r_[before, 150, 151, 152, 149, 153:160]), window=3)
    gap = len(before)
    assert np.flatnonzero(found["break_of_structure"]).tolist()[-1] == gap
    assert found["break_of_structure"].iloc[gap] == 1
    behind = found.iloc[gap + 6]  # the low of 149 is known, the last high is still that of 110
    assert behind["swing_range"] < 0
    assert behind["retracement"] == 0.5


@pytest.mark.parametrize(("window", "memory"), [(2, 3), (7, 4)])
def test_the_memory_is_exact(window, memory):
    feature = StructureFeatures((window,), memory, atr_window=1)
    assert feature.lookback == (memory + 1) * window
    bars, differs = make_bars(700, 7), False
    whole = feature.fit_transform(bars)
    for row in range(100, 700, 5):
        for back in (feature.lookback, feature.lookback - 1):
            cold = feature.transform(bars.iloc[row - back : row + 1]).iloc[-1]
            same = cold.equals(whole.iloc[row])
            assert same or back < feature.lookback
            differs |= not same
    assert differs


def test_a_missing_bar_is_passed_over():
    bars = make_bars(400, 2)
    bars.iloc[[50, 51, 250], 2] = np.nan
    found, kept = StructureFeatures().fit_transform(bars), bars["low"].notna()
    assert found[~kept].isna().all(axis=None)
    pd.testing.assert_frame_equal(found[kept], StructureFeatures().fit_transform(bars[kept]))


def test_a_stream_saved_and_resumed_gives_the_same_bits():
    bars = make_bars(900, 4)
    bars.iloc[[100, 600], 1] = np.nan
    feature = StructureFeatures().fit(bars)
    batch, stream, rows = feature.transform(bars).to_numpy(), feature.stream(), []
    for at, bar in enumerate(bars.to_dict("records")):
        if at % 150 == 149:
            state = {name: np.array(value.tolist()) for name, value in stream.state.items()}
            stream = feature.stream(state)
        rows.append(stream.push(bar))
    assert np.array_equal(np.array(rows), batch, equal_nan=True)
