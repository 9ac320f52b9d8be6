"""Efficiency ratio and choppiness index."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import EfficiencyFeatures
from tests.features.conftest import make_bars

BARS = make_bars(700, seed=10)


def flat_bars(close):
    bars = make_bars(len(close))
    for name in ("open", "high", "low", "close"):
        bars[name] = close
    return bars


def test_by_hand():
    bars = flat_bars([10.0, 12.0, 11.0, 14.0])
    bars["high"] += 1.0
    table = EfficiencyFeatures((3,), (3,)).fit_transform(bars)
    # Moves 2, 1, 3. True ranges 10-13, 11-12, 11-15 within 10-15.
    assert table.iloc[:3].isna().all(axis=None)
    np.testing.assert_allclose(table.iloc[3], [4 / 6, np.log(8 / 5) / np.log(3)])


@pytest.mark.parametrize("window", [2, 14, 120])
def test_oracle(window):
    table = EfficiencyFeatures((window,), (window,)).fit_transform(BARS)
    close, before = BARS["close"], BARS["close"].shift()
    way = close.diff().abs().rolling(window).sum()
    expected = close.diff(window).abs() / way
    np.testing.assert_allclose(table[f"efficiency_ratio_{window}"], expected, rtol=1e-9)
    top = pd.concat([BARS["high"], before], axis=1).max(axis=1, skipna=False)
    bottom = pd.concat([BARS["low"], before], axis=1).min(axis=1, skipna=False)
    width = top.rolling(window).max() - bottom.rolling(window).min()
    expected = np.log((top - bottom).rolling(window).sum() / width) / np.log(window)
    np.testing.assert_allclose(table[f"choppiness_{window}"], expected, rtol=1e-8)


def test_bounds():
    table = EfficiencyFeatures().fit_transform(make_bars(5000)).dropna()
    assert table.min(axis=None) >= 0
    assert table.max(axis=None) <= 1


def test_a_straight_way_and_one_that_leads_nowhere():
    up = EfficiencyFeatures((10,), (14,)).fit_transform(flat_bars(5000.0 + np.arange(50)))
    np.testing.assert_allclose(up.iloc[-1], [1, 0], atol=1e-12)
    there_and_back = flat_bars(5000.0 + np.arange(50) % 2)
    back = EfficiencyFeatures((10,), (14,)).fit_transform(there_and_back)
    np.testing.assert_allclose(back.iloc[-1], [0, 1], atol=1e-12)


def test_still_prices():
    close = np.r_[10_000 + np.random.default_rng(0).normal(0, 1, 300), np.full(100, 10_000.1)]
    table = EfficiencyFeatures((30,), (14,)).fit_transform(flat_bars(close))
    assert (table["efficiency_ratio_30"].iloc[330:] == 0).all()
    assert table["choppiness_14"].iloc[14:314].notna().all()
    assert table["choppiness_14"].iloc[314:].isna().all()


def test_a_wild_close_leaves_no_trace():
    clean = 10_000 + np.random.default_rng(1).normal(0, 1, 600).cumsum()
    wild = clean.copy()
    wild[300] = 1e9
    feature = EfficiencyFeatures((30,), (14,))
    after = [feature.fit_transform(flat_bars(close)).iloc[331:] for close in (clean, wild)]
    np.testing.assert_allclose(*after, rtol=1e-12)
