"""The options of ``train``, made of the settings that the run is told."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from ohlcvml.factory import IN_RUN, TrainSettings

_NAMES = {"params": "--param"}


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the settings as options, beside those of its own signature.

    Options that were not given reach the command as None.
    """
    own = inspect.signature(command, eval_str=True).parameters.values()
    kept = [p for p in own if p.kind is not p.VAR_KEYWORD]
    hints, texts = get_type_hints(TrainSettings), TrainSettings.described()
    made = []
    for item in fields(TrainSettings):
        text, default = texts[item.name]
        shown = f"{text} Default: {default}." if default else text
        kind = item.metadata["typed"] or _plain(hints[item.name])
        names = [_NAMES.get(item.name, "--" + item.name.replace("_", "-"))]
        option = typer.Option(*names, help=shown, show_default=False)
        kind = list[str] if kind is list else kind
        made.append(
            inspect.Parameter(
                item.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[kind | None, option],
            )
        )
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in kept] + made
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _plain(hint: Any) -> Any:
    """The type of a setting without None."""
    return next((part for part in get_args(hint) if part is not type(None)), hint)


def settings_of(config: Path | None, given: dict[str, Any]) -> TrainSettings:
    """Settings from a YAML file, overridden by the options that were given."""
    told = {key: value for key, value in given.items() if value is not None}
    if "params" in told:
        told["params"] = parse_parameters(told["params"])
    if config is None:
        return TrainSettings.from_dict(told, "the command line")
    return TrainSettings.from_yaml(config, **told)


def parse_parameters(given: list[str]) -> dict[str, Any]:
    """Read ``name=value`` pairs; values are YAML: 10, 0.5, true and [1, 2] mean what they say.

    Examples
    --------
    >>> from ohlcvml.cli._options import parse_parameters
    >>> parse_parameters(["n_estimators=50", "learning_rate=0.1"])
    {'n_estimators': 50, 'learning_rate': 0.1}
    >>> parse_parameters(["tol=1e-3", "device=cuda:0"])
    {'tol': 0.001, 'device': 'cuda:0'}
    """
    import yaml

    from ohlcvml.exceptions import ParameterError
    from ohlcvml.models.configs import as_number

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


def whole(arguments: list[str]) -> list[str]:
    """``--create-bundle`` without a path means the run's folder."""
    found: list[str] = []
    for number, argument in enumerate(arguments):
        found.append(argument)
        after = arguments[number + 1] if number + 1 < len(arguments) else "-"
        if argument == "--create-bundle" and after.startswith("-"):
            found.append(IN_RUN)
    return found


def config_text() -> str:
    """A YAML file of every setting: its meaning above it, its default behind it."""
    import yaml

    lines = ["# Settings of `ohlcvml train`. Options of the command line override them."]
    texts = TrainSettings.described()
    for name, value in TrainSettings().to_dict().items():
        text, default = texts[name]
        lines.append(f"\n# {text}{f' Default: {default}.' if default else ''}")
        # A processor count of the machine that wrote the file is no default for another.
        shown = yaml.safe_dump({name: value}, sort_keys=False).rstrip()
        lines.append(f"# {shown}" if value is None or name in {"n_jobs", "data"} else shown)
    return "\n".join(lines) + "\n"
