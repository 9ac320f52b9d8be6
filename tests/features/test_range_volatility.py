"""Range volatility against pandas and by hand."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.exceptions import ParameterError
from ohlcvml.features import RangeVolatilityFeatures
from tests.features.conftest import make_bars, stamped

BARS = make_bars(900, seed=5)
BARS["open"] *= np.exp(np.random.default_rng(6).normal(0, 1e-4, len(BARS)))  # gaps
BARS["high"] = BARS[["open", "high"]].max(axis=1)
BARS["low"] = BARS[["open", "low"]].min(axis=1)


def logs(bars=BARS):
    return (np.log(bars[name]) for name in ("open", "high", "low", "close"))


def yang_zhang(w):
    o, h, low, c = logs()
    gap, k = o - c.shift(), 0.34 / (1.34 + (w + 1) / (w - 1))
    rs = (h - c) * (h - o) + (low - c) * (low - o)
    square = gap.rolling(w).var() + k * (c - o).rolling(w).var() + (1 - k) * rs.rolling(w).mean()
    return np.sqrt(square.where(gap.rolling(w).count() == w))


def test_against_pandas():
    w, (o, h, low, c) = 30, logs()
    table = RangeVolatilityFeatures((w,), (10, 60)).fit_transform(BARS)
    rs = (h - c) * (h - o) + (low - c) * (low - o)
    gk = 0.5 * (h - low) ** 2 - (2 * np.log(2) - 1) * (c - o) ** 2
    parkinson = (h - low) ** 2 / (4 * np.log(2))
    whole, gap = c.diff().notna(), (o - c.shift()) ** 2
    mean = {
        name: value.where(whole).rolling(w).mean()
        for name, value in {
            "gk": gk, "rs": rs, "p": parkinson, "gap": gap, "body": (c - o) ** 2,
            "move": c.diff() ** 2,
        }.items()
    }  # fmt: skip
    expected = {
        "garman_klass_ratio_30": np.sqrt(mean["gk"] / mean["move"]),
        "rogers_satchell_ratio_30": np.sqrt(mean["rs"] / mean["p"]),
        "gap_variance_share_30": mean["gap"] / (mean["gap"] + mean["body"]),
        "yang_zhang_60": yang_zhang(60),
        "yang_zhang_ratio_10_60": yang_zhang(10) / yang_zhang(60),
    }
    expected = pd.DataFrame(expected)
    pd.testing.assert_frame_equal(table, expected, check_freq=False, rtol=1e-9)


def test_by_hand():
    # Two bars after the first: open = close before; up by 1, high 2 above the open, low at it.
    o = np.array([0.0, 0.0, 1.0])
    bars = pd.DataFrame(
        {"open": o, "high": o + 2, "low": o, "close": [0.0, 1.0, 2.0], "volume": 1.0}
    )
    bars[["open", "high", "low", "close"]] = np.exp(bars[["open", "high", "low", "close"]])
    row = RangeVolatilityFeatures((2,), (2, 3)).fit_transform(stamped(bars)).iloc[-1]
    assert row["garman_klass_ratio_2"] == pytest.approx(np.sqrt(2 - (2 * np.log(2) - 1)))
    assert row["rogers_satchell_ratio_2"] == pytest.approx(np.sqrt(2 * 4 * np.log(2) / 4))
    assert row["gap_variance_share_2"] == 0


def test_prices_that_stand_still_are_undefined():
    bars = BARS.copy()
    bars.iloc[300:400, :4] = 5000.0
    table = RangeVolatilityFeatures((30,), (10, 60)).fit_transform(bars)
    still = table.iloc[361:400]
    assert (still.drop(columns="yang_zhang_60").isna()).all(axis=None)
    assert (still["yang_zhang_60"] == 0).all()
    assert table.iloc[461:].notna().all(axis=None)


def test_a_lone_outlier_leaves_no_trace():
    wild = BARS.copy()
    wild.iloc[300, :4] *= 1e6
    features = RangeVolatilityFeatures((30,), (10, 60))
    clean, table = features.fit_transform(BARS), features.fit_transform(wild)
    assert table.iloc[361:].equals(clean.iloc[361:])


@pytest.mark.parametrize("pair", [(20, 20), (30, 20), (1, 5), (5,), (5, 10, 20)])
def test_windows_of_yang_zhang_rise(pair):
    with pytest.raises(ParameterError, match="two rising integers"):
        RangeVolatilityFeatures(yang_zhang=pair)
