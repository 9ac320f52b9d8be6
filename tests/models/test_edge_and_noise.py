"""Every classifier finds a planted edge, and nothing where there is nothing."""

import numpy as np
import pytest

from ohlcvml.exceptions import OhlcvmlError
from ohlcvml.features import ReturnFeatures, VolumeFeatures
from ohlcvml.models import LogisticClassifier, SklearnClassifier
from ohlcvml.pipeline import BarPipeline
from ohlcvml.registry import all_estimators
from ohlcvml.testing import edge_table, planted_leaks
from tests.models.zoo import EXCEPTIONS, classifiers, is_pretrained, learner
from tests.registered import slow, without_networks

CLASSES = classifiers()
QUICK = without_networks()


def marked(classes):
    """Classes by name; networks but two are slow."""
    return [pytest.param(cls, id=cls.__name__, marks=slow(cls, QUICK)) for cls in classes]


LEARNING = marked(cls for cls in CLASSES if not is_pretrained(cls))


def distance(table):
    """Mean AUC from one half, in standard errors of the mean."""
    error = np.sqrt((table["standard_error"] ** 2).mean() / len(table))
    return (table["auc"].mean() - 0.5) / error


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", LEARNING)
def test_a_planted_edge_is_learned(cls):
    table = edge_table(learner(cls), edge=0.3)
    assert table["oracle"].mean() == pytest.approx(0.722, abs=0.02)
    assert 0.6 <= table["auc"].mean() < table["oracle"].mean()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", marked(CLASSES))
def test_nothing_is_found_in_noise(cls):
    table = edge_table(learner(cls), edge=0.0)
    assert table["rows"].min() >= 1900
    assert abs(distance(table)) <= 3.0


def test_a_leak_is_found_in_noise():
    """The measure is not blind: a mean that reaches into the future passes for skill."""
    leak = next(leak for leak in planted_leaks() if type(leak).__name__ == "CentredMean")
    table = edge_table(BarPipeline([("leak", leak), ("model", LogisticClassifier())]), edge=0.0)
    assert distance(table) > 3.0


def test_a_model_that_learns_nothing_has_no_edge():
    from sklearn.dummy import DummyClassifier

    table = edge_table(SklearnClassifier(DummyClassifier()), edge=0.3, seeds=(1000,))
    assert table["auc"].tolist() == [0.5]


def test_without_a_sign_there_is_nothing_to_find():
    """Returns carry the edge: volume alone finds less, and an oracle more, than both."""
    volume = edge_table(VolumeFeatures((5,)) * LogisticClassifier(), seeds=(1000, 1001))
    both = edge_table(LogisticClassifier(), seeds=(1000, 1001))
    assert (both["auc"] > volume["auc"]).all()
    assert (both["oracle"] > both["auc"]).all()


def test_the_same_seeds_give_the_same_table():
    model = LogisticClassifier()
    one = edge_table(model, seeds=(3,), n_train=300, n_test=300)
    assert one.equals(edge_table(model, seeds=(3,), n_train=300, n_test=300))
    assert not model.is_fitted
    pipeline = BarPipeline([("returns", ReturnFeatures((1,))), ("model", model)])
    assert not one.equals(edge_table(pipeline, seeds=(3,), n_train=300, n_test=300))


@pytest.mark.parametrize("wrong", [{"seeds": ()}, {"n_train": 10}, {"edge": "big"}])
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(OhlcvmlError, match=f"edge_table.*'{next(iter(wrong))}'"):
        edge_table(LogisticClassifier(), **wrong)
    with pytest.raises(OhlcvmlError, match=r"edge_table.*'model'"):
        edge_table(ReturnFeatures())


def test_exceptions_have_a_class_and_a_reason():
    assert set(EXCEPTIONS) <= {name for name, _ in all_estimators("classifier")}
    assert all(len(reason) > 20 for _, reason in EXCEPTIONS.values())
