"""Does every parameter do something?"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.testing._report import LawBroken

__all__ = ["RESOURCE_PARAMETERS", "check_parameters_matter"]

# These may change how fast a result comes, never the result.
RESOURCE_PARAMETERS = frozenset({"n_jobs", "device", "verbose", "backend", "backend_params"})


def check_parameters_matter(cls: type, compute: Callable[[Any], pd.DataFrame]) -> None:
    """Raise unless each constructor parameter, moved between the test sets, moves the output.

    The values come from ``get_test_params`` and the defaults; a parameter counts as alive if any
    move from any base set changes the output. Resource parameters must change nothing.
    """
    signature = inspect.signature(cls.__init__).parameters
    names = [name for name in signature if name != "self"]
    defaults = {
        n: p.default for n, p in signature.items() if p.default is not inspect.Parameter.empty
    }
    sets = cls.get_test_params()  # type: ignore[attr-defined]
    bases = [{**defaults, **given} for given in ([sets] if isinstance(sets, dict) else sets)]
    outputs = [compute(cls(**base)) for base in bases]
    for name in names:
        values = [base[name] for base in bases if name in base]
        values += [defaults[name]] if name in defaults else []
        moved = _moved_outputs(cls, compute, bases, outputs, name, values)
        if name in RESOURCE_PARAMETERS:
            if any(moved):
                raise LawBroken(f"{cls.__name__}: resource parameter {name!r} changes the result.")
        elif not any(moved):
            raise LawBroken(
                f"{cls.__name__}: parameter {name!r} changes nothing between its test values "
                f"{values!r}. It is dead, or get_test_params does not move it."
            )


def _moved_outputs(
    cls: type,
    compute: Callable[[Any], pd.DataFrame],
    bases: list[dict[str, Any]],
    outputs: list[pd.DataFrame],
    name: str,
    values: list[Any],
) -> list[bool]:
    moved = []
    for base, output in zip(bases, outputs, strict=True):
        for value in values:
            if name in base and _equal(base[name], value):
                continue
            try:
                changed = compute(cls(**{**base, name: value}))
            except ValueError:
                continue  # the value does not go with the other parameters of this set
            moved.append(not _same_output(changed, output))
            if moved[-1] and name not in RESOURCE_PARAMETERS:
                return moved
    return moved


def _equal(a: Any, b: Any) -> bool:
    from sktime.utils.deep_equals import deep_equals

    return bool(deep_equals(a, b))


def _same_output(a: Any, b: Any) -> bool:
    if isinstance(a, pd.DataFrame):
        return list(a.columns) == list(b.columns) and a.equals(b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b)
