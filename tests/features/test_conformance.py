"""sktime's own test suite, class by class."""

import pytest
from skbase.base import BaseObject
from sktime.utils.estimator_checks import check_estimator

import ohlcvml.features as features

CLASSES = [
    cls
    for name, cls in vars(features).items()
    if isinstance(cls, type) and issubclass(cls, BaseObject) and not name.startswith("Base")
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_sktime_contract(cls):
    results = check_estimator(cls, raise_exceptions=True, verbose=False)
    assert set(results.values()) == {"PASSED"}
