"""What a column of a feature table means, and how a family declares its columns."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from ohlcvml.exceptions import ParameterError

#: ``{name: [formula, unit, undefined, source]}``; what is left out at the end is a default.
ColumnTable: TypeAlias = Mapping[str, Sequence[str]]

_PLACE = re.compile(r"\{(\w+)(:w)?\}")


@dataclass(frozen=True)
class Column:
    """Name and meaning of one column; families give one for each, in order.

    Parameters
    ----------
    name : str
        ``{what}_{window}``, stable from release to release.
    formula : str
        The same text for every window w of one formula, so that formulas can be counted.
    window : int or None, default=None
        In bars of the table it is computed from; None where there is none.
    unit : str, default="ratio"
        "ATR", "log return", "bars", "0 to 1", ...
    undefined : str, default=""
        How long the warm-up is, and where else the value is NaN or a stated constant.
    source : str, default=""
        Paper, book or library that defines it.
    """

    name: str
    formula: str
    window: int | None = None
    unit: str = "ratio"
    undefined: str = ""
    source: str = ""


class ColumnFile:
    """Column tables of many families in one TOML file, read when the first is asked for.

    As a class attribute ``_column_table`` it gives each class the section with the class's name, a
    subclass without a section that of the class it derives from. The section ``[shared]`` holds
    texts that stand for ``{key}`` in the others. ``ohlcvml/features/columns.toml`` is an example.

    Parameters
    ----------
    path : pathlib.Path

    Raises
    ------
    ParameterError
        If neither the class nor one that it derives from has a section.

    Examples
    --------
    >>> from ohlcvml.features import ReturnFeatures
    >>> ReturnFeatures._column_table["log_return_{lags}"]
    ('log(close_t) - log(close_{t-w})', 'log return', 'NaN in the first w rows')
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _tables(self) -> dict[str, ColumnTable]:
        return read_tables(self.path)

    def __get__(self, instance: Any, owner: type) -> ColumnTable:
        """The table of ``owner``."""
        tables = self._tables
        for cls in owner.__mro__:
            if cls.__name__ in tables:
                return tables[cls.__name__]
        raise ParameterError(
            f"{owner.__name__}: {self.path.name} has no section [{owner.__name__}]. Add one that "
            "names its columns."
        )


def read_tables(path: Path) -> dict[str, ColumnTable]:
    """Column table of each class in a file, shared texts put in their places."""
    sections = tomllib.loads(path.read_text(encoding="utf-8"))
    shared = sections.pop("shared", {})

    def put(text: str) -> str:
        filled = _PLACE.sub(lambda place: shared.get(place[1], place[0]), " ".join(text.split()))
        return filled if filled == text else put(filled)

    return {
        family: {name: tuple(map(put, texts)) for name, texts in table.items()}
        for family, table in sections.items()
    }


def declared_columns(who: str, table: ColumnTable, values: Mapping[str, Any]) -> list[Column]:
    """Columns that a table declares, for the values of the parameters it names.

    Examples
    --------
    >>> from ohlcvml.streams._columns import declared_columns
    >>> table = {"mean_{windows}": ["mean of the last w closes", "price"]}
    >>> [column.name for column in declared_columns("Means", table, {"windows": (5, 20)})]
    ['mean_5', 'mean_20']
    """
    columns = []
    for pattern, texts in table.items():
        if isinstance(texts, str) or not 1 <= len(texts) <= 4:
            raise ParameterError(
                f"{who}: column {pattern!r} has to be a list of formula, unit, undefined and "
                f"source, of which the formula is needed; got {texts!r}."
            )
        form, keys, window = _split(pattern)
        plain = not any(map(_has_place, texts))
        found = [_value(who, pattern, key, values) for key in keys]
        for choice in product(*[v if isinstance(v, (tuple, list)) else (v,) for v in found]):
            here = values if plain else {**values, **dict(zip(keys, choice, strict=True))}
            formula, *rest = texts if plain else [_fill(who, text, here) for text in texts]
            length = None if window is None else int(choice[window])
            columns.append(Column(form.format(*choice), formula, length, *rest))
    return columns


@cache
def _split(pattern: str) -> tuple[str, list[str], int | None]:
    """The name with ``{}`` for each value, the names of the values, which one is the window."""
    places = _PLACE.findall(pattern)
    marked = [i for i, (_, mark) in enumerate(places) if mark] or [len(places) - 1]
    return _PLACE.sub("{}", pattern), [key for key, _ in places], marked[0] if places else None


@cache
def _has_place(text: str) -> bool:
    return _PLACE.search(text) is not None


def _fill(who: str, text: str, values: Mapping[str, Any]) -> str:
    return _PLACE.sub(lambda place: str(_value(who, text, place[1], values)), text)


def _value(who: str, text: str, key: str, values: Mapping[str, Any]) -> Any:
    if key not in values:
        raise ParameterError(
            f"{who}: {text!r} in its column table names {key!r}, which is no parameter. Name "
            "one, or give its value in _column_values."
        )
    return values[key]


def describe(columns: list[Column]) -> pd.DataFrame:
    """Columns as a table indexed by their name."""
    fields = ["name", "formula", "window", "unit", "undefined", "source"]
    table = pd.DataFrame([asdict(column) for column in columns], columns=fields)
    table["window"] = table["window"].astype("Int64")
    return table.set_index("name")
