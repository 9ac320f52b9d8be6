"""The default feature set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from ohlcvml._checks import boolean, duration, each, instance_of, jobs, one_of, optional
from ohlcvml.bars import OHLCV
from ohlcvml.bars.market import Contract
from ohlcvml.features._acceleration import AccelerationFeatures
from ohlcvml.features._bar_shape import BarShapeFeatures
from ohlcvml.features._calendar import CalendarFeatures
from ohlcvml.features._channel import ChannelFeatures
from ohlcvml.features._directional import DirectionalFeatures
from ohlcvml.features._distribution import DistributionFeatures
from ohlcvml.features._efficiency import EfficiencyFeatures
from ohlcvml.features._flow import FlowFeatures
from ohlcvml.features._fractional import FractionalFeatures
from ohlcvml.features._jumps import JumpFeatures
from ohlcvml.features._liquidity import LiquidityFeatures
from ohlcvml.features._moments import ReturnMomentFeatures
from ohlcvml.features._momentum import MomentumFeatures
from ohlcvml.features._oscillators import OscillatorFeatures
from ohlcvml.features._quantiles import QuantileFeatures
from ohlcvml.features._range_volatility import RangeVolatilityFeatures
from ohlcvml.features._regression import RegressionFeatures
from ohlcvml.features._returns import ReturnFeatures
from ohlcvml.features._session import SessionFeatures
from ohlcvml.features._spread import SpreadFeatures
from ohlcvml.features._structure import StructureFeatures
from ohlcvml.features._timeframe import TimeframeFeatures
from ohlcvml.features._trend import TrendFeatures
from ohlcvml.features._volatility import VolatilityFeatures
from ohlcvml.features._volume import VolumeFeatures
from ohlcvml.streams import (
    BarFeatureUnion,
    BarRow,
    BaseFeature,
    Channels,
    Column,
    Node,
    stripes,
    write_parts,
)
from ohlcvml.typing import Bars, FloatArray

# Each family with its defaults, in the order of the columns. Those that need volume, or the clock,
# are told by the set.
FAMILIES: dict[str, Callable[[OHLCVFeatures], BaseFeature]] = {
    "returns": lambda _: ReturnFeatures(),
    "acceleration": lambda _: AccelerationFeatures(),
    "trend": lambda _: TrendFeatures(),
    "directional": lambda _: DirectionalFeatures(),
    "regression": lambda _: RegressionFeatures(),
    "efficiency": lambda _: EfficiencyFeatures(),
    "channel": lambda _: ChannelFeatures(),
    "structure": lambda _: StructureFeatures(),
    "momentum": lambda _: MomentumFeatures(),
    "oscillators": lambda _: OscillatorFeatures(),
    "volatility": lambda _: VolatilityFeatures(),
    "range_volatility": lambda _: RangeVolatilityFeatures(),
    "jumps": lambda _: JumpFeatures(),
    "moments": lambda _: ReturnMomentFeatures(),
    "distribution": lambda _: DistributionFeatures(),
    "quantiles": lambda _: QuantileFeatures(),
    "fractional": lambda _: FractionalFeatures(),
    "spread": lambda _: SpreadFeatures(),
    "bar_shape": lambda _: BarShapeFeatures(),
    "volume": lambda _: VolumeFeatures(),
    "flow": lambda _: FlowFeatures(),
    "liquidity": lambda _: LiquidityFeatures(),
    "session": lambda own: SessionFeatures(own.contract, own.bar_size, own.volume),
    "calendar": lambda own: CalendarFeatures(own.contract),
}
FEATURE_FAMILIES: tuple[str, ...] = tuple(FAMILIES)
NEED_VOLUME = ("volume", "flow", "liquidity")


class OHLCVFeatures(BaseFeature):
    """The default feature set: stationary columns of more than twenty families.

    Row t uses rows up to and including t, and of coarser bars those that are complete by then. No
    price level leaves the set. NaN only in the warm-up, on bars with a missing price or volume, and
    where ``describe()``, which lists every column's formula, window, unit and source, says so.

    To choose windows, unite the families yourself: ``ReturnFeatures(lags=(1, 7)) + ...``.

    Parameters
    ----------
    families : tuple of str or None, default=None
        Families to take, each with its defaults; None for all. ``FEATURE_FAMILIES`` lists
        their names in the order of the columns.
    timeframes : tuple of str, default=("5min", "15min", "1h")
        Coarser bars of which returns, their moments and efficiency are taken; of days ("1D") the
        last return, which costs two whole sessions of history. Timeframes not above ``bar_size``
        are left out.
    contract : str, Contract or None, default=None
        Sessions, holidays and expiries of the contract; None takes days of midnight UTC and leaves
        out what needs a calendar.
    bar_size : str or pd.Timedelta, default="1min"
        Size of the bars; bars of another size raise.
    volume : bool, default=True
        Whether to give the columns that need volume; False for instruments without.
    n_jobs : int, default=1
        Threads; -1 for one per core. The bits do not depend on it.

    Attributes
    ----------
    feature_names : list of str
    lookback : int

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import OHLCVFeatures
    >>> features = OHLCVFeatures(families=("returns", "momentum"), timeframes=("15min",))
    >>> table = features.fit_transform(simulate_bars(2000, seed=0).bars)
    >>> table.shape, features.lookback, int(table.isna().sum().max())
    ((2000, 20), 446, 134)
    >>> bar = {"open": 10, "high": 12, "low": 9, "close": 11, "volume": 500}
    >>> stream = features.stream()
    >>> stream.push(bar, time="2024-01-02 14:30Z").shape, stream.names[:2]
    ((20,), ['log_return_1', 'log_return_2'])
    >>> len(OHLCVFeatures().feature_names) > 150
    True
    """

    _parameter_rules = {
        "families": optional(each(one_of(*FAMILIES))),
        "timeframes": each(duration(), empty=True),
        "contract": optional(instance_of(str, Contract)),
        "bar_size": duration(),
        "volume": boolean(),
        "n_jobs": jobs(),
    }

    _inputs = OHLCV  # of its families, which do the reading

    contract: str | Contract | None
    bar_size: str | pd.Timedelta
    volume: bool

    def __init__(
        self,
        families: tuple[str, ...] | None = None,
        timeframes: tuple[str, ...] = ("5min", "15min", "1h"),
        contract: str | Contract | None = None,
        bar_size: str | pd.Timedelta = "1min",
        volume: bool = True,
        n_jobs: int = 1,
    ) -> None:
        self.families = families
        self.timeframes = timeframes
        self.contract = contract
        self.bar_size = bar_size
        self.volume = volume
        self.n_jobs = n_jobs
        super().__init__()

    def _union(self) -> BarFeatureUnion:
        chosen = [
            (name, make(self))
            for name, make in FAMILIES.items()
            if (self.families is None or name in self.families)
            and (self.volume or name not in NEED_VOLUME)
        ]
        for timeframe in self.timeframes:
            if pd.Timedelta(timeframe) > pd.Timedelta(self.bar_size):
                inner = _coarse(pd.Timedelta(timeframe))
                part = TimeframeFeatures(inner, timeframe, self.contract, self.bar_size)
                chosen.append((f"bars of {timeframe}", part))
        return BarFeatureUnion(chosen)

    def _columns(self) -> list[Column]:
        return self._union()._columns()

    def _bar_sizes(self) -> tuple[Any, ...]:
        return self._union()._bar_sizes()  # families that do not look at the clock need no size

    def _leaves(self) -> list[BaseFeature]:
        return self._union()._leaves()

    @property
    def lookback_is_bound(self) -> bool:  # type: ignore[override]
        """Whether a family's memory ends with time."""
        return self._union().lookback_is_bound

    @property
    def lookback(self) -> int | None:
        """The largest lookback of the families."""
        return self._union().lookback

    def _write(self, X: Bars, channels: Channels, out: FloatArray) -> None:
        write_parts(stripes(self._union().features, out), X, channels, n_jobs=self.n_jobs)

    def _node(self, source: BarRow, out: FloatArray) -> Node:
        return self._union()._node(source, out)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"families": ("returns", "volume", "session"), "timeframes": ("5min",)},
            {
                "families": ("bar_shape", "session", "calendar"),
                "timeframes": ("2min", "30s"),
                "contract": "ES",
                "bar_size": "30s",
                "volume": False,
            },
        ]


def _coarse(size: pd.Timedelta) -> BaseFeature:
    """Features of coarse bars, few and short: a window of them holds many bars."""
    if size >= pd.Timedelta("1D"):
        return ReturnFeatures(lags=(1,))
    returns, efficiency = ReturnFeatures(lags=(1, 3)), EfficiencyFeatures((8,), (8,))
    return returns + efficiency + ReturnMomentFeatures(windows=(8,))
