"""Configurations of models: the YAML files that ship, those of users, and models made of them.

A file holds ``model`` (the class) and ``params`` (parameters of its constructor). The files in
``configs/`` spell out the defaults of the constructors; a test holds the two equal. What a file
leaves out keeps its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from ohlcvml._requires import require_packages
from ohlcvml.exceptions import ParameterError
from ohlcvml.models.configs._named_parts import as_part, how_to_name
from ohlcvml.models.configs._plan import nested_form, replacement
from ohlcvml.pipeline import BarPipeline, BaseBarClassifier
from ohlcvml.registry import all_estimators

KEYS = ("model", "params")
SUFFIXES = (".yaml", ".yml")


def model_classes() -> dict[str, type[BaseBarClassifier]]:
    """Models by their short name: the class name without suffix, lower case."""
    return {
        name.removesuffix("Classifier").lower(): cls
        for name, cls in all_estimators("classifier")
        if issubclass(cls, BaseBarClassifier) and cls is not BarPipeline
    }


def find_model(name: str) -> tuple[str, type[BaseBarClassifier]]:
    """Short name and class of a model, by short name or class name."""
    classes = model_classes()
    short = str(name).lower().removesuffix("classifier")
    if short not in classes:
        told = replacement(str(name))
        raise ParameterError(
            f"models: 'model' must be one of {', '.join(sorted(classes))}, or a YAML file with the "
            f"keys model and params; got {name!r}.{' ' if told else ''}{told}"
        )
    return short, classes[short]


def model_config(name: str | Path) -> dict[str, Any]:
    """Configuration of a model: the shipped one, or that of a YAML file of your own.

    Parameters
    ----------
    name : str or Path
        Short name (``"lightgbm"``), class name (``"LightGBMClassifier"``), or the path of a file
        that ends in ``.yaml`` or ``.yml``.

    Returns
    -------
    dict
        ``model``, the class name, and ``params``, constructor parameters by name; lists of the file
        as tuples.

    Raises
    ------
    ParameterError
        If there is no such model, or the file cannot be read or holds anything else.

    Examples
    --------
    >>> from ohlcvml.models import model_config
    >>> model_config("logistic")["params"]
    {'C': 0.01, 'max_iter': 500, 'tol': 0.0001, 'class_weight': None}
    """
    if is_file_name(name):
        path = Path(name)
        try:
            return _checked(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"models: {path} cannot be read: {error}.") from error
    short, _ = find_model(str(name))
    shipped = files("ohlcvml.models.configs").joinpath(f"{short}.yaml")
    return _checked(shipped.read_text(encoding="utf-8"), shipped.name)


def make_model(name: str | Path, **overrides: Any) -> BaseBarClassifier:
    """Make a model from its configuration.

    Parameters
    ----------
    name : str or Path
        As for :func:`model_config`.
    **overrides
        Parameters of the model in place of those of the configuration. Parameters of parts are
        reached by two underscores (``training__max_epochs=5``) or by a dict
        (``training={"max_epochs": 5}``). A part that is an estimator may be given by its class
        name: a scikit-learn classifier in ``SklearnClassifier``.

    Returns
    -------
    BaseBarClassifier
        Not fitted.

    Raises
    ------
    ParameterError
        For parameters that the model does not have or that break its rules.
    MissingDependencyError
        If a package is missing; the message names the extra.

    Examples
    --------
    >>> from ohlcvml.models import make_model
    >>> make_model("lightgbm", n_estimators=50)
    LightGBMClassifier(n_estimators=50)
    >>> make_model("sklearn", estimator="GaussianNB", estimator__var_smoothing=1e-6)
    SklearnClassifier(estimator=GaussianNB(var_smoothing=1e-06))
    """
    config = model_config(name)
    short, cls = find_model(config["model"])
    require_packages(cls)
    params, overrides = flat_parameters(config["params"]), flat_parameters(overrides)
    # An object given whole replaces what the configuration says of its parts.
    params = {key: v for key, v in params.items() if key.split("__")[0] not in overrides}
    params.update(overrides)
    names = cls.get_param_names()
    unknown = sorted(key for key in params if key.split("__")[0] not in names)
    if unknown:
        raise ParameterError(
            f"models: parameters of {short} must be one of {', '.join(names)}; got "
            f"{', '.join(unknown)}."
        )
    plain = {key: as_part(cls, key, v) for key, v in params.items() if "__" not in key}
    required = [key for key in names if key not in plain | cls.get_param_defaults()]
    if required:
        raise ParameterError(
            f"models: {short} needs {', '.join(required)}, which has no default; got none. "
            f"{how_to_name(cls, required[0])}"
        )
    model = cls(**plain)
    nested = {key: v for key, v in params.items() if "__" in key}
    if nested:
        _set_nested(model, nested, short)
    return model


def _set_nested(model: BaseBarClassifier, nested: dict[str, Any], short: str) -> None:
    try:
        model.set_params(**nested)
    except ParameterError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise ParameterError(
            f"models: {short} has no part that takes {', '.join(nested)}; got {nested!r} ({error})."
        ) from error


def is_file_name(name: str | Path) -> bool:
    """Whether a name is that of a YAML file."""
    return isinstance(name, Path) or str(name).lower().endswith(SUFFIXES)


def flat_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of parts by two underscores, where they came as mappings.

    Examples
    --------
    >>> from ohlcvml.models.configs._configs import flat_parameters
    >>> flat_parameters({"window": 32, "training": {"max_epochs": 5}})
    {'window': 32, 'training__max_epochs': 5}
    """
    out: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            inner = flat_parameters(value)
            out.update({f"{name}__{key}": item for key, item in inner.items()})
        else:
            out[str(name)] = value
    return out


# ---- reading
def _checked(text: str, where: str) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ParameterError(f"models: {where} is not valid YAML: {error}.") from error
    if not isinstance(loaded, dict) or not set(loaded) <= set(KEYS) or "model" not in loaded:
        got = ", ".join(map(str, loaded)) if isinstance(loaded, dict) else type(loaded).__name__
        raise ParameterError(
            f"models: {where} must hold the keys model and params, and no other; got {got}."
            f"{_remedy(loaded)}"
        )
    params = loaded.get("params") or {}
    if not isinstance(params, dict):
        raise ParameterError(
            f"models: 'params' of {where} must hold names and values; got {params!r}."
        )
    _, cls = find_model(loaded["model"])
    return {"model": cls.__name__, "params": _values(params)}


def _remedy(loaded: Any) -> str:
    """Show a flat file as the nested one it should be."""
    if not isinstance(loaded, dict) or "model" not in loaded:
        return ""
    _, cls = find_model(str(loaded["model"]))
    shown = nested_form(
        {str(key): value for key, value in loaded.items()},
        trains="training" in cls.get_param_names(),
    )
    return f" Parameters stand under params; write:\n{shown}"


def _values(value: Any) -> Any:
    """Lists as tuples, as constructors have them; numbers as numbers."""
    if isinstance(value, dict):
        return {str(key): _values(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_values(item) for item in value)
    return as_number(value)


def as_number(value: Any) -> Any:
    """YAML takes 1e-3 for a word, because it has no decimal point."""
    if isinstance(value, str) and value[:1] in "+-.0123456789":
        try:
            return float(value)
        except ValueError:
            return value
    return value
