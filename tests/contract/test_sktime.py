"""sktime's own suite, with nothing skipped: by default on one class of each base, slowly on all."""

import pytest
from sktime.utils.estimator_checks import check_estimator

from ohlcvml.registry import all_estimators
from tests.registered import cases, one_of_each_base, without_networks

CLASSES = [cls for _, cls in all_estimators()]
LEAST = {"classifier": 190, "transformer": 270, "splitter": 40}  # checks of a trivial estimator
LEAST_UNIVARIATE = 150  # of a classifier of one channel: no scenario has several
LEAST_SUPERVISED = 80  # of a transformer that needs a target: most of sktime's scenarios have none


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cls", cases(quick=one_of_each_base() & without_networks()))
def test_every_check_of_sktime_passes(cls):
    results = check_estimator(cls, raise_exceptions=True, verbose=False)
    assert set(results.values()) == {"PASSED"}
    assert len(results) >= least(cls)


def least(cls):
    """Checks that a class has to pass at least."""
    if cls.get_class_tag("requires_y", False):
        return LEAST_SUPERVISED
    kind = cls.get_class_tag("object_type")
    if kind == "classifier" and not cls.get_class_tag("capability:multivariate"):
        return LEAST_UNIVARIATE
    return LEAST[kind]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_no_class_skips_tests(cls):
    tags = cls.get_class_tags()
    assert not any(tags[name] for name in tags if name.startswith("tests:skip"))


def test_the_registry_is_not_empty_of_any_kind():
    kinds = [cls.get_class_tag("object_type") for cls in CLASSES]
    assert {kind: kinds.count(kind) >= 4 for kind in LEAST} == dict.fromkeys(LEAST, True)
