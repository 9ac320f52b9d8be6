"""Shapes of bars: hand-computed bars, a plain numpy oracle, and bars without range."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import BarShapeFeatures
from ohlcvml.streams import average_true_range
from tests.features.conftest import make_bars

CONSTANTS = {"body_ratio": 0, "upper_wick_ratio": 0, "close_location": 0, "range_overlap": 1}


def table(rows):
    columns = ["open", "high", "low", "close", "volume"]
    time = pd.date_range("2024-01-02", periods=len(rows), freq="min", tz="UTC", name="time")
    return pd.DataFrame([[*row, 1.0] for row in rows], index=time, columns=columns, dtype=float)


def shapes(rows, **params):
    return BarShapeFeatures(**params).fit_transform(table(rows))


def with_gaps(n, seed):
    """Random bars that do not open where the last one closed."""
    bars, rng = make_bars(n, seed), np.random.default_rng(seed)
    bars["open"] = bars["low"] + (bars["high"] - bars["low"]) * rng.random(n)
    return bars


def test_one_bar_by_hand():
    row = shapes([(10, 14, 9, 13)]).iloc[0]
    assert row["body_ratio"] == pytest.approx(3 / 5)
    assert row["upper_wick_ratio"] == pytest.approx(1 / 5)
    assert row["lower_wick_ratio"] == pytest.approx(1 / 5)
    assert row["close_location"] == pytest.approx(3 / 5)
    assert (
        row.drop(["body_ratio", "upper_wick_ratio", "lower_wick_ratio", "close_location"])
        .isna()
        .all()
    )


@pytest.mark.parametrize(
    ("bar", "inside", "outside", "overlap"),
    [
        ((11, 13, 10, 12), 1, 0, 3 / 5),
        ((11, 15, 8, 12), 0, 1, 5 / 7),
        ((11, 14, 9, 12), 0, 0, 1),  # the same range is neither
        ((11, 14, 10, 12), 1, 0, 4 / 5),
        ((11, 15, 10, 12), 0, 0, 4 / 6),
        ((16, 17, 15, 16), 0, 0, -1 / 8),  # a gap between them
    ],
)
def test_two_bars_by_hand(bar, inside, outside, overlap):
    row = shapes([(10, 14, 9, 13), bar]).iloc[1]
    assert (row["inside_bar"], row["outside_bar"]) == (inside, outside)
    assert row["range_overlap"] == pytest.approx(overlap)


def test_streaks_by_hand():
    closes = [10, 11, 12, 13, 14, 14, 13, 12, 13]
    found = shapes([(c, c + 1, c - 1, c) for c in closes], max_streak=3)["close_streak"]
    assert np.array_equal(found, [np.nan] * 3 + [3, 3, 0, -1, -2, 1], equal_nan=True)


def oracle(bars, w):
    o, h, low, c = (bars[name] for name in ("open", "high", "low", "close"))
    span, gap = h - low, o - c.shift()
    starts = np.array([0, len(bars)])
    atr = average_true_range(*(bars[x].to_numpy() for x in ("high", "low", "close")), 14, starts)
    upper, lower = (h - np.maximum(o, c)) / span, (np.minimum(o, c) - low) / span
    location = (2 * c - h - low) / span
    gaps = gap.abs().rolling(w).sum()
    columns = {
        "body_ratio": (c - o) / span,
        "upper_wick_ratio": upper,
        "lower_wick_ratio": lower,
        "close_location": location,
        "gap": gap / atr,
        f"range_expansion_{w}": span / span.rolling(w).mean(),
        f"body_share_{w}": (c - o).abs().rolling(w).sum() / span.rolling(w).sum(),
        f"mean_close_location_{w}": location.rolling(w).mean(),
        f"wick_imbalance_{w}": (lower - upper).rolling(w).mean(),
        f"gap_share_{w}": gaps / (gaps + span.rolling(w).sum()),
    }
    return pd.DataFrame(columns)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("w", [2, 20, 150])
def test_a_plain_oracle_agrees(seed, w):
    bars = with_gaps(700, seed)
    expected = oracle(bars, w)
    found = BarShapeFeatures(windows=(5, w)).fit_transform(bars)[list(expected)]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("price", [100.0, 10_000.0])
def test_bars_without_range_give_constants(price):
    found = shapes([(price,) * 4] * 40)
    for name, value in CONSTANTS.items():
        assert (found[name].iloc[1:] == value).all()
    assert found["gap"].isna().all()  # no ATR
    late = found.iloc[20:]
    assert (late["range_expansion_20"] == 1).all()
    assert (late[["body_share_20", "gap_share_20", "close_streak", "inside_bar"]] == 0).all(
        axis=None
    )


def test_a_dead_market_after_a_lively_one_leaves_no_remainder():
    bars = with_gaps(200, 0)
    bars.iloc[100:, :4] = bars["close"].iloc[99]
    late = BarShapeFeatures().fit_transform(bars).iloc[125:]
    assert (late["range_expansion_20"] == 1).all()
    assert (late[["body_share_20", "gap_share_20"]] == 0).all(axis=None)


def test_sums_do_not_drift():
    bars = with_gaps(300_000, 1)
    bars[["open", "high", "low", "close"]] += 10_000.0
    bars.iloc[1000, 1] *= 1000  # one wild bar
    found = BarShapeFeatures().fit_transform(bars).iloc[-500:]
    alone = BarShapeFeatures().fit_transform(bars.iloc[-1000:]).iloc[-500:]
    names = [name for name in found if name.endswith("_20")]
    np.testing.assert_allclose(found[names], alone[names], rtol=1e-12, atol=1e-12)


def test_a_missing_bar_is_passed_over():
    bars = with_gaps(300, 2)
    bars.iloc[[50, 51, 250], 2] = np.nan
    found, kept = BarShapeFeatures().fit_transform(bars), bars["low"].notna()
    assert found[~kept].isna().all(axis=None)
    pd.testing.assert_frame_equal(found[kept], BarShapeFeatures().fit_transform(bars[kept]))
