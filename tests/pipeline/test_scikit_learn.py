"""What a user of scikit-learn expects, and where scikit-learn would hide a leak."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.model_selection._search import BaseSearchCV
from sklearn.naive_bayes import GaussianNB

from ohlcvml.exceptions import DataError, LeakageWarning, ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.models import (
    ForecastClassifier,
    LightGBMClassifier,
    LogisticClassifier,
    SklearnClassifier,
    XGBoostClassifier,
)
from ohlcvml.registry import adapter_for
from ohlcvml.splits import WalkForward

RETURNS = ReturnFeatures(lags=(1, 5))
MODEL = RETURNS * LogisticClassifier()
WEIGHTED = {
    "logistic": LogisticClassifier(C=1.0),
    "lightgbm": LightGBMClassifier(n_estimators=5),
    "xgboost": XGBoostClassifier(n_estimators=5),
}


def test_sample_weights_multiply_those_of_the_samples(samples, bars, labels):
    factor = np.random.default_rng(0).uniform(0.5, 2.0, len(samples))
    taken = samples.weighted(factor)
    np.testing.assert_array_equal(taken.weight, samples.weight * factor)
    np.testing.assert_array_equal(taken[5:50].weight, samples[5:50].weight * factor[5:50])
    table = RETURNS.fit_transform(bars)
    np.testing.assert_array_equal(taken.with_features(table).weight, taken.weight)
    one = MODEL.clone().fit(samples, sample_weight=factor).predict_proba(bars)
    pd.testing.assert_frame_equal(one, MODEL.clone().fit(taken).predict_proba(bars))
    whole = np.ones(len(labels))
    whole[samples.rows] = factor
    pd.testing.assert_frame_equal(
        one, MODEL.clone().fit(bars, labels, sample_weight=whole).predict_proba(bars)
    )
    assert not one.equals(MODEL.clone().fit(samples).predict_proba(bars))
    series = pd.Series(factor, index=samples.index)
    again = MODEL.clone().fit(samples, sample_weight=series).predict_proba(bars)
    pd.testing.assert_frame_equal(one, again)
    named = pd.Series(whole, index=labels.index)
    again = MODEL.clone().fit(bars, labels, sample_weight=named).predict_proba(bars)
    pd.testing.assert_frame_equal(one, again)
    with pytest.raises(DataError, match="in their order"):
        MODEL.clone().fit(samples, sample_weight=series[::-1])


@pytest.mark.parametrize("wrong", [np.ones(3), np.nan, -1.0, 0.0])
def test_sample_weights_are_checked(samples, wrong):
    weight = wrong if np.ndim(wrong) else np.full(len(samples), wrong)
    with pytest.raises(DataError, match="finite and at least 0"):
        MODEL.clone().fit(samples, sample_weight=weight)
    with pytest.raises(ParameterError, match="Panels have no weights"):
        LogisticClassifier().fit(np.zeros((4, 1, 3)), list("abab"), sample_weight=np.ones(4))


@pytest.mark.parametrize("model", WEIGHTED.values(), ids=WEIGHTED.keys())
def test_class_weights_are_sample_weights_by_class(model, samples, bars):
    by_class = {-1: 3.0, 0: 2.0}
    weight = np.select([samples.y == -1, samples.y == 0], [3.0, 2.0], 1.0)
    told = RETURNS * model.clone().set_params(class_weight=by_class)
    expected = (RETURNS * model).fit(samples, sample_weight=weight).predict_proba(bars)
    pd.testing.assert_frame_equal(told.fit(samples).predict_proba(bars), expected)
    balanced = (RETURNS * model.clone().set_params(class_weight="balanced")).fit(samples)
    shares = balanced.predict_proba(bars).mean()
    even = np.abs(shares - 1 / 3).max()
    assert even < np.abs((RETURNS * model).fit(samples).predict_proba(bars).mean() - 1 / 3).max()


def test_class_weights_are_checked(samples):
    for wrong in ("even", {}, {1: -1.0}, {1: "a"}):
        with pytest.raises(ParameterError, match="class_weight"):
            LogisticClassifier(class_weight=wrong)
    with pytest.raises(ParameterError, match=r"must name classes of the labels.*got \[2\]"):
        LogisticClassifier(class_weight={2: 1.0}).fit(samples)


def test_lightgbm_takes_a_device():
    assert LightGBMClassifier(device="cuda")._booster_params(3)["device_type"] == "cuda"
    with pytest.raises(ParameterError, match="device"):
        LightGBMClassifier(device="tpu")


def test_a_stack_with_its_default_final_estimator(samples, bars):
    stack = StackingClassifier([("bayes", GaussianNB())], cv=3)
    with pytest.warns(LeakageWarning, match=r"StackingClassifier splits .* cv=3.*WalkForward"):
        model = (RETURNS * stack).fit(samples)
    assert model.predict_proba(bars).shape == (1200, 3)


@pytest.mark.parametrize(
    "estimator",
    [
        CalibratedClassifierCV(GaussianNB(), cv=3),
        HistGradientBoostingClassifier(early_stopping=True, max_iter=3),
        GradientBoostingClassifier(n_estimators=3, n_iter_no_change=2),
        GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=3),
    ],
)
def test_inner_splits_that_are_not_purged_warn(estimator, samples):
    with pytest.warns(LeakageWarning, match=r"without purging"):
        (RETURNS * SklearnClassifier(estimator)).fit(samples)


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianNB(),
        HistGradientBoostingClassifier(max_iter=3),
        GradientBoostingClassifier(n_estimators=3),
    ],
)
def test_no_inner_split_no_warning(estimator, samples):
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        (RETURNS * SklearnClassifier(estimator)).fit(samples)


@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the test scores")
def test_a_leak_that_scikit_learn_hides_is_told(samples):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        scores = cross_val_score(MODEL, samples, samples.y, cv=3)
    assert np.isnan(scores).all()
    ours = [one for one in told if issubclass(one.category, LeakageWarning)]
    assert ours
    assert 'error_score="raise"' in str(ours[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        with pytest.raises(Exception, match="overlap the label intervals"):
            cross_val_score(MODEL, samples, samples.y, cv=3, error_score="raise")


@pytest.mark.filterwarnings("ignore")
def test_an_inner_search_without_scores_raises(samples):
    def nothing(estimator, X, y):
        return np.nan

    search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=3, scoring=nothing)
    with pytest.raises(DataError, match="no score for 2 of 2 candidates"):
        (RETURNS * SklearnClassifier(search)).fit(samples)
    ours = GridSearchCV(MODEL, {"LogisticClassifier__C": [0.1, 1.0]}, cv=2, scoring=nothing)
    with pytest.raises(DataError, match="no score for 2 of 2 candidates"):
        adapter_for(ours).fit(samples)


class OneCandidate(BaseSearchCV):
    """A search of someone else, which says nowhere what it will try."""

    def __init__(self, estimator, cv=None, error_score=np.nan):
        super().__init__(estimator, cv=cv, error_score=error_score, return_train_score=False)

    def _run_search(self, evaluate_candidates):
        evaluate_candidates([{"LogisticClassifier__C": 0.5}])


def test_a_search_is_the_candidate_it_chose(samples, bars):
    cv = WalkForward(2)
    search = adapter_for(OneCandidate(MODEL, cv=cv)).fit(samples)
    chosen = MODEL.clone().set_params(LogisticClassifier__C=0.5).fit(samples)
    pd.testing.assert_frame_equal(search.predict_proba(bars), chosen.predict_proba(bars))
    pd.testing.assert_frame_equal(search.features_of(bars), chosen.features_of(bars))
    assert search.get_feature_names_out().tolist() == chosen.get_feature_names_out().tolist()
    assert search._batch_tolerance == chosen._batch_tolerance
    assert [one.get_params() for one in search.candidates()] == [MODEL.get_params()]
    with pytest.raises(DataError, match="needs bars with labels, or Samples; got an sktime"):
        search.clone().fit(np.zeros((20, 2, 5)), np.arange(20) % 2)


def test_the_tags_of_a_search_follow_the_model_that_is_set():
    search = adapter_for(GridSearchCV(MODEL, {}, cv=WalkForward(2)))
    assert search.get_tag("representation") == "row"
    search.set_params(search__estimator=ForecastClassifier("drift", window=40, n_paths=64))
    assert search.get_tag("representation") == "path"


def test_adapters_are_found_and_strangers_refused():
    assert isinstance(adapter_for(LogisticRegression()), SklearnClassifier)
    assert adapter_for(MODEL) is MODEL
    for stranger in ("logistic", RETURNS, LogisticRegression, 3):
        with pytest.raises(ParameterError, match="adapter_for: 'obj' must be"):
            adapter_for(stranger)
