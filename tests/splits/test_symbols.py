"""Several symbols: bars are numbered on the union of their stamps, folds are cut in common time."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.labels import FixedHorizonLabeller
from ohlcvml.samples import Samples
from ohlcvml.splits import CombinatorialPurgedCV, PurgedHoldout, PurgedKFold, WalkForward

from .cases import Case, allowed, minutes

N = 900
BARS = minutes(N)


def two_symbols(seed=0):
    """ES on every bar, MGC on a third of them with gaps; a table and its case in order of rows."""
    rng = np.random.default_rng(seed)
    first = {"ES": np.arange(N), "MGC": np.sort(rng.choice(N, N // 3, replace=False))}
    last = {name: np.minimum(i + rng.integers(1, 80, len(i)), N - 1) for name, i in first.items()}
    parts = {name: Case(BARS, first[name], last[name]).labels for name in first}
    table = pd.concat(parts, names=["symbol", "time"])
    case = Case(BARS, np.r_[first["ES"], first["MGC"]], np.r_[last["ES"], last["MGC"]])
    return table, case


@pytest.mark.parametrize("seed", range(5))
def test_folds_are_those_of_the_rule_in_common_time(seed):
    table, case = two_symbols(seed)
    order = np.argsort(case.first, kind="stable")
    in_time = Case(BARS, case.first[order], case.last[order])
    for train, test in PurgedKFold(4, embargo=11).split(table):
        place = np.empty(len(order), dtype=int)
        place[order] = np.arange(len(order))
        expected = allowed(in_time, np.sort(place[test]), embargo=11)
        np.testing.assert_array_equal(np.sort(place[train]), expected)
        assert (np.diff(train) > 0).all()


@pytest.mark.parametrize(
    "cv",
    [
        PurgedKFold(4, embargo=0),
        CombinatorialPurgedCV(5, n_test_groups=2, embargo=0),
        WalkForward(3),
        PurgedHoldout(),
    ],
    ids=lambda cv: type(cv).__name__,
)
def test_no_label_of_one_symbol_meets_a_test_label_of_another(cv):
    table, case = two_symbols()
    for train, test in cv.split(table):
        tested = np.zeros(N, dtype=bool)
        for i, e in zip(case.first[test], case.last[test], strict=True):
            tested[i : e + 1] = True
        counts = np.r_[0, np.cumsum(tested)]
        assert (counts[case.last[train] + 1] == counts[case.first[train]]).all()


def test_rows_of_one_stamp_are_in_one_fold():
    table, case = two_symbols()
    fold = np.empty(len(table), dtype=int)
    for number, (_, test) in enumerate(PurgedKFold(7, embargo=0).split(table)):
        fold[test] = number
    assert pd.Series(fold).groupby(case.first).nunique().max() == 1
    assert (np.bincount(fold) > 150).all()  # 1200 rows in 7


def test_bars_are_the_union_of_stamps():
    stamps = {"A": BARS[0::2], "B": BARS[1::2]}
    table = pd.concat({k: pd.DataFrame({"end": v}, index=v) for k, v in stamps.items()})
    cv = PurgedKFold(3, embargo=0)
    assert cv.report(table).attrs["n_bars"] == N
    train, _ = next(iter(cv.split(table)))
    assert table.index[train].get_level_values(-1).min() == BARS[360]  # 299 + 60 is the last purged


def test_the_index_of_multi_symbol_bars_numbers_them():
    table, _ = two_symbols()
    bars = pd.MultiIndex.from_product([["ES", "MGC"], BARS], names=["symbol", "time"])
    with_bars = PurgedKFold(4, embargo=11, bar_index=bars).split(table)
    for (train, test), (own_train, own_test) in zip(
        with_bars, PurgedKFold(4, embargo=11).split(table), strict=True
    ):
        np.testing.assert_array_equal(train, own_train)
        np.testing.assert_array_equal(test, own_test)


def test_ends_by_time_serve_every_symbol():
    ends = pd.Series(BARS[np.minimum(np.arange(N) + 3, N - 1)], index=BARS)
    index = pd.MultiIndex.from_product([["ES", "MGC"], BARS])
    train, test = next(iter(PurgedKFold(3, embargo=0, label_ends=ends).split(index)))
    assert test.tolist() == [*range(300), *range(N, N + 300)]
    assert train.tolist() == [*range(360, N), *range(N + 360, 2 * N)]


def test_samples_of_two_symbols_are_split_by_common_time():
    parts = {name: simulate_bars(900, seed=seed).bars for seed, name in enumerate(["ES", "MGC"])}
    bars = pd.concat(parts, names=["symbol", "time"])
    labels = FixedHorizonLabeller(horizon=9, cost_adjustment=None).fit_transform(bars)
    samples = Samples(bars, labels)
    time = samples.index.get_level_values("time")
    for train, test in WalkForward(3).split(samples):
        assert set(samples.index[train].get_level_values("symbol")) == {"ES", "MGC"}
        assert pd.DatetimeIndex(samples.end[train]).max() < time[test].min()
