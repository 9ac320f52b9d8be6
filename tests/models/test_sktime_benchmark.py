"""Every classifier runs in sktime's own benchmark, beside sktime's own classifier."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold
from sktime.benchmarking.classification import ClassificationBenchmark
from sktime.classification.dummy import DummyClassifier

from tests.models.zoo import classifiers

MODELS = {cls.__name__: cls.create_test_instance() for cls in classifiers()}


def load_windows(n_channels=2):
    """Forty windows, whose first channel drifts with the class."""
    generator = np.random.default_rng(0)
    y = np.tile(["down", "up"], 20)
    X = generator.normal(size=(40, n_channels, 24))
    X[:, 0] += np.where(y == "up", 1.0, -1.0)[:, None]
    return X.cumsum(axis=2), y


@pytest.fixture(scope="module")
def benchmark():
    """Run; what fails is swallowed by sktime and kept."""
    failed, tables = [], []
    for n_channels in (2, 1):  # models of price paths take one
        benchmark = ClassificationBenchmark()
        several = n_channels > 1
        mine = {k: v for k, v in MODELS.items() if v.get_tag("capability:multivariate") == several}
        benchmark.add_estimator({**mine, **({"dummy": DummyClassifier()} if several else {})})
        # An explicit splitter: None or a number of folds would shuffle.
        load = partial(load_windows, n_channels)
        benchmark.add_task(load, KFold(2), [accuracy_score], task_id="windows")
        tables.append(benchmark.run().set_index("model_id"))
        failed += benchmark.failed_experiments
    return failed, pd.concat(tables)


@pytest.mark.filterwarnings("ignore")
def test_no_experiment_failed(benchmark):
    failed, table = benchmark
    assert [record.model_id for record in failed] == []
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
