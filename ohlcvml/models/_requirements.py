"""Which packages a model needs, which extra brings them, and whether they are here."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

from ohlcvml.exceptions import MissingDependencyError

__all__ = ["extras_of", "missing_packages", "packages_of", "require_packages"]

# Extras that only gather what others bring.
GATHERING = frozenset({"all", "docs", "test"})


def packages_of(cls: type) -> list[str]:
    """Packages beyond the core that a class says it needs, by its tag ``python_dependencies``.

    Examples
    --------
    >>> from ohlcvml.models import LightGBMClassifier, XGBoostClassifier
    >>> from ohlcvml.models._requirements import packages_of
    >>> packages_of(XGBoostClassifier), packages_of(LightGBMClassifier)
    (['xgboost'], [])
    """
    tagged: Any = cls
    told = tagged.get_class_tag("python_dependencies") or []
    listed = [told] if isinstance(told, str) else list(told)
    core = _extras().get(None, set())
    return [item for item in listed if _name(item) not in core]


def extras_of(cls: type) -> list[str]:
    """Extras of ohlcvml that bring the packages of a class; empty where the core is enough."""
    wanted = {_name(item) for item in packages_of(cls)}
    return sorted(extra for extra, names in _extras().items() if extra and wanted & names)


def missing_packages(cls: type) -> list[str]:
    """Those of the packages of a class that are not installed."""
    from skbase.utils.dependencies import _check_soft_dependencies

    return [p for p in packages_of(cls) if not _check_soft_dependencies(p, severity="none")]


def require_packages(cls: type) -> None:
    """Raise ``MissingDependencyError``, with the extras to install, where a package is missing."""
    missing = missing_packages(cls)
    if not missing:
        return
    extras = extras_of(cls)
    brought = set().union(*(_extras()[extra] for extra in extras))
    wanted = [f"'ohlcvml[{','.join(extras)}]'"] if extras else []
    wanted += [f"'{package}'" for package in missing if _name(package) not in brought]
    raise MissingDependencyError(
        f"{cls.__name__} needs the package{'s' if len(missing) > 1 else ''} {', '.join(missing)}: "
        f"pip install {' '.join(wanted)}."
    )


def _extras() -> dict[str | None, set[str]]:
    """Names of the packages of each extra; under None those of the core."""
    try:
        lines = requires("ohlcvml") or []
    except PackageNotFoundError:  # used from its sources, not installed
        lines = []
    found: dict[str | None, set[str]] = {}
    for line in lines:
        marker = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        extra = marker[1] if marker else None
        if extra not in GATHERING and _name(line) != "ohlcvml":
            found.setdefault(extra, set()).add(_name(line))
    return found


def _name(requirement: str) -> str:
    """Normalised name of a requirement: ``chronos-forecasting`` of ``Chronos_Forecasting>=2``."""
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    return re.sub(r"[._-]+", "-", match[0]).lower() if match else requirement
