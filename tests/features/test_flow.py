"""Order flow against hand-computed values, plain numpy and TA-Lib."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.exceptions import DataError
from ohlcvml.features import FlowFeatures
from ohlcvml.features._flow import _normal_imbalance
from tests.features.conftest import make_bars

BARS = make_bars(900, seed=5)


def columns(bars, **params):
    return FlowFeatures(**params).fit_transform(bars)


def close_to(got, expected, rtol=1e-9, atol=1e-12):
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


def oracle(bars, t, w, deviation):
    """Every column of window w in row t, from its definition."""
    window = bars.iloc[t - w + 1 : t + 1]
    v, change = window["volume"].to_numpy(), bars["close"].diff()
    typical = (bars["high"] + bars["low"] + bars["close"]).to_numpy()[t - w + 1 : t + 1] / 3
    span = (window["high"] - window["low"]).to_numpy()
    place = (2 * window["close"] - window["high"] - window["low"]) / span
    vwap = np.average(typical, weights=v)
    root = np.sqrt((change**2).rolling(deviation).mean())
    z = (change / root).to_numpy()[t - w + 1 : t + 1]
    s = v * np.array([math.erf(one / math.sqrt(2)) for one in z])
    moves = change.to_numpy()[t - w + 1 : t + 1]
    return {
        f"obv_{w}": (np.sign(moves) * v).sum() / v.sum(),
        f"chaikin_money_flow_{w}": (place * v).sum() / v.sum(),
        f"vwap_distance_{w}": (window["close"].iloc[-1] - vwap)
        / np.sqrt(np.average((typical - vwap) ** 2, weights=v)),
        f"bulk_volume_imbalance_{w}": s.sum() / v.sum(),
        f"vpin_{w}": np.abs(s).sum() / v.sum(),
        f"signed_volume_{deviation}": s[-1]
        / bars["volume"].to_numpy()[t - deviation + 1 : t + 1].mean(),
        f"price_volume_correlation_{w}": np.corrcoef(moves, np.log1p(v))[0, 1],
    }


@pytest.mark.parametrize("t", [150, 300, 899])
def test_every_column_is_its_definition(t):
    table = columns(BARS, windows=(7, 40), deviation_window=20)
    for w in (7, 40):
        for name, value in oracle(BARS, t, w, 20).items():
            bulk = name.startswith(("bulk", "vpin", "signed"))  # normal distribution, to 3e-7
            close_to(table[name].iloc[t], value, atol=3e-6 if bulk else 1e-12)


def test_normal_imbalance():
    z = np.linspace(-9, 9, 2001)
    got = np.array([_normal_imbalance(one) for one in z])
    close_to(got, [math.erf(one / math.sqrt(2)) for one in z], rtol=0, atol=3.1e-7)
    assert (np.diff(got) >= 0).all()
    assert all(_normal_imbalance(-one) == -_normal_imbalance(one) for one in z)


def test_obv_by_hand():
    bars = BARS.iloc[:5].copy()
    bars["close"], bars["volume"] = [10.0, 11, 11, 9, 12], [5.0, 1, 2, 3, 4]
    bars["high"], bars["low"] = bars["close"] + 3, bars["close"] - 1
    table = columns(bars, windows=(3,), money_flow_windows=(2,), deviation_window=2)
    close_to(table["obv_3"], [np.nan, np.nan, np.nan, (1 - 3) / 6, (-3 + 4) / 9])
    close_to(table["chaikin_money_flow_3"].iloc[2:], -0.5)  # a quarter up its range on every bar


def test_talib():
    talib = pytest.importorskip("talib")
    high, low, close, volume = (BARS[c].to_numpy() for c in ("high", "low", "close", "volume"))
    table = columns(BARS, windows=(30,), money_flow_windows=(14, 50))
    for w in (14, 50):
        close_to(table[f"money_flow_index_{w}"], talib.MFI(high, low, close, volume, w))
    traded = BARS["volume"].rolling(30).sum()
    close_to(table["obv_30"], pd.Series(talib.OBV(close, volume), BARS.index).diff(30) / traded)
    line = pd.Series(talib.AD(high, low, close, volume), BARS.index)
    close_to(table["chaikin_money_flow_30"].iloc[30:], (line.diff(30) / traded).iloc[30:])


def test_talib_money_flow_index_of_round_prices_with_ties():
    talib = pytest.importorskip("talib")
    price = np.random.default_rng(0).integers(0, 3, (4, 800)) * 0.1 + 1999.9
    bars = BARS.iloc[:800].copy()
    bars["close"], bars["high"], bars["low"] = price[0], price.max(axis=0), price.min(axis=0)
    arrays = [bars[name].to_numpy() for name in ("high", "low", "close", "volume")]
    got = columns(bars)["money_flow_index_14"]
    close_to(got, talib.MFI(*arrays, 14))


def test_one_sided_markets_reach_the_bounds():
    bars = BARS.iloc[:300].copy()
    price = 100.0 + np.arange(300) * 0.37
    bars["open"], bars["close"], bars["high"], bars["low"] = price, price, price, price - 0.2
    last = columns(bars).iloc[-1]
    close_to(last.filter(regex="^(obv|chaikin)"), 1.0)
    assert last["money_flow_index_14"] == 100
    close_to(last["vpin_30"], math.erf(math.sqrt(0.5)), atol=1e-6)  # every change one deviation


def test_a_window_without_volume_is_undefined_and_leaves_no_rounding():
    bars = BARS.copy()
    bars.iloc[300:440, 4] = 0.0
    table = columns(bars)
    per_volume = table.filter(regex="^(obv|chaikin|vwap|bulk|vpin)")
    for w in (30, 120):
        quiet = per_volume.filter(regex=f"_{w}$")
        assert quiet.iloc[300 + w - 1 : 440].isna().all(axis=None)
        one_price = [300 + w - 2, 440]  # a single bar of the window has volume
        assert quiet.iloc[one_price].isna().sum(axis=1).eq(1).all()
        assert quiet.iloc[one_price][f"vwap_distance_{w}"].isna().all()
        assert quiet.iloc[[*range(200, 300 + w - 2), *range(441, 900)]].notna().all(axis=None)
    assert (table["money_flow_index_14"].iloc[313:440] == 50).all()
    assert (table["price_volume_correlation_120"].iloc[419:440] == 0).all()
    assert (table["price_volume_correlation_120"].iloc[200:419] != 0).all()
    signed = table["signed_volume_60"]
    assert signed.iloc[359:440].isna().all()
    assert signed.iloc[[*range(60, 359), *range(440, 900)]].notna().all()


def test_a_bar_without_volume_adds_nothing():
    bars = BARS.copy()
    bars.iloc[500, 4] = 0.0
    got, whole = columns(bars, windows=(5,)).iloc[502], columns(BARS, windows=(5,)).iloc[502]
    v, sign = bars["volume"].iloc[498:503], np.sign(bars["close"].diff().iloc[498:503])
    close_to(got["obv_5"], (v * sign).sum() / v.sum())
    assert got["obv_5"] != whole["obv_5"]


def test_constant_prices():
    bars = BARS.copy()
    bars.iloc[200:600, :4] = 5000.0
    at = columns(bars).iloc[599]
    assert (at.filter(regex="^(obv|chaikin|bulk|vpin|signed|price_volume)") == 0).all()
    assert at["money_flow_index_14"] == 50
    assert at.filter(like="vwap").isna().all()


@pytest.mark.parametrize("seed", range(5))
def test_volume_at_one_price_only_has_no_distance(seed):
    rng, bars = np.random.default_rng(seed), BARS.iloc[:400].copy()
    bars["volume"] = rng.choice([0.0, 0.3, 1e6], 400, p=[0.8, 0.1, 0.1])
    price = (rng.random(400) < 0.2).cumsum() * 0.1 + 1999.9
    bars["high"], bars["low"], bars["close"] = price, price, price
    got = columns(bars, windows=(6,))["vwap_distance_6"]
    prices = [
        set(price[t - 5 : t + 1][bars["volume"].to_numpy()[t - 5 : t + 1] > 0])
        for t in range(5, 400)
    ]
    assert np.array_equal(got.iloc[5:].isna(), [len(one) < 2 for one in prices])


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-8, 1.0, 1e9]), st.floats(0, 0.95))
@settings(max_examples=25, deadline=None)
def test_bounds(seed, scale, quiet):
    rng, bars = np.random.default_rng(seed), make_bars(300, seed % 1000)
    bars["volume"] = scale * rng.lognormal(0, 3, 300) * (rng.random(300) > quiet)
    bars.iloc[:, :4] = bars.iloc[:, :4].round(rng.integers(-1, 3))
    table = columns(bars, windows=(3, 40), deviation_window=10)
    assert not np.isinf(table).any(axis=None)
    share = table.filter(regex="^(obv|chaikin|bulk|vpin|price)").abs()
    assert (share.isna() | (share <= 1)).all(axis=None)
    assert table["money_flow_index_14"].dropna().between(0, 100).all()


def test_far_from_the_first_price_and_after_a_wild_volume_nothing_is_lost():
    bars = make_bars(3000, seed=1)
    bars.iloc[:, :4] += np.where(np.arange(3000) > 1500, 1e6, 0.0)[:, None]
    bars.iloc[1000, 4] = 1e13
    table, t = columns(bars), 2999
    expected = oracle(bars, t, 30, 60)
    for name in ("vwap_distance_30", "price_volume_correlation_30", "obv_30"):
        close_to(table[name].iloc[t], expected[name], rtol=1e-8)


def test_no_volume_at_all_raises_with_the_remedy():
    with pytest.raises(
        DataError, match=r"FlowFeatures: .volume. must .* NaN.*OHLCVFeatures\(volume=False\)"
    ):
        columns(BARS.assign(volume=np.nan))
    assert columns(BARS[["close"]].rename(columns={"close": "x"})).isna().all(axis=None)


def test_prices_at_or_below_zero_are_taken():
    bars = BARS.copy()
    bars.iloc[:, :4] -= 5000.0
    table = columns(bars).drop(columns="money_flow_index_14")
    close_to(table, columns(BARS).drop(columns="money_flow_index_14"), rtol=1e-6, atol=1e-9)
