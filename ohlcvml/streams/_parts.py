"""What composites ask of their parts: coercion, tags, names."""

from __future__ import annotations

from typing import Any

from skbase.base import BaseObject
from sktime.transformations.base import BaseTransformer

from ohlcvml.exceptions import DataError, LeakageError, ParameterError
from ohlcvml.streams._base import BaseFeature
from ohlcvml.streams._columns import Column
from ohlcvml.streams._row import RowTransformer


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
    """Whether ``part`` is a scikit-learn transformer object, or one that behaves like it."""
    return (
        hasattr(part, "fit")
        and hasattr(part, "transform")
        and not isinstance(part, (type, BaseObject))
    )


def as_step(part: Any, who: str) -> Any:
    """Return ``part`` as a transformer of series; refuse one that leaks.

    A scikit-learn transformer is wrapped in :class:`RowTransformer`.

    Raises
    ------
    ParameterError
        ``part`` is no transformer.
    LeakageError
        It, or one of its own parts, learns while transforming, or keeps its training data.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ohlcvml.streams import as_step
    >>> as_step(StandardScaler(), "example")
    RowTransformer(transformer=StandardScaler())
    """
    if is_sklearn_transformer(part):
        return RowTransformer(part)
    if not isinstance(part, BaseTransformer):
        raise ParameterError(
            f"{who}: a step must be a transformer; got {type(part).__name__} ({part!r}). Use an "
            "sktime or scikit-learn transformer object."
        )
    nested = [inner for inner in part.get_params().values() if hasattr(inner, "get_tag")]
    for one in [part, *nested]:
        if getattr(one, "fit_in_transform", False):
            raise LeakageError(
                f"{who}: step {type(one).__name__} has fit_in_transform=True, so it would be "
                "fitted on the rows being predicted. Set fit_in_transform=False, or pass the "
                "scikit-learn transformer itself."
            )
        if one.get_tag("remember_data", False, raise_error=False):
            raise LeakageError(
                f"{who}: step {type(one).__name__} keeps its training data (remember_data) and "
                "joins them to later rows. Use a causal transformer from ohlcvml.features instead."
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
