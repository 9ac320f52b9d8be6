"""What was assumed in making a labels table, as one typed object that travels with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import pandas as pd

from ohlcvml._checks import (
    Rule,
    boolean,
    check_value,
    either,
    instance_of,
    integer,
    none,
    one_of,
    optional,
    real,
    string,
)
from ohlcvml.bars import Contract, Costs
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.typing import Labels

ATTRIBUTE = "spec"
CLASSES: dict[str, tuple[int, ...]] = {"direction": (-1, 0, 1), "meta": (0, 1)}
REMEDY = (
    "join, merge and CSV files lose it. Pass the one of the table you made, "
    "Samples(bars, labels, spec=LabelSpec.of(made)) or LabelSpec.of(made).attach(labels); for "
    "labels of your own use ohlcvml.labels.labels_from(bars, label, end, ...)."
)

# Weights, and what trading costs: other values of these leave a label's meaning as it is. Sides are
# compared where both have a name.
_NOT_OF_THE_RULE = {"weighting", "time_decay", "round_trip", "contract", "costs", "side"}
_DISTANCE = optional(real(0.0, open_low=True))
_RULES: dict[str, Rule] = {
    "kind": one_of(*CLASSES),
    "rule": one_of("triple_barrier", "fixed_horizon", "own"),
    "classes": instance_of(tuple),
    "horizon": integer(1),
    "atr_window": integer(1),
    "entry": one_of("next_open", "close"),
    "session_exit": boolean(),
    "cross_session": boolean(),
    "roll": one_of("exit", "hold"),
    "side": optional(either(string(), one_of(-1, 1))),
    "k_up": _DISTANCE,
    "k_down": _DISTANCE,
    "unit": one_of("atr", "ticks", "money", "percent"),
    "trailing": boolean(),
    "cost_adjustment": one_of("net", "shift", None),
    "both": one_of("zero", "open_proximity"),
    "weighting": one_of(None, "return", "own"),
    "time_decay": real(0.0, 1.0),
    "return_unit": one_of("log", "points"),
    "round_trip": optional(real(0.0)),
    "contract": either(instance_of(Contract), none()),
    "costs": either(instance_of(Costs), none()),
}


@dataclass(frozen=True, kw_only=True)
class LabelSpec:
    """What was assumed in making a labels table.

    A labels table carries its specification in ``labels.attrs["spec"]`` as JSON, so that it
    survives parquet. Everything that reads labels reads it there, and nothing has a default for
    it: :meth:`of` raises where ``join``, ``merge`` or a CSV file lost it.

    Parameters
    ----------
    kind : {"direction", "meta"}
        Labels are −1, 0, +1, or 0 (skip) and 1 (take the side of a primary model).
    rule : {"triple_barrier", "fixed_horizon", "own"}
        What made the labels; "own" are those of ``labels_from``.
    classes : tuple of int
        Class set, increasing, whether or not each class occurs.
    horizon : int
        Largest number of bars a label lives. Only an exit that cannot be filled there lives on, to
        the next bar that fills.
    atr_window : int
        Window in bars of the ATR in which expected returns are stated.
    entry : {"next_open", "close"}
        Entered at the open of the next bar, or at the close of the decision bar.
    session_exit, cross_session : bool
        Closed at the session's close; opened where the next bar lies in another session.
    roll : {"exit", "hold"}
        What happens where the traded contract changes.
    side : str, int or None
        Meta-labels: the bar column with the side of the primary model, or the one side of all
        bars; None where it is known from the table alone, and for direction labels.
    k_up, k_down : float or None
        Distances of the barriers in ``unit``; None without barriers.
    unit : {"atr", "ticks", "money", "percent"}
    trailing : bool
        Whether the stop follows the best price.
    cost_adjustment : {"net", "shift", None}
        How the cost moves the barriers.
    both : {"zero", "open_proximity"}
        Policy for bars that hold both barriers.
    weighting : {None, "return", "own"}
        What the column ``weight`` holds: 1, the size of the return, or weights of the user.
    time_decay : float
        Weight of the oldest row relative to the newest, in [0, 1]; ``Samples`` applies it.
    return_unit : {"log", "points"}
        Unit of ``ret``, ``cost`` and ``net_ret``; points where a price is not positive.
    round_trip : float or None
        Cost of a round trip in price units; None where it differs by row.
    contract : Contract or None
        Specification of the traded contract at the last bar labelled.
    costs : Costs or None

    Raises
    ------
    ParameterError
        A value breaks its rule.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import FixedHorizonLabeller, LabelSpec
    >>> bars = simulate_bars(100, seed=0).bars
    >>> labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> spec = LabelSpec.of(labels)
    >>> spec.kind, spec.classes, spec.horizon
    ('direction', (-1, 0, 1), 5)
    >>> LabelSpec.from_json(spec.to_json()) == spec
    True
    >>> joined = labels.join(bars["close"])
    >>> LabelSpec.of(joined)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ohlcvml.exceptions.DataError: LabelSpec.of: 'labels' do not say what was assumed ...
    >>> LabelSpec.of(spec.attach(joined)) == spec
    True
    """

    kind: str
    rule: str
    classes: tuple[int, ...]
    horizon: int
    atr_window: int
    entry: str
    session_exit: bool
    cross_session: bool
    roll: str
    side: str | int | None
    k_up: float | None
    k_down: float | None
    unit: str
    trailing: bool
    cost_adjustment: str | None
    both: str
    weighting: str | None
    time_decay: float
    return_unit: str
    round_trip: float | None
    contract: Contract | None
    costs: Costs | None

    def __post_init__(self) -> None:
        for name, rule in _RULES.items():
            check_value("LabelSpec", name, rule, getattr(self, name))
        known = CLASSES[self.kind]
        fits = list(self.classes) == [c for c in known if c in self.classes]
        if not fits or len(self.classes) < 2 or (self.kind == "meta" and self.classes != known):
            raise ParameterError(
                f"LabelSpec: parameter 'classes' must be {known} for kind={self.kind!r}"
                f"{' or two of them, increasing' if self.kind == 'direction' else ''}; got "
                f"{self.classes!r}. Recode the labels."
            )
        if self.side is not None and self.kind != "meta":
            raise ParameterError(
                f"LabelSpec: parameter 'side' must be None for kind='direction'; got {self.side!r}."
                " Labels about the side of a primary model are kind='meta'."
            )
        if self.trailing and self.kind != "meta":
            raise ParameterError(
                "LabelSpec: parameter 'trailing' must be False for kind='direction'; got True. A "
                "stop belongs to a position, whose side meta-labels have."
            )
        if self.unit in ("ticks", "money") and self.contract is None:
            raise ParameterError(
                f"LabelSpec: parameter 'contract' must be given with unit={self.unit!r}; got None. "
                "Pass the Contract whose tick the barriers were counted in."
            )

    def to_json(self) -> str:
        """Return the specification as JSON text, the contract and the costs whole."""
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        values["contract"] = None if self.contract is None else self.contract.to_dict()
        values["costs"] = None if self.costs is None else self.costs.to_dict()
        return json.dumps(values, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> LabelSpec:
        """Read what :meth:`to_json` gave.

        Raises
        ------
        DataError
            It is no such text, or fields are missing or unknown.
        """
        return _read(text)

    @classmethod
    def of(cls, labels: Labels, who: str = "LabelSpec.of") -> LabelSpec:
        """Specification of a labels table.

        Parameters
        ----------
        labels : pd.DataFrame
        who : str
            Name of the caller, for the message.

        Raises
        ------
        DataError
            The table carries none.
        """
        text = labels.attrs.get(ATTRIBUTE) if isinstance(labels, pd.DataFrame) else None
        if text is None:
            raise DataError(
                f"{who}: 'labels' do not say what was assumed in making them: "
                f"labels.attrs['spec'] is missing. {REMEDY}"
            )
        return _read(text)

    def attach(self, labels: Labels) -> Labels:
        """Return the table with this specification; its columns are shared, not copied."""
        table = labels.copy(deep=False)
        table.attrs = {**labels.attrs, ATTRIBUTE: self.to_json()}
        return table

    def replace(self, **changes: Any) -> LabelSpec:
        """Return a specification with other values of some fields."""
        return replace(self, **changes)

    def check_same_rule(self, other: LabelSpec, who: str) -> None:
        """Raise unless labels of ``other`` mean what those of this specification mean.

        A model that learned one rule says nothing of another: not its classes, nor its returns.
        Weights, contract and costs may differ, as long as a barrier of so many ticks, or so much
        money, is the same distance in price.

        Parameters
        ----------
        other : LabelSpec
            What the rows asked about were labelled with.
        who : str
            Name of the caller, for the message.

        Raises
        ------
        DataError
            The rules differ; the message names each field with both values.
        """
        odd = [
            f"{f.name} {getattr(other, f.name)!r} where the model learned {getattr(self, f.name)!r}"
            for f in fields(self)
            if f.name not in _NOT_OF_THE_RULE and getattr(self, f.name) != getattr(other, f.name)
        ]
        if None not in (self.side, other.side) and self.side != other.side:
            odd.append(f"side {other.side!r} where the model learned {self.side!r}")
        if self.unit == other.unit and self._one_unit != other._one_unit:
            odd.append(
                f"a unit of {other.unit} that is {other._one_unit:g} in price where the model "
                f"learned {self._one_unit:g}"
            )
        if odd:
            raise DataError(
                f"{who}: the Samples must be labelled by the rule the model was fitted on; got "
                f"{'; '.join(odd)}. Label these bars as the training bars were, fit the model on "
                "labels of this rule, or ask about the bars themselves, which have no labels."
            )

    @property
    def _one_unit(self) -> float | None:
        """One unit of the barriers in price units, where it does not depend on the bar."""
        if self.contract is None or self.unit not in ("ticks", "money"):
            return None
        if self.unit == "ticks":
            return self.contract.tick_size
        return 1.0 / self.contract.point_value


@lru_cache(maxsize=64)
def _read(text: str) -> LabelSpec:
    try:
        values = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            "LabelSpec.from_json: 'text' must be what LabelSpec.to_json gave; got "
            f"{str(text)[:80]!r}. {REMEDY}"
        ) from error
    names = {f.name for f in fields(LabelSpec)}
    given = set(values) if isinstance(values, dict) else set()
    if given != names:
        raise DataError(
            "LabelSpec.from_json: 'text' must hold the fields of this version; missing "
            f"{sorted(names - given)}, unknown {sorted(given - names)}. Label the bars again."
        )
    contract, costs, classes = values["contract"], values["costs"], values["classes"]
    if not isinstance(classes, list):
        raise DataError(
            f"LabelSpec.from_json: 'classes' must be a list of labels; got {classes!r}. Label the "
            "bars again."
        )
    return LabelSpec(
        **{
            **values,
            "classes": tuple(classes),
            "contract": None if contract is None else Contract.from_dict(contract),
            "costs": None if costs is None else Costs.from_dict(costs),
        }
    )
