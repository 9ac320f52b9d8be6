"""Features with their defaults forget; prices and slow levels are found out."""

import inspect

import numpy as np
import pandas as pd
import pytest

from ohlcvml import features, streams
from ohlcvml.testing import near_unit_root_columns, weekly_share
from ohlcvml.testing._stationarity import _random_walk


def with_defaults():
    for name in features.__all__:
        item = getattr(features, name)
        if isinstance(item, type) and issubclass(item, streams.BaseFeature):
            parameters = inspect.signature(item).parameters.values()
            if item.__name__.endswith("Features") and all(
                p.default is not p.empty for p in parameters
            ):
                yield item


@pytest.mark.parametrize("cls", list(with_defaults()))
def test_no_column_is_near_a_unit_root(cls):
    assert near_unit_root_columns(cls()) == {}


def test_levels_are_found_out():
    bars = _random_walk()
    share = weekly_share(bars)
    assert (share[["open", "high", "low", "close"]] > 0.8).all()
    assert share["volume"] < 0.01
    slow = bars["close"] / bars["close"].rolling(20_000).mean()
    level = np.sign(bars["close"].diff()).cumsum()
    found = weekly_share(pd.DataFrame({"slow": slow, "level": level}))
    assert (found > 0.5).all()


def test_share_leaves_missing_values_out_and_is_zero_for_a_constant():
    time = pd.date_range("2024-01-04", periods=4, freq="7D", tz="UTC")
    table = pd.DataFrame({"a": [1.0, np.nan, 3.0, 5.0], "b": 2.0, "c": np.nan}, index=time)
    assert weekly_share(table).to_dict() == {"a": 1.0, "b": 0.0, "c": 0.0}
