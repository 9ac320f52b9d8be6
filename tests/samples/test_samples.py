"""Samples: views on shared tables, their weights, stretches and messages."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import DataError
from ohlcvml.labels import (
    FixedHorizonLabeller,
    LabelSpec,
    TripleBarrierLabeller,
    average_uniqueness,
)
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedKFold, WalkForward

LABELLER = TripleBarrierLabeller(horizon=20, cost_adjustment=None)


def make(n=1500, n_symbols=1, labeller=LABELLER):
    bars = simulate_bars(n, seed=3, n_symbols=n_symbols).bars
    return bars, labeller.fit_transform(bars)


@pytest.fixture(scope="module")
def tables():
    return make()


@pytest.fixture
def samples(tables):
    return Samples(*tables)


def test_only_resolved_uncensored_rows_are_samples(samples, tables):
    _, labels = tables
    good = ~labels["censored"].to_numpy() & labels["end"].notna().to_numpy()
    assert labels["censored"].any()
    assert len(samples) == good.sum() == samples.shape[0]
    assert samples.index.equals(labels.index[good])
    assert np.array_equal(samples.y, labels["label"][good])
    assert pd.Index(samples.end).equals(pd.Index(labels["end"][good]))


def test_positions_are_on_the_bar_index(samples):
    assert samples.bars.index[samples.pos].equals(samples.index)
    assert samples.bars.index[samples.end_pos].equals(pd.DatetimeIndex(samples.end))


@pytest.mark.parametrize(
    "item", [5, -1, slice(10, 20, 3), [4, 2, 9], np.arange(1200) % 7 == 0, np.array([], dtype=int)]
)
def test_any_item_gives_a_view(samples, item):
    samples = samples[:1200]
    view = samples[item]
    assert isinstance(view, Samples)
    assert np.array_equal(view.rows, np.atleast_1d(samples.rows[item]))
    assert view.bars is samples.bars
    assert view.labels is samples.labels
    assert view.features is samples.features


def test_views_of_views_are_views(samples):
    one, two = samples[100:][::2][5], samples[110]
    assert one.index.equals(two.index)
    assert one.weight == two.weight == 1.0


def test_slicing_copies_nothing(samples):
    samples.last()  # the float32 matrix is made once
    views = [samples[k::3] for k in range(3)]
    assert all(view._features.values is samples._features.values for view in views)
    other = samples.with_features(samples.bars[["close"]])
    assert other.labels is samples.labels
    assert other.features.shape[1] == 1


@pytest.mark.parametrize("weighting", [None, "return"])
def test_weight_is_uniqueness_among_the_rows_times_own_weighting(weighting):
    labeller = TripleBarrierLabeller(horizon=20, cost_adjustment=None, weighting=weighting)
    bars, labels = make(600, labeller=labeller)
    samples = Samples(bars, labels)
    unique = average_uniqueness(samples.pos, samples.end_pos, len(bars))
    own = labels["weight"].to_numpy()[samples.rows]
    np.testing.assert_allclose(samples.weight, unique * own / own.mean())
    thin = samples[::40]  # further apart than they live: every label is alone
    assert (np.diff(thin.pos) > 20).all()
    own = labels["weight"].to_numpy()[thin.rows]
    np.testing.assert_allclose(thin.weight, own / own.mean())


def test_rows_that_overlap_nothing_weigh_one(tables):
    bars, labels = tables
    assert (Samples(bars, labels.iloc[::25]).weight == 1.0).all()


def test_weights_of_zero_for_every_row_are_refused(tables):
    bars, labels = tables
    weight = np.where(np.arange(len(labels)) < 300, 0.0, 1.0)
    samples = Samples(bars, labels.assign(weight=weight))
    with pytest.raises(DataError, match=r"Samples.weight: the column 'weight' .* 0 for all 100"):
        samples[:100].weight
    assert samples[:0].weight.shape == (0,)


def test_two_labels_that_share_bars_share_weight():
    bars, labels = make(60, labeller=FixedHorizonLabeller(4, 2, None))
    samples = Samples(bars, labels)
    pair = samples[[10, 12]]  # 5 bars each from decision to end, 3 of them common
    np.testing.assert_allclose(pair.weight, [0.7, 0.7])
    unique = average_uniqueness(pair.pos, pair.end_pos, len(bars))
    np.testing.assert_allclose(pair.weight, unique)


def test_last_and_take_by_hand():
    bars, labels = make(60, labeller=FixedHorizonLabeller(4, 2, None))
    table = pd.DataFrame({"a": np.arange(60.0), "b": -np.arange(60.0)}, index=bars.index)
    samples = Samples(bars, labels, features=table)[[5, 20]]
    at = samples.pos
    assert samples.last().tolist() == [[at[0], -at[0]], [at[1], -at[1]]]
    windows = samples.take([1, 0], 3)
    assert windows.shape == (2, 2, 3)
    assert windows.dtype == np.float32
    k = at[1]
    assert windows[0].tolist() == [[k - 2, k - 1, k], [2 - k, 1 - k, -k]]
    panel, good = samples.panel(3)
    assert good.all()
    assert np.array_equal(panel.take([1, 0]), windows)


def test_take_does_not_reach_before_the_first_bar():
    bars, labels = make(60, n_symbols=2, labeller=FixedHorizonLabeller(4, 2, None))
    samples = Samples(bars, labels)
    first_of_two = int(np.flatnonzero(samples.pos >= 60)[0])
    history = samples.pos[first_of_two] - 60 + 1
    assert samples.take([first_of_two], history).shape == (1, 5, history)
    with pytest.raises(DataError, match=f"got {history + 1} with {history} bars available"):
        samples.take([first_of_two], history + 1)
    _, good = samples.panel(history + 1)
    assert not good[first_of_two]
    assert good[first_of_two + 1]


# ---- stretches
def test_uncut_samples_are_one_stretch(samples):
    assert samples.stretches() == [(samples.pos[0], samples.pos[-1])]
    assert samples[:0].stretches() == []
    assert samples[7].stretches() == [(samples.pos[7], samples.pos[7])]


def test_event_sampling_is_no_cut(tables):
    bars, labels = tables
    events = labels.iloc[::13]
    events.attrs = labels.attrs
    samples = Samples(bars, events)
    assert samples.stretches() == [(samples.pos[0], samples.pos[-1])]
    cut = samples[np.r_[0:30, 40:60]]
    assert cut.stretches() == [
        (samples.pos[0], samples.pos[29]),
        (samples.pos[40], samples.pos[59]),
    ]


@pytest.mark.parametrize("step", [1, 13])
def test_a_splitter_cuts_stretches(tables, step):
    bars, labels = tables
    events = labels.iloc[::step]
    events.attrs = labels.attrs
    samples = Samples(bars, events)
    cv = PurgedKFold(n_splits=3, embargo=30, bar_index=bars.index)
    lengths = []
    for train, test in cv.split(samples):
        stretches = samples[train].stretches()
        lengths.append(len(stretches))
        tested = samples[test].pos
        for first, last in stretches:
            assert not ((tested >= first) & (tested <= last)).any()
    assert lengths == [1, 2, 1]


def test_walk_forward_leaves_one_stretch(samples):
    for train, _ in WalkForward(n_splits=3).split(samples):
        assert len(samples[train].stretches()) == 1


def test_stretches_end_at_symbols():
    samples = Samples(*make(400, n_symbols=2))
    stretches = samples.stretches()
    assert len(stretches) == 2
    assert stretches[0][1] < 400 <= stretches[1][0]


# ---- what is refused, and what is not
def test_a_specification_given_twice_must_be_the_same(tables):
    bars, labels = tables
    spec = LabelSpec.of(labels)
    assert Samples(bars, labels, spec=spec).spec == spec
    with pytest.raises(DataError, match=r"they differ in horizon: got \[21\] beside \[20\]"):
        Samples(bars, labels, spec=spec.replace(horizon=21))


def test_labels_of_other_bars_are_refused(tables):
    bars, labels = tables
    with pytest.raises(DataError, match="do not match the bars"):
        Samples(bars.iloc[:700], labels)
    with pytest.raises(DataError, match="do not match the bars"):
        Samples(bars.shift(freq="30s"), labels)
    with pytest.raises(DataError, match="must be a labels table"):
        Samples(bars, labels["label"])


def test_unusable_rows_are_refused(tables):
    bars, labels = tables
    censored = int(np.flatnonzero(labels["censored"])[0])
    with pytest.raises(DataError, match=rf"1 of 2 are not, the first is row {censored}\."):
        Samples(bars, labels, rows=[3, censored])


def test_rows_that_all_weigh_nothing_are_refused_and_shown(tables):
    bars, labels = tables
    own = labels.assign(weight=np.arange(len(labels)) >= 100.0)
    own["weight"] = own["weight"].astype(float)
    factor = (np.arange(len(Samples(bars, labels))) >= 100).astype(float)
    for nothing in (Samples(bars, own)[:50], Samples(bars, labels).weighted(factor)[:50]):
        with pytest.raises(DataError, match="Take rows that count"):
            _ = nothing.weight
        assert "0 for all rows" in repr(nothing)


@pytest.mark.parametrize("rows", [np.ones(1000, dtype=bool), [1.5, 2.0], [[3, 4]]])
def test_rows_that_are_no_positions_are_refused(tables, rows):
    with pytest.raises(DataError, match=r"integers of shape \(n,\); got .* np.flatnonzero"):
        Samples(*tables, rows=rows)


def test_features_must_stand_on_the_bars(tables):
    bars, labels = tables
    with pytest.raises(DataError, match="'features' must stand on the index of 'bars'"):
        Samples(bars, labels, features=bars.iloc[1:])


def test_infinite_features_are_named(tables):
    bars, labels = tables
    table = bars.assign(ratio=1.0)
    table.iloc[70, 5] = np.inf
    table.iloc[90, 5] = -np.inf
    with pytest.raises(DataError, match=r"'ratio' is infinite at 2024-01-02 01:10.*\(2 values"):
        Samples(bars, labels, features=table).last()


def test_columns_that_are_not_numbers_are_named(tables):
    bars, labels = tables
    samples = Samples(bars, labels, features=bars.assign(front="ESH4", day="Tue"))
    with pytest.raises(DataError, match=r"column\(s\) front, day are not"):
        samples.last()


def test_missing_features_have_no_history(tables):
    bars, labels = tables
    table = bars.copy()
    table.iloc[100, 0] = np.nan
    samples = Samples(bars, labels, features=table)
    _, good = samples.panel(5)
    assert samples.pos[~good].tolist() == [100, 101, 102, 103, 104]
    assert np.isnan(samples.last()[samples.pos == 100, 0]).all()
    table["open"] = np.nan
    panel, good = Samples(bars, labels, features=table).panel()
    assert len(panel) == 0
    assert not good.any()


def test_numpy_does_not_densify(samples):
    with pytest.raises(TypeError):
        np.asarray(samples)
    with pytest.raises(TypeError):
        np.asarray(samples.panel(50)[0])


def test_classes_are_those_of_the_labeller(tables):
    bars, labels = tables
    view = Samples(bars, labels)
    view = view[view.y == 1]
    assert view.classes.tolist() == [-1, 0, 1]


def test_a_view_says_what_it_is(samples):
    text = repr(samples[:10])
    assert text.startswith(f"Samples: 10 of {len(samples):,} labelled rows, 1,500 bars, 5 columns")
    assert f"horizon {samples.spec.horizon} bars" in text
    assert len(text) < 600
    assert "none" in repr(samples[:0])
