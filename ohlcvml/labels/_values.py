"""What the columns of a labels table may hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError
from ohlcvml.labels._spec import LabelSpec
from ohlcvml.typing import BoolArray, Labels

_KINDS: dict[str, tuple[str, str]] = {
    "label": ("iu", "integers"),
    "side": ("iu", "integers"),
    "ret": ("fiu", "numbers"),
    "cost": ("fiu", "numbers"),
    "net_ret": ("fiu", "numbers"),
    "weight": ("fiu", "numbers"),
    "exit": ("iu", "integers"),
    "censored": ("b", "True or False"),
}


def check_values(labels: Labels, spec: LabelSpec, who: str) -> None:
    """Raise :class:`DataError` unless every column holds what the table's contract says.

    Outcomes are asked of the rows that may be used: resolved and not censored.
    """
    values = {
        name: _read(labels, name, *_KINDS[name], who)
        for name in _KINDS
        if name != "side" or spec.kind == "meta"
    }
    if labels["end"].dtype.kind in "OUT" and labels["end"].notna().any():
        raise DataError(
            f"{who}: column 'end' of 'labels' must be stamps of the bars; got "
            f"{labels['end'].dtype}. A CSV file holds text: use "
            "labels['end'] = pd.to_datetime(labels['end'], utc=True), and the same for the index."
        )
    used = (values["exit"] >= 0) & ~values["censored"]
    told = ", ".join(map(str, spec.classes))
    _refuse(
        labels,
        "label",
        used & ~np.isin(values["label"], spec.classes),
        f"be of the class set {told}",
        "Recode them: -1 down, 0 flat, 1 up; meta-labels 0 skip, 1 take.",
        who,
    )
    if spec.kind == "meta":
        _refuse(
            labels,
            "side",
            used & (np.abs(values["side"]) != 1),
            "be -1 or 1, the primary model's side",
            "Leave out rows where the primary model has no side.",
            who,
        )
    for name in ("ret", "cost", "net_ret"):
        _refuse(
            labels,
            name,
            used & ~np.isfinite(values[name]),
            "be finite where a label is resolved and not censored",
            "Label the bars again, or drop the rows.",
            who,
        )
    weight = values["weight"]
    _refuse(
        labels,
        "weight",
        ~(np.isfinite(weight) & (weight >= 0.0)),
        "be finite and not negative",
        "Weights scale what a row counts: set 1 for all, or drop the rows.",
        who,
    )
    if used.any() and not weight[used].any():
        raise DataError(
            f"{who}: column 'weight' of 'labels' must not be 0 for every row that may be used; "
            f"all {int(used.sum())} are. Set 1 for all rows that count alike."
        )


def _read(labels: Labels, name: str, kinds: str, words: str, who: str) -> Any:
    column = labels[name]
    kind = getattr(column.dtype, "kind", "O")
    if kind not in kinds or (isinstance(column.dtype, pd.api.extensions.ExtensionDtype)):
        found = f"; {int(column.isna().sum())} are missing" if column.isna().any() else ""
        raise DataError(
            f"{who}: column {name!r} of 'labels' must hold {words} (a numpy type); got "
            f"{column.dtype}{found}. Convert it, for example "
            f"labels[{name!r}].astype({_like(name)!r}), and drop rows that have none."
        )
    return column.to_numpy()


def _like(name: str) -> str:
    return {"iu": "int8", "b": "bool"}.get(_KINDS[name][0], "float64")


def _refuse(labels: Labels, name: str, bad: BoolArray, rule: str, remedy: str, who: str) -> None:
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{who}: column {name!r} of 'labels' must {rule}; got {labels[name].iloc[at]} in row "
            f"{at} ({labels.index[at]}), {int(bad.sum())} such rows in all. {remedy}"
        )
