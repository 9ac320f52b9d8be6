"""Price channels against pandas, TA-Lib and values worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import ChannelFeatures
from ohlcvml.streams import average_true_range
from tests.features.conftest import make_bars

BARS = make_bars(700, seed=5)


def bars_of(high, low, close):
    columns = {"open": close, "high": high, "low": low, "close": close, "volume": 1.0}
    index = pd.date_range("2025-01-06", periods=len(close), freq="1min", tz="UTC", name="time")
    return pd.DataFrame(columns, index=index, dtype=float)


def atr(bars, window=14):
    price = [bars[name].to_numpy() for name in ("high", "low", "close")]
    return pd.Series(average_true_range(*price, window, np.array([0, len(bars)])), bars.index)


@pytest.mark.parametrize("level", [0.0, 10_000.0])
def test_against_pandas(level):
    bars = BARS.copy()
    bars.iloc[:, :4] += level
    table, close, unit = ChannelFeatures((20,), (25,)).fit_transform(bars), bars["close"], atr(bars)
    top, bottom = bars["high"].rolling(20).max(), bars["low"].rolling(20).min()
    above, below = (close - top.shift()).clip(lower=0), (close - bottom.shift()).clip(upper=0)
    expected = {
        "donchian_position_20": (close - bottom) / (top - bottom),
        "donchian_width_20": (top - bottom) / (unit * np.sqrt(20)),
        "breakout_20": (above + below) / unit,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, rtol=1e-9, atol=1e-12, err_msg=name)
    assert (table["breakout_20"] > 0).any()
    assert (table["breakout_20"] < 0).any()


@pytest.mark.parametrize("tick", [0.25, 5.0])
def test_talib(tick):
    talib = pytest.importorskip("talib")
    bars = (BARS / tick).round() * tick  # so that many highs and lows are equal
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    table = ChannelFeatures((60,), (25, 100)).fit_transform(bars)
    for window in (25, 100):
        down, up = talib.AROON(high, low, window)
        both = talib.AROONOSC(high, low, window)
        for name, values in {"up": up, "down": down, "oscillator": both}.items():
            found = table[f"aroon_{name}_{window}"]
            np.testing.assert_allclose(found, values, rtol=1e-12, atol=1e-12)
    width = talib.MAX(high, 60) - talib.MIN(low, 60)
    unit = talib.ATR(high, low, close, 14)
    np.testing.assert_allclose(table["donchian_width_60"], width / unit / np.sqrt(60), rtol=1e-9)


def test_by_hand():
    bars = bars_of([2, 3, 4, 4, 9], [1, 2, 3, 1, 8], [1, 3, 3, 2, 8])
    table = ChannelFeatures((2,), (3,), atr_window=2).fit_transform(bars)
    # True ranges 2, 1, 3, 7; the average of the first two is 1.5, then 2.25, then 4.625.
    nan = np.nan
    np.testing.assert_array_equal(table["donchian_position_2"], [nan, 1, 0.5, 1 / 3, 7 / 8])
    np.testing.assert_allclose(table["breakout_2"], [nan, nan, 0, 0, 4 / 4.625])
    np.testing.assert_allclose(table["aroon_up_3"], [nan, nan, nan, 100, 100])
    np.testing.assert_allclose(table["aroon_down_3"], [nan, nan, nan, 100, 200 / 3])
    assert table["donchian_width_2"].iloc[4] == pytest.approx(8 / 4.625 / np.sqrt(2))


def test_a_close_below_the_channel_is_a_negative_breakout():
    bars = bars_of([9, 9, 9, 5], [8, 7, 8, 4], [8, 8, 8, 4])
    table = ChannelFeatures((3,), (2,), atr_window=3).fit_transform(bars)
    assert table["breakout_3"].iloc[3] == pytest.approx((4 - 7) / ((2 + 1 + 4) / 3))


def test_dead_bars_have_stated_values():
    table = ChannelFeatures((5,), (5,)).fit_transform(bars_of(*[[7.0] * 30] * 3)).iloc[20:]
    assert (table["donchian_position_5"] == 0.5).all()
    assert (table["aroon_up_5"] == 100).all()
    assert (table["aroon_oscillator_5"] == 0).all()
    assert table[["donchian_width_5", "breakout_5"]].isna().all(axis=None)


def test_values_stay_within_their_bounds():
    table = ChannelFeatures((2, 30), (2, 30)).fit_transform(BARS).iloc[30:]
    scales = {"position": (0, 1), "up": (0, 100), "down": (0, 100), "oscillator": (-100, 100)}
    for what, (low, high) in scales.items():
        values = table.filter(regex=f"(donchian|aroon)_{what}").to_numpy()
        assert values.min() >= low
        assert values.max() <= high
