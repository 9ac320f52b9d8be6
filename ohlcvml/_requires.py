"""Optional packages: which extra brings them, and one error where they are missing."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from ohlcvml.exceptions import MissingDependencyError

# Packages by the extra that brings them, as pyproject.toml has them; a test compares the two. What
# is installed cannot be asked: of a package used from its sources nothing is known.
EXTRAS: dict[str, frozenset[str]] = {
    "boosting": frozenset({"xgboost"}),
    "forecast": frozenset({"neuralforecast"}),
    "foundation": frozenset(
        {"chronos-forecasting", "einops", "huggingface-hub", "timesfm", "torch", "transformers"}
    ),
    "neural": frozenset({"torch"}),
}
CORE = frozenset({"lightgbm"})
# Packages whose module has another name.
PACKAGE_OF = {
    "chronos": "chronos-forecasting",
    "huggingface_hub": "huggingface-hub",
}


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
    wanted = [f"ohlcvml[{','.join(extras)}]"] if extras else []
    wanted += [package for package in missing if package_name(package) not in brought]
    raise _missing(cls.__name__, missing, wanted)


def require(module: str, *, extra: str | None, who: str) -> Any:
    """Import an optional module where it is used.

    Parameters
    ----------
    module : str
        Dotted name, such as ``"matplotlib.pyplot"``.
    extra : str or None
        The extra of ohlcvml that brings it; None: it is installed by its own name.
    who : str
        What needs it, for the message.

    Returns
    -------
    module

    Raises
    ------
    MissingDependencyError
        It is not installed, or something that it imports is not. The message names the extra.

    Examples
    --------
    >>> from ohlcvml._requires import require
    >>> require("lightgbm", extra=None, who="example").__name__
    'lightgbm'
    """
    name = module.partition(".")[0]
    try:
        import_module(name)  # a part may be loaded where the whole no longer is
        return import_module(module)
    except ImportError as error:
        package = PACKAGE_OF.get(name, name)
        raise _missing(who, [package], [f"ohlcvml[{extra}]" if extra else package]) from error


def _missing(who: str, packages: list[str], wanted: list[str]) -> MissingDependencyError:
    named = f"package{'s' if len(packages) > 1 else ''} {', '.join(packages)}"
    command = " ".join(f"'{item}'" for item in wanted)
    return MissingDependencyError(f"{who} needs the {named}: pip install {command}.")


def package_name(requirement: str) -> str:
    """Normalised name of a requirement: ``chronos-forecasting`` of ``Chronos_Forecasting>=2``."""
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    return re.sub(r"[._-]+", "-", match[0]).lower() if match else requirement
