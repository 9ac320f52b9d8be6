"""Regimes: the state of the market, filtered bar by bar, the same bits in batch and in a stream."""

from ohlcvml.regimes._base import BaseRegime
from ohlcvml.regimes._hindsight import smoothed_states, viterbi_states
from ohlcvml.regimes._hmm import HMMRegime
from ohlcvml.regimes._inputs import RegimeInputs
from ohlcvml.regimes._jump_model import JumpModelRegime
from ohlcvml.regimes._plot import plot_regimes
from ohlcvml.regimes._structure import StructureRegime
from ohlcvml.regimes._trend import TrendRegime
from ohlcvml.regimes._volatility import VolatilityRegime

__all__ = [
    "BaseRegime",
    "HMMRegime",
    "JumpModelRegime",
    "RegimeInputs",
    "StructureRegime",
    "TrendRegime",
    "VolatilityRegime",
    "plot_regimes",
    "smoothed_states",
    "viterbi_states",
]
