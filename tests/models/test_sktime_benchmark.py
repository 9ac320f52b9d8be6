"""Every classifier runs in sktime's own benchmark, beside sktime's own classifier."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold
from sktime.benchmarking.classification import ClassificationBenchmark
from sktime.classification.dummy import DummyClassifier

from tests.models.zoo import classifiers

MODELS = {cls.__name__: cls.create_test_instance() for cls in classifiers()}


def load_windows():
    """Forty windows of a channel that drifts with the class: models of paths take one."""
    generator = np.random.default_rng(0)
    y = np.tile(["down", "up"], 20)
    X = generator.normal(size=(40, 1, 24))
    X[:, 0] += np.where(y == "up", 1.0, -1.0)[:, None]
    return X.cumsum(axis=2), y


@pytest.fixture(scope="module")
def benchmark():
    """Run; what fails is swallowed and kept in ``failed_experiments``."""
    benchmark = ClassificationBenchmark()
    benchmark.add_estimator({**MODELS, "dummy": DummyClassifier()})
    # An explicit splitter: None or a number of folds would shuffle.
    benchmark.add_task(load_windows, KFold(2), [accuracy_score], task_id="windows")
    return benchmark, benchmark.run().set_index("model_id")


@pytest.mark.filterwarnings("ignore")
def test_no_experiment_failed(benchmark):
    ran, table = benchmark
    assert [record.model_id for record in ran.failed_experiments] == []
    assert set(table.index) == {*MODELS, "dummy"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_every_fold_has_a_score(benchmark, name):
    _, table = benchmark
    scores = table.loc[name, ["accuracy_score_fold_0_test", "accuracy_score_fold_1_test"]]
    assert scores.between(0.0, 1.0).all()


@pytest.mark.filterwarnings("ignore")
def test_what_fails_would_be_seen():
    from ohlcvml.models import LogisticClassifier

    class Broken(LogisticClassifier):
        def _fit(self, X, y):
            raise ValueError("on purpose")

    benchmark = ClassificationBenchmark()
    benchmark.add_estimator(Broken())
    benchmark.add_task(load_windows, KFold(2), [accuracy_score])
    benchmark.run()
    assert [record.exception_message for record in benchmark.failed_experiments] == ["on purpose"]
