"""What a column of a feature table means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import pandas as pd


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


def windowed(
    what: str,
    windows: Iterable[int],
    formula: str,
    *,
    unit: str = "ratio",
    undefined: str = "",
    source: str = "",
) -> list[Column]:
    """One column ``{what}_{window}`` for each window.

    Examples
    --------
    >>> from ohlcvml.streams import windowed
    >>> [column.name for column in windowed("mean", (5, 20), "mean of the last w closes")]
    ['mean_5', 'mean_20']
    """
    return [Column(f"{what}_{w}", formula, int(w), unit, undefined, source) for w in windows]


def describe(columns: list[Column]) -> pd.DataFrame:
    """Columns as a table indexed by their name."""
    fields = ["name", "formula", "window", "unit", "undefined", "source"]
    table = pd.DataFrame([asdict(column) for column in columns], columns=fields)
    table["window"] = table["window"].astype("Int64")
    return table.set_index("name")
