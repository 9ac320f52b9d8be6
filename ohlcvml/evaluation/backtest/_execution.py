"""How signals become trades: one object, checked whole, the same for every model compared."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import (
    any_value,
    boolean,
    check_value,
    either,
    instance_of,
    one_of,
    optional,
    real,
    string,
)
from ohlcvml.bars import Contract, Costs
from ohlcvml.bars import contract as look_up
from ohlcvml.exceptions import DataError, ParameterError

MARKETS = ("fx", "crypto")  # those that ohlcvml.bars.trading_days knows beside contracts

_RULES = {
    "rule": one_of("average_active", "bracket"),
    "contract": optional(either(string(), instance_of(Contract))),
    "costs": optional(either(instance_of(Costs), real(0.0))),
    "capital": optional(real(0.0, open_low=True)),
    "max_position": real(0.0, open_low=True),
    "daily_loss_stop": optional(real(0.0, open_low=True)),
    "max_drawdown_stop": optional(real(0.0, open_low=True)),
    "funding": any_value(),
    "market": optional(one_of(*MARKETS)),
    "as_given": boolean(),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Execution:
    """How signals become trades: rule, contract, costs, capital and limits.

    Everything is checked when the object is made, so a wrong value is told before any model is
    fitted. Pass the same object for every model you compare.

    Parameters
    ----------
    rule : {"average_active", "bracket"}, default "average_active"
        ``average_active``: every decision opens 1/horizon unit, so the net position is the
        average of the labels that are alive. What closes at a bar's close and what opens at the
        next open is one order, and opposite parts of it cancel and cost nothing. ``bracket``: one
        whole unit and one decision at a time; decisions met while in a position are passed over.
    contract : str or Contract, optional
        Point value (P&L in money, otherwise in price units) and calendar (sessions, otherwise UTC
        dates). Default: the contract the labels were made with.
    costs : Costs or float, optional
        Round trip; a number is in price units. Default: the costs the labels were made with. Half
        is paid on every change of the net position, the closing ones included; an exit at a
        barrier happens inside a bar and nets with nothing.
    capital : float, optional
        Fixed capital in the unit of the P&L; nothing is reinvested. Default: the close of the
        first evaluated bar × point value, one unit without leverage.
    max_position : float, default 1.0
        Largest position in units. Open longs never exceed it and neither do open shorts, so the
        net position cannot, whichever closes first; the excess is not opened, and is counted.
    daily_loss_stop : float, optional
        Fraction of capital. When a session's net P&L at a bar's close is at or below −this, all is
        closed at the next tradable open and nothing is opened until the session date changes.
    max_drawdown_stop : float, optional
        Fraction of capital. When the fall from the equity's peak reaches it, all is closed at the
        next tradable open and nothing is opened any more.
    funding : pd.Series or pd.DataFrame, optional
        Cost per unit held at a bar's close, in price units, per bar: a Series is paid by longs and
        received by shorts; a DataFrame has columns ``long`` and ``short``, both costs. Bars not in
        it pay nothing.
    market : {"fx", "crypto"}, optional
        Where no contract has a calendar, the days that daily P&L is counted and annualised in: days
        rolled at 17:00 New York time for spot currencies and CFDs, UTC days for crypto. Default:
        the UTC dates that the bars have, as many a year as such a market has.
    as_given : bool, default False
        Use a contract or costs that contradict those of the labels. Without it they are an error;
        with it every result carries a note.

    Examples
    --------
    >>> from ohlcvml.evaluation import Execution
    >>> Execution(rule="bracket", daily_loss_stop=0.01)
    Execution(rule='bracket', daily_loss_stop=0.01)
    >>> Execution.from_dict(Execution(contract="MES").to_dict()) == Execution(contract="MES")
    True
    """

    rule: str = "average_active"
    contract: str | Contract | None = None
    costs: Costs | float | None = None
    capital: float | None = None
    max_position: float = 1.0
    daily_loss_stop: float | None = None
    max_drawdown_stop: float | None = None
    funding: pd.Series | pd.DataFrame | None = None
    market: str | None = None
    as_given: bool = False

    def __post_init__(self) -> None:
        for name, rule in _RULES.items():
            check_value("Execution", name, rule, getattr(self, name))
        if isinstance(self.contract, str):
            look_up(self.contract)  # an unknown symbol is told here, with those that are near
        if self.funding is not None:
            object.__setattr__(self, "funding", _checked_funding(self.funding))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Execution):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_dict(), sort_keys=True))

    def __repr__(self) -> str:
        said = []
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, (pd.Series, pd.DataFrame)):
                said.append(f"{item.name}=<{len(value)} rows>")
            elif value is not None and value != item.default:
                shown = value.symbol if isinstance(value, Contract) else value
                said.append(f"{item.name}={shown!r}")
        return f"Execution({', '.join(said)})"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON types, without those that are None."""
        plain: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None:
                continue
            if isinstance(value, (Contract, Costs)):
                value = value.to_dict()
            elif isinstance(value, (pd.Series, pd.DataFrame)):
                value = _funding_to_dict(value)
            elif isinstance(value, np.generic):
                value = value.item()
            plain[item.name] = value
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Execution:
        """Build an execution from what :meth:`to_dict` gave."""
        known = [item.name for item in fields(cls)]
        refuse_unknown("Execution", {k: v for k, v in plain.items() if k not in known}, known)
        given = dict(plain)
        if isinstance(given.get("contract"), dict):
            given["contract"] = Contract.from_dict(given["contract"])
        if isinstance(given.get("costs"), dict):
            given["costs"] = Costs.from_dict(given["costs"])
        if isinstance(given.get("funding"), dict):
            try:
                given["funding"] = _funding_from_dict(given["funding"])
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise DataError(
                    "Execution.from_dict: 'funding' must be times with a cost, or with long and "
                    f"short; it cannot be read: {error}. Pass the series anew."
                ) from error
        return cls(**given)

    def settle(
        self, labels_contract: str | Contract | None, labels_costs: Costs | None, on: pd.Timestamp
    ) -> tuple[Execution, list[str]]:
        """Return the execution with contract and costs filled in, and what is to be noted.

        Parameters
        ----------
        labels_contract, labels_costs
            What the labels were made with.
        on : pd.Timestamp
            Day whose specification of the contract holds.

        Raises
        ------
        DataError
            The given contract or costs contradict those of the labels, without ``as_given``.
        """
        own = _specification(labels_contract, on)
        given = _specification(self.contract, on)
        contract = own if given is None else given
        costs = (
            Costs(spread=float(self.costs))
            if isinstance(self.costs, (int, float))
            else (self.costs)
        )
        notes = []
        if given is not None and own is not None and given != own:
            notes.append(f"contract {given.symbol}, the labels were made with {own.symbol}")
        if not _same_costs(costs, contract, labels_costs, own):
            notes.append(f"costs ({costs}), the labels were made with ({labels_costs})")
        if notes and not self.as_given:
            raise DataError(
                f"Execution: contract and costs must be those of the labels; got "
                f"{'; '.join(notes)}. Leave them out to use the labels' own, label the bars again, "
                "or pass as_given=True: results then carry a note."
            )
        if self.market is not None and contract is not None and contract.calendar is not None:
            raise DataError(
                "Execution: parameter 'market' must be None where the contract has a calendar; "
                f"got {self.market!r} beside {contract.symbol} ({contract.calendar}). Its sessions "
                "are what daily P&L is counted in."
            )
        costs = labels_costs if costs is None else costs
        if costs is not None and contract is None:
            _check_priced(costs)
        return replace(self, contract=contract, costs=costs), [f"as given: {n}" for n in notes]


