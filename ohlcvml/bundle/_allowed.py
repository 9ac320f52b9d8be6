"""What may stand in a bundle: class paths and trusted types, in code only.

A bundle holds class *paths*; a path is looked up in the tables below and never imported by its
text. So nothing a bundle contains can extend the list: only code of the process that loads it can
(:func:`allow_class`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from ohlcvml.exceptions import BundleError
from ohlcvml.registry import all_estimators

AnyType = TypeVar("AnyType", bound=type)

# sktime classes read for this list: no parameter of theirs is code, a name of code or a file.
SKTIME_CLASSES: tuple[str, ...] = (
    "sktime.classification.dummy.DummyClassifier",
    "sktime.forecasting.naive.NaiveForecaster",
    "sktime.forecasting.theta.ThetaForecaster",
    "sktime.transformations.adapt.TabularToSeriesAdaptor",
    "sktime.transformations.boxcox.BoxCoxTransformer",
    "sktime.transformations.boxcox.LogTransformer",
    "sktime.transformations.compose.FeatureUnion",
    "sktime.transformations.compose.Id",
    "sktime.transformations.compose.TransformerPipeline",
    "sktime.transformations.exponent.ExponentTransformer",
)
ENUMS: tuple[str, ...] = ("sktime.datatypes._dtypekind.DtypeKind",)
DATACLASSES: tuple[str, ...] = (
    "ohlcvml.bars.Contract",
    "ohlcvml.bars.Costs",
    "ohlcvml.labels.LabelSpec",
    "ohlcvml.models.TrainingOptions",
)
FIXED = frozenset((*SKTIME_CLASSES, *ENUMS, *DATACLASSES))

# Networks are modules, not sktime objects, so the registry does not list them.
NETWORKS = ("ohlcvml.models.neural.networks", "ohlcvml.models.paths.networks")

# Types skops does not trust by default, each read for this list. Tree and TreePredictor are raw
# memory: ohlcvml.bundle._trees checks their node numbers before anything uses them.
SKOPS_TRUSTED: tuple[str, ...] = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
)

_added: dict[str, type] = {}


def allow_class(cls: AnyType) -> AnyType:
    """Let bundles hold ``cls``, for the rest of this process.

    For estimators, enums, frozen dataclasses and torch modules (with a ``config`` dict) of your
    own code. It must be called before saving and, in the process that loads, before loading.
    Usable as a decorator.

    Parameters
    ----------
    cls : type
        The class itself; a name is not accepted, so that text from a file never becomes code.

    Returns
    -------
    type
        ``cls``.

    Examples
    --------
    >>> from enum import Enum
    >>> from ohlcvml.bundle import allow_class
    >>> @allow_class
    ... class Side(Enum):
    ...     LONG = 1
    >>> Side.LONG.name
    'LONG'
    """
    if not isinstance(cls, type):
        raise BundleError(
            f"allow_class: 'cls' must be a class; got {cls!r}. Import the class and pass it."
        )
    if _kind(cls) is None:
        raise BundleError(
            f"allow_class: 'cls' must be an sktime object, an enum, a frozen dataclass or a torch "
            f"module; got {cls.__module__}.{cls.__qualname__}. Keep its values as numbers, "
            "strings, lists, dicts or arrays instead."
        )
    _added[_defined_at(cls)] = cls
    return cls


def path_of(cls: type) -> str | None:
    """Path under which ``cls`` stands in a bundle; None when it may not."""
    path = _defined_at(cls)
    if _added.get(path) is cls:
        return path
    for path in FIXED:
        if path.endswith(f".{cls.__qualname__}") and _fixed(path) is cls:
            return path
    own = _networks() if _kind(cls) == "network" else _own_classes()
    return next((path for path, known in own.items() if known is cls), None)


def class_at(path: Any, kind: str) -> type:
    """Return the class of ``kind`` that stands for ``path``.

    Parameters
    ----------
    path : str
        A path written by :func:`path_of`.
    kind : {"estimator", "enum", "dataclass", "network"}
        What the place in the file needs.

    Raises
    ------
    BundleError
        The path is not in the allow-list, or is of another kind.
    """
    cls: type | None = None
    if isinstance(path, str):
        cls = _added.get(path)
        if cls is None and path in FIXED:
            cls = _fixed(path)
        if cls is None:
            cls = (_networks() if kind == "network" else _own_classes()).get(path)
    if cls is None or _kind(cls) != kind:
        raise BundleError(
            f"load: the bundle names the class {path!r} as {kind}, which is not in the allow-list "
            "of this version of ohlcvml. If it is your own class, call "
            "ohlcvml.bundle.allow_class(cls) before loading; otherwise do not trust the bundle."
        )
    return cls


def _defined_at(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _kind(cls: type) -> str | None:
    from skbase.base import BaseObject

    if issubclass(cls, BaseObject):
        return "estimator"
    if issubclass(cls, Enum):
        return "enum"
    if is_dataclass(cls) and cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return "dataclass"
    if any(_defined_at(base) == "torch.nn.modules.module.Module" for base in cls.__mro__):
        return "network"
    return None


@lru_cache(maxsize=1)
def _own_classes() -> dict[str, type]:
    """Every registered estimator under its public path ``ohlcvml.<stage>.<name>``."""
    return {
        f"{'.'.join(cls.__module__.split('.')[:2])}.{name}": cls for name, cls in all_estimators()
    }


@lru_cache(maxsize=64)
def _fixed(path: str) -> type | None:
    """Resolve an entry of the tuples above, which are code and not input."""
    module, _, name = path.rpartition(".")
    cls = getattr(import_module(module), name, None)
    return cls if isinstance(cls, type) else None


def _networks() -> dict[str, type]:
    """Every public network of the zoo. Imported only when a bundle holds a network."""
    found: dict[str, type] = {}
    for folder in NETWORKS:
        if not all(find_spec(parent) is not None for parent in _parents(folder)):
            continue
        package = import_module(folder)
        public = {name: getattr(package, name) for name in package.__all__}
        found |= {
            f"{folder}.{name}": item for name, item in public.items() if isinstance(item, type)
        }
    return found


def _parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[: n + 1]) for n in range(len(parts)))
