"""Which packages a model needs, which extra brings them, and whether they are here."""

from __future__ import annotations

import re
from typing import Any

from ohlcvml.exceptions import MissingDependencyError

__all__ = [
    "EXTRAS",
    "extras_of",
    "missing_packages",
    "package_name",
    "packages_of",
    "require_packages",
]

# Packages by the extra that brings them, as pyproject.toml has them; a test compares the two. What
# is installed cannot be asked: of a package used from its sources nothing is known.
EXTRAS: dict[str, frozenset[str]] = {
    "boosting": frozenset({"xgboost"}),
    "forecast": frozenset({"neuralforecast"}),
    "foundation": frozenset(
        {"chronos-forecasting", "einops", "huggingface-hub", "timesfm", "torch"}
    ),
    "neural": frozenset({"torch"}),
}
CORE = frozenset({"lightgbm"})


def packages_of(cls: type) -> list[str]:
    """Packages beyond the core that a class says it needs, by its tag ``python_dependencies``.

    Examples
    --------
    >>> from ohlcvml.models import LightGBMClassifier, XGBoostClassifier
    >>> from ohlcvml._requires import packages_of
    >>> packages_of(XGBoostClassifier), packages_of(LightGBMClassifier)
    (['xgboost'], [])
    """
    tagged: Any = cls
    told = tagged.get_class_tag("python_dependencies") or []
    listed = [told] if isinstance(told, str) else list(told)
    return [item for item in listed if package_name(item) not in CORE]


def extras_of(cls: type) -> list[str]:
    """Fewest extras of ohlcvml that bring the packages of a class; empty where none is needed.

    Examples
    --------
    >>> from ohlcvml.models import LSTMClassifier, LogisticClassifier
    >>> from ohlcvml._requires import extras_of
    >>> extras_of(LSTMClassifier), extras_of(LogisticClassifier)
    (['neural'], [])
    """
    wanted = {package_name(item) for item in packages_of(cls)}
    chosen = []
    while wanted:
        brought = {extra: len(wanted & names) for extra, names in EXTRAS.items()}
        # Of extras that bring the same, the smaller.
        best = max(brought, key=lambda extra: (brought[extra], -len(EXTRAS[extra])))
        if brought[best] == 0:
            break
        chosen.append(best)
        wanted -= EXTRAS[best]
    return sorted(chosen)


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
    brought = frozenset().union(*(EXTRAS[extra] for extra in extras))
    wanted = [f"'ohlcvml[{','.join(extras)}]'"] if extras else []
    wanted += [f"'{package}'" for package in missing if package_name(package) not in brought]
    raise MissingDependencyError(
        f"{cls.__name__} needs the package{'s' if len(missing) > 1 else ''} {', '.join(missing)}: "
        f"pip install {' '.join(wanted)}."
    )


def package_name(requirement: str) -> str:
    """Normalised name of a requirement: ``chronos-forecasting`` of ``Chronos_Forecasting>=2``."""
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    return re.sub(r"[._-]+", "-", match[0]).lower() if match else requirement
