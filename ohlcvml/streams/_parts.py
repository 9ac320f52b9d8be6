"""What composites ask of their parts: coercion, tags, names."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator as SklearnEstimator
from sktime.transformations.base import BaseTransformer

from ohlcvml.exceptions import DataError, LeakageError, ParameterError
from ohlcvml.streams._base import BaseFeature
from ohlcvml.streams._columns import Column
from ohlcvml.streams._row import RowTransformer

__all__ = [
    "as_step",
    "bar_sizes_of",
    "columns_of",
    "is_ours",
    "join_tags",
    "known_names",
    "leaves_of",
    "names_of",
]


def is_ours(part: Any) -> bool:
    """Whether ``part`` follows our contract: writes into a block, streams, knows its names.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ohlcvml.features import ReturnFeatures
    >>> from ohlcvml.streams import is_ours
    >>> is_ours(ReturnFeatures()), is_ours(StandardScaler())
    (True, False)
    """
    return isinstance(part, BaseFeature)


def is_sklearn_transformer(part: Any) -> bool:
    """Whether ``part`` is a scikit-learn transformer object."""
    return (
        isinstance(part, SklearnEstimator)
        and not isinstance(part, type)
        and hasattr(part, "transform")
    )


def as_step(part: Any, who: str) -> Any:
    """Return ``part`` as a transformer of series; wrap a scikit-learn one, refuse what leaks."""
    if is_sklearn_transformer(part):
        return RowTransformer(part)
    if not isinstance(part, BaseTransformer):
        raise ParameterError(
            f"{who}: a step must be an sktime or scikit-learn transformer; got {part!r}."
        )
    if getattr(part, "fit_in_transform", False) or part.get_tag("remember_data", False):
        raise LeakageError(
            f"{who}: {type(part).__name__} learns from the rows it transforms "
            "(fit_in_transform=True) or carries its training rows along (remember_data). Pass the "
            "scikit-learn transformer itself: ohlcvml wraps it so that it is fitted once."
        )
    return part


def known_names(part: Any) -> list[str] | None:
    """Column names of a part, or None if only its fit, or only its result, can tell."""
    try:
        return names_of(part, "")
    except (DataError, ParameterError):
        return None


def leaves_of(parts: list[tuple[str, Any]]) -> list[BaseFeature]:
    """Kernels' owners among the parts and their parts."""
    return [leaf for _, part in parts if is_ours(part) for leaf in part._leaves()]


def bar_sizes_of(parts: list[tuple[str, Any]]) -> tuple[Any, ...]:
    """Sizes of bars that the parts were told and use."""
    return tuple({size for _, part in parts if is_ours(part) for size in part._bar_sizes()})


def names_of(part: Any, name: str) -> list[str]:
    """Column names of a part; raise if it cannot tell them."""
    return [column.name for column in columns_of(part, name)]


def columns_of(part: Any, name: str) -> list[Column]:
    """Columns of a part; raise if it cannot tell them."""
    if not is_ours(part):
        raise ParameterError(
            f"step {name!r} ({type(part).__name__}) does not say its column names and cannot "
            "stream; only the transformers of ohlcvml and fitted scikit-learn ones do. Read the "
            "columns of the result."
        )
    columns: list[Column] = part._columns()
    return columns


def join_tags(composite: Any, parts: list[Any]) -> None:
    """Set the tags of a composite from its parts; a scikit-learn part counts as RowTransformer."""
    steps = [as_step(part, type(composite).__name__) for part in parts]
    tags: dict[str, Any] = {
        # An untagged foreign step is unsafe until its author says otherwise.
        "is_production_safe": all(
            step.get_tag("is_production_safe", False, raise_error=False) for step in steps
        ),
    }
    for name in (
        "fit_is_empty",
        "scitype:instancewise",
        "transform-returns-same-time-index",
    ):
        tags[name] = all(step.get_tag(name) for step in steps)
    tags["requires_y"] = any(step.get_tag("requires_y") for step in steps)
    if tags["requires_y"]:
        tags["y_inner_mtype"] = "pd.Series"
    composite.set_tags(**tags)
