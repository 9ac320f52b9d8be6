"""The boosters are the bare libraries on the same rows, and say why they answer as they do."""

import sys

import lightgbm
import numpy as np
import pytest
import xgboost

from ohlcvml.exceptions import MissingDependencyError
from ohlcvml.features import ReturnFeatures
from ohlcvml.models import LightGBMClassifier, XGBoostClassifier

LIGHT = LightGBMClassifier(n_estimators=8, min_child_samples=5, random_state=3)
EXTREME = XGBoostClassifier(n_estimators=8, min_child_weight=0.5, random_state=3)
BOTH = pytest.mark.parametrize("model", [LIGHT, EXTREME], ids=["lightgbm", "xgboost"])


def rows(samples):
    """What any library would be given: complete rows, codes 0 to 2, weights."""
    values = samples.features.to_numpy()[samples.pos]
    good = np.isfinite(values).all(axis=1)
    return values[good], samples.y[good].astype(int) + 1, samples[good].weight


def test_lightgbm_is_the_bare_library(problem):
    values, codes, weight = rows(problem.train)
    params = {
        "objective": "multiclass", "num_class": 3, "learning_rate": 0.05, "num_leaves": 15,
        "min_data_in_leaf": 5, "bagging_fraction": 0.8, "bagging_freq": 1, "feature_fraction": 0.3,
        "lambda_l2": 1.0, "seed": 3, "num_threads": 1, "deterministic": True,
        "force_col_wise": True, "verbose": -1,
    }  # fmt: skip
    data = lightgbm.Dataset(values.astype(np.float32), codes, weight=weight)
    bare = lightgbm.train(params, data, num_boost_round=8)
    own = LIGHT.clone().fit(problem.train).predict_proba(problem.test)
    assert np.array_equal(own, bare.predict(rows(problem.test)[0].astype(np.float32)))


def test_xgboost_is_the_bare_library(problem):
    values, codes, weight = rows(problem.train)
    params = {
        "objective": "multi:softprob", "num_class": 3, "eta": 0.05, "max_depth": 4,
        "min_child_weight": 0.5, "subsample": 0.8, "colsample_bytree": 0.3, "seed": 3, "nthread": 1,
    }  # fmt: skip
    bare = xgboost.train(params, xgboost.QuantileDMatrix(values, codes, weight=weight), 8)
    own = EXTREME.clone().fit(problem.train).predict_proba(problem.test)
    np.testing.assert_allclose(own, bare.predict(xgboost.DMatrix(rows(problem.test)[0])), atol=2e-7)


def test_sample_weights_count(problem):
    own = LIGHT.clone().fit(problem.train).booster_.model_to_string()
    values, codes, _ = rows(problem.train)
    data = lightgbm.Dataset(values.astype(np.float32), codes)
    params = LIGHT.clone()._booster_params(3)
    bare = lightgbm.train(params, data, num_boost_round=8)
    assert bare.model_to_string() != own


@BOTH
def test_test_rows_do_not_move_the_model(model, problem):
    """A subset of a shared data set would carry bin edges of the test rows."""
    changed = problem.table.copy()
    changed.iloc[problem.test.pos] *= 100.0
    one = model.clone().fit(problem.train)
    two = model.clone().fit(problem.train.with_features(changed))
    before, after = (m.predict_proba(problem.table).to_numpy() for m in (one, two))
    assert np.array_equal(before, after, equal_nan=True)


@BOTH
def test_threads_and_seed(model, problem):
    def proba(**params):
        return model.clone().set_params(**params).fit(problem.train).predict_proba(problem.test)

    assert np.array_equal(proba(n_jobs=1), proba(n_jobs=2))
    assert np.array_equal(proba(random_state=1), proba(random_state=1))
    assert not np.array_equal(proba(random_state=1), proba(random_state=2))


@BOTH
def test_gain_is_a_share(model, problem):
    gain = model.clone().fit(problem.train).feature_importance("gain")
    assert gain.sum() == pytest.approx(1.0)
    assert gain.is_monotonic_decreasing
    assert set(gain.index) == set(problem.table.columns)


def test_gain_of_lightgbm_by_hand(problem):
    model = LIGHT.clone().fit(problem.train)
    trees = model.booster_.trees_to_dataframe()
    total = trees.groupby("split_feature")["split_gain"].sum()
    by_name = total.rename(index={f"f{k}": c for k, c in enumerate(problem.table.columns)})
    expected = (by_name / by_name.sum()).sort_values(ascending=False)
    got = model.feature_importance("gain")
    np.testing.assert_allclose(got[expected.index], expected, rtol=1e-4)


def test_contributions_of_lightgbm_add_up(problem):
    model = LIGHT.clone().fit(problem.train)
    values = rows(problem.test)[0].astype(np.float32)
    flat = model.booster_.predict(values, pred_contrib=True).reshape(len(values), 3, -1)
    raw = model.booster_.predict(values, raw_score=True)
    contributions = model._contributions(values)
    assert contributions.shape == (len(values), 6, 3)
    np.testing.assert_allclose(contributions.sum(axis=1) + flat[:, :, -1], raw, atol=1e-9)


def test_contributions_of_xgboost_add_up(problem):
    model = EXTREME.clone().fit(problem.train)
    values = rows(problem.test)[0].astype(np.float32)
    data = xgboost.DMatrix(values)
    bias = model.booster_.predict(data, pred_contribs=True)[:, :, -1]
    raw = model.booster_.predict(data, output_margin=True)
    contributions = model._contributions(values)
    assert contributions.shape == (len(values), 6, 3)
    np.testing.assert_allclose(contributions.sum(axis=1) + bias, raw, atol=1e-5)


@BOTH
def test_two_present_classes(model, problem):
    train = problem.train[problem.train.y != 0]
    fitted = model.clone().fit(train)
    proba = fitted.predict_proba(problem.test)
    assert (proba[:, 1] == 0.0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert len(fitted.feature_importance("shap", problem.test)) == 6


@BOTH
def test_a_depth_of_one_splits_once(model, problem):
    fitted = model.clone().set_params(max_depth=1).fit(problem.train)
    if isinstance(model, LightGBMClassifier):
        assert fitted.booster_.trees_to_dataframe()["node_depth"].max() == 2
    else:
        assert max(map(len, fitted.booster_.get_dump())) < 200


def test_a_missing_package_names_the_extra(problem, monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ohlcvml\[boosting\]'"):
        (ReturnFeatures() * EXTREME.clone()).fit(problem.bars, problem.labels)
