"""Exact rows, computed by hand: p is 60 unless a test says otherwise."""

from itertools import islice, pairwise

import numpy as np
import pandas as pd
import pytest

from ohlcvml.splits import CombinatorialPurgedCV, PurgedHoldout, PurgedKFold, WalkForward

from .cases import Case, minutes


def every_bar(n, length=10, horizon=None):
    first = np.arange(n)
    return Case(minutes(n), first, np.minimum(first + length, n - 1), horizon).labels


def runs(rows):
    """Rows as (first, last) of each run of neighbours."""
    parts = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts if len(part)]


def folds(cv, labels):
    return [(runs(train), runs(test)) for train, test in cv.split(labels)]


def test_kfold_purges_before_and_after_and_then_embargoes():
    assert folds(PurgedKFold(3, embargo=20), every_bar(300)) == [
        ([(180, 299)], [(0, 99)]),  # z = 99 + 60, embargo to 179
        ([(0, 39), (280, 299)], [(100, 199)]),  # 40 + 60 meets 100
        ([(0, 139)], [(200, 299)]),
    ]


def test_combinatorial_merges_neighbours_and_keeps_rows_between_blocks():
    assert folds(CombinatorialPurgedCV(4, n_test_groups=2, embargo=0), every_bar(800)) == [
        ([(460, 799)], [(0, 399)]),
        ([(260, 339), (660, 799)], [(0, 199), (400, 599)]),
        ([(260, 539)], [(0, 199), (600, 799)]),
        ([(0, 139), (660, 799)], [(200, 599)]),
        ([(0, 139), (460, 539)], [(200, 399), (600, 799)]),
        ([(0, 339)], [(400, 799)]),
    ]


def test_walk_forward_expands_and_rolls():
    labels = every_bar(300)
    assert folds(WalkForward(2), labels) == [
        ([(0, 39)], [(100, 199)]),
        ([(0, 139)], [(200, 299)]),
    ]
    assert folds(WalkForward(2, window=30), labels) == [
        ([(10, 39)], [(100, 199)]),
        ([(110, 139)], [(200, 299)]),
    ]
    assert folds(WalkForward(2, window="150min"), labels) == folds(
        WalkForward(2, window=30), labels
    )
    assert folds(WalkForward(2, initial=0.5), labels) == [
        ([(0, 89)], [(150, 224)]),
        ([(0, 164)], [(225, 299)]),
    ]


def test_holdout_is_70_15_15_in_time():
    cv, labels = PurgedHoldout(), every_bar(1000)
    assert [runs(part) for part in cv.parts(labels)] == [[(0, 639)], [(700, 789)], [(850, 999)]]
    assert folds(cv, labels) == [([(0, 639)], [(850, 999)])]
    assert folds(PurgedHoldout(refit=True), labels) == [([(0, 789)], [(850, 999)])]
    assert [runs(part) for part in PurgedHoldout(0.0, test=0.2).parts(labels)] == [
        [(0, 739)],
        [],
        [(800, 999)],
    ]


def test_rows_that_do_not_divide_go_to_the_first_groups():
    tests = [test for _, test in folds(PurgedKFold(3, embargo=0), every_bar(302))]
    assert tests == [[(0, 100)], [(101, 201)], [(202, 301)]]


def test_a_label_longer_than_p_is_purged_by_its_own_end():
    first = np.arange(300)
    last = np.minimum(first + 5, 299)
    last[10] = 150  # a training row that reaches into the second fold
    last[120] = 290  # a test row that occupies bars far behind its fold
    labels = Case(minutes(300), first, last, horizon=5).labels
    train, test = folds(PurgedKFold(3, embargo=3), labels)[1]
    assert test == [(100, 199)]
    assert train == [(0, 9), (11, 39), (294, 299)]


def test_a_test_label_may_reach_beyond_the_next_block():
    first = np.arange(800)
    last = np.minimum(first + 5, 799)
    last[150] = 700
    labels = Case(minutes(800), first, last, horizon=5).labels
    _, (train, test) = islice(CombinatorialPurgedCV(4, n_test_groups=2, embargo=9).split(labels), 2)
    assert runs(test) == [(0, 199), (400, 599)]
    assert runs(train) == [(710, 799)]


