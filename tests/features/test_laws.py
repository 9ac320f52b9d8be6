"""Laws that hold for every feature."""

import json

import numpy as np
import pandas as pd
import pytest

from ohlcvml.features import CalendarFeatures
from tests.features.conftest import FAMILIES, make_bars, size_of

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


@pytest.mark.parametrize("change", ["truncate", "scale", "permute"])
def test_future_cannot_change_the_past(feature, bars, change):
    whole, rng = feature.transform(bars), np.random.default_rng(1)
    for cut in rng.integers(1, 2900, 5):
        past, future = bars.iloc[:cut], bars.iloc[cut:].copy()
        if change == "truncate":
            future = future.iloc[:0]
        elif change == "scale":
            future *= 3.0
        else:
            future[:] = future.to_numpy()[rng.permutation(len(future))]
        changed = feature.transform(pd.concat([past, future]))
        assert same(changed.iloc[:cut], whole.iloc[:cut])


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


def test_lookback_is_enough(feature, bars):
    whole, back = feature.transform(bars), feature.lookback
    for t in (back, back + 1, *np.linspace(back, len(bars) - 1, 4).astype(int)):
        cold = feature.transform(bars.iloc[t - back : t + 1])
        np.testing.assert_allclose(cold.iloc[-1], whole.iloc[t], rtol=1e-7, atol=1e-7)


def changed_at(bars, row):
    changed = bars.copy()
    changed.iloc[row, :4] *= 1.01
    changed.iloc[row, 4] += 100
    return changed


def test_lookback_is_tight(feature, bars):
    whole, back = feature.transform(bars), feature.lookback
    if back == 0 or feature.lookback_is_bound:
        return  # there is nothing before, or time ends the memory
    moved = 0.0
    for t in range(5000, 5020):
        change = feature.transform(changed_at(bars, t - back)).iloc[t] / whole.iloc[t] - 1
        moved = max(moved, change.abs().max())
    assert moved > 1e-11  # rounding alone is less


def test_only_bars_within_the_lookback_matter(feature, bars):
    back, t = feature.lookback, 5500
    older = feature.transform(changed_at(bars, t - back - 1)).iloc[t]
    np.testing.assert_allclose(older, feature.transform(bars).iloc[t], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("cls", FAMILIES, ids=lambda cls: cls.__name__)
def test_every_parameter_changes_the_output(cls, bars):
    # Bars now and then: they have no size that a told one could contradict.
    bars = bars.iloc[np.sort(np.random.default_rng(0).choice(6000, 2000, replace=False))]
    first, second = cls.get_test_params()
    base = cls(**first).fit_transform(bars)
    for name, value in second.items():
        other = cls(**{**first, name: value}).fit_transform(bars)
        assert not base.equals(other), name


def test_symbols_do_not_mix(feature):
    tables = {
        name: make_bars(400, seed, size=size_of(feature))
        for seed, name in enumerate(("ES", "GC", "NQ"))
    }
    together = feature.transform(pd.concat(tables, names=["symbol", "time"]))
    for name, bars in tables.items():
        assert same(together.loc[name], feature.transform(bars))


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
