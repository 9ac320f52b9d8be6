"""Laws of all splitters over random labels, with and without label ends."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.exceptions import DataError
from ohlcvml.splits import CombinatorialPurgedCV, PurgedHoldout, PurgedKFold, WalkForward

from .cases import Case, allowed, cases, folds_or_none, minutes, unless_empty

SPLITTERS = {
    "kfold": lambda shared: PurgedKFold(3, embargo=17, **shared),
    "combinatorial": lambda shared: CombinatorialPurgedCV(5, n_test_groups=2, embargo=17, **shared),
    "walk-forward": lambda shared: WalkForward(3, **shared),
    "rolling": lambda shared: WalkForward(3, window=90, **shared),
    "holdout": lambda shared: PurgedHoldout(**shared),
    "refit": lambda shared: PurgedHoldout(refit=True, **shared),
}
quick = settings(deadline=None, max_examples=25)


def splits(name, case):
    """Folds; none where the splitter says that one is empty."""
    cv = SPLITTERS[name]({"bar_index": case.bars, "allow_missing_ends": not case.known})
    return cv, folds_or_none(cv, case.labels)


@pytest.mark.parametrize("name", SPLITTERS)
@given(case=cases())
@quick
def test_no_training_interval_meets_a_test_interval(name, case):
    for train, test in splits(name, case)[1]:
        order = np.argsort(case.first[test])
        starts, reach = case.first[test][order], np.maximum.accumulate(case.last[test][order])
        before = np.searchsorted(starts, case.last[train], side="right")
        assert (before == 0)[case.last[train] < starts[0]].all()
        meets = (before > 0) & (reach[np.maximum(before - 1, 0)] >= case.first[train])
        assert not meets.any()


@pytest.mark.parametrize("name", SPLITTERS)
@given(case=cases())
@quick
def test_rows_are_ascending_disjoint_and_not_empty(name, case):
    for train, test in splits(name, case)[1]:
        assert len(train)
        assert len(test)
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()
        assert not np.intersect1d(train, test).size


@pytest.mark.parametrize("name", ["walk-forward", "rolling", "holdout", "refit"])
@given(case=cases())
@quick
def test_one_sided_training_is_over_before_the_test(name, case):
    cv, folds = splits(name, case)
    assert not cv.two_sided
    for train, test in folds:
        assert case.reach[train].max() < case.first[test].min()


@given(case=cases(), n_splits=st.integers(2, 6), embargo=st.integers(0, 300))
@quick
def test_kfold_keeps_exactly_what_the_rule_allows(case, n_splits, embargo):
    shared = {"bar_index": case.bars, "allow_missing_ends": not case.known}
    tests = np.array_split(np.arange(len(case.first)), n_splits)
    expected = [allowed(case, test, embargo) for test in tests]
    folds = PurgedKFold(n_splits, embargo=embargo, **shared).split(case.labels)
    for test, train in zip(tests, expected, strict=True):
        if len(train) == 0:
            with pytest.raises(DataError, match="no training rows"):
                next(folds)
            break
        got_train, got_test = next(folds)
        np.testing.assert_array_equal(got_test, test)
        np.testing.assert_array_equal(got_train, train)


@given(case=cases(), n_groups=st.integers(4, 8), k=st.integers(1, 3), embargo=st.integers(0, 99))
@quick
def test_combinatorial_keeps_exactly_what_the_rule_allows(case, n_groups, k, embargo):
    shared = {"bar_index": case.bars, "allow_missing_ends": not case.known}
    cv = CombinatorialPurgedCV(n_groups, n_test_groups=k, embargo=embargo, **shared)
    groups = np.array_split(np.arange(len(case.first)), n_groups)
    folds = cv.split(case.labels)
    for chosen in combinations(range(n_groups), k):
        test = np.concatenate([groups[g] for g in chosen])
        train = allowed(case, test, embargo)
        if len(train) == 0:
            with pytest.raises(DataError, match="no training rows"):
                next(folds)
            break
        got_train, got_test = next(folds)
        np.testing.assert_array_equal(got_test, test)
        np.testing.assert_array_equal(got_train, train)


@given(case=cases(), n_splits=st.integers(1, 5))
@quick
def test_walk_forward_keeps_exactly_what_the_rule_allows(case, n_splits):
    shared = {"bar_index": case.bars, "allow_missing_ends": not case.known}
    tests = np.array_split(np.arange(len(case.first)), n_splits + 1)[1:]
    folds = WalkForward(n_splits, **shared).split(case.labels)
    for test in tests:
        train = allowed(case, test, before=case.first[test[0]])
        if len(train) == 0:
            with pytest.raises(DataError, match="no training rows"):
                next(folds)
            break
        got_train, got_test = next(folds)
        np.testing.assert_array_equal(got_test, test)
        np.testing.assert_array_equal(got_train, train)


@given(case=cases())
@quick
def test_every_row_is_tested_as_often_as_the_scheme_says(case):
    shared = {"bar_index": case.bars, "allow_missing_ends": not case.known, "embargo": 0}
    for cv, times in [
        (PurgedKFold(4, **shared), 1),
        (CombinatorialPurgedCV(5, n_test_groups=2, **shared), comb(4, 1)),
    ]:
        folds = folds_or_none(cv, case.labels)
        tested = np.bincount(np.concatenate([test for _, test in folds] or [[0]]))
        assert not folds or tested.tolist() == [times] * len(case.first)


@given(case=cases())
@quick
def test_parts_are_purged_against_what_follows(case):
    shared = {"bar_index": case.bars, "allow_missing_ends": not case.known}
    parts = unless_empty(lambda: PurgedHoldout(**shared).parts(case.labels))
    if not parts:
        return
    train, validation, test = parts
    assert case.reach[train].max() < case.first[validation].min()
    assert case.reach[validation].max() < case.first[test].min()
    assert test[-1] == len(case.first) - 1


@given(case=cases(), seed=st.integers(0, 2**16))
@quick
def test_order_of_the_rows_does_not_matter(case, seed):
    shared = {"bar_index": case.bars, "allow_missing_ends": not case.known, "embargo": 5}
    mixed = np.random.default_rng(seed).permutation(len(case.first))
    cv = PurgedKFold(3, **shared)
    sorted_folds = folds_or_none(cv, case.labels)
    mixed_folds = folds_or_none(cv, case.labels.iloc[mixed])
    for (train, test), (mixed_train, mixed_test) in zip(sorted_folds, mixed_folds, strict=True):
        np.testing.assert_array_equal(np.sort(mixed[mixed_train]), train)
        np.testing.assert_array_equal(np.sort(mixed[mixed_test]), test)


@given(slow_share=st.floats(0.2, 0.8), seed=st.integers(0, 2**16))
@quick
def test_slow_labels_near_a_boundary_are_dropped_like_quick_ones(slow_share, seed):
    first = np.arange(1400)
    slow = np.random.default_rng(seed).random(1400) < slow_share
    cv = PurgedKFold(3, embargo=0, bar_index=minutes(1500))
    mixed = Case(cv.bar_index, first, first + np.where(slow, 100, 1), horizon=100)
    quick_only = Case(cv.bar_index, first, first + 1, horizon=100)
    for (train, _), (other, _) in zip(
        cv.split(mixed.labels), cv.split(quick_only.labels), strict=True
    ):
        np.testing.assert_array_equal(train, other)