def check_execution(who: str, execution: Any) -> Execution:
    """Return the execution, the default one for None; anything else is a ParameterError."""
    if execution is None:
        return Execution()
    if isinstance(execution, Execution):
        return execution
    raise ParameterError(
        f"{who}: parameter 'execution' must be an Execution or None; got {execution!r}. Write "
        "Execution(rule='bracket', capital=...) from ohlcvml.evaluation."
    )


def refuse_unknown(who: str, unknown: dict[str, Any], known: list[str]) -> None:
    """Raise for keywords that mean nothing to ``who``; say where they belong, if anywhere."""
    if not unknown:
        return
    name, value = next(iter(unknown.items()))
    own = {item.name for item in fields(Execution)}
    near = get_close_matches(name, [*known, *own], n=1, cutoff=0.6)
    if name in own or (near and near[0] in own and who != "Execution"):
        remedy = f"Write {who}(..., execution=Execution({near[0] if near else name}=...))."
    elif near:
        remedy = f"Did you mean {near[0]!r}?"
    else:
        remedy = f"Known parameters: {', '.join(known)}."
    raise ParameterError(f"{who}: has no parameter {name!r}; got {name}={value!r}. {remedy}")


def _specification(given: str | Contract | None, on: pd.Timestamp) -> Contract | None:
    return look_up(given, on=on) if isinstance(given, str) else given


