"""Labels by the sign of the return over a fixed horizon, net of costs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ohlcvml._checks import check_parameters, one_of
from ohlcvml.bars import Contract, Costs
from ohlcvml.labels._labelling import Scheme, label_bars
from ohlcvml.labels._triple_barrier import LABELLER_TAGS, TRADE_RULES, check_costs
from ohlcvml.streams import BaseBarTransformer
from ohlcvml.typing import Bars, Labels


class FixedHorizonLabeller(BaseBarTransformer):
    """Label each bar by the sign of the return over the next ``horizon`` bars.

    A decision at bar i knows bars up to and including i, enters at the open of bar i+1 and exits
    at the close of bar i+horizon: +1 and −1 where the return exceeds the cost of a round trip in
    either direction, else 0. Nothing after ``end`` changes a label.

    Parameters
    ----------
    horizon : int, default=20
        Bars until the position is closed at the close.
    atr_window : int, default=14
        Window in bars of the ATR in which models state expected returns; decisions in its warm-up
        have no row.
    cost_adjustment : {"net", None}, default="net"
        "net": 0 where the return does not exceed the cost in size. None: the sign of the return.
    contract, costs, entry, session_exit, cross_session, roll, weighting, time_decay
        As in :class:`TripleBarrierLabeller`.

    Notes
    -----
    A label closed early by the session or a roll carries that exit code and the return up to
    there. Fills and ``attrs`` are as in :class:`TripleBarrierLabeller`.

    Source: López de Prado, Advances in Financial Machine Learning (2018), section 3.2.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import FixedHorizonLabeller, LabelSpec
    >>> bars = simulate_bars(300, seed=0).bars
    >>> labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> bool((labels["label"] == 1).any()), LabelSpec.of(labels).horizon
    (True, 5)
    """

    _tags = LABELLER_TAGS
    _parameter_rules = {**TRADE_RULES, "cost_adjustment": one_of("net", None)}

    def __init__(
        self,
        horizon: int = 20,
        atr_window: int = 14,
        cost_adjustment: str | None = "net",
        contract: str | Contract | None = None,
        costs: Costs | None = None,
        entry: str = "next_open",
        session_exit: bool = False,
        cross_session: bool = False,
        roll: str = "exit",
        weighting: str | None = None,
        time_decay: float = 1.0,
    ) -> None:
        self.horizon = horizon
        self.atr_window = atr_window
        self.cost_adjustment = cost_adjustment
        self.contract = contract
        self.costs = costs
        self.entry = entry
        self.session_exit = session_exit
        self.cross_session = cross_session
        self.roll = roll
        self.weighting = weighting
        self.time_decay = time_decay
        super().__init__()

    def __post_init__(self) -> None:
        """Check parameters."""
        check_parameters(self)
        check_costs(self)

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
                "atr_window": 3,
                "contract": spec,
                "costs": Costs(slippage_ticks=0.5),
                "entry": "close",
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
                "cross_session": True,
            },
        ]
