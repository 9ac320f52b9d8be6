"""Oscillators against TA-Lib, plain numpy and values worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import OscillatorFeatures
from tests.features.conftest import make_bars

BARS = make_bars(700, seed=7)


def bars_of(high, low, close):
    columns = {"open": close, "high": high, "low": low, "close": close, "volume": 1.0}
    index = pd.date_range("2025-01-06", periods=len(close), freq="1min", tz="UTC", name="time")
    return pd.DataFrame(columns, index=index, dtype=float)


def arrays(bars):
    return [np.ascontiguousarray(bars[name]) for name in ("high", "low", "close")]


@pytest.mark.parametrize("level", [0.0, 10_000.0])
@pytest.mark.parametrize("tick", [0.01, 0.25])
def test_talib(level, tick):
    talib = pytest.importorskip("talib")
    bars = BARS.copy()
    bars.iloc[:, :4] = (BARS.iloc[:, :4] / tick).round() * tick + level
    prices = arrays(bars)
    table = OscillatorFeatures().fit_transform(bars)
    expected = {"ultimate_oscillator_7_14_28": talib.ULTOSC(*prices)}
    for w in (14, 42):
        expected[f"stochastic_k_{w}"], expected[f"stochastic_d_{w}"] = talib.STOCH(
            *prices, fastk_period=w, slowk_period=3, slowd_period=3
        )
    expected |= {f"williams_r_{w}": talib.WILLR(*prices, w) for w in (7, 120)}
    expected |= {f"cci_{w}": talib.CCI(*prices, w) for w in (14, 40)}
    for name, values in expected.items():
        start = 50 if name.startswith("stoch") else 0  # TA-Lib withholds %K until there is a %D
        found = table[name].to_numpy()
        np.testing.assert_allclose(found[start:], values[start:], rtol=1e-8, atol=1e-8)


def test_stochastic_against_pandas():
    table = OscillatorFeatures((9,), (5, 4)).fit_transform(BARS)
    top, bottom = BARS["high"].rolling(9).max(), BARS["low"].rolling(9).min()
    slow = (100 * (BARS["close"] - bottom) / (top - bottom)).rolling(5).mean()
    np.testing.assert_allclose(table["stochastic_k_9"], slow, rtol=1e-9)
    np.testing.assert_allclose(table["stochastic_d_9"], slow.rolling(4).mean(), rtol=1e-9)


def test_cci_against_numpy():
    table = OscillatorFeatures(cci_windows=(2, 5, 23)).fit_transform(BARS)
    typical = BARS[["high", "low", "close"]].mean(axis=1)
    for w in (2, 5, 23):
        past = np.lib.stride_tricks.sliding_window_view(typical, w)
        centre = past.mean(axis=1)
        deviation = np.abs(past - centre[:, None]).mean(axis=1)
        expected = (past[:, -1] - centre) / (0.015 * deviation)
        found = table[f"cci_{w}"]
        np.testing.assert_allclose(found[w - 1 :], expected, rtol=1e-7)
        assert found[: w - 1].isna().all()


def test_cmo_against_pandas():
    change = BARS["close"].diff()
    rises, falls = change.clip(lower=0).rolling(20).sum(), -change.clip(upper=0).rolling(20).sum()
    table = OscillatorFeatures(cmo_windows=(20,)).fit_transform(BARS)
    expected = 100 * (rises - falls) / (rises + falls)
    np.testing.assert_allclose(table["cmo_20"], expected, rtol=1e-9, atol=1e-9)


def test_ultimate_by_hand():
    bars = bars_of([2, 4, 5, 5], [1, 2, 4, 2], [2, 3, 5, 4])
    table = OscillatorFeatures(ultimate=(2, 3, 4)).fit_transform(bars)
    assert table["ultimate_oscillator_2_3_4"].isna().all()
    bars = bars_of([2, 4, 5, 5, 6], [1, 2, 4, 2, 5], [2, 3, 5, 4, 5])
    table = OscillatorFeatures(ultimate=(2, 3, 4)).fit_transform(bars)
    # Bought 1, 2, 2, 1; true ranges 2, 2, 3, 2.
    expected = 100 * (4 * 3 / 5 + 2 * 5 / 7 + 6 / 9) / 7
    assert table["ultimate_oscillator_2_3_4"].iloc[4] == pytest.approx(expected)


def test_a_dead_market_is_at_the_middle_of_every_scale():
    alive, dead = BARS.iloc[:200], BARS.iloc[200:500].copy()
    dead.iloc[:, :4] = 0.1 * 3  # not a sum of powers of two: means of equal prices are rounded
    table = OscillatorFeatures().fit_transform(pd.concat([alive, dead])).iloc[-1]
    np.testing.assert_allclose(table.filter(like="stochastic"), 50, rtol=1e-15)
    assert (table.filter(like="williams") == -50).all()
    assert table["ultimate_oscillator_7_14_28"] == pytest.approx(50)
    assert (table.filter(regex="cci|cmo") == 0).all()


def test_a_wild_bar_leaves_no_trace():
    wild = BARS.copy()
    wild.iloc[200, :4] *= 1e6
    plain, other = (OscillatorFeatures().fit_transform(bars).iloc[400:] for bars in (BARS, wild))
    np.testing.assert_allclose(other, plain, rtol=1e-9, atol=1e-9)


def test_values_stay_within_their_bounds():
    table = OscillatorFeatures(cmo_windows=(2, 90)).fit_transform(BARS).iloc[130:]
    scales = {"stochastic": (0, 100), "williams": (-100, 0), "ultimate": (0, 100)}
    for what, (low, high) in {**scales, "cmo": (-100, 100)}.items():
        values = table.filter(like=what).to_numpy()
        assert values.min() >= low - 1e-9
        assert values.max() <= high + 1e-9
