"""The health table finds what it should, with hand-made columns."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.exceptions import DataError
from ohlcvml.features import feature_health

TIME = pd.date_range("2024-01-01", periods=1000, freq="min", tz="UTC", name="time")
NOISE = np.random.default_rng(0).normal(size=1000)


def health(**columns):
    return feature_health(pd.DataFrame({"noise": NOISE, **columns}, index=TIME))


def test_missing_values_are_told_from_the_warm_up():
    column = NOISE.copy()
    column[:100] = column[500:590] = np.nan
    row = health(column=column).loc["column"]
    assert row["warm_up"] == 100
    assert row["missing"] == pytest.approx(0.1)


def test_constants_and_empty_columns():
    table = health(flat=3.0, empty=np.nan)
    assert table["constant"].tolist() == [False, True, True]
    assert table.loc["empty", "missing"] == 1.0
    assert table.loc["flat", "outliers"] == 0.0


def test_outliers_are_counted():
    column = NOISE.copy()
    column[::100] = 50.0
    assert health(column=column).loc["column", "outliers"] == pytest.approx(0.01)
    assert health().loc["noise", "outliers"] == 0.0


def test_a_shift_between_the_halves():
    table = health(moved=NOISE + 2.0 * (np.arange(1000) >= 500))
    assert abs(table.loc["noise", "shift"]) < 0.2
    assert table.loc["noise", "drift"] < 0.1
    assert table.loc["moved", "shift"] > 0.9
    assert table.loc["moved", "drift"] > 0.6


def test_persistence_is_the_autocorrelation():
    table = health(walk=NOISE.cumsum())
    assert abs(table.loc["noise", "persistence"]) < 0.1
    assert table.loc["walk", "persistence"] > 0.9


def test_twins_are_found_by_rank():
    table = health(twin=-np.exp(NOISE), other=NOISE[::-1])
    assert table.loc["noise", "twin"] == "twin"
    assert table.loc["noise", "twin_correlation"] == pytest.approx(-1.0)
    assert abs(table.loc["other", "twin_correlation"]) < 0.2


def test_symbols_are_split_at_one_moment():
    frame = pd.DataFrame({"a": NOISE, "b": 1.0 * (np.arange(1000) >= 500)}, index=TIME)
    both = pd.concat({"x": frame, "y": frame}, names=["symbol", "time"])
    assert feature_health(both).loc["b", "drift"] == 1.0


@pytest.mark.parametrize("bad", [pd.DataFrame({"a": []}), pd.DataFrame({"a": ["x"]})])
def test_bad_tables_are_refused(bad):
    with pytest.raises(DataError, match="feature_health: 'table' must"):
        feature_health(bad)
