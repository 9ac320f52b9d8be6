"""scikit-learn's and sktime's model selection run on Samples and panels unchanged."""

import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)

from ohlcvml.exceptions import DataError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedKFold

MODEL = ReturnFeatures(lags=(1, 5)) * LogisticClassifier()


@pytest.fixture(scope="module")
def samples(bars):
    """Short labels, so that every class is in every fold, as scikit-learn's scorers need."""
    labeller = TripleBarrierLabeller(horizon=6, cost_adjustment=None)
    return Samples(bars, labeller.fit_transform(bars))


@pytest.fixture(scope="module")
def cv(bars):
    return PurgedKFold(n_splits=3, embargo=0, bar_index=bars.index)


def by_hand(samples, cv, model=MODEL):
    out = np.empty((len(samples), 3))
    for train, test in cv.split(samples):
        out[test] = model.clone().fit(samples[train]).predict_proba(samples[test])
    return out


def test_cross_val_score_is_the_accuracy_of_the_folds(samples, cv):
    scores = cross_val_score(MODEL, samples, samples.y, cv=cv, error_score="raise")
    label = np.array([-1, 0, 1])[by_hand(samples, cv).argmax(axis=1)]
    expected = [(label[test] == samples.y[test]).mean() for _, test in cv.split(samples)]
    np.testing.assert_allclose(scores, expected)


def test_probability_scorers_work(samples, cv):
    result = cross_validate(
        MODEL, samples, samples.y, cv=cv, scoring=["neg_log_loss", "roc_auc_ovr"],
        error_score="raise",
    )  # fmt: skip
    proba = by_hand(samples, cv)
    for fold, (_, test) in enumerate(cv.split(samples)):
        expected = -log_loss(samples.y[test], proba[test], labels=[-1, 0, 1])
        assert result["test_neg_log_loss"][fold] == pytest.approx(expected)
    assert np.isfinite(result["test_roc_auc_ovr"]).all()


def test_cross_val_predict_gives_probabilities_in_class_order(samples, cv):
    proba = cross_val_predict(MODEL, samples, samples.y, cv=cv, method="predict_proba")
    assert np.array_equal(proba, by_hand(samples, cv))
    label = cross_val_predict(MODEL, samples, samples.y, cv=cv)
    assert np.array_equal(label, np.array([-1, 0, 1])[proba.argmax(axis=1)])


def test_a_class_missing_everywhere_is_an_error_not_a_wrong_column(samples, cv):
    flat = samples[samples.y != 0]
    with pytest.raises(DataError, match="needs every class among its labels"):
        cross_val_predict(MODEL, flat, flat.y, cv=cv, method="predict_proba")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_finds_the_best_by_hand(samples, cv, n_jobs):
    grid = {"LogisticClassifier__C": [1e-6, 0.1], "ReturnFeatures__lags": [(1,), (1, 5)]}
    search = GridSearchCV(
        MODEL, grid, cv=cv, scoring="neg_log_loss", n_jobs=n_jobs, error_score="raise"
    )
    search.fit(samples, samples.y)
    for params, mean in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        proba = by_hand(samples, cv, MODEL.clone().set_params(**params))
        losses = [
            -log_loss(samples.y[t], proba[t], labels=[-1, 0, 1]) for _, t in cv.split(samples)
        ]
        assert mean == pytest.approx(np.mean(losses))
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    best = search.best_estimator_
    assert (
        best.get_params()["LogisticClassifier__C"] == search.best_params_["LogisticClassifier__C"]
    )
    assert best.predict_proba(samples.bars).shape == (1200, 3)


def test_randomised_search(samples, cv):
    space = {"LogisticClassifier__C": [0.01, 0.1, 1.0]}
    search = RandomizedSearchCV(MODEL, space, n_iter=2, cv=cv, random_state=0)
    search.fit(samples, samples.y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.filterwarnings("ignore")
def test_models_run_in_the_benchmark_of_sktime(tmp_path):
    from sklearn.metrics import accuracy_score
    from sklearn.model_selection import KFold
    from sktime.benchmarking.classification import ClassificationBenchmark
    from sktime.utils._testing.panel import _make_panel

    panel = _make_panel(24, 2, 10, return_mtype="numpy3D", random_state=0)
    y = np.array(["a", "b"] * 12)
    benchmark = ClassificationBenchmark(id_format=None)
    benchmark.add_estimator(LogisticClassifier(), "logistic")
    benchmark.add_task(lambda: (panel, y), KFold(n_splits=3), [accuracy_score])
    results = benchmark.run(str(tmp_path / "results.csv"))
    assert len(results) == 1
    assert benchmark.failed_experiments == []
    scores = results.filter(like="accuracy").filter(like="fold").to_numpy(dtype=float)
    expected = []
    for train, test in KFold(n_splits=3).split(panel):
        model = LogisticClassifier().fit(panel[train], y[train])
        expected.append((model.predict(panel[test]) == y[test]).mean())
    np.testing.assert_allclose(np.sort(scores.ravel()), np.sort(expected))
