"""Planted leaks are caught by the right law, and what is honest passes."""

import pandas as pd
import pytest
from sklearn.model_selection import KFold, cross_val_score

from ohlcvml.exceptions import LeakageError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedKFold, WalkForward
from ohlcvml.testing import check_estimator, law_bars, planted_leaks
from ohlcvml.testing.leaks import _Leak

CAUGHT_BY = {
    "CentredMean": "future_cannot_change_the_past",
    "FullSampleScaler": "future_cannot_change_the_past",
    "SmoothedState": "future_cannot_change_the_past",
    "ForwardFilledResample": "future_cannot_change_the_past",
    "IgnoredLabelEnds": "no_training_interval_meets_a_test_interval",
}


class TrailingMean(_Leak):
    def _transform(self, X, y=None):
        return X[["close"]] - X[["close"]].rolling(9, min_periods=1).mean()


class TrailingScaler(_Leak):
    def _transform(self, X, y=None):
        returns = X[["close"]].pct_change().fillna(0.0)
        return returns / returns.expanding(min_periods=2).std()


class FilteredState(_Leak):
    def _transform(self, X, y=None):
        return X[["close"]].pct_change().abs().fillna(0.0).ewm(span=20).mean()


class KnownResample(_Leak):
    """Fifteen-minute closes joined by the stamp of the bar at whose close they are known."""

    def _transform(self, X, y=None):
        coarse = X["close"].resample("15min").last()
        coarse.index += pd.Timedelta("14min")  # known with the last of its one-minute bars
        return (coarse.reindex(X.index, method="ffill") - X["close"]).to_frame("close_15min")


def failing(estimator):
    results = check_estimator(estimator, sktime_suite=False)
    return {name.split("[")[0] for name, result in results.items() if result != "PASSED"}


@pytest.mark.parametrize("leak", planted_leaks(), ids=lambda leak: type(leak).__name__)
def test_a_planted_leak_is_caught(leak):
    assert failing(leak) == {CAUGHT_BY[type(leak).__name__]}


def test_every_leak_has_an_answer():
    assert {type(leak).__name__ for leak in planted_leaks()} == set(CAUGHT_BY)


@pytest.mark.parametrize(
    "honest",
    [
        *(TrailingMean(), TrailingScaler(), FilteredState(), KnownResample()),
        *(PurgedKFold(5, embargo=0), WalkForward(5)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_the_honest_counterpart_passes(honest):
    assert failing(honest) == set()


@pytest.fixture(scope="module")
def samples():
    bars = law_bars(900)
    labeller = TripleBarrierLabeller(horizon=15, cost_adjustment=None)
    return Samples(bars, labeller.fit_transform(bars))


MODEL = ReturnFeatures() * LogisticClassifier()


@pytest.mark.parametrize("cv", [5, 2, KFold(3), KFold(3, shuffle=True, random_state=0)])
def test_unpurged_folds_are_refused(samples, cv):
    with pytest.raises(LeakageError, match="overlap the label intervals"):
        cross_val_score(MODEL, samples, samples.y, cv=cv, error_score="raise")


def test_purged_folds_are_scored(samples):
    cv = PurgedKFold(n_splits=3, embargo=0, bar_index=samples.bars.index)
    scores = cross_val_score(MODEL, samples, samples.y, cv=cv, error_score="raise")
    assert ((scores > 0) & (scores < 1)).all()
