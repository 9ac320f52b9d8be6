"""Ranks, quantiles and entropies against their definitions."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import QuantileFeatures
from tests.features.conftest import make_bars

FORMULAS = [
    "close_rank", "true_range_rank", "return_rank", "return_quantile_05", "return_quantile_95",
    "return_quantile_skew", "return_iqr_share", "permutation_entropy", "return_sign_entropy",
]  # fmt: skip


def in_ticks(bars):
    prices = bars.columns[:4]
    return bars.assign(**{name: (bars[name] / 2).round() * 2 for name in prices})


def bars_of(closes):
    bars = make_bars(len(closes))
    for name in ("open", "high", "low", "close"):
        bars[name] = np.asarray(closes, dtype=float)
    return bars


def rank(values):
    return ((values < values[-1]).sum() + (values == values[-1]).sum() / 2) / len(values)


def entropy(codes, possible):
    shares = np.array(list(Counter(codes).values())) / len(codes)
    return -(shares * np.log(shares)).sum() / np.log(possible)


def plain(bars, window):
    """Each column by its definition, row by row."""
    close, rows = np.log(bars["close"].to_numpy()), []
    change = np.r_[np.nan, np.diff(close)]
    before = np.r_[np.nan, close[:-1]]
    high, low = np.log(bars["high"].to_numpy()), np.log(bars["low"].to_numpy())
    span = np.maximum(high, before) - np.minimum(low, before)
    for t in range(window, len(bars)):
        last = slice(t - window + 1, t + 1)
        c, r = close[last], change[last]
        q = np.quantile(r, [0.05, 0.25, 0.5, 0.75, 0.95])
        orders = [tuple(np.argsort(c[i : i + 3], kind="stable")) for i in range(window - 2)]
        words = [tuple(r[i : i + 3] > 0) for i in range(window - 2)]
        wide = q[4] - q[0]
        rows.append([
            rank(c), rank(span[last]), rank(r), q[0] / r.std(ddof=1), q[4] / r.std(ddof=1),
            (q[4] + q[0] - 2 * q[2]) / wide, (q[3] - q[1]) / wide,
            entropy(orders, 6), entropy(words, 8),
        ])  # fmt: skip
    return np.array(rows)


@pytest.mark.parametrize("window", [4, 7, 60, 130, 450])
@pytest.mark.parametrize("ticks", [False, True])
def test_oracle(window, ticks):
    bars = make_bars(1000, seed=3)
    bars = in_ticks(bars) if ticks else bars
    table = QuantileFeatures((window,)).fit_transform(bars)
    assert list(table.columns) == [f"{what}_{window}" for what in FORMULAS]
    with np.errstate(invalid="ignore"):
        expected = plain(bars, window)
    known = np.isfinite(expected[:, 3])  # a few returns can all be equal
    ours = table.to_numpy()[window:]
    np.testing.assert_array_equal(ours[:, :3], expected[:, :3])
    np.testing.assert_allclose(ours[known, 3:5], expected[known, 3:5], rtol=1e-9)
    np.testing.assert_allclose(ours[known, 5:7], expected[known, 5:7], atol=1e-9)
    np.testing.assert_allclose(ours[:, 7:], expected[:, 7:], atol=1e-11)


def test_by_hand():
    closes = np.exp([0.0, 1.0, 3.0, 2.0, 2.0])
    row = QuantileFeatures((4,)).fit_transform(bars_of(closes)).iloc[-1]
    assert row["close_rank_4"] == (1 + 2 / 2) / 4  # of 1 3 2 2
    np.testing.assert_allclose(row["return_rank_4"], (1 + 1 / 2) / 4)  # of 1 2 -1 0
    np.testing.assert_allclose(row["true_range_rank_4"], (0 + 1 / 2) / 4)  # of 1 2 1 0
    # Orders of 1 3 2 and 3 2 2; words up up down and up down (not up): each once.
    np.testing.assert_allclose(row["permutation_entropy_4"], np.log(2) / np.log(6))
    np.testing.assert_allclose(row["return_sign_entropy_4"], np.log(2) / np.log(8))


def test_windows_in_any_order_give_the_same_columns():
    bars = in_ticks(make_bars(1500, seed=4))
    together = QuantileFeatures((500, 30, 120)).fit_transform(bars)
    for window in (30, 120, 500):
        alone = QuantileFeatures((window,)).fit_transform(bars)
        pd.testing.assert_frame_equal(together[alone.columns], alone, rtol=1e-9)


def test_constant_prices():
    table = QuantileFeatures((20,)).fit_transform(bars_of(np.full(200, 5000.0))).iloc[20:]
    assert (table.iloc[:, :3] == 0.5).all(axis=None)
    assert table.iloc[:, [3, 4, 6]].isna().all(axis=None)
    assert (table.iloc[:, [5, 7, 8]] == 0).all(axis=None)


def test_steady_growth_is_no_dispersion():
    table = QuantileFeatures((20,)).fit_transform(bars_of(5000 * 1.001 ** np.arange(200)))
    table = table.iloc[20:]
    assert (table["close_rank_20"] == 1 - 0.5 / 20).all()
    assert table[["return_quantile_05_20", "return_iqr_share_20"]].isna().all(axis=None)
    assert (table[["return_quantile_skew_20", "permutation_entropy_20"]] == 0).all(axis=None)


def test_the_price_level_and_the_size_of_returns_do_not_matter():
    bars = make_bars(800, seed=5)
    base = QuantileFeatures().fit_transform(bars)
    scaled = bars.copy()
    scaled.iloc[:, :4] = 10_000 * (bars.iloc[:, :4] / 5000) ** 2
    np.testing.assert_allclose(QuantileFeatures().fit_transform(scaled), base, atol=1e-7)


def test_independent_returns():
    table = QuantileFeatures((240,)).fit_transform(
        bars_of(5000 * np.exp(np.random.default_rng(0).normal(0, 1e-4, 100_000).cumsum()))
    )
    means = table.mean()
    np.testing.assert_allclose(means[["return_rank_240", "true_range_rank_240"]], 0.5, atol=5e-3)
    np.testing.assert_allclose(means["return_quantile_05_240"], -1.645, atol=0.02)
    np.testing.assert_allclose(means["return_iqr_share_240"], 1.349 / (2 * 1.645), atol=0.01)
    assert means["return_sign_entropy_240"] > 0.99
    assert table["return_rank_240"].autocorr(1) < 0.02


def test_a_missing_bar_is_passed_over():
    bars = make_bars(700, seed=6)
    features = QuantileFeatures((20, 60))
    whole = features.fit_transform(bars.drop(bars.index[[300, 301]]))
    bars.iloc[[300, 301], 3] = np.nan
    table = features.fit_transform(bars)
    assert table.iloc[300:302].isna().all(axis=None)
    pd.testing.assert_frame_equal(table.drop(bars.index[[300, 301]]), whole)


@pytest.mark.parametrize("windows", [(20, 60), (450, 9)])
def test_a_stream_saved_as_json_goes_on_with_the_bits_of_the_batch(windows):
    bars = in_ticks(make_bars(1300, seed=7))
    features = QuantileFeatures(windows)
    table, stream, rows = features.fit_transform(bars).to_numpy(), features.stream(), []
    for at, bar in enumerate(bars.to_dict("records")):
        if at in (3, 700):
            text = json.dumps({name: array.tolist() for name, array in stream.state.items()})
            saved = {name: np.array(array) for name, array in json.loads(text).items()}
            stream = features.stream(saved)
        rows.append(stream.push(bar))
    assert np.array_equal(np.array(rows), table, equal_nan=True)


def test_names_of_tails():
    names = QuantileFeatures((30,), tail=0.025).feature_names
    assert {"return_quantile_2p5_30", "return_quantile_97p5_30"} <= set(names)
    assert len(QuantileFeatures().describe()["formula"].unique()) == 9
