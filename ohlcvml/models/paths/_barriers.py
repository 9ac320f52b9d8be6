"""Barriers of a labels table, as distances that a forecast can be compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ohlcvml._checks import Rule, check_value, integer, none, one_of, optional, real
from ohlcvml.bars import Costs, price_arrays, symbol_starts
from ohlcvml.exceptions import DataError
from ohlcvml.labels import SLACK, LabelSpec
from ohlcvml.streams import average_true_range
from ohlcvml.typing import Bars, FloatArray, IntArray, Labels

# Which law holds for which rule of labels; how the cost moves the upper and the lower barrier.
LAWS = {"triple_barrier": "barrier", "fixed_horizon": "fixed"}
SHIFTS = {"net": (1.0, -1.0), "shift": (-1.0, -1.0), None: (0.0, 0.0)}


@dataclass(frozen=True)
class BarrierSpec:
    """Where the barriers of a labeller stand, seen from the close of the decision bar.

    The labeller enters at the next open, which no forecast knows: the close of the decision bar
    stands in for it, and the gap between the two is left out (docs/forecast_law.md has its size).
    Neither are the session's close (``session_exit``), rolls and bars that do not fill known here:
    such labels end earlier than the law says.

    Parameters
    ----------
    kind : {"barrier", "fixed", None}
        Triple barrier, fixed horizon, or neither: then no law holds, and classes must be learned.
    horizon : int or None
        Bars until the position is closed at the close.
    k_up, k_down : float or None
        Distances in ``unit``; None without barriers.
    atr_window : int, default=14
        Window of Wilder's ATR in bars.
    cost_adjustment : {"net", "shift", None}, default=None
        As in ``TripleBarrierLabeller`` and ``FixedHorizonLabeller``.
    cost : float, default=0.0
        Round trip in price units: the part that does not depend on the price.
    cost_rate : float, default=0.0
        Round trip as a fraction of the price, on top.
    tick_size : float, default=0.0
        Barriers are rounded outward to it; 0: not rounded.
    unit : {"atr", "price", "percent"}, default="atr"
        Unit of ``k_up`` and ``k_down``: ATR, price units (labels in ticks or money), or percent of
        the price.

    Examples
    --------
    >>> from ohlcvml.bars import Costs, simulate_bars
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models.paths import BarrierSpec
    >>> bars = simulate_bars(300, seed=0).bars
    >>> costs = Costs(commission_per_side=0.62, slippage_ticks=1)
    >>> labels = TripleBarrierLabeller(contract="MES", costs=costs).fit_transform(bars)
    >>> spec = BarrierSpec.from_labels(labels)
    >>> spec.kind, spec.horizon, spec.k_up, spec.cost, spec.tick_size
    ('barrier', 20, 1.5, 0.748, 0.25)
    >>> upper, lower = spec.distances(bars, pos=[100, 200])
    >>> upper.round(5), lower.round(5)
    (array([0.0008, 0.001 ]), array([-0.0008, -0.001 ]))
    """

    kind: str | None
    horizon: int | None
    k_up: float | None = None
    k_down: float | None = None
    atr_window: int = 14
    cost_adjustment: str | None = None
    cost: float = 0.0
    cost_rate: float = 0.0
    tick_size: float = 0.0
    unit: str = "atr"

    def __post_init__(self) -> None:
        distance = real(0.0, open_low=True)
        rules: dict[str, Rule] = {
            "kind": one_of("barrier", "fixed", None),
            "horizon": integer(1) if self.kind else optional(integer(1)),
            "k_up": distance if self.kind == "barrier" else none(),
            "k_down": distance if self.kind == "barrier" else none(),
            "atr_window": integer(1),
            "cost_adjustment": one_of(*SHIFTS),
            "cost": real(0.0),
            "cost_rate": real(0.0),
            "tick_size": real(0.0),
            "unit": one_of("atr", "price", "percent"),
        }
        for name, rule in rules.items():
            check_value(type(self).__name__, name, rule, getattr(self, name))

    @classmethod
    def from_labels(cls, labels: Labels) -> BarrierSpec:
        """Read the specification of the labels.

        Labels of ``TripleBarrierLabeller`` without a side and of ``FixedHorizonLabeller`` have a
        law; ``kind`` is None for all others.

        Raises
        ------
        DataError
            The labels are in points, because prices are not positive, or do not say what was
            assumed in making them.
        """
        made = LabelSpec.of(labels, "BarrierSpec.from_labels")
        if made.return_unit == "points":
            raise DataError(
                "BarrierSpec.from_labels: 'labels' must be in log returns, as a forecast of log "
                "returns is; LabelSpec.return_unit is 'points' because some prices are not "
                "positive. Leave those bars out, or use a model of features."
            )
        kind = LAWS.get(made.rule) if made.kind == "direction" else None
        if kind is None:
            return cls(None, made.horizon, atr_window=made.atr_window)
        spec, costs = made.contract, made.costs or Costs()
        barrier = kind == "barrier"
        unit, one = made.unit, 1.0
        if spec is not None and unit in ("ticks", "money"):
            one = spec.tick_size if unit == "ticks" else 1.0 / spec.point_value
            unit = "price"
        return cls(
            kind=kind,
            horizon=made.horizon,
            k_up=None if made.k_up is None else made.k_up * one,
            k_down=None if made.k_down is None else made.k_down * one,
            atr_window=made.atr_window,
            cost_adjustment=made.cost_adjustment,
            cost=float(costs.round_trip(spec, price=0.0)),
            cost_rate=2.0 * costs.rate_per_side,
            tick_size=float(spec.tick_size) if spec is not None and barrier else 0.0,
            unit=unit,
        )

    def distances(self, bars: Bars, pos: Any) -> tuple[FloatArray, FloatArray]:
        """Upper and lower barrier of decisions, as log returns from the decision bar's close.

        The close is that of the traded contract (``raw_close``) where the bars carry one, the ATR
        that of the bars as they are: what the labeller takes too, except on bars adjusted by
        ratio, where its ATR is at traded prices. For a fixed horizon: the returns beyond which the
        label is +1 or −1.

        Parameters
        ----------
        bars : pd.DataFrame
            All bars up to the decisions at least; later ones are not looked at.
        pos : int array of shape (n,)
            Rows of ``bars`` at whose close the decisions are taken.

        Returns
        -------
        upper, lower : float64 arrays of shape (n,)
            NaN in the warm-up of the ATR, where a price is missing or not positive, and where the
            labeller has no row: no range, or a barrier on the wrong side. A lower barrier at or
            below a price of 0 is −inf: it cannot be touched.

        Raises
        ------
        DataError
            There are no barriers, or a row is not one of the bars.
        """
        who = "BarrierSpec.distances"
        if self.kind is None:
            raise DataError(
                f"{who}: these labels have no barriers; kind is None. Only labels of "
                "TripleBarrierLabeller (without a side) and FixedHorizonLabeller have; learn the "
                "classes of others (calibrate=True)."
            )
        rows = np.asarray(pos, dtype=np.int64)
        if rows.ndim != 1 or (len(rows) and (rows.min() < 0 or rows.max() >= len(bars))):
            raise DataError(
                f"{who}: 'pos' must be rows of the {len(bars)} bars in one dimension; got {pos!r}."
            )
        price, atr = self._traded(bars, rows, who)
        cost = self.cost + self.cost_rate * price
        if self.kind == "fixed":
            threshold = cost / price if self.cost_adjustment else 0.0 * price
            return threshold, -threshold
        assert self.k_up is not None, "by the rules"
        assert self.k_down is not None, "by the rules"
        up_sign, down_sign = SHIFTS[self.cost_adjustment]
        one: Any = {"atr": atr, "price": 1.0, "percent": 0.01 * price}[self.unit]
        upper = price + self.k_up * one + up_sign * cost
        lower = price - self.k_down * one + down_sign * cost
        if self.tick_size > 0.0:  # outward, as the labeller does
            upper = np.ceil(upper / self.tick_size - SLACK) * self.tick_size
            lower = np.floor(lower / self.tick_size + SLACK) * self.tick_size
        slack = self.tick_size * SLACK
        good = (upper - slack > price) & (lower + slack < price) & (one > 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            above, below = np.log(upper / price), np.log(np.maximum(lower, 0.0) / price)
        return np.where(good, above, np.nan), np.where(good, below, np.nan)

    def _traded(self, bars: Bars, rows: IntArray, who: str) -> tuple[FloatArray, FloatArray]:
        """Traded close and ATR at the rows; NaN where there is none."""
        prices = price_arrays(bars, who)
        starts = symbol_starts(bars.index)
        atr = average_true_range(prices.high, prices.low, prices.close, self.atr_window, starts)
        price = prices.close
        if "raw_close" in bars.columns:
            price = bars["raw_close"].to_numpy(dtype=np.float64)
        usable = (price > 0.0) & np.isfinite(price) & np.isfinite(atr)
        return np.where(usable, price, np.nan)[rows], np.where(usable, atr, np.nan)[rows]
