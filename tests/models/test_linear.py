"""Logistic regression and the scikit-learn adapter."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ohlcvml.exceptions import ParameterError
from ohlcvml.models import LogisticClassifier, SklearnClassifier


def test_logistic_is_scaler_and_regression_of_scikit_learn(problem):
    values = problem.table.to_numpy()
    train, test = problem.train, problem.test
    scaler = StandardScaler().fit(values[train.pos].astype(np.float32).astype(float))
    bare = LogisticRegression(C=0.3, max_iter=500)
    bare.fit(scaler.transform(values[train.pos]), train.y, sample_weight=train.weight)
    expected = bare.predict_proba(scaler.transform(values[test.pos]))
    own = LogisticClassifier(C=0.3).fit(train).predict_proba(test)
    np.testing.assert_allclose(own, expected, atol=1e-5)


def test_a_constant_column_is_ignored(problem):
    table = problem.table.assign(constant=7e5)
    train, test = problem.train.with_features(table), problem.test.with_features(table)
    model = LogisticClassifier().fit(train)
    assert model.coef_[:, -1] == pytest.approx(0.0)
    later = test.with_features(table.assign(constant=8e5))
    assert np.array_equal(model.predict_proba(later), model.predict_proba(test))


def test_the_scale_of_a_column_does_not_matter(problem):
    wide = problem.table * [1.0, 1e6, 1e-4, 1.0, 1e3, 10.0]
    one = LogisticClassifier().fit(problem.train).predict_proba(problem.test)
    two = LogisticClassifier().fit(problem.train.with_features(wide))
    np.testing.assert_allclose(two.predict_proba(problem.test.with_features(wide)), one, atol=1e-5)


def test_two_classes(problem):
    train = problem.train[problem.train.y != 0]
    model = LogisticClassifier().fit(train)
    proba = model.predict_proba(problem.test)
    assert model.coef_.shape == (1, problem.table.shape[1])
    assert (proba[:, 1] == 0.0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert len(model.feature_importance("shap", problem.test)) == problem.table.shape[1]


@pytest.mark.parametrize(
    "classifier",
    [
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1)),
        KNeighborsClassifier(5),
    ],
    ids=["pipeline", "neighbours"],
)
def test_scikit_learn_without_weights_is_asked_as_it_is(classifier, problem):
    model = SklearnClassifier(classifier).fit(problem.train)
    values = problem.train.last()
    bare = classifier.fit(values, problem.train.y)
    expected = bare.predict_proba(problem.test.last())
    np.testing.assert_allclose(model.predict_proba(problem.test), expected, atol=1e-6)


def test_weights_are_passed_on(problem):
    classifier = LogisticRegression(C=1e3, max_iter=500)
    own = SklearnClassifier(classifier).fit(problem.train).predict_proba(problem.test)
    values, y = problem.train.last(), problem.train.y
    bare = classifier.fit(values, y, sample_weight=problem.train.weight)
    np.testing.assert_allclose(own, bare.predict_proba(problem.test.last()), atol=1e-6)
    assert not np.allclose(own, classifier.fit(values, y).predict_proba(problem.test.last()))


def test_rows_are_the_same_alone_and_together(problem):
    model = SklearnClassifier(LogisticRegression()).fit(problem.train)
    whole = model.predict_proba(problem.table).to_numpy()
    for n in (700, 701, 1000):
        assert np.array_equal(
            model.predict_proba(problem.table.iloc[:n]), whole[:n], equal_nan=True
        )
    assert not model.asks_alone_


class Meddler(LogisticRegression):
    """Answers with an eye on the other rows."""

    def predict_proba(self, X):
        return super().predict_proba(X - X.mean(axis=0))


def test_a_classifier_that_looks_around_is_asked_row_by_row(problem):
    model = SklearnClassifier(Meddler()).fit(problem.train)
    assert model.asks_alone_
    whole = model.predict_proba(problem.table).to_numpy()
    part = model.predict_proba(problem.table.iloc[:800]).to_numpy()
    assert np.array_equal(part, whole[:800], equal_nan=True)


def test_what_is_no_classifier_is_refused():
    from sklearn.linear_model import LinearRegression
    from sklearn.svm import LinearSVC

    for estimator in (LinearRegression(), LinearSVC(), LogisticRegression, "svm"):
        with pytest.raises(ParameterError, match="scikit-learn classifier with predict_proba"):
            SklearnClassifier(estimator)


class Forgetful(LogisticRegression):
    """Learns the two most frequent classes only."""

    def fit(self, X, y, sample_weight=None):
        kept = np.isin(y, np.argsort(np.bincount(y))[-2:])
        return super().fit(X[kept], y[kept])


def test_a_classifier_that_loses_a_class_is_refused(problem):
    with pytest.raises(ParameterError, match="Forgetful learned 2 classes of 3"):
        SklearnClassifier(Forgetful()).fit(problem.train)
