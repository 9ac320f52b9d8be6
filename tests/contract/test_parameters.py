"""Every parameter of every estimator has a rule, and the rule's message says what is wrong."""

import inspect

import pytest

from ohlcvml.exceptions import OhlcvmlError
from ohlcvml.registry import all_estimators
from tests.registered import installed

# Without its packages sktime builds a class unchecked, so that it can be listed.
CLASSES = [cls for _, cls in all_estimators() if installed(cls)]
FREE = "anything"  # checked where it is used


def parameters(cls):
    return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]


def ruled(*, free):
    """Classes and parameters whose values are free until they are used, or are not."""
    for cls in CLASSES:
        for name in parameters(cls):
            # label_ends are matched with the rows when these are known: tests/splits
            if name != "label_ends" and (cls._parameter_rules[name].text == FREE) == free:
                yield cls, name


def error_of(call, *arguments, **given):
    """The error of a call as text; empty where none came, or none of ours."""
    try:
        call(*arguments, **given)
    except ValueError as error:
        return str(error) if isinstance(error, OhlcvmlError) else ""
    return ""


def test_rules_are_those_of_the_constructor():
    odd = [cls.__name__ for cls in CLASSES if set(cls._parameter_rules) != set(parameters(cls))]
    assert not odd


def test_defaults_keep_the_rules():
    broken = [
        (cls.__name__, name)
        for cls in CLASSES
        for name, default in cls.get_param_defaults().items()
        if not cls._parameter_rules[name].accepts(default)
    ]
    assert not broken


def test_a_bad_value_is_named():
    silent = []
    for cls, name in ruled(free=False):
        rule = cls._parameter_rules[name]
        told = error_of(cls, **{**cls.get_test_params()[0], name: rule.bad})
        if not all(part in told for part in (cls.__name__, repr(name), rule.text, repr(rule.bad))):
            silent.append((cls.__name__, name, told))
    assert not silent


def test_set_params_checks_too():
    silent = []
    for cls, name in ruled(free=False):
        one = cls.create_test_instance()
        if name not in error_of(one.set_params, **{name: cls._parameter_rules[name].bad}):
            silent.append((cls.__name__, name))
    assert not silent


@pytest.mark.parametrize("bad", [7, [], "scaler", None])
def test_parts_are_checked_where_they_are_used(bad):
    silent = []
    for cls, name in ruled(free=True):
        told = error_of(cls, **{**cls.get_test_params()[0], name: bad})
        if f"{cls.__name__}: parameter '{name}'" not in told:
            silent.append((cls.__name__, name, told))
    assert not silent
