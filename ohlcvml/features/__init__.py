"""Features: causal columns computed from bars, the same bits in batch and in a stream."""

from ohlcvml.features._acceleration import AccelerationFeatures
from ohlcvml.features._bar_shape import BarShapeFeatures
from ohlcvml.features._calendar import CalendarFeatures
from ohlcvml.features._channel import ChannelFeatures
from ohlcvml.features._directional import DirectionalFeatures
from ohlcvml.features._distribution import DistributionFeatures
from ohlcvml.features._efficiency import EfficiencyFeatures
from ohlcvml.features._flow import FlowFeatures
from ohlcvml.features._fractional import FractionalFeatures
from ohlcvml.features._health import feature_health, rank_correlation
from ohlcvml.features._jumps import JumpFeatures
from ohlcvml.features._liquidity import LiquidityFeatures
from ohlcvml.features._moments import ReturnMomentFeatures
from ohlcvml.features._momentum import MomentumFeatures
from ohlcvml.features._ohlcv import FEATURE_FAMILIES, OHLCVFeatures
from ohlcvml.features._oscillators import OscillatorFeatures
from ohlcvml.features._plot import plot_features
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

__all__ = [
    "rank_correlation",
    "FEATURE_FAMILIES",
    "AccelerationFeatures",
    "BarShapeFeatures",
    "CalendarFeatures",
    "ChannelFeatures",
    "DirectionalFeatures",
    "DistributionFeatures",
    "EfficiencyFeatures",
    "FlowFeatures",
    "FractionalFeatures",
    "JumpFeatures",
    "LiquidityFeatures",
    "MomentumFeatures",
    "OHLCVFeatures",
    "OscillatorFeatures",
    "QuantileFeatures",
    "RangeVolatilityFeatures",
    "RegressionFeatures",
    "ReturnFeatures",
    "ReturnMomentFeatures",
    "SessionFeatures",
    "SpreadFeatures",
    "StructureFeatures",
    "TimeframeFeatures",
    "TrendFeatures",
    "VolatilityFeatures",
    "VolumeFeatures",
    "feature_health",
    "plot_features",
]