def test_the_horizon_raises_p_and_never_lowers_it():
    for labels, cv in [
        (every_bar(400, horizon=80), PurgedKFold(2, embargo=0)),
        (every_bar(400, length=80), PurgedKFold(2, embargo=0)),
        (every_bar(400, horizon=20), PurgedKFold(2, embargo=0, horizon=80)),
        (every_bar(400, horizon=80), PurgedKFold(2, embargo=0, horizon=3)),
    ]:
        assert folds(cv, labels) == [([(280, 399)], [(0, 199)]), ([(0, 119)], [(200, 399)])]


def test_bars_are_counted_not_rows():
    first = np.arange(0, 1000, 10)  # every tenth bar has a label
    labels = Case(minutes(1000), first, first + 9).labels
    cv = PurgedKFold(2, embargo=45, bar_index=minutes(1000))
    assert folds(cv, labels) == [
        ([(60, 99)], [(0, 49)]),  # z = 490 + 60, embargo to bar 595: row 60 is the next
        ([(0, 43)], [(50, 99)]),  # row 44: 440 + 60 meets bar 500
    ]


def test_embargo_in_bars_time_or_fraction():
    days = [pd.date_range(f"2025-01-0{d} 15:00", periods=100, freq="min", tz="UTC") for d in (6, 7)]
    bars = days[0].append(days[1])
    labels = Case(bars, np.arange(200), np.arange(200)).labels

    def first_kept(embargo):  # test rows 0 to 19: z = 79, at 16:19 of the first day
        return next(
            iter(CombinatorialPurgedCV(10, n_test_groups=1, embargo=embargo).split(labels))
        )[0][0]

    assert first_kept(0) == 80
    assert first_kept(30) == 110
    assert first_kept(0.15) == 110
    assert first_kept("10min") == 90
    assert first_kept(pd.Timedelta("2h")) == 100  # the night counts as time
    assert first_kept(np.timedelta64(24, "h")) == 180


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        (minutes(5000, step=1), 1440),
        (minutes(3000, step=5), 288),
        (pd.date_range("2015-01-01", periods=900, freq="D", tz="UTC"), 1),
        (minutes(20_000, step=1)[(np.arange(20_000) % 1440) < 300], 1440),
        (minutes(4000, step=5)[(np.arange(4000) % 288) < 80], 80),
    ],
)
def test_default_embargo_is_1440_minutes_or_one_session(bars, expected):
    labels = Case(bars, np.arange(len(bars)), np.arange(len(bars))).labels
    assert PurgedKFold(2).report(labels).attrs["embargo"] == expected


def test_paths_use_every_tested_group_once():
    cv = CombinatorialPurgedCV(6, n_test_groups=3)
    paths = cv.paths()
    assert paths.shape == (cv.n_paths, 6) == (10, 6)
    used = {(int(split), group) for path in paths for group, split in enumerate(path)}
    assert used == {(split, group) for split, test in enumerate(cv._tests()) for group in test}
    assert len(used) == paths.size


def test_group_rows_are_the_rows_that_the_paths_speak_of():
    cv, labels = CombinatorialPurgedCV(4, n_test_groups=2, embargo=0), every_bar(801)
    rows = cv.group_rows(labels)
    np.testing.assert_array_equal(np.concatenate(rows), np.arange(801))
    for number, (_, test) in enumerate(cv.split(labels)):
        groups = np.flatnonzero((cv.paths() == number).any(axis=0))
        np.testing.assert_array_equal(test, np.concatenate([rows[g] for g in groups]))


def test_report_counts_every_row_once():
    labels = every_bar(300)
    report = PurgedKFold(3, embargo=20).report(labels)
    assert report["n_purged"].tolist() == [60, 60 + 60, 60]
    assert report["n_embargoed"].tolist() == [20, 20, 0]
    assert (report.sum(axis=1) == 300).all()
    later = WalkForward(2).report(labels)
    assert later["n_outside"].tolist() == [100, 0]
    assert (later.sum(axis=1) == 300).all()
    assert report.attrs["two_sided"]
    assert not later.attrs["two_sided"]
    assert report.attrs["purge"] == 60


def test_picture_has_a_line_for_each_split():
    lines = PurgedKFold(3, embargo=20).picture(every_bar(300), width=15).split("\n")
    assert lines == ["TTTTT....######", "##...TTTTT....#", "#######...TTTTT"]
    assert all(a != b for a, b in pairwise(lines))
