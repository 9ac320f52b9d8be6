"""Settings of a training run: defaults, YAML, command line, in this order."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from ohlcvml._checks import (
    any_value,
    boolean,
    check_value,
    instance_of,
    integer,
    jobs,
    one_of,
    optional,
    real,
    string,
)
from ohlcvml._threads import threads
from ohlcvml.evaluation import Execution
from ohlcvml.exceptions import ParameterError
from ohlcvml.models.configs import (
    as_number,
    find_model,
    flat_parameters,
    is_file_name,
    model_config,
)
from ohlcvml.models.configs import make_model as configured_model
from ohlcvml.pipeline import BaseBarClassifier


@dataclass(frozen=True)
class TrainSettings:
    """What ``train`` needs to know; the keys of a YAML file and, with hyphens, the options."""

    data: str = ""
    tz: str | None = None
    scale: float = 1.0
    symbol: str | None = None
    contract: str | None = None
    policy: str = "raise"
    families: str | list[str] | None = None
    model: str = "lightgbm"
    params: dict[str, Any] = field(default_factory=dict)
    horizon: int = 20
    k_up: float = 1.5
    k_down: float = 1.5
    cost_adjustment: str = "net"
    commission: float | None = None
    slippage: float | None = None
    spread: float | None = None
    rule: str = "average_active"
    capital: float | None = None
    max_position: float = 1.0
    daily_loss_stop: float | None = None
    max_drawdown_stop: float | None = None
    exposure: float | None = 0.2
    n_splits: int = 5
    embargo: int | float | str | None = None
    test_size: float = 0.15
    seed: int = 0
    n_jobs: int = field(default_factory=lambda: threads(-1))
    create_bundle: str | None = None
    overwrite: bool = False
    plot: str | None = None

    @property
    def execution(self) -> Execution:
        """How signals become trades; contract and costs are the labels' own."""
        return Execution(**{name: getattr(self, name) for name in _EXECUTION})


_EXECUTION = ("rule", "capital", "max_position", "daily_loss_stop", "max_drawdown_stop")
_RULES = {
    "data": string(),
    "tz": optional(string()),
    "scale": real(0.0, open_low=True),
    "symbol": optional(string()),
    "contract": optional(string()),
    "policy": string(),
    "families": any_value(),  # the feature set says what they may be
    "model": string(),
    "params": instance_of(dict),
    "horizon": integer(1),
    "k_up": real(0.0, open_low=True),
    "k_down": real(0.0, open_low=True),
    "cost_adjustment": one_of("net", "shift", "none"),
    "commission": optional(real(0.0)),
    "slippage": optional(real(0.0)),
    "spread": optional(real(0.0)),
    "rule": any_value(),  # the execution says what these five may be
    "capital": any_value(),
    "max_position": any_value(),
    "daily_loss_stop": any_value(),
    "max_drawdown_stop": any_value(),
    "exposure": optional(real(0.0, 1.0, open_low=True)),
    "n_splits": integer(2),
    "embargo": any_value(),  # the splitter says what it may be
    "test_size": real(0.0, 0.9, open_low=True),
    "seed": integer(0),
    "n_jobs": jobs(),
    "create_bundle": optional(string()),
    "overwrite": boolean(),
    "plot": optional(string()),
}


def merge_settings(config: Path | None, options: dict[str, Any]) -> TrainSettings:
    """Settings from a YAML file, overridden by the options that were given."""
    merged: dict[str, Any] = {}
    if config is not None:
        merged = _read_yaml(config)
    merged.update({key: value for key, value in options.items() if value is not None})
    if not merged.get("data"):
        raise ParameterError(
            "train: 'data' must name a file of bars; got nothing. Pass --data FILE, or the key "
            "'data' in the YAML file."
        )
    settings = TrainSettings(**merged)
    for name, rule in _RULES.items():
        check_value("train", name, rule, getattr(settings, name))
    _ = settings.execution
    return _with_model_file(settings)


def _with_model_file(settings: TrainSettings) -> TrainSettings:
    """Settings that name the model shortly; what its own file says, ``params`` overrides."""
    params = settings.params
    name = settings.model
    if is_file_name(name):
        config = model_config(name)
        name = config["model"]
        params = {**flat_parameters(config["params"]), **flat_parameters(params)}
    short, _ = find_model(name)
    return replace(settings, model=short, params=params)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(f"train: '--config' {path} cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        raise ParameterError(f"train: '--config' {path} is not valid YAML: {error}.") from error
    if not isinstance(loaded, dict):
        raise ParameterError(
            f"train: '--config' {path} must hold keys and values; got {type(loaded).__name__}."
        )
    known = {item.name for item in fields(TrainSettings)}
    settings = {str(key).replace("-", "_"): value for key, value in loaded.items()}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ParameterError(
            f"train: '--config' {path} has unknown key(s) {', '.join(unknown)}. Known keys: "
            f"{', '.join(sorted(known))}."
        )
    if isinstance(settings.get("params"), dict):
        settings["params"] = {name: as_number(v) for name, v in settings["params"].items()}
    return settings


def parse_parameters(given: list[str]) -> dict[str, Any]:
    """Read ``name=value`` pairs; values are YAML: 10, 0.5, true and [1, 2] mean what they say.

    Examples
    --------
    >>> from ohlcvml.cli._settings import parse_parameters
    >>> parse_parameters(["n_estimators=50", "learning_rate=0.1"])
    {'n_estimators': 50, 'learning_rate': 0.1}
    >>> parse_parameters(["tol=1e-3", "device=cuda:0"])
    {'tol': 0.001, 'device': 'cuda:0'}
    """
    parameters: dict[str, Any] = {}
    for item in given:
        name, separator, value = item.partition("=")
        if not separator or not name:
            raise ParameterError(
                f"train: '--param' must look like name=value; got {item!r}. For example "
                "--param n_estimators=100."
            )
        try:
            parameters[name.strip()] = as_number(yaml.safe_load(value))
        except yaml.YAMLError as error:
            raise ParameterError(
                f"train: '--param' {name} must have a value in YAML; got {value!r}. For example "
                "--param n_estimators=100."
            ) from error
    return parameters


def make_model(settings: TrainSettings) -> BaseBarClassifier:
    """The model a run trains, with seed and threads set where it has them.

    Parameters not given are those of the shipped configuration. Estimators within the model that
    have no seed of their own get the run's, so that a run repeats itself.
    """
    _, cls = find_model(settings.model)
    given = flat_parameters(settings.params)
    names = cls.get_param_names()
    for name, value in (("random_state", settings.seed), ("n_jobs", settings.n_jobs)):
        if name in names:
            given.setdefault(name, value)
    model = configured_model(settings.model, **given)
    unseeded = {
        name: settings.seed
        for name, value in model.get_params().items()
        if name.endswith("__random_state") and value is None
    }
    return model.set_params(**unseeded) if unseeded else model
