"""Triple-barrier labels in ATR units, net of costs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ohlcvml._checks import (
    boolean,
    check_parameters,
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
from ohlcvml.bars import contract as find_contract
from ohlcvml.exceptions import ParameterError
from ohlcvml.labels._labelling import Scheme, label_bars
from ohlcvml.streams import BaseBarTransformer
from ohlcvml.typing import Bars, Labels

LABELLER_TAGS: dict[str, Any] = {
    "authors": "ohlcvml developers",
    "maintainers": "ohlcvml developers",
    "object_type": "transformer",
    "scitype:transform-input": "Series",
    "scitype:transform-output": "Series",
    "scitype:instancewise": True,
    "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
    "y_inner_mtype": "None",
    "fit_is_empty": True,
    "transform-returns-same-time-index": False,
    "capability:multivariate": True,
    "capability:missing_values": True,  # volume may be unknown; prices may not
    "capability:unequal_length": True,
    "capability:unequal_length:adds": True,
    "capability:inverse_transform": False,
    "is_production_safe": False,
}

# How positions are opened, closed and weighted: the same for every labeller.
TRADE_RULES = {
    "horizon": integer(1),
    "atr_window": integer(1),
    "entry": one_of("next_open", "close"),
    "contract": either(string(), instance_of(Contract), none()),
    "costs": optional(instance_of(Costs)),
    "session_exit": boolean(),
    "cross_session": boolean(),
    "roll": one_of("exit", "hold"),
    "weighting": one_of(None, "return"),
    "time_decay": real(0.0, 1.0),
}


def check_costs(estimator: Any) -> None:
    """Raise unless the costs that the parameters ask for can be computed."""
    who, costs, contract = type(estimator).__name__, estimator.costs, estimator.contract
    spec = find_contract(contract) if isinstance(contract, str) else contract
    if estimator.session_exit and (spec is None or spec.calendar is None):
        raise ParameterError(
            f"{who}: parameter 'contract' must have a calendar with session_exit=True; got "
            f"{contract!r}. Pass contract='MES', or a Contract(..., calendar='CME_Equity')."
        )
    if estimator.cost_adjustment is not None and costs is None:
        raise ParameterError(
            f"{who}: parameter 'costs' must be given with cost_adjustment="
            f"{estimator.cost_adjustment!r}; got None. Pass contract='MES' and "
            "costs=Costs(commission_per_side=0.62, slippage_ticks=1), or default_costs('MES') "
            "(ohlcvml.bars); or ask for gross labels with cost_adjustment=None."
        )
    if costs is not None:
        costs.round_trip(contract, price=1.0)  # says itself when it needs a contract


class TripleBarrierLabeller(BaseBarTransformer):
    """Label each bar by the barrier that the price touches first.

    A decision at bar i knows bars up to and including i, enters at the open of bar i+1, and holds
    over bars i+1 … i+horizon. The upper barrier stands ``k_up`` and the lower ``k_down`` average
    true ranges (Wilder, known at bar i) from the entry. A label looks into the future by its
    nature; nothing after its ``end`` changes it.

    Parameters
    ----------
    horizon : int, default=20
        Bars until the position is closed at the close; that label is 0.
    k_up, k_down : float, default=1.5
        Distances in ``unit``. With ``side``: target and stop.
    atr_window : int, default=14
        Window of Wilder's ATR in bars; decisions in its warm-up have no row.
    cost_adjustment : {"net", "shift", None}, default="net"
        With c the cost of a round trip: "net" moves both barriers away from the entry by c, so
        that +1 (−1) is a long (short) that earned k ATR after costs. "shift" moves both down by c
        (see docs/differences.md: it makes +1 easier and is not recommended). None is gross.
    contract : str, Contract or None, default=None
        Gives tick size, point value and calendar; barriers are rounded outward to ticks.
    costs : Costs or None, default=None
        Cost of a round trip; must be given unless ``cost_adjustment`` is None.
    side : str, int or None, default=None
        Meta-labels: name of a bar column with the side (−1, 0, +1) of a primary model, or one
        side for all bars. A row with side 0 has no label. With "net", target and stop are net:
        a long has entry + k_up·ATR + c and entry − k_down·ATR + c, a short the mirror image.
        The label is 1 where following the side earned more than its cost at the exit, whatever
        the exit (``net_ret`` above 0), else 0.
    entry : {"next_open", "close"}, default="next_open"
        Enter at the open of the next bar or at the close of the decision bar.
    both : {"zero", "open_proximity"}, default="zero"
        A bar that holds both barriers gives label 0 and its close, or is decided for the barrier
        nearer to its open.
    session_exit : bool, default=False
        Close at the session's close (early closes included) at the latest. Needs a contract with
        a calendar.
    cross_session : bool, default=False
        Open positions whose next bar lies in another session.
    roll : {"exit", "hold"}, default="exit"
        At a change of the column ``contract``: exit at the old contract's last bar, or roll the
        position and pay one more round trip.
    weighting : {None, "return"}, default=None
        "return": the column ``weight`` is the size of ``ret``, otherwise 1; 0 where censored.
        Average uniqueness is not in it: ``Samples`` makes it from the rows it holds.
    time_decay : float, default=1.0
        Weight of the oldest row relative to the newest, linear in cumulative uniqueness;
        ``Samples`` applies it to the rows it holds.
    unit : {"atr", "ticks", "money", "percent"}, default="atr"
        Unit of ``k_up`` and ``k_down``: ATR, ticks of the contract, money per contract in its
        currency, or percent of the entry price. Ticks and money need a contract.
    trailing : bool, default=False
        The stop follows the best price since entry, at the distance it started with; needs
        ``side``. A bar moves the stop by its open, which comes first, but never by its high (low,
        for a short), because the low may have come before: that counts from the next bar on. Bars
        that fill no exit do not move it.

    Notes
    -----
    Inside a bar: an open beyond a barrier fills at the open; a single touch by high or low fills
    at the barrier. Bars with zero volume fill nothing (NaN volume is unknown and fills): no
    entry, no touch, and a time exit waits for the next bar that trades and takes its open, at most
    to the end of the session or contract, where positions are marked at the last close. A bar
    column ``limit`` (+1 locked up, −1 locked down) stops buying or selling, respectively. A
    barrier on the wrong side of the entry, or an ATR of 0, makes a row invalid. Where a price is
    not positive, ``ret``, ``cost`` and ``net_ret`` of the whole table are in points
    (``LabelSpec.return_unit``).

    ``labels.attrs`` holds ``spec``, what was assumed (see :class:`LabelSpec`), and three counts:
    ``both`` (bars that held both barriers), ``gap_fills`` and ``unused`` (decisions without a
    row, or censored, by reason).

    Source: López de Prado, Advances in Financial Machine Learning (2018), chapters 3 and 4.

    Examples
    --------
    >>> from ohlcvml.bars import Costs, simulate_bars
    >>> from ohlcvml.labels import LabelSpec, TripleBarrierLabeller
    >>> bars = simulate_bars(500, seed=0).bars
    >>> labeller = TripleBarrierLabeller(
    ...     horizon=20, contract="MES", costs=Costs(commission_per_side=0.62, slippage_ticks=1)
    ... )
    >>> labels = labeller.fit_transform(bars)
    >>> list(labels.columns)
    ['label', 'end', 'ret', 'cost', 'net_ret', 'weight', 'exit', 'censored']
    >>> LabelSpec.of(labels).round_trip, labels.attrs["unused"]["warm_up"]
    (0.748, 14)
    """

    _tags = LABELLER_TAGS
    _parameter_rules = {
        **TRADE_RULES,
        "k_up": real(0.0, open_low=True),
        "k_down": real(0.0, open_low=True),
        "cost_adjustment": one_of("net", "shift", None),
        "side": optional(either(string(), one_of(-1, 1))),
        "both": one_of("zero", "open_proximity"),
        "unit": one_of("atr", "ticks", "money", "percent"),
        "trailing": boolean(),
    }

    def __init__(
        self,
        horizon: int = 20,
        k_up: float = 1.5,
        k_down: float = 1.5,
        atr_window: int = 14,
        cost_adjustment: str | None = "net",
        contract: str | Contract | None = None,
        costs: Costs | None = None,
        side: str | int | None = None,
        entry: str = "next_open",
        both: str = "zero",
        session_exit: bool = False,
        cross_session: bool = False,
        roll: str = "exit",
        weighting: str | None = None,
        time_decay: float = 1.0,
        unit: str = "atr",
        trailing: bool = False,
    ) -> None:
        self.horizon = horizon
        self.k_up = k_up
        self.k_down = k_down
        self.atr_window = atr_window
        self.cost_adjustment = cost_adjustment
        self.contract = contract
        self.costs = costs
        self.side = side
        self.entry = entry
        self.both = both
        self.session_exit = session_exit
        self.cross_session = cross_session
        self.roll = roll
        self.weighting = weighting
        self.time_decay = time_decay
        self.unit = unit
        self.trailing = trailing
        super().__init__()

    def __post_init__(self) -> None:
        """Check parameters."""
        check_parameters(self)
        check_costs(self)
        if self.side is not None and self.cost_adjustment == "shift":
            raise ParameterError(
                f"{type(self).__name__}: parameter 'cost_adjustment' must be 'net' or None with "
                "'side'; got 'shift'. The side says which way to move the barriers: use 'net'."
            )
        if self.trailing and self.side is None:
            raise ParameterError(
                f"{type(self).__name__}: parameter 'side' must be given with trailing=True; got "
                "None. A stop belongs to a position: name the bar column with the side of a "
                "primary model, or pass side=1 or side=-1."
            )
        if self.unit in ("ticks", "money") and self.contract is None:
            raise ParameterError(
                f"{type(self).__name__}: parameter 'contract' must be given with unit="
                f"{self.unit!r}; got None. Pass contract='MES', or a Contract(symbol, tick_size, "
                "tick_value)."
            )

    def _transform(self, X: Bars, y: pd.DataFrame | None = None) -> Labels:
        scheme = Scheme(**self.get_params(deep=False))
        return label_bars(X, scheme, type(self).__name__)

    @classmethod
    def get_test_params(
        cls,
        parameter_set: str = "default",  # noqa: ARG003
    ) -> list[dict[str, Any]]:
        """Return parameter sets that between them move every parameter."""
        spec = Contract("TEST", tick_size=0.01, tick_value=1.0, calendar="CME_Equity")
        return [
            {"horizon": 3, "atr_window": 2, "cost_adjustment": None},
            {
                "horizon": 4,
                "k_up": 1.0,
                "k_down": 0.7,
                "atr_window": 3,
                "cost_adjustment": "shift",
                "contract": spec,
                "costs": Costs(slippage_ticks=0.5),
                "entry": "close",
                "both": "open_proximity",
                "session_exit": True,
                "roll": "hold",
                "weighting": "return",
                "time_decay": 0.5,
            },
            {
                "horizon": 4,
                "atr_window": 2,
                "contract": spec,
                "costs": Costs(spread=0.01),
                "side": -1,
                "cross_session": True,
                "trailing": True,
            },
            {
                "horizon": 4,
                "atr_window": 2,
                "unit": "percent",
                "k_up": 0.2,
                "k_down": 0.3,
                "cost_adjustment": None,
            },
        ]
