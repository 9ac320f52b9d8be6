"""Classifiers over windows of features by neural networks.

One file per estimator; ``_training.py`` is the only training loop; ``networks`` holds the
architectures as plain modules. Importing this package does not load torch; importing
``ohlcvml.models.neural.networks`` does.
"""

from ohlcvml.models.neural._autoformer import AutoformerClassifier
from ohlcvml.models.neural._dlinear import DLinearClassifier
from ohlcvml.models.neural._inception import InceptionTimeClassifier
from ohlcvml.models.neural._itransformer import ITransformerClassifier
from ohlcvml.models.neural._lstm import LSTMClassifier
from ohlcvml.models.neural._nbeats import NBEATSClassifier
from ohlcvml.models.neural._nhits import NHITSClassifier
from ohlcvml.models.neural._options import HasTrainingOptions, TrainingOptions
from ohlcvml.models.neural._patchtst import PatchTSTClassifier
from ohlcvml.models.neural._plot import plot_training
from ohlcvml.models.neural._resnet import ResNet1DClassifier
from ohlcvml.models.neural._smamba import SMambaClassifier
from ohlcvml.models.neural._tcn import TCNClassifier
from ohlcvml.models.neural._tide import TiDEClassifier
from ohlcvml.models.neural._timesnet import TimesNetClassifier

__all__ = [
    "HasTrainingOptions",
    "AutoformerClassifier",
    "DLinearClassifier",
    "ITransformerClassifier",
    "InceptionTimeClassifier",
    "LSTMClassifier",
    "NBEATSClassifier",
    "NHITSClassifier",
    "PatchTSTClassifier",
    "ResNet1DClassifier",
    "SMambaClassifier",
    "TCNClassifier",
    "TiDEClassifier",
    "TimesNetClassifier",
    "TrainingOptions",
    "plot_training",
]
