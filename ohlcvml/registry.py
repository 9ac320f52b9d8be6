"""The list of estimators, look-up by name, and our tags.

The registry is read from the package: every public class of a stage that is an sktime object is in
it, so the contract tests run on each new estimator by themselves.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from ohlcvml.exceptions import ParameterError

__all__ = [
    "OWN_TAGS",
    "STAGES",
    "adapter",
    "adapter_for",
    "all_estimators",
    "find_estimator",
    "register_tags",
]

# In the order of the flow: imports may only point left along this list (tests/test_imports.py).
STAGES: tuple[str, ...] = (
    "bars",
    "streams",
    "features",
    "regimes",
    "labels",
    "samples",
    "splits",
    "pipeline",
    "models",
    "ensembles",
    "calibration",
    "sizing",
    "evaluation",
    "tuning",
    "bundle",
    "serving",
    "monitoring",
    "report",
    "factory",
)
STAGES = tuple(stage for stage in STAGES if find_spec(f"ohlcvml.{stage}") is not None)

# name: (scitypes it belongs to, type, description)
OWN_TAGS: dict[str, tuple[str | list[str], Any, str]] = {
    "is_production_safe": ("object", "bool", "row t depends on nothing after row t; tested"),
    "representation": ("object", ("str", ["row", "window", "path"]), "what one sample looks like"),
    "model_family": ("object", "str", "family of the model, as listed on the command line"),
    "capability:pred_quantiles": ("object", "bool", "has predict_quantiles"),
    "capability:bundle": ("object", "bool", "can be written to a bundle"),
    "licence": ("object", "str", "SPDX licence of the model and of its weights"),
    "training_data_cutoff": (
        "object",
        "str",
        "ISO date after which no pretraining datum lies, 'unknown', or empty: nothing pretrained",
    ),
}


def register_tags() -> None:
    """Make our tags known to sktime. Idempotent; does not load ``sktime.tests``.

    Every package of ohlcvml that derives from sktime calls it when it is imported; ``import
    ohlcvml`` and ``ohlcvml.bars`` load no sktime.

    Examples
    --------
    >>> from sktime.registry import all_tags
    >>> from ohlcvml.registry import register_tags
    >>> register_tags()
    >>> "is_production_safe" in [tag[0] for tag in all_tags()]
    True
    """
    from sktime.registry import _tags

    for name, (scitype, kind, description) in OWN_TAGS.items():
        if name not in _tags.ESTIMATOR_TAG_LIST:
            _tags.ESTIMATOR_TAG_LIST.append(name)
            _tags.ESTIMATOR_TAG_REGISTER.append((name, scitype, kind, description))
    # If the test suite was imported before us, its copies of the list are already frozen.
    config: Any = sys.modules.get("sktime.tests._config")
    if config is not None:
        known = config.VALID_ESTIMATOR_TAGS
        config.VALID_ESTIMATOR_TAGS = tuple(dict.fromkeys((*known, *OWN_TAGS)))
    suite: Any = sys.modules.get("sktime.tests.test_all_estimators")
    if suite is not None:
        known = suite.PackageConfig.valid_tags
        suite.PackageConfig.valid_tags = tuple(dict.fromkeys((*known, *OWN_TAGS)))


def all_estimators(object_type: str | None = None) -> list[tuple[str, type]]:
    """List every public estimator of ohlcvml.

    Parameters
    ----------
    object_type : str or None, default=None
        Keep one sktime object type: ``"transformer"``, ``"classifier"`` or ``"splitter"``.

    Returns
    -------
    list of (str, type)
        Name and class, sorted by name.

    Examples
    --------
    >>> from ohlcvml.registry import all_estimators
    >>> [name for name, _ in all_estimators("splitter")][:2]
    ['CombinatorialPurgedCV', 'PurgedHoldout']
    """
    from skbase.base import BaseObject

    found: dict[str, type] = {}
    for stage in STAGES:
        package = import_module(f"ohlcvml.{stage}")
        for name in package.__all__:
            item = getattr(package, name)
            if not (isinstance(item, type) and issubclass(item, BaseObject)):
                continue
            if name.startswith("Base"):
                continue
            tagged: Any = item
            if object_type is None or tagged.get_class_tag("object_type") == object_type:
                found[name] = item
    return sorted(found.items())


def find_estimator(name: str) -> type:
    """Return the registered class called ``name``.

    Examples
    --------
    >>> from ohlcvml.registry import find_estimator
    >>> find_estimator("PurgedKFold").__name__
    'PurgedKFold'
    """
    classes = dict(all_estimators())
    if name not in classes:
        raise ParameterError(
            f"find_estimator: 'name' must be one of {', '.join(classes)}; got {name!r}."
        )
    return classes[name]


AnyType = TypeVar("AnyType", bound=type)
_adapters: list[Any] = []


def adapter(cls: AnyType) -> AnyType:
    """Make a class known to :func:`adapter_for`: a decorator.

    The class has a class method ``_adapts(obj)``, true for what ``cls(obj)`` wraps.

    Examples
    --------
    >>> from ohlcvml.models import SklearnClassifier
    >>> from ohlcvml.registry import adapter_for
    >>> from sklearn.naive_bayes import GaussianNB
    >>> SklearnClassifier._adapts(GaussianNB())  # the class is decorated with @adapter
    True
    """
    _adapters.append(cls)
    return cls


def adapter_for(obj: Any) -> Any:
    """Return ``obj`` as a classifier of bars: itself, or the estimator of ours that wraps it.

    Adapters make themselves known (:func:`adapter`), so a package asks for one without naming a
    class of a later stage.

    Parameters
    ----------
    obj : object
        A bar classifier, a classifier of scikit-learn, a search of scikit-learn over a bar
        classifier, or a forecaster of sktime.

    Raises
    ------
    ParameterError
        No class takes it.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from ohlcvml.registry import adapter_for
    >>> adapter_for(GaussianNB())
    SklearnClassifier(estimator=GaussianNB())
    """
    if hasattr(obj, "predict_signal") and not isinstance(obj, type):
        return obj
    for stage in STAGES:
        import_module(f"ohlcvml.{stage}")
    for cls in _adapters:
        if cls._adapts(obj):
            return cls(obj)
    raise ParameterError(
        "adapter_for: 'obj' must be a bar classifier, a scikit-learn classifier or search, or an "
        f"sktime forecaster, as an object; got {type(obj).__name__} ({obj!r})."
    )
