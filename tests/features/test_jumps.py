"""Jumps and volatility of volatility against pandas and by hand."""

import numpy as np
import pandas as pd

from ohlcvml.features import JumpFeatures
from tests.features.conftest import make_bars, stamped

BARS = make_bars(900, seed=7)


def bars_of(returns):
    close = 10_000 * np.exp(np.r_[0.0, np.cumsum(returns)])
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return stamped(pd.DataFrame(prices | {"volume": 1}))


def test_against_pandas():
    w, s, r = 40, 7, np.log(BARS["close"]).diff()
    table = JumpFeatures((w,), s, 0.9).fit_transform(BARS)
    variation = (r**2).rolling(w).sum()
    bipower = (r.abs() * r.abs().shift()).rolling(w - 1).sum() * np.pi / 2 * w / (w - 1)
    v = np.sqrt((r**2).rolling(s).mean())
    average = (r**2).ewm(alpha=0.1).mean()
    expected = {
        f"jump_share_{w}": (1 - bipower / variation).clip(lower=0),
        f"downside_share_{w}": (r**2).where(r < 0, 0).where(r.notna()).rolling(w).sum() / variation,
        f"ewma_volatility_ratio_{w}": np.sqrt(average / variation * w),
        f"vol_of_vol_{w}": v.rolling(w).std(ddof=0) / v.rolling(w).mean(),
    }
    expected = pd.DataFrame(expected)
    pd.testing.assert_frame_equal(table, expected, check_freq=False, rtol=1e-9, atol=1e-12)


def test_by_hand():
    row = JumpFeatures((4,), 2, 0.5).fit_transform(bars_of([0.0, 0.0, 0.0, 0.3, 0.0, -0.1]))
    assert np.isclose(row["jump_share_4"].iloc[4], 1)  # a lone move is all jump
    assert np.isclose(row["downside_share_4"].iloc[6], 0.1)
    steady = JumpFeatures((4,), 2, 0.5).fit_transform(bars_of([0.1, -0.1] * 6)).iloc[-1]
    assert steady["jump_share_4"] == 0  # bipower exceeds the variance
    assert abs(steady["vol_of_vol_4"]) < 1e-6
    assert np.isclose(steady["ewma_volatility_ratio_4"], 1)


def test_prices_that_stand_still_are_undefined():
    bars = BARS.copy()
    bars.iloc[300:400, :4] = 5000.0
    table = JumpFeatures((40,), 7).fit_transform(bars)
    assert table.iloc[347:400].isna().all(axis=None)
    assert table.iloc[47:300].notna().all(axis=None)
    assert table.iloc[401:].notna().all(axis=None)


def test_a_lone_outlier_leaves_no_trace():
    wild = BARS.copy()
    wild.iloc[300, :4] *= 1e6
    clean, table = (JumpFeatures((40,), 7).fit_transform(bars) for bars in (BARS, wild))
    forgetful = ["jump_share_40", "downside_share_40"]
    assert table[forgetful].iloc[341:].equals(clean[forgetful].iloc[341:])
    np.testing.assert_allclose(table["vol_of_vol_40"][348:], clean["vol_of_vol_40"][348:], 1e-11)


def test_windows_of_two_and_one():
    table = JumpFeatures((2,), 1).fit_transform(BARS).iloc[2:]
    assert ((table["jump_share_2"] >= 0) & (table["jump_share_2"] <= 1)).all()
    size = np.log(BARS["close"]).diff().abs()
    spread, centre = size.rolling(2).std(ddof=0), size.rolling(2).mean()
    np.testing.assert_allclose(table["vol_of_vol_2"], (spread / centre).iloc[2:], 1e-9, 1e-9)
