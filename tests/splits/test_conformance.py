"""What we add to sktime's checks, which tests/contract runs."""

import pytest

from ohlcvml.registry import all_estimators
from ohlcvml.splits import CombinatorialPurgedCV, PurgedHoldout, PurgedKFold, WalkForward

EVERY = [CombinatorialPurgedCV, PurgedHoldout, PurgedKFold, WalkForward]


@pytest.mark.parametrize("cls", EVERY)
def test_test_parameters_move_every_parameter(cls):
    sets = [cls(**params).get_params() for params in cls.get_test_params()]
    assert len(sets) >= 2
    defaults = cls().get_params()
    for name, default in defaults.items():
        values = [params[name] for params in sets]
        assert any(value is not default for value in values), name


def test_two_sided_is_told_and_tagged():
    assert [cls().two_sided for cls in EVERY] == [True, False, True, False]
    assert all(cls.get_class_tag("is_production_safe") for cls in EVERY)
    assert all(cls.get_class_tag("split_hierarchical") for cls in EVERY)


def test_the_registry_lists_all_four():
    assert [cls for _, cls in all_estimators("splitter")] == EVERY
