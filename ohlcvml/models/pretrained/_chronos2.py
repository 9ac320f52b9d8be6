"""Chronos-2: quantiles of a path given the other columns of the bars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ohlcvml._checks import boolean
from ohlcvml.models.paths import QuantileForecast, WindowBatch
from ohlcvml.models.pretrained._base import FOUNDATION_RULES, BaseFoundationClassifier
from ohlcvml.models.pretrained._chronos_bolt import load_chronos
from ohlcvml.models.pretrained._scale import StandardWindows
from ohlcvml.models.pretrained._tiny import random_weights_params
from ohlcvml.models.pretrained._weights import KnownWeights
from ohlcvml.typing import FloatArray

COVARIATES = ("open", "high", "low", "volume")


class Chronos2Forecaster:
    """Loaded Chronos-2 weights.

    Parameters
    ----------
    folder : Path
    device : str

    Attributes
    ----------
    levels : float64 array
        The model's own grid, 0.01 to 0.99 in the published weights.
    """

    def __init__(self, folder: Path, *, device: str) -> None:
        self.pipeline = load_chronos(folder, device, "Chronos2Pipeline", "Chronos2Classifier")
        self.levels = np.array(self.pipeline.quantiles, dtype=np.float64)
        self.longest = int(self.pipeline.model_prediction_length)

    def row_shape(self, n_steps: int, past_covariates: bool) -> tuple[int, ...]:
        """Steps and levels."""
        return (n_steps, len(self.levels))

    def forecast(self, bars: FloatArray, *, n_steps: int, past_covariates: bool) -> FloatArray:
        """Quantiles of the cumulative log return, shape (n_windows, n_steps, n_levels)."""
        import torch

        windows = StandardWindows.of(bars[:, :, 3])
        inputs: Any = torch.from_numpy(windows.values[:, None, :])
        if past_covariates:
            inputs = [
                {"target": target, "past_covariates": covariates}
                for target, covariates in zip(windows.values, _covariates(bars), strict=True)
            ]
        variates = len(bars) * (1 + len(COVARIATES) * past_covariates)
        with torch.inference_mode():
            # cross_learning=True would let the windows of a batch see one another.
            told = self.pipeline.predict(
                inputs, prediction_length=n_steps, batch_size=variates, cross_learning=False
            )
        quantiles = torch.stack([one[0] for one in told]).numpy()
        return np.sort(windows.returns(quantiles.transpose(0, 2, 1)), axis=2)

    def told(self, values: FloatArray) -> QuantileForecast:
        """The model's own quantiles."""
        return QuantileForecast(self.levels, values)


def _covariates(bars: FloatArray) -> list[dict[str, FloatArray]]:
    """Log prices relative to the last close and log volume; missing volume stays missing."""
    log = np.log(bars[:, :, :3] / bars[:, -1:, 3:4])
    log_volume = np.log1p(bars[:, :, 4:])
    table = np.concatenate([log, log_volume], axis=2).astype(np.float32)
    return [
        {name: np.ascontiguousarray(one[:, k]) for k, name in enumerate(COVARIATES)}
        for one in table
    ]


class Chronos2Classifier(BaseFoundationClassifier):
    """Zero-shot barrier probabilities from Chronos-2, a pretrained forecaster of several series.

    Row t sees the ``window`` bars up to and including t: the close, and open, high, low and volume
    as covariates of its past. The model forecasts 21 quantiles of the log price of each step, from
    0.01 to 0.99; what becomes of them is as in
    :class:`~ohlcvml.models.ChronosBoltClassifier`. Windows never see one another
    (``cross_learning`` of the library stays off). Needs the extra ``foundation`` and, once, a
    network: see docs/foundation.md.

    Parameters
    ----------
    model_name : str, default="amazon/chronos-2"
        Hub id, or folder with ``config.json`` and ``model.safetensors``.
    revision : str or None, default=None
        Commit, branch or tag on the hub. None is a fixed commit for the default weights, else
        ``main``.
    window : int, default=512
        Bars the model sees; the published weights read at most 8192.
    prediction_length : int, default=20
        Bars ahead that are forecast; longer horizons are continued.
    past_covariates : bool, default=True
        Give open, high, low and volume beside the close. False: the close only, at a quarter of
        the time.
    n_paths : int, default=4096
        Quasi-random paths of the barrier law.
    calibrate : bool, default=False
    random_state : int, default=0
        Of the barrier law's paths; the forecast itself draws nothing.
    inference_batch_size : int, default=32
        Windows computed at once.
    device : str, default="auto"
        ``"cpu"``, ``"cuda"``; auto is CUDA where there is one.
    cache : bool, default=True
        Keep forecasts on disk, in ``forecasts`` below the folder ``OHLCVML_HOME``.

    Attributes
    ----------
    weights_digest_ : str

    References
    ----------
    Ansari et al., Chronos-2: From Univariate to Universal Forecasting, 2025, arXiv:2510.15821.

    Examples
    --------
    Random weights stand in for the published ones here: the calls are the same, the numbers
    mean nothing.

    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import Chronos2Classifier
    >>> from ohlcvml.models.pretrained import random_weights
    >>> bars = simulate_bars(200, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> model = Chronos2Classifier(random_weights("chronos2"), window=64, n_paths=256)
    >>> quantiles = model.fit(bars, labels).predict_quantiles(bars)
    >>> quantiles.columns.tolist(), quantiles.attrs["extrapolated"]  # all on the model's own grid
    ([0.05, 0.5, 0.95], [])
    """

    _tags = {
        "python_dependencies": ["torch", "chronos-forecasting"],
        "licence": "Apache-2.0",
        "training_data_cutoff": "2025-10-31",
    }
    _known = {
        "amazon/chronos-2": KnownWeights(
            "29ec3766d36d6f73f0696f85560a422f50e8498c", "Apache-2.0", "2025-10-31"
        )
    }
    _packages = ("chronos-forecasting", "transformers", "torch")
    _forecaster = Chronos2Forecaster
    _parameter_rules = {**FOUNDATION_RULES, "past_covariates": boolean()}

    def __init__(
        self,
        model_name: str = "amazon/chronos-2",
        revision: str | None = None,
        window: int = 512,
        prediction_length: int = 20,
        past_covariates: bool = True,
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
        self.past_covariates = past_covariates
        self.n_paths = n_paths
        self.calibrate = calibrate
        self.random_state = random_state
        self.inference_batch_size = inference_batch_size
        self.device = device
        self.cache = cache
        super().__init__()

    def _reads(self, windows: WindowBatch) -> tuple[Any, ...]:
        return (windows.bars,)

    def _settings(self) -> dict[str, Any]:
        return {"past_covariates": self.past_covariates}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small sets on random weights."""
        first, second = random_weights_params("chronos2")
        return [first, {**second, "past_covariates": False}]
