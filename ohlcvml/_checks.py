"""Parameter rules as data, one message form.

A class lists its rules in ``_parameter_rules`` and calls :func:`check_parameters` in
``__post_init__``. A rule carries a value that breaks it, so one generic test can try a bad value
for every parameter of every estimator.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError, ParameterError


@dataclass(frozen=True)
class Rule:
    """What a parameter may be: a sentence fragment, a predicate and a value that fails it."""

    text: str
    accepts: Callable[[Any], bool]
    bad: Any = None


def integer(low: int | None = None, high: int | None = None) -> Rule:
    """Accept an integer (not a bool) within [low, high]."""

    def accepts(value: Any) -> bool:
        if isinstance(value, (bool, np.bool_, np.timedelta64)) or not isinstance(
            value, numbers.Integral
        ):
            return False
        number = int(value)
        return (low is None or number >= low) and (high is None or number <= high)

    bounds = _bounds_text(low, high, closed=True)
    return Rule(f"an integer{bounds}", accepts, (low - 1) if low is not None else 1.5)


def odd() -> Rule:
    """Accept an odd integer of at least 1."""
    whole = integer(1)
    return Rule("an odd integer of at least 1", lambda v: whole.accepts(v) and v % 2 == 1, 4)


def real(
    low: float | None = None,
    high: float | None = None,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> Rule:
    """Accept a finite number within [low, high], without a limit that is said to be open."""

    def accepts(value: Any) -> bool:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
            return False
        try:
            if not np.isfinite(float(value)):
                return False
        except OverflowError:  # a whole number beyond any float
            return False
        number: Any = value
        below = low is not None and (number <= low if open_low else number < low)
        above = high is not None and (number >= high if open_high else number > high)
        return not (below or above)

    bounds = _bounds_text(low, high, closed=not open_low)
    if open_high:
        bounds = bounds.removesuffix("]") + ")"
    return Rule(f"a finite number{bounds}", accepts, float("nan"))


def _bounds_text(low: float | None, high: float | None, *, closed: bool) -> str:
    if low is not None and high is not None:
        return f" in {'[' if closed else '('}{low}, {high}]"
    if low is not None:
        return f" of at least {low}" if closed else f" above {low}"
    return f" of at most {high}" if high is not None else ""


def jobs() -> Rule:
    """Accept a number of threads: at least 1, or -1 for what this process may use."""
    return either(integer(1), one_of(-1))


def duration() -> Rule:
    """Accept a span of time above zero; NaT and numbers without a unit are none."""

    def accepts(value: Any) -> bool:
        if isinstance(value, (numbers.Number, np.timedelta64)) or value is None:
            return False
        try:
            return bool(pd.Timedelta(value) > pd.Timedelta(0))
        except (ValueError, TypeError):
            return False

    return Rule(
        "a span of time above zero such as '5min', '1h', '1D' or a pd.Timedelta", accepts, 7
    )


def one_of(*values: Any) -> Rule:
    """Accept one of the listed values."""
    listed = ", ".join(map(repr, values))

    def accepts(value: Any) -> bool:
        return any(type(value) is type(v) and value == v for v in values)

    return Rule(f"one of {listed}", accepts, "no such option")


def boolean() -> Rule:
    """Accept True or False."""
    return Rule("True or False", lambda value: isinstance(value, (bool, np.bool_)), "yes")


def string() -> Rule:
    """Accept a non-empty string."""
    return Rule("a non-empty string", lambda v: isinstance(v, str) and bool(v), 7)


def none() -> Rule:
    """Accept None only; combine with :func:`either`."""
    return Rule("None", lambda value: value is None, "none")


def any_value() -> Rule:
    """Accept everything: the value is checked where it is used."""
    return Rule("anything", lambda _: True)


def instance_of(*types: type) -> Rule:
    """Accept an instance of one of the types."""
    names = " or ".join(t.__name__ for t in types)
    return Rule(f"an instance of {names}", lambda value: isinstance(value, types), object())


def either(*rules: Rule) -> Rule:
    """Accept what any of the rules accepts."""
    bad = next((r.bad for r in rules if not any(q.accepts(r.bad) for q in rules)), object())
    return Rule(
        " or ".join(r.text for r in rules), lambda value: any(r.accepts(value) for r in rules), bad
    )


def optional(rule: Rule) -> Rule:
    """Accept None or what the rule accepts."""
    return either(rule, none())


def each(rule: Rule, *, empty: bool = False) -> Rule:
    """Accept a tuple or list whose every item the rule accepts."""

    def accepts(value: Any) -> bool:
        if not isinstance(value, (tuple, list)) or (not value and not empty):
            return False
        return all(rule.accepts(item) for item in value)

    kind = "a tuple or list" if empty else "a non-empty tuple or list"
    return Rule(f"{kind} whose every item is {rule.text}", accepts, (rule.bad,))


def check_fields(who: str, values: Any, names: Iterable[str]) -> None:
    """Raise :class:`DataError` unless ``values`` is a mapping with these keys and no other.

    What is read back may come from a stranger: nothing in it is passed on by its name unchecked.
    """
    wanted = set(names)
    if not isinstance(values, Mapping) or set(values) != wanted:
        got = sorted(map(str, values)) if isinstance(values, Mapping) else type(values).__name__
        raise DataError(
            f"{who}: the fields must be {', '.join(sorted(wanted))}, as it was written; got {got}. "
            "Make it anew."
        )


def check_value(who: str, name: str, rule: Rule, value: Any, remedy: str = "") -> None:
    """Raise :class:`ParameterError` unless ``rule`` accepts ``value``."""
    if not rule.accepts(value):
        tail = f" {remedy}" if remedy else ""
        raise ParameterError(f"{who}: parameter {name!r} must be {rule.text}; got {value!r}.{tail}")


def check_parameters(estimator: Any) -> None:
    """Check every constructor parameter of ``estimator`` against its ``_parameter_rules``."""
    rules: Mapping[str, Rule] = type(estimator)._parameter_rules
    for name, rule in rules.items():
        check_value(type(estimator).__name__, name, rule, getattr(estimator, name))
