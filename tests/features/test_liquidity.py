"""Liquidity against hand-computed values and plain numpy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.exceptions import DataError
from ohlcvml.features import LiquidityFeatures
from tests.features.conftest import make_bars

BARS = make_bars(900, seed=5)


def columns(bars, **params):
    return LiquidityFeatures(**params).fit_transform(bars)


def close_to(got, expected, rtol=1e-9, atol=1e-12):
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


def parts(bars, t, w):
    """Amihud's mean and Kyle's slope with its fit, over w bars to t, from their definitions."""
    move = np.log(bars["close"]).diff().to_numpy()[t - w + 1 : t + 1]
    volume = bars["volume"].to_numpy()[t - w + 1 : t + 1]
    value = bars["close"].to_numpy()[t - w + 1 : t + 1] * volume
    traded = value > 0
    amihud = (np.abs(move[traded]) / value[traded]).mean() if traded.any() else np.nan
    signed = np.sign(move) * np.sqrt(value)
    slope = (move @ signed) / (signed @ signed)
    fit = 1 - ((move - slope * signed) ** 2).sum() / (move**2).sum()
    return amihud, (move @ signed) / value.sum(), fit, move, volume


def contrast(a, b):
    return np.tanh(0.5 * np.log(a / b))


@pytest.mark.parametrize("t", [300, 555, 899])
@pytest.mark.parametrize("holes", [False, True])
def test_every_column_is_its_definition(t, holes):
    bars = BARS.copy()
    if holes:
        bars.iloc[::7, 4] = 0.0
    table = columns(bars, windows=(10, 60), long_window=200).iloc[t]
    long_amihud, long_kyle, *_ = parts(bars, t, 200)
    for w in (10, 60):
        amihud, kyle, fit, move, volume = parts(bars, t, w)
        correlation = np.corrcoef(np.abs(move), np.log1p(volume))[0, 1]
        close_to(table[f"amihud_{w}"], contrast(amihud, long_amihud))
        close_to(table[f"kyle_lambda_{w}"], contrast(kyle, long_kyle))
        close_to(table[f"volume_evenness_{w}"], volume.sum() ** 2 / w / (volume**2).sum())
        close_to(table[f"volume_volatility_correlation_{w}"], correlation)
        if not holes:
            close_to(table[f"kyle_fit_{w}"], fit)


def test_kyle_fit_counts_moves_without_volume():
    bars = BARS.copy()
    bars.iloc[::2, 4] = 0.0
    *_, move, volume = parts(bars, 500, 60)
    root = np.sqrt(bars["close"].to_numpy()[441:501] * volume)
    expected = (np.abs(move) @ root) ** 2 / ((move @ move) * (root @ root))
    close_to(columns(bars)["kyle_fit_60"].iloc[500], expected)


def test_the_square_root_law_fits_perfectly():
    bars = BARS.copy()
    sign = np.random.default_rng(0).choice([-1, 1], len(bars))
    move = 1e-4 * sign * np.sqrt(bars["volume"])
    bars["close"] = 5000 * np.exp(move.cumsum())
    table = columns(bars.assign(volume=bars["volume"] / bars["close"])).iloc[300:]
    close_to(table.filter(like="kyle_fit"), 1.0)
    close_to(table.filter(like="kyle_lambda"), 0.0, atol=1e-9)


@pytest.mark.parametrize(("prices", "volumes"), [(1, 1000), (1e-3, 1), (100, 1e-4)])
def test_the_scale_of_price_and_volume_does_not_matter(prices, volumes):
    bars, table = BARS.copy(), columns(BARS).filter(regex="amihud|kyle|evenness")
    bars.iloc[:, :4] *= prices
    bars["volume"] *= volumes
    close_to(columns(bars).filter(regex="amihud|kyle|evenness"), table, rtol=1e-7, atol=1e-9)


def test_evenness_of_one_trade_and_of_equal_ones():
    bars = BARS.assign(volume=50.0)
    assert (columns(bars)["volume_evenness_20"].iloc[19:] == 1).all()
    bars["volume"] = np.where(np.arange(900) % 20 == 3, 7.0, 0.0)
    close_to(columns(bars)["volume_evenness_20"].iloc[19:], 1 / 20)


def test_a_window_without_volume_is_undefined_and_leaves_no_rounding():
    bars = BARS.copy()
    bars.iloc[400:440, 4] = 0.0
    table = columns(bars).iloc[240:]
    without = table["volume_volatility_correlation_20"]
    assert (without.iloc[179:200] == 0).all()
    table = table.drop(columns="volume_volatility_correlation_20")
    quiet = table.filter(regex="_20$").iloc[179:200]
    assert quiet.isna().all(axis=None)
    assert table.filter(regex="_60$").notna().all(axis=None)
    others = table.filter(regex="_20$").drop(quiet.index)
    assert others.notna().all(axis=None)


def test_prices_that_do_not_move_are_the_most_liquid():
    bars = BARS.copy()
    bars.iloc[400:500, :4] = 5000.0
    at = columns(bars).iloc[499]
    assert (at.filter(regex="amihud|lambda") == -1).all()
    assert (at.filter(regex="fit|volatility") == 0).all()
    bars.iloc[:, :4] = 5000.0
    assert columns(bars).filter(regex="amihud|lambda").isna().all(axis=None)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-8, 1.0, 1e9]), st.floats(0, 0.95))
@settings(max_examples=25, deadline=None)
def test_bounds(seed, scale, quiet):
    rng, bars = np.random.default_rng(seed), make_bars(300, seed % 1000)
    bars["volume"] = scale * rng.lognormal(0, 3, 300) * (rng.random(300) > quiet)
    bars.iloc[:, :4] = bars.iloc[:, :4].round(rng.integers(-1, 3))
    table = columns(bars, windows=(3, 20), long_window=40)
    assert (table.isna() | (table.abs() <= 1)).all(axis=None)
    assert (table.filter(regex="fit|even").fillna(0) >= 0).all(axis=None)


def test_a_wild_volume_leaves_no_trace():
    wild = BARS.copy()
    wild.iloc[100, 4] = 1e12
    names = ["amihud_20", "kyle_lambda_20", "volume_volatility_correlation_20"]
    close_to(columns(wild)[names].iloc[350:], columns(BARS)[names].iloc[350:], rtol=1e-3, atol=1e-4)
    close_to(
        columns(wild, windows=(20,), long_window=40).iloc[250:],
        columns(BARS, windows=(20,), long_window=40).iloc[250:],
        rtol=1e-8,
    )


def test_no_volume_at_all_raises_with_the_remedy():
    with pytest.raises(
        DataError, match=r"LiquidityFeatures: .volume. must .* NaN.*OHLCVFeatures\(volume=False\)"
    ):
        columns(BARS.assign(volume=np.nan))
    both = {"ES": BARS, "FX": BARS.assign(volume=np.nan)}
    with pytest.raises(DataError, match="FX"):
        columns(pd.concat(both, names=["symbol", "time"]))


def test_prices_at_or_below_zero_raise():
    bars = BARS.copy()
    bars.iloc[7, :4] = -1.0
    with pytest.raises(DataError, match="'close' must be positive"):
        columns(bars)
