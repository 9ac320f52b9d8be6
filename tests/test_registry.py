"""The registry finds every estimator; our tags are known to sktime and true."""

import subprocess
import sys

import pytest
from skbase.base import BaseObject
from sktime.registry import all_tags

from ohlcvml import registry
from ohlcvml.exceptions import ParameterError
from ohlcvml.registry import OWN_TAGS, all_estimators, find_estimator, register_tags


def test_kinds_partition_the_registry():
    everything = dict(all_estimators())
    kinds = [dict(all_estimators(k)) for k in ("transformer", "classifier", "splitter")]
    assert sum(map(len, kinds)) == len(everything)
    assert {**kinds[0], **kinds[1], **kinds[2]} == everything
    assert list(everything) == sorted(everything)


def test_every_estimator_class_of_the_package_is_public():
    """Subclasses defined in a stage, but listed in no ``__all__``, would escape every law."""
    listed = {cls for _, cls in all_estimators()}

    def below(cls):
        for sub in cls.__subclasses__():
            yield sub
            yield from below(sub)

    bases = {base for cls in listed for base in cls.__mro__[1:]}
    own = {
        cls
        for cls in set(below(BaseObject)) - bases
        if cls.__module__.startswith("ohlcvml.")
        and not cls.__module__.startswith("ohlcvml.testing")
        and not cls.__name__.startswith(("_", "Base"))
        # An example in a docstring defines classes that its module does not hold.
        and getattr(sys.modules[cls.__module__], cls.__name__, None) is cls
    }
    assert own == listed


def test_names_are_looked_up():
    assert find_estimator("LogisticClassifier").__name__ == "LogisticClassifier"
    with pytest.raises(ParameterError, match=r"'name' must be one of .*WalkForward.*; got 'Nope'"):
        find_estimator("Nope")


@pytest.mark.parametrize("tag", OWN_TAGS)
def test_tags_are_known_to_sktime(tag):
    assert [name for name, *_ in all_tags()].count(tag) == 1


def test_registering_twice_changes_nothing():
    from sktime.registry import _tags

    before = len(_tags.ESTIMATOR_TAG_LIST), len(_tags.ESTIMATOR_TAG_REGISTER)
    register_tags()
    assert (len(_tags.ESTIMATOR_TAG_LIST), len(_tags.ESTIMATOR_TAG_REGISTER)) == before


def test_tags_reach_a_suite_that_was_imported_first():
    code = (
        "import sktime.tests.test_all_estimators as suite\n"
        "import ohlcvml.splits\n"
        "assert 'is_production_safe' in suite.PackageConfig.valid_tags\n"
        "from sktime.utils.estimator_checks import check_estimator\n"
        "from ohlcvml.splits import WalkForward\n"
        "results = check_estimator(WalkForward, raise_exceptions=True, verbose=False)\n"
        "assert set(results.values()) == {'PASSED'}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_estimator_says_what_it_is():
    for name, cls in all_estimators():
        assert cls.get_class_tag("is_production_safe") in (True, False), name
        if cls.get_class_tag("object_type") == "classifier":
            assert cls.get_class_tag("representation") in ("row", "window", "path"), name
            assert cls.get_class_tag("licence"), name
            assert cls.get_class_tag("model_family"), name
            assert cls.get_class_tag("capability:bundle") in (True, False), name


def test_random_state_is_told():
    for name, cls in all_estimators():
        told = cls.get_class_tag("capability:random_state", False)
        assert bool(told) == ("random_state" in cls.get_param_names()), name


def test_stages_are_those_that_exist():
    assert registry.STAGES[:3] == ("bars", "streams", "features")
    assert all(__import__(f"ohlcvml.{stage}") for stage in registry.STAGES)
