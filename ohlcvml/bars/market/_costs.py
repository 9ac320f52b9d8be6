"""Costs of a round trip, in price units and in money."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from typing import Any, overload

import numpy as np

from ohlcvml._checks import check_fields, check_value, real
from ohlcvml.bars.market._contracts import Contract, contract
from ohlcvml.exceptions import ParameterError
from ohlcvml.typing import FloatArray


@dataclass(frozen=True)
class Costs:
    """What one contract costs from entry to exit.

    A round trip costs, in price units, ::

        2 · commission_per_side / point_value + 2 · slippage_ticks · tick_size
            + spread + 2 · rate_per_side · price

    Parameters
    ----------
    commission_per_side : float, default=0.0
        Broker, exchange and clearing fees for one contract and one side, in the contract's
        currency. Needs a contract.
    slippage_ticks : float, default=0.0
        Ticks lost on each side against the price of the data. Needs a contract.
    spread : float, default=0.0
        In price units, paid once a round trip; for bid-only data, where buying costs the spread.
    rate_per_side : float, default=0.0
        Fee of one side as a fraction of the price, as crypto venues charge. Needs ``price``; both
        sides are charged on the entry price, so the cost is known when the trade is opened.

    Examples
    --------
    >>> from ohlcvml.bars import Costs, contract
    >>> Costs(slippage_ticks=0.75).round_trip(contract("MES"))  # 1.5 ticks
    0.375
    >>> Costs(commission_per_side=0.62, slippage_ticks=1.0).money("MES", quantity=2)
    7.48
    >>> Costs(spread=0.0001).round_trip()
    0.0001
    >>> Costs(rate_per_side=0.0005).round_trip(price=20_000.0)
    20.0
    """

    commission_per_side: float = 0.0
    slippage_ticks: float = 0.0
    spread: float = 0.0
    rate_per_side: float = 0.0

    def __post_init__(self) -> None:
        for name in ("commission_per_side", "slippage_ticks", "spread"):
            check_value("Costs", name, real(0.0), getattr(self, name))
        check_value(
            "Costs",
            "rate_per_side",
            real(0.0, 0.5),
            self.rate_per_side,
            "It is a fraction of the price: 0.0005 is 5 basis points.",
        )

    def __str__(self) -> str:
        parts = (
            (self.commission_per_side, "commission {:g} a side"),
            (self.slippage_ticks, "slippage {:g} ticks a side"),
            (self.spread, "spread {:g}"),
            (self.rate_per_side, "{:g} of the price a side"),
        )
        return ", ".join(form.format(value) for value, form in parts if value) or "none"

    @overload
    def round_trip(
        self, contract: Contract | str | None = None, price: float | None = None
    ) -> float: ...
    @overload
    def round_trip(self, contract: Contract | str | None, price: FloatArray) -> FloatArray: ...

    def round_trip(
        self,
        contract: Contract | str | None = None,
        price: float | FloatArray | None = None,
    ) -> float | FloatArray:
        """Cost of entry and exit, in price units.

        Parameters
        ----------
        contract : Contract or str, optional
            Needed where there is a commission or slippage.
        price : float or array of shape (n,), optional
            Entry price, needed where there is a ``rate_per_side``, otherwise without effect.

        Returns
        -------
        float or array of shape (n,)
            An array only where ``price`` is one and there is a ``rate_per_side``.
        """
        cost = self.spread
        if self.commission_per_side or self.slippage_ticks:
            spec = _specification(contract, "round_trip")
            commission = 2.0 * self.commission_per_side / spec.point_value
            cost += commission + 2.0 * self.slippage_ticks * spec.tick_size
        if not self.rate_per_side:
            return cost
        if price is None:
            raise ParameterError(
                "Costs.round_trip: parameter 'price' must be the entry price where rate_per_side "
                f"is {self.rate_per_side!r}; got None. Pass price=entry."
            )
        # A negative price (WTI, April 2020) still costs a fee.
        fee = 2.0 * self.rate_per_side * np.abs(np.asarray(price, dtype=np.float64))
        return float(cost + fee) if fee.ndim == 0 else cost + fee

    def money(
        self,
        contract: Contract | str,
        quantity: float = 1,
        price: float | None = None,
    ) -> float:
        """Cost of entry and exit of ``quantity`` contracts, in the contract's currency.

        The sign of ``quantity`` does not matter: a short costs what a long costs.
        """
        spec = _specification(contract, "money")
        cents = self.round_trip(spec, price) * spec.point_value * abs(quantity)
        return float(f"{cents:.12g}")  # the binary noise of 0.62 / 5 · 5 is not money

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Costs:
        """Build costs from what :meth:`to_dict` gave."""
        check_fields("Costs.from_dict", fields, (item.name for item in dataclass_fields(cls)))
        return cls(**fields)


def _specification(given: Contract | str | None, method: str) -> Contract:
    if isinstance(given, str):
        return contract(given)
    if isinstance(given, Contract):
        return given
    raise ParameterError(
        f"Costs.{method}: parameter 'contract' must be a Contract or a symbol where there is a "
        f"commission or slippage; got {given!r}. Pass contract('MES'), or give the whole cost in "
        "price units as Costs(spread=...)."
    )


# Assumptions of ours, not quotes: commission per side all-in (broker, exchange, clearing, NFA) as
# a retail account at a discount broker pays it, and half a tick a side where the book is usually
# one tick wide, more where it is thinner. Replace them by your own fills.
_DEFAULTS: dict[str, tuple[float, float]] = {
    "ES": (2.00, 0.5),
    "MES": (0.62, 1.0),
    "NQ": (2.00, 1.0),
    "MNQ": (0.62, 2.0),
    "RTY": (2.00, 1.0),
    "M2K": (0.62, 1.0),
    "YM": (2.00, 1.0),
    "MYM": (0.62, 1.0),
    "GC": (2.40, 1.0),
    "MGC": (0.85, 1.0),
    "SI": (2.40, 1.0),
    "HG": (2.40, 1.0),
    "CL": (2.40, 1.0),
    "MCL": (0.80, 1.0),
    "NG": (2.40, 1.0),
    "ZN": (1.60, 0.5),
    "ZB": (1.60, 0.5),
    "6E": (2.40, 0.5),
    "6B": (2.40, 1.0),
    "6J": (2.40, 0.5),
    "BTC": (7.00, 2.0),
    "ETH": (5.00, 2.0),
}


def default_costs(symbol: str) -> Costs:
    """Return assumed retail costs of a contract, to start from.

    These are assumptions, not quotes: an all-in commission at a discount broker and half a tick to
    two ticks of slippage a side. Results depend on them; replace them by your own fills.

    Parameters
    ----------
    symbol : str
        Root symbol of a contract that comes with the package.

    Returns
    -------
    Costs
        Commission and slippage per side.

    Examples
    --------
    >>> from ohlcvml.bars import default_costs
    >>> default_costs("MES")
    Costs(commission_per_side=0.62, slippage_ticks=1.0, spread=0.0, rate_per_side=0.0)
    """
    if symbol not in _DEFAULTS:
        raise ParameterError(
            f"default_costs: parameter 'symbol' must be one of {', '.join(sorted(_DEFAULTS))}; "
            f"got {symbol!r}. Write Costs(commission_per_side=..., slippage_ticks=...) instead."
        )
    commission, slippage = _DEFAULTS[symbol]
    return Costs(commission_per_side=commission, slippage_ticks=slippage)
