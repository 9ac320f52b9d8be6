"""What a training run is told: one declaration for Python, YAML and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ohlcvml._threads import threads

if TYPE_CHECKING:
    from ohlcvml.evaluation import Execution


def _option(
    default: Any,
    text: str,
    rule: Callable[[Any], Any] = lambda checks: checks.any_value(),
    *,
    shown: str | None = None,
    typed: type | None = None,
) -> Any:
    """A setting: its default, what it means, and its rule.

    ``rule`` is given :mod:`ohlcvml._checks`, so that a list of options needs no numpy. ``shown`` is
    the default in words, ``typed`` how the command line reads a value of several types.
    """
    metadata = {"text": text, "rule": rule, "shown": shown, "typed": typed}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What a training run is told.

    The fields are the parameters of :func:`~ohlcvml.factory.train`, the keys of a YAML file and,
    with hyphens, the options of ``ohlcvml train``. :meth:`described` lists them with their
    defaults and meanings.

    Raises
    ------
    ParameterError
        A value breaks its rule.

    Examples
    --------
    >>> from ohlcvml.factory import TrainSettings
    >>> settings = TrainSettings(contract="MES", model="logistic", horizon=24)
    >>> settings.horizon, settings.n_splits
    (24, 5)
    >>> TrainSettings.from_dict(settings.to_dict()) == settings
    True
    """

    data: str = _option("", "File of bars.", lambda is_: is_.instance_of(str), shown="")
    tz: str | None = _option(
        None,
        "Time zone of stamps that have none: UTC, ZONE, ZONE+7h.",
        lambda is_: is_.optional(is_.string()),
        shown="stamps say it themselves",
    )
    scale: float = _option(
        1.0, "Multiply prices by this.", lambda is_: is_.real(0.0, open_low=True)
    )
    symbol: str | None = _option(
        None,
        "Symbol to read, if the file has several.",
        lambda is_: is_.optional(is_.string()),
        shown="the only one",
    )
    contract: str | None = _option(
        None,
        "Contract: ES, MES, GC, MGC, ...: ticks, sessions, assumed costs.",
        lambda is_: is_.optional(is_.string()),
        shown="none",
    )
    policy: str = _option(
        "raise",
        "What to do about bad bars: raise, report, repair or drop.",
        lambda is_: is_.one_of("raise", "report", "repair", "drop"),
    )
    timerange: str | None = _option(
        None,
        "Use bars from one day up to another, UTC, the second left out: FROM:TO, either may be "
        "empty (2024-01-01:2024-07-01).",
        lambda is_: is_.optional(is_.string()),
        shown="all bars",
    )
    families: str | list[str] | None = _option(
        None,
        "Families of features: returns,trend,...",
        shown="all",
        typed=str,
    )
    model: str = _option(
        "lightgbm",
        "A name of `ohlcvml models`, or a YAML file of one model.",
        lambda is_: is_.string(),
    )
    params: dict[str, Any] = _option(
        dict,
        "Parameter of the model: name=value; repeatable.",
        lambda is_: is_.instance_of(dict),
        shown="those of the model's configuration",
        typed=list,
    )
    horizon: int = _option(20, "Longest life of a label, in bars.", lambda is_: is_.integer(1))
    k_up: float = _option(1.5, "Upper barrier in ATR.", lambda is_: is_.real(0.0, open_low=True))
    k_down: float = _option(1.5, "Lower barrier in ATR.", lambda is_: is_.real(0.0, open_low=True))
    cost_adjustment: str = _option(
        "net",
        "How the cost moves the barriers: net, shift or none.",
        lambda is_: is_.one_of("net", "shift", "none"),
    )
    cross_session: bool = _option(
        False,
        "Let positions be held from one session into the next; daily bars need it.",
        lambda is_: is_.boolean(),
    )
    commission: float | None = _option(
        None,
        "Money per contract and side.",
        lambda is_: is_.optional(is_.real(0.0)),
        shown="the contract's assumption",
    )
    slippage: float | None = _option(
        None,
        "Ticks per side.",
        lambda is_: is_.optional(is_.real(0.0)),
        shown="the contract's assumption",
    )
    spread: float | None = _option(
        None,
        "Price units per round trip.",
        lambda is_: is_.optional(is_.real(0.0)),
        shown="the contract's assumption",
    )
    # What the next five may be is said by Execution.
    rule: str = _option("average_active", "How decisions are traded: average_active or bracket.")
    capital: float | None = _option(None, "Fixed capital.", shown="one contract's value")
    max_position: float = _option(1.0, "Largest position, in contracts.")
    daily_loss_stop: float | None = _option(
        None, "Stop for the day after losing this share of capital.", shown="none"
    )
    max_drawdown_stop: float | None = _option(
        None, "Stop for good after falling by this share of capital.", shown="none"
    )
    exposure: float | None = _option(
        0.2,
        "Also report the model trading this share of rows.",
        lambda is_: is_.optional(is_.real(0.0, 1.0, open_low=True)),
    )
    regime: str | list[str] | None = _option(
        None,
        "Scores by regime as well: volatility,trend,structure.",
        shown="none",
        typed=str,
    )
    n_splits: int = _option(5, "Number of folds.", lambda is_: is_.integer(2))
    embargo: int | float | str | None = _option(
        None,
        "Embargo of k-fold: bars, share of bars or time span.",
        shown="one session",
        typed=str,
    )
    cv: str | None = _option(
        None,
        "A further cross-validation beside walk-forward and k-fold: combinatorial.",
        lambda is_: is_.one_of("combinatorial", None),
        shown="none",
    )
    test_size: float = _option(
        0.15,
        "Share of rows kept untouched, for one look at the end.",
        lambda is_: is_.real(0.0, 0.9, open_low=True),
    )
    no_test: bool = _option(
        False,
        "Keep the test set shut: `ohlcvml evaluate` is then the first look.",
        lambda is_: is_.boolean(),
    )
    seed: int = _option(0, "Random seed of the model.", lambda is_: is_.integer(0))
    n_jobs: int = _option(
        lambda: threads(-1),
        "Threads; changes speed only.",
        lambda is_: is_.jobs(),
        shown="all that the process may use",
    )
    run_dir: str | None = _option(
        None,
        "Folder to keep the run in.",
        lambda is_: is_.optional(is_.string()),
        shown="runs in the data folder",
    )
    no_run: bool = _option(False, "Keep no run folder.", lambda is_: is_.boolean())
    create_bundle: str | None = _option(
        None,
        "Where to write the bundle; without a path, into the run's folder.",
        lambda is_: is_.optional(is_.string()),
        shown="no bundle",
    )
    overwrite: bool = _option(False, "Replace an existing bundle.", lambda is_: is_.boolean())
    plot: str | None = _option(
        None,
        "Where to save the equity picture as well.",
        lambda is_: is_.optional(is_.string()),
        shown="into the run's folder only",
    )

    def __post_init__(self) -> None:
        from ohlcvml import _checks

        for item in fields(self):
            rule = item.metadata["rule"](_checks)
            _checks.check_value("train", item.name, rule, getattr(self, item.name))
        _ = self.execution
        if self.no_run and self.create_bundle == IN_RUN:
            from ohlcvml.exceptions import ParameterError

            raise ParameterError(
                "train: parameter 'create_bundle' must name a path with no_run, because there is "
                "no run folder to write into; got none."
            )

    @property
    def execution(self) -> Execution:
        """How signals become trades; contract and costs are the labels' own."""
        from ohlcvml.evaluation import Execution

        return Execution(**{name: getattr(self, name) for name in _EXECUTION})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, for JSON and YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "settings") -> TrainSettings:
        """Settings from keys and values; unknown keys raise.

        Parameters
        ----------
        values : mapping
            Keys with hyphens or underscores.
        where : str
            What holds the keys, for the message.
        """
        from ohlcvml.exceptions import ParameterError

        known = {item.name for item in fields(cls)}
        found = {str(key).replace("-", "_"): value for key, value in values.items()}
        unknown = sorted(set(found) - known)
        if unknown:
            raise ParameterError(
                f"train: {where} has unknown key(s) {', '.join(unknown)}. Known keys: "
                f"{', '.join(sorted(known))}."
            )
        return cls(**found)

    @classmethod
    def from_yaml(cls, path: str | Path, **overrides: Any) -> TrainSettings:
        """Settings of a YAML file, with ``overrides`` in place of what it says."""
        return cls.from_dict({**read_yaml(Path(path)), **overrides}, f"'--config' {path}")

    def replace(self, **changes: Any) -> TrainSettings:
        """Return settings with other values of some fields."""
        return replace(self, **changes)

    @classmethod
    def described(cls) -> dict[str, tuple[str, str]]:
        """Meaning and default of each setting, in words, by name."""
        found = {}
        for item in fields(cls):
            shown = item.metadata["shown"]
            found[item.name] = item.metadata["text"], str(item.default if shown is None else shown)
        return found


_EXECUTION = ("rule", "capital", "max_position", "daily_loss_stop", "max_drawdown_stop")
IN_RUN = "<run>"  # create_bundle without a path


def read_yaml(path: Path) -> dict[str, Any]:
    """Keys and values of a YAML file of settings."""
    import yaml

    from ohlcvml.exceptions import ParameterError
    from ohlcvml.models.configs import as_number

    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"train: '--config' {path} cannot be read: {error}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ParameterError(f"train: '--config' {path} is not valid YAML: {error}.") from error
    if not isinstance(loaded, dict):
        raise ParameterError(
            f"train: '--config' {path} must hold keys and values; got {type(loaded).__name__}."
        )
    if isinstance(loaded.get("params"), dict):
        loaded["params"] = {name: as_number(v) for name, v in loaded["params"].items()}
    return loaded
