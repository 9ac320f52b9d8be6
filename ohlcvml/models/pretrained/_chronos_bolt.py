"""Chronos-Bolt: quantiles of a univariate path, all steps at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ohlcvml._requires import require
from ohlcvml.exceptions import DataError
from ohlcvml.models.paths import QuantileForecast
from ohlcvml.models.pretrained._base import FOUNDATION_RULES, BaseFoundationClassifier
from ohlcvml.models.pretrained._scale import StandardWindows
from ohlcvml.models.pretrained._tiny import random_weights_params
from ohlcvml.models.pretrained._weights import KnownWeights, quiet_loading
from ohlcvml.typing import FloatArray


class BoltForecaster:
    """Loaded Chronos-Bolt weights.

    Parameters
    ----------
    folder : Path
        ``config.json`` and ``model.safetensors``.
    device : str

    Attributes
    ----------
    levels : float64 array
        The model's own grid.
    """

    def __init__(self, folder: Path, *, device: str) -> None:
        self.pipeline = load_chronos(folder, device, "ChronosBoltPipeline", "ChronosBoltClassifier")
        self.levels = np.array(self.pipeline.quantiles, dtype=np.float64)
        self.longest = int(self.pipeline.model_prediction_length)

    def row_shape(self, n_steps: int) -> tuple[int, ...]:
        """Steps and levels."""
        return (n_steps, len(self.levels))

    def forecast(self, close: FloatArray, *, n_steps: int) -> FloatArray:
        """Quantiles of the cumulative log return, shape (n_windows, n_steps, n_levels)."""
        import torch

        windows = StandardWindows.of(close)
        with torch.inference_mode():
            context = torch.from_numpy(windows.values)
            told = self.pipeline.predict(context, prediction_length=n_steps)
        return np.sort(windows.returns(told.numpy().transpose(0, 2, 1)), axis=2)

    def told(self, values: FloatArray) -> QuantileForecast:
        """The model's own quantiles."""
        return QuantileForecast(self.levels, values)


def load_chronos(folder: Path, device: str, kind: str, who: str) -> Any:
    """Load a pipeline of chronos-forecasting from a folder, in float32, and see that it is one."""
    torch = require("torch", extra="foundation", who=who)
    chronos = require("chronos", extra="foundation", who=who)
    with quiet_loading():
        pipeline = chronos.BaseChronosPipeline.from_pretrained(
            str(folder), device_map=device, dtype=torch.float32, use_safetensors=True
        )
    if type(pipeline).__name__ != kind:
        raise DataError(
            f"{who}: the weights in {folder} are of a {type(pipeline).__name__}, not of a {kind}. "
            "Give the weights of this model, or use the class of those."
        )
    pipeline.inner_model.eval()
    return pipeline


class ChronosBoltClassifier(BaseFoundationClassifier):
    """Zero-shot barrier probabilities from Chronos-Bolt, a pretrained quantile forecaster.

    Row t sees the closes of the ``window`` bars up to and including t; open, high, low and volume
    are not read. The model forecasts the nine deciles of the log price of each step; their
    distances from the close of row t are quantiles of the cumulative log return, and become
    probabilities as :class:`~ohlcvml.models.paths.BasePathClassifier` says. Nothing is learned
    from the labels but, with ``calibrate=True``, a logistic calibration. Needs the extra
    ``foundation`` and, once, a network: see docs/foundation.md.

    Parameters
    ----------
    model_name : str, default="amazon/chronos-bolt-small"
        Hub id, or folder with ``config.json`` and ``model.safetensors``.
    revision : str or None, default=None
        Commit, branch or tag on the hub. None is a fixed commit for the default weights, else
        ``main``.
    window : int, default=512
        Bars the model sees; the published weights read at most 2048.
    prediction_length : int, default=20
        Bars ahead that are forecast (at most 64 by the published weights); longer horizons are
        continued.
    n_paths : int, default=4096
        Quasi-random paths of the barrier law.
    calibrate : bool, default=False
    random_state : int, default=0
        Of the barrier law's paths; the forecast itself draws nothing.
    inference_batch_size : int, default=32
        Windows computed at once. Less makes one row quicker, more makes many rows quicker.
    device : str, default="auto"
        ``"cpu"``, ``"cuda"``; auto is CUDA where there is one.
    cache : bool, default=True
        Keep forecasts on disk, in ``forecasts`` below the folder ``OHLCVML_HOME``.

    Attributes
    ----------
    weights_digest_ : str

    References
    ----------
    Ansari et al., Chronos: Learning the Language of Time Series, TMLR 2024, arXiv:2403.07815.

    Examples
    --------
    Random weights stand in for the published ones here: the calls are the same, the numbers
    mean nothing.

    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import ChronosBoltClassifier
    >>> from ohlcvml.models.pretrained import random_weights
    >>> ChronosBoltClassifier().get_tags()["training_data_cutoff"]
    '2024-03-31'
    >>> bars = simulate_bars(200, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> model = ChronosBoltClassifier(random_weights("chronos_bolt"), window=64, n_paths=256)
    >>> model.fit(bars, labels).predict_proba(bars).shape
    (200, 3)
    """

    _tags = {
        "python_dependencies": ["torch", "chronos-forecasting"],
        "licence": "Apache-2.0",
        "training_data_cutoff": "2024-03-31",
    }
    _known = {
        "amazon/chronos-bolt-small": KnownWeights(
            "772f3d25d38aec6d914c8949dab4462e2d46f5d8", "Apache-2.0", "2024-03-31"
        )
    }
    _packages = ("chronos-forecasting", "transformers", "torch")
    _forecaster = BoltForecaster
    _parameter_rules = FOUNDATION_RULES

    def __init__(
        self,
        model_name: str = "amazon/chronos-bolt-small",
        revision: str | None = None,
        window: int = 512,
        prediction_length: int = 20,
        n_paths: int = 4096,
        calibrate: bool = False,
        random_state: int = 0,
        inference_batch_size: int = 32,
        device: str = "auto",
        cache: bool = True,
    ) -> None:
        self.model_name = model_name
        self.revision = revision
        self.window = window
        self.prediction_length = prediction_length
        self.n_paths = n_paths
        self.calibrate = calibrate
        self.random_state = random_state
        self.inference_batch_size = inference_batch_size
        self.device = device
        self.cache = cache
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small sets on random weights."""
        return random_weights_params("chronos_bolt")
