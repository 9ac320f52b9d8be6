"""Every registered class as test cases; one whose packages are missing is skipped, and said so."""

import pytest
from sktime.utils.dependencies import _check_estimator_deps

from ohlcvml.registry import all_estimators


def installed(cls):
    """Whether the packages a class names are here; CI has them all."""
    return _check_estimator_deps(cls, severity="none")


def cases(kind=None):
    """Classes of a kind, by name."""
    return [
        pytest.param(cls, id=name, marks=() if installed(cls) else absent(cls))
        for name, cls in all_estimators(kind)
    ]


def absent(cls):
    """Mark of a class without its packages."""
    return pytest.mark.skip(f"{cls.get_class_tag('python_dependencies')} not installed")
