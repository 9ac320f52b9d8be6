"""Does every parameter do something?"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._identity import RESOURCE_PARAMETERS
from ohlcvml.testing._report import LawBroken


def check_parameters_matter(cls: type, compute: Callable[[Any], Any]) -> None:
    """Raise unless each constructor parameter, moved between the test sets, moves the output.

    The values come from ``get_test_params`` and the defaults; a parameter counts as alive if any
    move from any base set changes the output. Resource parameters (``n_jobs``, ``verbose``, ...)
    must change nothing.

    Parameters
    ----------
    cls : type
        An estimator class with ``get_test_params``.
    compute : callable
        From an unfitted object to its output: a table, an array or plain values.

    Raises
    ------
    LawBroken
        Naming the parameter.

    Examples
    --------
    >>> from ohlcvml.features import ReturnFeatures
    >>> from ohlcvml.testing import check_parameters_matter, law_bars
    >>> check_parameters_matter(ReturnFeatures, lambda one: one.fit_transform(law_bars(100)))
    """
    signature = inspect.signature(cls).parameters
    names = [name for name in signature if name != "self"]
    defaults = {
        n: p.default for n, p in signature.items() if p.default is not inspect.Parameter.empty
    }
    sets = cls.get_test_params()  # type: ignore[attr-defined]
    bases = [{**defaults, **given} for given in ([sets] if isinstance(sets, dict) else sets)]
    outputs = [compute(cls(**base)) for base in bases]
    for name in names:
        if name in RESOURCE_PARAMETERS:
            for value in RESOURCE_PARAMETERS[name]:
                if not _same_output(compute(cls(**{**bases[0], name: value})), outputs[0]):
                    raise LawBroken(
                        f"{cls.__name__}: resource parameter {name!r} changes the result."
                    )
            continue
        values = [base[name] for base in bases if name in base]
        values += [defaults[name]] if name in defaults else []
        if not _moves(cls, compute, bases, outputs, name, values):
            raise LawBroken(
                f"{cls.__name__}: parameter {name!r} changes nothing between its test values "
                f"{values!r}. It is dead, or get_test_params does not move it."
            )


def _moves(
    cls: type,
    compute: Callable[[Any], Any],
    bases: list[dict[str, Any]],
    outputs: list[Any],
    name: str,
    values: list[Any],
) -> bool:
    for base, output in zip(bases, outputs, strict=True):
        for value in values:
            if name in base and _equal(base[name], value):
                continue
            try:
                changed = compute(cls(**{**base, name: value}))
            except ValueError:
                continue  # the value does not go with the other parameters of this set
            if not _same_output(changed, output):
                return True
    return False


def _equal(a: Any, b: Any) -> bool:
    from sktime.utils.deep_equals import deep_equals

    return bool(deep_equals(a, b))


def _same_output(a: Any, b: Any) -> bool:
    if isinstance(a, pd.DataFrame):
        return list(a.columns) == list(b.columns) and a.equals(b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b)
