"""What holds for every feature beside the public laws, and those for defaults and composites."""

import json

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import CalendarFeatures
from ohlcvml.testing import check_estimator
from tests.features.conftest import FAMILIES, instances

CALENDAR = CalendarFeatures("ES").feature_names  # made of the stamp alone


def same(left, right):
    return np.array_equal(np.asarray(left), np.asarray(right), equal_nan=True)


def holed(bars):
    """Bars with missing prices, missing volume and empty bars."""
    bars = bars.copy()
    bars.iloc[[40, 41, 200], :4] = np.nan
    bars.iloc[300, 2] = np.nan
    bars.iloc[[90, 300, 301], 4] = np.nan
    bars.iloc[[91, 400], 4] = 0.0
    return bars


def test_stream_gives_the_bits_of_the_batch(feature, bars):
    bars = holed(bars).iloc[:1500]
    stream = feature.stream()
    rows = np.array([stream.push(bar, time) for time, bar in bars.iterrows()])
    assert same(rows, feature.transform(bars))
    assert stream.names == list(feature.transform(bars).columns) == feature.feature_names


@pytest.mark.parametrize("door", ["json", "npz"])
def test_saved_stream_resumes_with_the_same_bits(feature, bars, door, tmp_path):
    bars, stream = holed(bars).iloc[:700], feature.stream()
    for time, bar in bars.iloc[:350].iterrows():
        stream.push(bar, time)
    if door == "json":
        text = json.dumps({name: array.tolist() for name, array in stream.state.items()})
        state = json.loads(text)
    else:
        np.savez(tmp_path / "state.npz", **stream.state)
        state = dict(np.load(tmp_path / "state.npz"))
    resumed = feature.stream(state=state)
    rows = np.array([resumed.push(bar, time) for time, bar in bars.iloc[350:].iterrows()])
    assert same(rows, feature.transform(bars).iloc[350:])


def test_saved_state_is_a_copy(feature, bars):
    stream = feature.stream()
    stream.push(bars.iloc[0])
    before = stream.state
    kept = {name: array.copy() for name, array in before.items()}
    stream.push(bars.iloc[1])
    assert all(same(before[name], kept[name]) for name in kept)


def test_nan_only_in_the_warm_up(feature, bars):
    missing = feature.transform(bars).isna().to_numpy()
    assert not missing[feature.lookback :].any()
    assert (np.diff(missing.astype(int), axis=0) <= 0).all()


def test_a_missing_bar_is_passed_over(feature, bars):
    bars = bars.iloc[:500].copy()
    gone = [50, 51, 250]
    bars.iloc[gone] = np.nan
    table = feature.transform(bars)
    of_prices = [name for name in table if name not in CALENDAR]
    assert table[of_prices].iloc[gone].isna().all(axis=None)
    assert same(table.drop(table.index[gone]), feature.transform(bars.drop(bars.index[gone])))


def test_input_is_left_alone_and_output_is_one_block(feature, bars):
    before = bars.copy()
    table = feature.transform(bars)
    pd.testing.assert_frame_equal(bars, before)
    assert table.index is bars.index or table.index.equals(bars.index)
    assert table.to_numpy().flags.f_contiguous
    assert np.shares_memory(table.to_numpy(), table.iloc[:, 0].to_numpy())


@pytest.mark.slow
@pytest.mark.parametrize("one", list(instances(tested=False)), ids=lambda one: type(one).__name__)
def test_public_laws_hold_for_defaults_and_composites(one):
    """tests/contract asks the test parameters of every class."""
    check_estimator(one, sktime_suite=False, raise_exceptions=True)


@pytest.mark.parametrize("cls", FAMILIES, ids=lambda cls: cls.__name__)
def test_a_short_table_gives_nan_not_an_error(cls, bars):
    table = cls().fit_transform(bars.iloc[:1])
    assert table.shape == (1, len(cls().feature_names))
    assert cls().lookback == 0 or table.isna().any(axis=None)


@pytest.mark.parametrize("cls", FAMILIES, ids=lambda cls: cls.__name__)
def test_nothing_is_infinite_on_dead_markets(cls, bars):
    dead = bars.copy()
    dead.iloc[500:1500, :4] = 5000.0
    dead.iloc[500:1500, 4] = 0.0
    assert not np.isinf(cls().fit_transform(dead)).any(axis=None)
