"""Estimates of the spread against hand-computed values, plain numpy and known spreads."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import SpreadFeatures
from ohlcvml.features._spread import _pair_spread
from tests.features.conftest import make_bars

BARS = make_bars(900, seed=5)
LOGS = np.log(BARS[["high", "low", "close"]])


def columns(bars, **params):
    return SpreadFeatures(**params).fit_transform(bars)


def close_to(got, expected, rtol=1e-9, atol=1e-12):
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


def corwin_schultz(logs, t):
    """The published formula for the bars t - 1 and t, the gap to the close before taken out."""
    (high0, low0, close), (high, low, _) = logs.to_numpy()[t - 1 : t + 1]
    gap = low - close if low > close else (high - close if high < close else 0.0)
    high, low = high - gap, low - gap
    beta, gamma = (high0 - low0) ** 2 + (high - low) ** 2, (max(high, high0) - min(low, low0)) ** 2
    k = 3 - 2 * 2**0.5
    alpha = ((2 * beta) ** 0.5 - beta**0.5) / k - (gamma / k) ** 0.5
    return max(2 * (np.exp(alpha) - 1) / (1 + np.exp(alpha)), 0.0)


@pytest.mark.parametrize("t", [70, 300, 899])
def test_every_column_is_its_definition(t):
    w, change = 60, LOGS["close"].diff().to_numpy()
    pair = change[t - w + 1 : t + 1], change[t - w : t]
    middle, span = (LOGS["high"] + LOGS["low"]) / 2, (LOGS["high"] - LOGS["low"])
    before = LOGS["close"].shift()
    product = ((before - middle.shift()) * (before - middle)).to_numpy()[t - w + 1 : t + 1]
    mean = span.to_numpy()[t - w + 1 : t + 1].mean()
    at = columns(BARS, windows=(w,)).iloc[t]
    corwin = np.mean([corwin_schultz(LOGS, s) for s in range(t - w + 1, t + 1)])
    close_to(at["roll_spread_60"], 2 * max(-np.cov(*pair, ddof=0)[0, 1], 0) ** 0.5 / mean)
    close_to(at["corwin_schultz_60"], corwin / mean)
    close_to(at["abdi_ranaldo_60"], 2 * max(product.mean(), 0) ** 0.5 / mean)
    assert at["zero_return_share_60"] == (pair[0] == 0).mean()


def test_corwin_schultz_by_hand():
    before = np.array([0.0, 0.01, -0.01, 0.0])
    trend = np.array([0.01, 0.01, -0.01, 0.0])
    assert _pair_spread(0.03, 0.01, trend) == 0.0  # negative, so 0
    same = 2 * np.tanh(0.01 * (1 + 2**0.5) * (2**0.5 - 1))  # no trend: half of beta is bounce
    close_to(_pair_spread(0.01, -0.01, before), same)
    close_to(_pair_spread(0.52, 0.50, before), _pair_spread(0.02, 0.0, before))  # a gap up
    close_to(_pair_spread(-0.50, -0.52, before), _pair_spread(0.0, -0.02, before))


def bounced(spread, n=4000, steps=30, seed=0):
    """Bars of a driftless price seen at the bid or the ask."""
    rng = np.random.default_rng(seed)
    path = rng.normal(0, 1e-3 / steps**0.5, (n, steps)).cumsum().reshape(n, steps)
    path = 4.0 + path + spread / 2 * rng.choice([-1, 1], (n, steps))
    index = pd.date_range("2025-01-06", periods=n, freq="1min", tz="UTC", name="time")
    prices = {"open": path[:, 0], "high": path.max(1), "low": path.min(1), "close": path[:, -1]}
    return np.exp(pd.DataFrame(prices, index=index)).assign(volume=1.0)


@pytest.mark.parametrize("what", ["roll_spread", "corwin_schultz", "abdi_ranaldo"])
def test_a_planted_spread_is_found(what):
    """A spread of half a bar's deviation, over 3000 bars."""
    bars = bounced(5e-4)
    span = np.log(bars["high"] / bars["low"]).rolling(3000).mean()
    found = (columns(bars, windows=(3000,))[f"{what}_3000"] * span).iloc[-1]
    assert found == pytest.approx(5e-4, rel=0.5 if what == "corwin_schultz" else 0.2)
    wider = columns(bounced(1e-3), windows=(3000,))[f"{what}_3000"].iloc[-1]
    assert wider > columns(bars, windows=(3000,))[f"{what}_3000"].iloc[-1]


def test_a_bounce_between_two_prices():
    bars = BARS.copy()
    price = np.where(np.arange(900) % 2, 101.0, 100.0)
    for name in ("open", "high", "low", "close"):
        bars[name] = price
    bars["high"], bars["low"] = 101.0, 100.0
    at = columns(bars).iloc[-1]
    # cov(r_t, r_{t-1}) = -s^2, and a bar's range is s: Roll's spread is twice what bounces
    close_to(at["roll_spread_60"], 2.0, rtol=1e-3)
    close_to(at["abdi_ranaldo_60"], 1.0)
    close_to(at["corwin_schultz_60"], 2 * np.tanh(np.log(1.01) / 2) / np.log(1.01))


def test_no_range_is_undefined_and_leaves_no_rounding():
    bars = BARS.copy()
    bars.iloc[300:420, :4] = 5000.0
    table = columns(bars)
    assert table["zero_return_share_60"].iloc[360:420].eq(1).all()
    others = table.filter(regex="(roll|corwin|abdi).*_60")
    assert others.iloc[359:420].isna().all(axis=None)
    assert others.iloc[[*range(100, 359), *range(420, 900)]].notna().all(axis=None)


def test_the_price_level_does_not_matter():
    bars = BARS.copy()
    bars.iloc[:, :4] *= 128.0
    close_to(columns(bars), columns(BARS), rtol=1e-6, atol=1e-6)


def test_no_volume_is_needed():
    pd.testing.assert_frame_equal(columns(BARS.assign(volume=np.nan)), columns(BARS))