def _check_priced(costs: Costs) -> None:
    costs.round_trip(None, price=1.0)  # raises where commission or slippage need a contract


def _same_costs(
    one: Costs | None, on: Contract | None, other: Costs | None, there: Contract | None
) -> bool:
    """Whether two ways to write costs come to the same round trip at any price; None says none."""
    if one is None or other is None or one == other:
        return True
    try:
        return bool(
            np.isclose(one.round_trip(on, price=0.0), other.round_trip(there, price=0.0))
            and one.rate_per_side == other.rate_per_side
        )
    except ParameterError:  # a commission without a contract has no price
        return False


def _checked_funding(given: Any) -> pd.Series | pd.DataFrame:
    """Return a copy of the funding costs; raise unless they are numbers on UTC stamps."""
    columns = ["long", "short"]
    is_table = isinstance(given, pd.DataFrame) and set(columns) <= set(given.columns)
    if not isinstance(given, pd.Series) and not is_table:
        raise ParameterError(
            "Execution: parameter 'funding' must be a Series (paid by longs, received by shorts) "
            f"or a DataFrame with columns long and short; got {type(given).__name__}."
        )
    kept = given[columns] if isinstance(given, pd.DataFrame) else given
    index = kept.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None or not index.is_unique:
        raise ParameterError(
            "Execution: parameter 'funding' must be indexed by unique stamps with a time zone, "
            f"those of the bars at whose close each charge is due; got {type(index).__name__}."
        )
    kept = kept.astype(np.float64)
    if not np.isfinite(kept.to_numpy()).all():
        raise ParameterError(
            "Execution: parameter 'funding' must be finite; a bar without a charge is left out."
        )
    kept.attrs = {}
    return kept.set_axis(index.tz_convert("UTC").as_unit("ns"))


def _funding_to_dict(funding: pd.Series | pd.DataFrame) -> dict[str, Any]:
    stamps = [stamp.isoformat() for stamp in funding.index]
    if isinstance(funding, pd.Series):
        return {"time": stamps, "cost": funding.tolist()}
    return {"time": stamps, "long": funding["long"].tolist(), "short": funding["short"].tolist()}


def _funding_from_dict(plain: dict[str, Any]) -> pd.Series | pd.DataFrame:
    index = pd.DatetimeIndex(pd.to_datetime(plain["time"], format="ISO8601", utc=True))
    if "cost" in plain:
        return pd.Series(plain["cost"], index=index, dtype=np.float64)
    return pd.DataFrame({"long": plain["long"], "short": plain["short"]}, index=index)
