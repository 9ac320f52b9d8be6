"""Every registered class as test cases; one whose packages are missing is skipped, and said so."""

import pytest
from sktime.utils.dependencies import _check_estimator_deps

from ohlcvml.registry import all_estimators

# Networks that the default run trains; ``-m slow`` trains them all.
TRAINED = {"DLinearClassifier", "LSTMClassifier"}


def installed(cls):
    """Whether the packages a class names are here; CI has them all."""
    return _check_estimator_deps(cls, severity="none")


def cases(kind=None, quick=None):
    """Classes of a kind, by name; those that are not among ``quick`` are slow."""
    return [
        pytest.param(cls, id=name, marks=[*absent(cls), *slow(cls, quick)])
        for name, cls in all_estimators(kind)
    ]


def absent(cls):
    """Mark of a class without its packages."""
    if installed(cls):
        return []
    return [pytest.mark.skip(f"{cls.get_class_tag('python_dependencies')} not installed")]


def slow(cls, quick):
    """Mark of a class that the default run leaves to ``-m slow``."""
    return [] if quick is None or cls.__name__ in quick else [pytest.mark.slow]


def needs_torch(cls):
    """Whether a class is a network, or takes one from elsewhere."""
    told = cls.get_class_tag("python_dependencies", None) or []
    return "torch" in ([told] if isinstance(told, str) else told) or ".pretrained" in cls.__module__


def without_networks():
    """Names of all classes but the networks, of which two are trained."""
    return {name for name, cls in all_estimators() if not needs_torch(cls) or name in TRAINED}


def one_of_each_base():
    """Names of classes, one for each base of ours: what a suite says of it, it says of the base."""
    first = {}
    for name, cls in sorted(all_estimators(), key=lambda pair: pair[0] not in TRAINED):
        bases = [b for b in cls.__mro__[1:] if b.__module__.startswith("ohlcvml.")]
        if installed(cls):
            first.setdefault(bases[0] if bases else cls, name)
    return set(first.values())
