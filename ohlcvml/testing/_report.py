"""Running laws one by one and collecting what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


class LawBroken(AssertionError):
    """An estimator breaks a law of its stage; the message says which and where."""


def run_laws(
    laws: Iterable[Callable[[Any], None]],
    estimators: Iterable[tuple[str, Any]],
    *,
    raise_exceptions: bool,
) -> dict[str, str | Exception]:
    """Run every law on every named estimator.

    Returns
    -------
    dict
        "law[name]" to "PASSED" or the exception.
    """
    results: dict[str, str | Exception] = {}
    laws = list(laws)
    for name, estimator in estimators:
        for law in laws:
            key = f"{law.__name__}[{name}]"
            try:
                law(estimator.clone())
                results[key] = "PASSED"
            except Exception as error:
                if raise_exceptions:
                    raise
                results[key] = error
    return results
