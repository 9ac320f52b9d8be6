"""Samples in scikit-learn's and sktime's own machinery, and folds inside folds."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score

from ohlcvml.bars import simulate_bars
from ohlcvml.labels import FixedHorizonLabeller
from ohlcvml.samples import Samples
from ohlcvml.splits import CombinatorialPurgedCV, PurgedHoldout, PurgedKFold, WalkForward

from .cases import Case, allowed

ALL = [
    PurgedKFold(3, embargo=30),
    CombinatorialPurgedCV(4, n_test_groups=2, embargo=30),
    WalkForward(3),
    PurgedHoldout(),
]


class Prior(ClassifierMixin, BaseEstimator):
    """Predict the most frequent class; refuse rows that overlap the training rows."""

    def __init__(self, shift=0):
        self.shift = shift

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.most_ = self.classes_[(counts.argmax() + self.shift) % len(self.classes_)]
        self.seen_ = X
        return self

    def predict(self, X):
        for i, e in zip(X.pos, X.end_pos, strict=True):
            assert not ((self.seen_.pos <= e) & (self.seen_.end_pos >= i)).any()
        return np.full(len(X), self.most_)


@pytest.fixture(scope="module")
def samples():
    bars = simulate_bars(1500, seed=0).bars
    labels = FixedHorizonLabeller(horizon=15, cost_adjustment=None).fit_transform(bars)
    rng = np.random.default_rng(0)
    return Samples(bars, labels.iloc[np.sort(rng.choice(len(labels), 700, replace=False))])


@pytest.mark.parametrize("cv", ALL, ids=lambda cv: type(cv).__name__)
def test_cross_val_score_takes_samples(cv, samples):
    scores = cross_val_score(Prior(), samples, samples.y, cv=cv, error_score="raise")
    assert len(scores) == cv.get_n_splits(samples, samples.y)
    assert np.isfinite(scores).all()


def test_grid_search_and_predict_take_samples(samples):
    cv = PurgedKFold(3, embargo=30)
    search = GridSearchCV(Prior(), {"shift": [0, 1]}, cv=cv, error_score="raise", refit=False)
    assert search.fit(samples, samples.y).best_params_ == {"shift": 0}
    assert len(cross_val_predict(Prior(), samples, samples.y, cv=cv)) == len(samples)


def test_samples_are_numbered_on_their_bars(samples):
    case = Case(samples.bars.index, samples.pos, samples.end_pos, horizon=15)
    cv = PurgedKFold(3, embargo=30)
    assert cv.report(samples).attrs["n_bars"] == len(samples.bars)
    for train, test in cv.split(samples):
        np.testing.assert_array_equal(train, allowed(case, test, embargo=30))


@pytest.mark.parametrize("outer", ALL[:3], ids=lambda cv: type(cv).__name__)
def test_folds_inside_folds_are_numbered_on_the_uncut_bars(outer, samples):
    for outer_train, _ in outer.split(samples):
        view = samples[outer_train]
        case = Case(view.bars.index, view.pos, view.end_pos, horizon=15)
        for train, test in PurgedKFold(2, embargo=10).split(view):
            np.testing.assert_array_equal(train, allowed(case, test, embargo=10))
            assert not np.isin(view[train].pos, view[test].pos).any()


def test_a_labeller_of_every_bar_needs_no_bar_index():
    bars = simulate_bars(2500, seed=1).bars
    labels = FixedHorizonLabeller(horizon=15, cost_adjustment=None).fit_transform(bars)
    cv = WalkForward(3, bar_index=bars.index)
    for (a, b), (c, d) in zip(cv.split(labels), cv.split(Samples(bars, labels)), strict=True):
        usable = np.flatnonzero(~labels["censored"])
        np.testing.assert_array_equal(a, usable[c])
        np.testing.assert_array_equal(b, usable[d])


def test_labels_and_series_are_split_by_label_and_by_value(samples):
    cv = WalkForward(2, bar_index=samples.bars.index)
    table = samples.labels.iloc[samples.rows]
    folds = zip(cv.split(table), cv.split_loc(table), cv.split_series(table), strict=True)
    for (train, test), (train_loc, test_loc), (train_part, test_part) in folds:
        pd.testing.assert_index_equal(table.index[train], train_loc)
        pd.testing.assert_index_equal(table.index[test], test_loc)
        pd.testing.assert_frame_equal(table.iloc[train], train_part)
        pd.testing.assert_frame_equal(table.iloc[test], test_part)
    starts = [int(test[0]) for _, test in cv.split(table)]
    assert cv.get_cutoffs(table).tolist() == [start - 1 for start in starts]
