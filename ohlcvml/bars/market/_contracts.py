"""Futures contracts: tick, value of a tick, calendar, and since when that holds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from datetime import date
from difflib import get_close_matches
from typing import Any

import pandas as pd

from ohlcvml._checks import check_fields, check_value, optional, real, string
from ohlcvml._time import nanoseconds
from ohlcvml.bars.market._schedule import MARKETS, sessions_of
from ohlcvml.exceptions import DataError, ParameterError


@dataclass(frozen=True)
class Contract:
    """Specification of one futures contract over a span of dates.

    Parameters
    ----------
    symbol : str
        Root symbol, e.g. ``"MES"``.
    tick_size : float
        Smallest price step, in price units (index points, dollars per ounce, …).
    tick_value : float
        Worth of one tick of one contract, in ``currency``.
    currency : str, default="USD"
        Currency of ``tick_value``.
    calendar : str or None, default=None
        Name of the product's calendar in pandas_market_calendars, or the market ``"fx"`` or
        ``"crypto"`` where no exchange sets the hours; None knows no sessions.
    valid_from : datetime.date or None, default=None
        First trade date on which this specification holds; None means always. It is in force
        until the next specification of the same symbol begins.

    Attributes
    ----------
    point_value : float
        Worth of a move of 1.0 in price, ``tick_value / tick_size``.

    Examples
    --------
    >>> from ohlcvml.bars import contract
    >>> mes = contract("MES")
    >>> mes.tick_size, mes.tick_value, mes.point_value
    (0.25, 1.25, 5.0)
    >>> contract("6E", on="2015-06-01").tick_value  # half ticks came in January 2016
    12.5
    """

    symbol: str
    tick_size: float
    tick_value: float
    currency: str = "USD"
    calendar: str | None = None
    valid_from: date | None = None

    def __post_init__(self) -> None:
        check_value("Contract", "symbol", string(), self.symbol)
        check_value("Contract", "tick_size", real(0.0, open_low=True), self.tick_size)
        check_value("Contract", "tick_value", real(0.0, open_low=True), self.tick_value)
        check_value("Contract", "currency", string(), self.currency)
        check_value("Contract", "calendar", optional(string()), self.calendar)
        # pd.Timestamp is a datetime.date too; an exact date keeps comparison and JSON simple.
        if self.valid_from is not None and type(self.valid_from) is not date:
            raise ParameterError(
                "Contract: parameter 'valid_from' must be a datetime.date or None; got "
                f"{self.valid_from!r}. Use datetime.date(2016, 1, 11)."
            )

    @property
    def point_value(self) -> float:
        """Worth of a move of 1.0 in price, in ``currency``."""
        # Decimal ticks divide into float noise (1.25 / 0.25 is exact, 10 / 0.01 is not always).
        return _clean(self.tick_value / self.tick_size)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON types."""
        fields = asdict(self)
        fields["valid_from"] = None if self.valid_from is None else self.valid_from.isoformat()
        return fields

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Contract:
        """Build a contract from what :meth:`to_dict` gave."""
        check_fields("Contract.from_dict", fields, (item.name for item in dataclass_fields(cls)))
        start = fields["valid_from"]
        try:
            begins = date.fromisoformat(start) if isinstance(start, str) else start
        except ValueError as error:
            raise DataError(
                f"Contract.from_dict: 'valid_from' must be a date as 2024-01-31; got {start!r}."
            ) from error
        return cls(**{**fields, "valid_from": begins})


def _clean(value: float) -> float:
    near = float(f"{value:.12g}")
    return near if math.isclose(near, value, rel_tol=1e-12) else value


_EQUITY, _FX, _RATES = "CME_Equity", "CMEGlobex_FX", "CBOT_InterestRate"
_CRYPTO = "CME Globex Crypto"

# (symbol, tick size, tick value in USD, calendar, first trade date the row is sure for).
# Sources: CME Group and CBOT contract specifications; changes of tick from exchange notices
# Q2006-33 (NQ), Q2008-035 and Q2009-188 (ZB), S-7425 (6E). Where an older specification is not
# known for sure the first row starts late, so that an older date raises instead of guessing: NQ
# before June 2000, ZN before 2005, 6J before 2016 (halved 2014/15), ETH before 2023 (0.25 at
# launch).
_SPECIFICATIONS: tuple[tuple[str, float, float, str, str], ...] = (
    ("ES", 0.25, 12.50, _EQUITY, "1997-09-09"),
    ("MES", 0.25, 1.25, _EQUITY, "2019-05-06"),
    ("NQ", 0.50, 10.00, _EQUITY, "2000-06-19"),
    ("NQ", 0.25, 5.00, _EQUITY, "2006-04-03"),
    ("MNQ", 0.25, 0.50, _EQUITY, "2019-05-06"),
    ("RTY", 0.10, 5.00, _EQUITY, "2017-07-10"),
    ("M2K", 0.10, 0.50, _EQUITY, "2019-05-06"),
    ("YM", 1.0, 5.00, "CBOT_Equity", "2002-04-05"),
    ("MYM", 1.0, 0.50, "CBOT_Equity", "2019-05-06"),
    ("GC", 0.10, 10.00, "CMEGlobex_GC", "2000-01-01"),
    ("MGC", 0.10, 1.00, "CMEGlobex_GC", "2010-10-04"),
    ("SI", 0.005, 25.00, "CMEGlobex_SI", "2000-01-01"),
    ("HG", 0.0005, 12.50, "CMEGlobex_HG", "2000-01-01"),
    ("CL", 0.01, 10.00, "CMEGlobex_CL", "2000-01-01"),
    ("MCL", 0.01, 1.00, "CMEGlobex_MCL", "2021-07-12"),
    ("NG", 0.001, 10.00, "CMEGlobex_NG", "2000-01-01"),
    ("ZN", 0.015625, 15.625, _RATES, "2005-01-01"),
    ("ZB", 0.03125, 31.25, _RATES, "2000-01-01"),
    ("ZB", 0.015625, 15.625, _RATES, "2008-03-03"),
    ("ZB", 0.03125, 31.25, _RATES, "2009-08-31"),
    ("6E", 0.0001, 12.50, _FX, "2000-01-01"),
    ("6E", 0.00005, 6.25, _FX, "2016-01-11"),
    ("6B", 0.0001, 6.25, _FX, "2005-01-01"),
    ("6J", 0.0000005, 6.25, _FX, "2016-01-01"),
    ("BTC", 5.0, 25.00, _CRYPTO, "2017-12-18"),
    ("ETH", 0.50, 25.00, _CRYPTO, "2023-01-01"),
)

