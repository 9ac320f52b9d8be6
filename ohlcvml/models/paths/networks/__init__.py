"""Networks of the distributional models. Importing this package loads torch."""

from ohlcvml.exceptions import MissingDependencyError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise MissingDependencyError(
        "ohlcvml.models.paths.networks needs torch, which is not installed. "
        "Use: pip install ohlcvml[neural]"
    ) from error

from ohlcvml.models.paths.networks._deepar import DeepARNetwork
from ohlcvml.models.paths.networks._quantile_rnn import QuantileRNNNetwork

__all__ = [
    "DeepARNetwork",
    "QuantileRNNNetwork",
]
