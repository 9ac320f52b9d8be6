"""Parts of a model that a file or a command line gives by name: estimators of other packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from skbase.utils.dependencies import _check_estimator_deps

from ohlcvml.exceptions import MissingDependencyError, ParameterError


def _sklearn_classifier(name: str) -> Any:
    from sklearn.utils import all_estimators as of_sklearn

    found = {key: cls for key, cls in of_sklearn("classifier") if hasattr(cls, "predict_proba")}
    return _made(found, name, "a scikit-learn classifier with predict_proba")


def _sktime_forecaster(name: str) -> Any:
    from sktime.registry import all_estimators as of_sktime

    return _made(dict(of_sktime("forecaster")), name, "a forecaster of sktime")


# Parameters that are estimators and may be given by a class name of another package; what is
# looked up is that package's own list, so a name in a file never imports anything else.
PARTS: dict[tuple[str, str], tuple[Callable[[str], Any], str]] = {
    ("ForecastClassifier", "forecaster"): (_sktime_forecaster, "NaiveForecaster"),
    ("SklearnClassifier", "estimator"): (_sklearn_classifier, "ExtraTreesClassifier"),
}


def as_part(cls: type, key: str, value: Any) -> Any:
    """The estimator that a class name stands for in parameter ``key`` of ``cls``; else the value.

    Examples
    --------
    >>> from ohlcvml.models import SklearnClassifier
    >>> from ohlcvml.models.configs._named_parts import as_part
    >>> as_part(SklearnClassifier, "estimator", "GaussianNB")
    GaussianNB()
    """
    tagged: Any = cls
    if not isinstance(value, str) or (cls.__name__, key) not in PARTS:
        return value
    # A word that the class itself takes stays one: "random_walk".
    known = tagged._parameter_rules[key].accepts(value)
    return value if known else PARTS[cls.__name__, key][0](value)


def how_to_name(cls: type, key: str) -> str:
    """What to write for a parameter without a default."""
    if (cls.__name__, key) not in PARTS:
        return "Use it from Python."
    example = PARTS[cls.__name__, key][1]
    return (
        f"Pass a class name, for example {key}={example}; its own parameters have two underscores: "
        f"{key}__random_state=0."
    )


def _made(classes: Mapping[str, type], name: str, what: str) -> Any:
    if name not in classes:
        close = [known for known in classes if known.lower() == name.lower()]
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ParameterError(f"models: {name!r} is not the class name of {what}.{hint}")
    tagged: Any = classes[name]
    if hasattr(tagged, "get_class_tag") and not _check_estimator_deps(tagged, severity="none"):
        told = tagged.get_class_tag("python_dependencies")
        listed = told if isinstance(told, str) else ", ".join(map(str, told))
        raise MissingDependencyError(
            f"{name} needs {listed}, of which something is not installed. Install it with pip."
        )
    try:
        return classes[name]()
    except TypeError as error:
        raise ParameterError(
            f"models: {name} cannot be made without parameters ({error}). Use it from Python."
        ) from error
