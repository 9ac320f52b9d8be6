"""Networks: plain ``torch.nn.Module`` classes with published architectures.

Input ``(B, n_channels, window)``, the newest bar last; output ``(B, n_features)``. Heads, losses
and training are elsewhere. Importing this package loads torch.
"""

from ohlcvml._requires import require

# ruff: noqa: E402 - the one error comes before any import of torch
require("torch", extra="neural", who="ohlcvml.models.neural.networks")

from ohlcvml.models.neural.networks._autoformer import AutoformerNetwork
from ohlcvml.models.neural.networks._base import Network
from ohlcvml.models.neural.networks._dlinear import DLinearNetwork
from ohlcvml.models.neural.networks._heads import Heads, Outputs
from ohlcvml.models.neural.networks._inception import InceptionTimeNetwork
from ohlcvml.models.neural.networks._itransformer import ITransformerNetwork
from ohlcvml.models.neural.networks._lstm import LSTMNetwork
from ohlcvml.models.neural.networks._nbeats import NBEATSNetwork
from ohlcvml.models.neural.networks._nhits import NHITSNetwork
from ohlcvml.models.neural.networks._patchtst import PatchTSTNetwork
from ohlcvml.models.neural.networks._resnet import ResNet1DNetwork
from ohlcvml.models.neural.networks._scale import WindowScale
from ohlcvml.models.neural.networks._smamba import SMambaNetwork
from ohlcvml.models.neural.networks._tcn import TCNNetwork
from ohlcvml.models.neural.networks._tide import TiDENetwork
from ohlcvml.models.neural.networks._timesnet import TimesNetNetwork

__all__ = [
    "Outputs",
    "Network",
    "AutoformerNetwork",
    "DLinearNetwork",
    "Heads",
    "ITransformerNetwork",
    "InceptionTimeNetwork",
    "LSTMNetwork",
    "NBEATSNetwork",
    "NHITSNetwork",
    "PatchTSTNetwork",
    "ResNet1DNetwork",
    "SMambaNetwork",
    "TCNNetwork",
    "TiDENetwork",
    "TimesNetNetwork",
    "WindowScale",
]
