"""Classifiers over windows of features by neural networks.

One file per estimator; ``_training.py`` is the only training loop; ``networks`` holds the
architectures as plain modules. Importing this package does not load torch; importing
``ohlcvml.models.neural.networks`` does.
"""

from ohlcvml.models.neural._lstm import LSTMClassifier
from ohlcvml.models.neural._options import TrainingOptions
from ohlcvml.models.neural._tcn import TCNClassifier

__all__ = ["LSTMClassifier", "TCNClassifier", "TrainingOptions"]