_contracts: dict[str, tuple[Contract, ...]] = {}


def register_contract(specification: Contract, *, replace: bool = False) -> Contract:
    """Add a specification to the table that :func:`contract` reads.

    Parameters
    ----------
    specification : Contract
        Several specifications of one symbol may stand side by side if their ``valid_from``
        differ.
    replace : bool, default=False
        Allow an existing specification with the same symbol and ``valid_from`` to be replaced by
        a different one. Registering an equal one again is always allowed.

    Returns
    -------
    Contract
        The specification itself.

    Examples
    --------
    >>> from ohlcvml.bars import Contract, contract, register_contract
    >>> _ = register_contract(Contract("FDAX", 1.0, 25.0, "EUR", "EUREX"))
    >>> contract("FDAX").currency
    'EUR'
    """
    if not isinstance(specification, Contract):
        raise ParameterError(
            "register_contract: parameter 'specification' must be a Contract; got "
            f"{specification!r}. Use register_contract(Contract(symbol, tick_size, tick_value))."
        )
    if specification.symbol in MARKETS:
        raise ParameterError(
            "register_contract: parameter 'specification' must not be named as a market, "
            f"{' or '.join(map(repr, MARKETS))}; got {specification.symbol!r}. Name it as the "
            "instrument, such as 'EURUSD', and give it calendar='fx'."
        )
    known = _contracts.get(specification.symbol, ())
    same = [c for c in known if c.valid_from == specification.valid_from]
    if same and same[0] != specification and not replace:
        raise ParameterError(
            f"register_contract: {specification.symbol!r} valid from {specification.valid_from} "
            f"is already registered as {same[0]}. Pass replace=True to overwrite it."
        )
    rest = [c for c in known if c.valid_from != specification.valid_from]
    _contracts[specification.symbol] = tuple(
        sorted([*rest, specification], key=lambda c: c.valid_from or date.min)
    )
    return specification


def contract(symbol: str, *, on: str | date | pd.Timestamp | None = None) -> Contract:
    """Look a contract up, as it was specified on a date.

    Parameters
    ----------
    symbol : str
        Root symbol; see :func:`contract_symbols`.
    on : str, datetime.date or pd.Timestamp, optional
        Trade date, or a moment with a time zone, which belongs to the trade date of its session;
        by default the latest specification.

    Returns
    -------
    Contract
        The specification in force on that date.

    Raises
    ------
    ParameterError
        If the symbol is not in the table.
    DataError
        If ``on`` lies before the first specification of the symbol.

    Examples
    --------
    >>> from ohlcvml.bars import contract
    >>> contract("MGC").to_dict()["tick_size"]
    0.1
    """
    if symbol not in _contracts:
        near = get_close_matches(str(symbol).upper(), _contracts, n=3)
        hint = f"Did you mean {', '.join(near)}? " if near else ""
        raise ParameterError(
            f"contract: parameter 'symbol' must be one of {', '.join(contract_symbols())}; got "
            f"{symbol!r}. {hint}Add others with "
            "register_contract(Contract(symbol, tick_size, tick_value))."
        )
    known = _contracts[symbol]
    if on is None:
        return known[-1]
    stamp = pd.Timestamp(on)
    if not isinstance(stamp, pd.Timestamp):  # NaT
        raise ParameterError(f"contract: parameter 'on' must be a date; got {on!r}.")
    day = _trade_date(stamp, known[-1].calendar)
    valid = [c for c in known if c.valid_from is None or c.valid_from <= day]
    if not valid:
        raise DataError(
            f"contract: no specification of {symbol!r} is known on {day}; the first is valid from "
            f"{known[0].valid_from}. Add an older one with register_contract(Contract(..., "
            "valid_from=...))."
        )
    return valid[-1]


def _trade_date(stamp: pd.Timestamp, calendar: str | None) -> date:
    if stamp.tz is None or calendar is None:
        return stamp.date()
    moment = nanoseconds(pd.DatetimeIndex([stamp]))
    sessions, at = sessions_of(MARKETS.get(calendar, calendar), moment)
    return pd.Timestamp(sessions.date[at[0]]).date()


def contract_symbols() -> list[str]:
    """Return the root symbols that :func:`contract` knows, sorted.

    Examples
    --------
    >>> from ohlcvml.bars import contract_symbols
    >>> "MES" in contract_symbols()
    True
    """
    return sorted(_contracts)


for _symbol, _tick, _value, _calendar, _start in _SPECIFICATIONS:
    register_contract(
        Contract(_symbol, _tick, _value, "USD", _calendar, date.fromisoformat(_start))
    )
