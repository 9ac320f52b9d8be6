"""The default feature set."""

from __future__ import annotations

from typing import Any

from ohlcvml._checks import boolean
from ohlcvml.bars._frame import OHLCV
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._channels import BarRow, Channels
from ohlcvml.features._columns import Column
from ohlcvml.features._moments import ReturnMomentFeatures
from ohlcvml.features._momentum import MomentumFeatures
from ohlcvml.features._returns import ReturnFeatures
from ohlcvml.features._stream import Node
from ohlcvml.features._trend import TrendFeatures
from ohlcvml.features._union import BarFeatureUnion
from ohlcvml.features._volatility import VolatilityFeatures
from ohlcvml.features._volume import VolumeFeatures
from ohlcvml.typing import Bars, FloatArray

__all__ = ["OHLCVFeatures"]


class OHLCVFeatures(BaseFeature):
    """The default feature set: six families, 45 stationary columns.

    Row t uses rows up to and including t. No raw price leaves the set. NaN only in the warm-up,
    on bars with a missing price or volume, and where a column is undefined, as the class of its
    family says: :class:`ReturnFeatures`, :class:`TrendFeatures`, :class:`MomentumFeatures`,
    :class:`VolatilityFeatures`, :class:`ReturnMomentFeatures`, :class:`VolumeFeatures`.

    Parameters
    ----------
    return_lags : tuple of int, default=(1, 2, 3, 5, 10, 20, 60)
        In bars: ``log_return_{lag}``.
    sma_windows, ema_windows : tuple of int, default=(10, 20, 50, 100), (5, 10, 20, 50, 100)
        In bars: ``sma_distance_{w}``, ``ema_distance_{w}``.
    rsi_windows : tuple of int, default=(7, 14, 21)
        In bars: ``rsi_{w}``.
    macd : tuple of three int, default=(12, 26, 9)
        Fast, slow and signal window: ``macd_...``.
    atr_windows, parkinson_windows : tuple of int, default=(14, 60), (10, 30, 60)
        In bars: ``atr_ratio_{w}``, ``true_range_ratio_{w}``, ``parkinson_{w}``.
    moment_windows : tuple of int, default=(15, 30, 120)
        In bars: ``return_mean_{w}``, ``return_std_{w}``, ``return_zscore_{w}``.
    volume_windows : tuple of int, default=(10, 30, 120)
        In bars: ``log_volume_ratio_{w}``, ``log_volume_zscore_{w}``.
    unit_window : int, default=14
        Window of the average true range that is the unit of distances and MACD, in bars.
    volume : bool, default=True
        Whether to give the volume columns; False for instruments without volume.

    Attributes
    ----------
    feature_names : list of str
    lookback : int

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import OHLCVFeatures
    >>> features = OHLCVFeatures()
    >>> table = features.fit_transform(simulate_bars(2000, seed=0).bars)
    >>> table.shape, features.lookback, int(table.isna().sum().max())
    ((2000, 45), 1294, 120)
    >>> stream = features.stream()
    >>> row = stream.push({"open": 10, "high": 12, "low": 9, "close": 11, "volume": 500})
    >>> row.shape, stream.names[:2]
    ((45,), ['log_return_1', 'log_return_2'])
    """

    _parameter_rules = {
        "return_lags": ReturnFeatures._parameter_rules["lags"],
        "sma_windows": TrendFeatures._parameter_rules["sma_windows"],
        "ema_windows": TrendFeatures._parameter_rules["ema_windows"],
        "rsi_windows": MomentumFeatures._parameter_rules["rsi_windows"],
        "macd": MomentumFeatures._parameter_rules["macd"],
        "atr_windows": VolatilityFeatures._parameter_rules["atr_windows"],
        "parkinson_windows": VolatilityFeatures._parameter_rules["parkinson_windows"],
        "moment_windows": ReturnMomentFeatures._parameter_rules["windows"],
        "volume_windows": VolumeFeatures._parameter_rules["windows"],
        "unit_window": TrendFeatures._parameter_rules["atr_window"],
        "volume": boolean(),
    }

    _inputs = OHLCV  # of its families, which do the reading

    def __init__(
        self,
        return_lags: tuple[int, ...] = (1, 2, 3, 5, 10, 20, 60),
        sma_windows: tuple[int, ...] = (10, 20, 50, 100),
        ema_windows: tuple[int, ...] = (5, 10, 20, 50, 100),
        rsi_windows: tuple[int, ...] = (7, 14, 21),
        macd: tuple[int, ...] = (12, 26, 9),
        atr_windows: tuple[int, ...] = (14, 60),
        parkinson_windows: tuple[int, ...] = (10, 30, 60),
        moment_windows: tuple[int, ...] = (15, 30, 120),
        volume_windows: tuple[int, ...] = (10, 30, 120),
        unit_window: int = 14,
        volume: bool = True,
    ) -> None:
        self.return_lags = return_lags
        self.sma_windows = sma_windows
        self.ema_windows = ema_windows
        self.rsi_windows = rsi_windows
        self.macd = macd
        self.atr_windows = atr_windows
        self.parkinson_windows = parkinson_windows
        self.moment_windows = moment_windows
        self.volume_windows = volume_windows
        self.unit_window = unit_window
        self.volume = volume
        super().__init__()

    def _families(self) -> BarFeatureUnion:
        families = [
            ("returns", ReturnFeatures(self.return_lags)),
            ("trend", TrendFeatures(self.sma_windows, self.ema_windows, self.unit_window)),
            ("momentum", MomentumFeatures(self.rsi_windows, self.macd, self.unit_window)),
            ("volatility", VolatilityFeatures(self.atr_windows, self.parkinson_windows)),
            ("moments", ReturnMomentFeatures(self.moment_windows)),
        ]
        if self.volume:
            families.append(("volume", VolumeFeatures(self.volume_windows)))
        return BarFeatureUnion(families)

    def _columns(self) -> list[Column]:
        return self._families()._columns()

    def _leaves(self) -> list[BaseFeature]:
        return self._families()._leaves()

    @property
    def lookback_is_bound(self) -> bool:  # type: ignore[override]
        """Whether a family's memory ends with time."""
        return self._families().lookback_is_bound

    @property
    def lookback(self) -> int | None:
        """The largest lookback of the families."""
        return self._families().lookback

    def _write(self, X: Bars, channels: Channels, out: FloatArray) -> None:
        self._families()._write(X, channels, out)

    def _node(self, source: BarRow, out: FloatArray) -> Node:
        return self._families()._node(source, out)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        first = {
            "return_lags": (1, 2),
            "sma_windows": (2, 3),
            "ema_windows": (2,),
            "rsi_windows": (2,),
            "macd": (2, 3, 2),
            "atr_windows": (2,),
            "parkinson_windows": (2,),
            "moment_windows": (2, 3),
            "volume_windows": (2,),
            "unit_window": 2,
        }
        second = {
            "return_lags": (3,),
            "sma_windows": (4,),
            "ema_windows": (3, 5),
            "rsi_windows": (3,),
            "macd": (3, 5, 3),
            "atr_windows": (3,),
            "parkinson_windows": (3,),
            "moment_windows": (4,),
            "volume_windows": (3,),
            "unit_window": 3,
            "volume": False,
        }
        return [first, second]
