"""Our laws, for every registered class, and the laws themselves on estimators that break them."""

import numpy as np
import pytest

from ohlcvml._identity import RESOURCE_PARAMETERS
from ohlcvml.features import ReturnFeatures
from ohlcvml.models import LogisticClassifier
from ohlcvml.registry import all_estimators
from ohlcvml.splits import PurgedKFold
from ohlcvml.testing import LawBroken, check_estimator
from ohlcvml.testing._check import laws_of
from tests.registered import cases, without_networks

CLASSES = [cls for _, cls in all_estimators()]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", cases(quick=without_networks()))
def test_every_law_holds_for_the_first_parameters(cls):
    instance = cls.create_test_instance()
    results = check_estimator(instance, sktime_suite=False, raise_exceptions=True)
    laws, _ = laws_of(instance)  # those of the class ask all its parameters, slowly
    assert set(results.values()) == {"PASSED"}
    assert len(results) == len(laws) >= 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", cases())
def test_every_law_holds(cls):
    results = check_estimator(cls, sktime_suite=False, raise_exceptions=True)
    laws, class_laws = laws_of(cls.create_test_instance())
    sets = len(cls.get_test_params())
    assert sets >= 2
    assert set(results.values()) == {"PASSED"}
    assert len(results) == len(laws) * sets + len(class_laws) >= 5


def test_only_labellers_may_look_ahead():
    unsafe = {cls for cls in CLASSES if not cls.get_class_tag("is_production_safe", False)}
    assert {cls.__name__ for cls in unsafe} == {"FixedHorizonLabeller", "TripleBarrierLabeller"}


class LateReturns(ReturnFeatures):
    """Says that it needs one bar more than it does."""

    @property
    def lookback(self):
        return super().lookback + 1


class HastyReturns(ReturnFeatures):
    """Says that it needs one bar less than it does."""

    @property
    def lookback(self):
        return super().lookback - 1


class CallCounting(ReturnFeatures):
    """Transforms of one object differ from call to call, so a stream differs from its batch."""

    calls = 0

    def _transform(self, X, y=None):
        type(self).calls += 1
        return super()._transform(X) + 1e-12 * type(self).calls


class BatchCentred(LogisticClassifier):
    """Centres the rows it is asked about, so that its answers depend on one another."""

    def _predict_rows(self, values):
        return super()._predict_rows(values - values.mean(axis=0))


class Forgetful(LogisticClassifier):
    """Uses the global random state."""

    def _fit_rows(self, values, codes, n_codes, weight):
        super()._fit_rows(values, codes, n_codes, weight)
        self.intercept_ = self.intercept_ + np.random.rand()  # noqa: NPY002


class Unguarded(LogisticClassifier):
    """Answers for the rows it was fitted on."""

    def predict_proba(self, X):
        return (
            self._answer_at(X, X.pos).probabilities
            if hasattr(X, "pos")
            else super().predict_proba(X)
        )


class DeadParameter(PurgedKFold):
    """Does not use its embargo."""

    def _embargo(self, rows):
        return None


BROKEN = {
    LateReturns: "lookback_holds_and_is_tight",
    HastyReturns: "lookback_holds_and_is_tight",
    CallCounting: "batch_equals_stream",
    BatchCentred: "batch_mates_do_not_matter",
    Forgetful: "caller_is_left_alone",
    Unguarded: "training_rows_are_refused",
    DeadParameter: "every_parameter_has_an_effect",
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_what_breaks_a_law_is_caught(cls):
    results = check_estimator(cls, sktime_suite=False)
    broken = {name.split("[")[0] for name, result in results.items() if result != "PASSED"}
    assert BROKEN[cls] in broken


def test_the_first_failure_can_be_raised():
    with pytest.raises(LawBroken, match="more than its lookback"):
        check_estimator(HastyReturns(), sktime_suite=False, raise_exceptions=True)


def test_what_has_no_laws_is_refused():
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(TypeError, match="transformer, labeller, splitter or bar classifier"):
        check_estimator(LogisticRegression(), sktime_suite=False)


def test_resource_parameters_are_few():
    assert set(RESOURCE_PARAMETERS) == {
        *("n_jobs", "verbose", "progress", "backend", "backend_params", "device", "cache"),
        *("checkpoint", "inference_batch_size"),
    }
