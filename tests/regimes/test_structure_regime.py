"""Structure regimes: known zigzags, a plain oracle, and nothing before its time."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.regimes import StructureRegime
from tests.features.conftest import make_bars
from tests.features.swings import last_two, swings, table, zigzag

STATES = ["range", "breakout_up", "breakout_down", "pullback_up", "pullback_down"]


def states(bars, window, memory=12):
    """Name of the state of each bar, None where it is unknown."""
    found = StructureRegime(window, memory, directions=True).fit_transform(bars)
    assert found.columns.str.removeprefix("structure_state_").tolist() == STATES
    known = found.notna().all(axis=1)
    assert (found[known].sum(axis=1) == 1).all()
    assert found[~known].isna().all(axis=None)
    codes = np.where(known, found.fillna(0).to_numpy().argmax(axis=1), -1)
    return [STATES[code] if code >= 0 else None for code in codes]


def oracle(bars, window, memory):
    """The state of each bar from the bars up to it by the definitions."""
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    highs, lows = swings(high, window), [(j, -price) for j, price in swings(-low, window)]
    age, found = memory * window, []
    for t in range(len(bars)):
        top, old_top = last_two(highs, t, window, age)
        bottom, old_bottom = last_two(lows, t, window, age)
        complete = t >= age + window
        above, below = top and close[t] > top[1], bottom and close[t] < bottom[1]
        if not complete and not (top and bottom):
            state = None
        elif above and not (below and bottom[0] > top[0]):
            state = "breakout_up"
        elif below:
            state = "breakout_down"
        elif not (old_top and old_bottom):
            state = "range" if complete else None
        else:
            up, down = top[1] - old_top[1], bottom[1] - old_bottom[1]
            state = "range"
            if up > 0 and down > 0:
                state = "pullback_up"
            if up < 0 and down < 0:
                state = "pullback_down"
        found.append(state)
    return found


def mirrored(name):
    swap = {"up": "down", "down": "up"}
    kind, _, way = (name or "").partition("_")
    return f"{kind}_{swap[way]}" if way else name


@pytest.mark.parametrize("sign", [1, -1])
def test_a_zigzag_by_hand(sign):
    closes = zigzag(100, 110, 104, 115, 109, 122, 113, 119, 114, 118, 108)
    found = states(table(1000 + sign * closes), window=3, memory=20)
    found = found if sign > 0 else [mirrored(name) for name in found]
    # Highs of rows 10, 27, 46, 61, 70 and lows of rows 16, 33, 55, 66: known three bars later.
    assert found[:19] == [None] * 19
    assert found[23:30] == ["breakout_up"] * 7  # the first close above 110.5, in row 23
    assert found[30:36] == [None] * 6  # a second low is not known yet
    assert found[36:40] == ["pullback_up"] * 4
    assert found[40:49] == ["breakout_up"] * 9  # above 115.5
    assert found[49:64] == ["pullback_up"] * 15
    assert found[64:75] == ["range"] * 11  # lower highs, higher lows
    assert found[75:] == ["breakout_down"] * 6  # below 113.5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("window", "memory"), [(1, 3), (2, 2), (5, 12), (20, 4)])
def test_a_plain_oracle_agrees(seed, window, memory):
    bars = make_bars(900, seed)
    if seed == 2:  # coarse ticks: plateaus everywhere
        bars[["open", "high", "low", "close"]] = (bars.iloc[:, :4] / 4).round() * 4
    assert states(bars, window, memory) == oracle(bars, window, memory)


def test_without_directions_up_and_down_are_one():
    bars = make_bars(2000, 1)
    apart = StructureRegime(5, directions=True).fit_transform(bars)
    both = StructureRegime(5).fit_transform(bars)
    assert list(both) == [f"structure_state_{name}" for name in ("range", "breakout", "pullback")]
    for name in ("breakout", "pullback"):
        up, down = (apart[f"structure_state_{name}_{way}"] for way in ("up", "down"))
        pd.testing.assert_series_equal(
            both[f"structure_state_{name}"], up + down, check_names=False
        )
        assert min(up.sum(), down.sum()) > 50


def test_a_later_low_above_the_high_decides():
    before, after = zigzag(100, 110, 104, 108), [150, 151, 152, 149, 153, 154, 155, 140, 139, 138]
    found = states(table(np.r_[before, after]), window=3)[len(before) :]
    # The low of 149 is known at 155; at 140 the last high is still that of 110.
    assert found == ["breakout_up"] * 7 + ["breakout_down"] * 3


def test_the_future_does_not_show_before_a_swing_is_confirmed():
    bars, window = make_bars(600, 5), 4
    whole = states(bars, window)
    for j, _ in swings(bars["high"].to_numpy(), window)[2:8]:
        changed = bars.copy()
        changed.iloc[j + window :, :4] += 50
        assert states(changed, window)[: j + window] == whole[: j + window]


def test_swings_are_forgotten():
    bars = table(np.r_[zigzag(100, 104, 100, 103), np.linspace(105, 160, 60)])
    found = states(bars, window=2, memory=5)
    assert found[12:15] == ["breakout_up"] * 3  # above the high of row 4, until it is 10 bars old
    assert found[15:] == ["range"] * 57


@pytest.mark.parametrize(("window", "memory"), [(2, 3), (7, 4)])
def test_the_memory_is_exact(window, memory):
    regime = StructureRegime(window, memory, directions=True)
    bars, differs = make_bars(700, 7), False
    whole = regime.fit_transform(bars)
    for row in range(100, 700, 5):
        for back in (regime.lookback, regime.lookback - 1):
            same = (
                regime.transform(bars.iloc[row - back : row + 1]).iloc[-1].equals(whole.iloc[row])
            )
            assert same or back < regime.lookback
            differs |= not same
    assert differs


def test_a_flat_market_is_a_range():
    found = states(table(np.full(60, 100.0), wick=0.0), window=2, memory=3)
    assert found == [None] * 8 + ["range"] * 52


def test_a_missing_bar_is_passed_over():
    bars = make_bars(400, 2)
    bars.iloc[[50, 51, 250], 2] = np.nan
    found, kept = StructureRegime(5).fit_transform(bars), bars["low"].notna()
    assert found[~kept].isna().all(axis=None)
    pd.testing.assert_frame_equal(found[kept], StructureRegime(5).fit_transform(bars[kept]))


def test_a_stream_saved_and_resumed_gives_the_same_bits():
    bars = make_bars(600, 4)
    bars.iloc[[100, 400], 1] = np.nan
    regime = StructureRegime(5).fit(bars)
    batch, stream, rows = regime.transform(bars).to_numpy(), regime.stream(), []
    for at, bar in enumerate(bars.to_dict("records")):
        if at % 150 == 149:
            state = {name: np.array(value.tolist()) for name, value in stream.state.items()}
            stream = regime.stream(state)
        rows.append(stream.push(bar))
    assert np.array_equal(np.array(rows), batch, equal_nan=True)
