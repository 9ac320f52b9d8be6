"""Importance with known answers, and what is refused."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import GaussianNB

from ohlcvml.exceptions import DataError, LeakageError, ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.models import (
    LightGBMClassifier,
    LogisticClassifier,
    SklearnClassifier,
    XGBoostClassifier,
)

MODELS = [
    LogisticClassifier(C=1.0),
    LightGBMClassifier(n_estimators=10, min_child_samples=5, subsample=1.0, colsample_bytree=1.0),
    XGBoostClassifier(n_estimators=10, min_child_weight=0.1, subsample=1.0, colsample_bytree=1.0),
    SklearnClassifier(RandomForestClassifier(10, max_depth=3, random_state=0)),
]
EVERY = pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)


@pytest.fixture(scope="module")
def told(problem):
    """The answer in one column, noise in another, nothing in a third."""
    noise = np.random.default_rng(0).normal(size=len(problem.bars))
    answer = np.zeros(len(problem.bars))
    rows = problem.samples
    answer[rows.pos] = rows.y
    table = problem.table.iloc[:, :0].assign(answer=answer, noise=noise, useless=1.0)
    return problem.train.with_features(table), problem.test.with_features(table)


@EVERY
def test_permutation_finds_the_answer(model, told):
    train, test = told
    importance = model.clone().fit(train).feature_importance("permutation", test)
    assert importance.index[0] == "answer"
    assert importance["answer"] > 10 * abs(importance["noise"])
    assert importance["useless"] == 0.0


@EVERY
def test_every_kind_agrees_on_the_answer(model, told):
    train, test = told
    fitted = model.clone().fit(train)
    for kind in fitted.importance_kinds:
        importance = fitted.feature_importance(kind, test)
        assert importance.name == kind
        assert importance.index[0] == "answer"
        assert importance["useless"] == pytest.approx(0.0, abs=1e-12)


@EVERY
def test_permutation_refuses_training_rows(model, told):
    train, _ = told
    with pytest.raises(LeakageError):
        model.clone().fit(train).feature_importance("permutation", train)


def test_permutation_by_hand(told):
    train, test = told
    model = LogisticClassifier(C=1.0).fit(train)
    values = test.last()
    codes = np.searchsorted(model.classes_, test.y)

    def loss(rows):
        return -np.log(model._predict_rows(rows)[np.arange(len(codes)), codes]).mean()

    generator, total = np.random.default_rng(0), 0.0
    for _ in range(5):
        rows = values.copy()
        rows[:, 0] = generator.permutation(rows[:, 0])
        total += (loss(rows) - loss(values)) / 5
    assert model.feature_importance("permutation", test)["answer"] == pytest.approx(total)


def test_linear_contributions_are_coefficients_times_columns(told):
    train, test = told
    model = LogisticClassifier(C=1.0).fit(train)
    values = test.last()
    contributions = model._contributions(values)
    score = contributions.sum(axis=1) + model.intercept_
    proba = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(proba, model._predict_rows(values))
    mean = np.abs(contributions).mean(axis=(0, 2))
    assert model.feature_importance("shap", test)["noise"] == pytest.approx(mean[1])


def test_kinds_that_a_model_does_not_have(told):
    train, _test = told
    with pytest.raises(ParameterError, match="'kind' must be one of permutation, shap; got 'gain'"):
        LogisticClassifier().fit(train).feature_importance("gain")
    bayes = SklearnClassifier(GaussianNB()).fit(train)
    assert bayes.importance_kinds == ("permutation",)
    with pytest.raises(ParameterError, match="needs 'samples'; got None"):
        bayes.feature_importance("permutation")


def test_a_model_of_one_class_has_no_importance(told):
    train, _test = told
    model = LightGBMClassifier(n_estimators=2).fit(train[train.y == 1])
    assert (model.feature_importance("gain") == 0.0).all()


def test_a_pipeline_explains_the_columns_that_reach_the_model(problem):
    from ohlcvml.samples import Samples

    raw = Samples(problem.bars, problem.labels)
    half = len(raw) // 2
    features = ReturnFeatures(lags=(1, 5))
    model = (features * LightGBMClassifier(n_estimators=3)).fit(raw[:half])
    assert set(model.feature_importance().index) == {"log_return_1", "log_return_5"}
    later = raw[half + 40 :]
    shap = model.feature_importance("shap", later)
    alone = model.classifier_.feature_importance(
        "shap", later.with_features(features.fit_transform(problem.bars))
    )
    assert shap.equals(alone)


def test_models_of_panels_explain_by_gain_alone(problem):
    X = np.random.default_rng(0).normal(size=(60, 2, 4))
    model = LightGBMClassifier(n_estimators=2, min_child_samples=2).fit(X, np.arange(60) % 2)
    assert model.feature_importance("gain").index.str.startswith("channel_").all()
    with pytest.raises(DataError, match="fitted on an sktime Panel"):
        model.feature_importance("permutation", problem.test)
