"""TimesFM 2.5: mean and deciles of a univariate path."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from ohlcvml._requires import require
from ohlcvml.models.paths import QuantileForecast
from ohlcvml.models.pretrained._base import FOUNDATION_RULES, BaseFoundationClassifier
from ohlcvml.models.pretrained._scale import StandardWindows
from ohlcvml.models.pretrained._tiny import random_weights_params
from ohlcvml.models.pretrained._weights import (
    WEIGHTS,
    KnownWeights,
    quiet_loading,
)
from ohlcvml.typing import FloatArray

DECILES = np.arange(1, 10) / 10
_building = threading.Lock()


class TimesFMForecaster:
    """Loaded TimesFM 2.5 weights.

    Parameters
    ----------
    folder : Path
    device : str

    Attributes
    ----------
    levels : float64 array of shape (9,)
        0.1 to 0.9.
    """

    levels = DECILES

    def __init__(self, folder: Path, *, device: str) -> None:
        torch = require("torch", extra="foundation", who="TimesFMClassifier")
        timesfm = require("timesfm", extra="foundation", who="TimesFMClassifier")
        with quiet_loading(), _sizes_of(folder / WEIGHTS):
            model: Any = timesfm.TimesFM_2p5_200M_torch.from_pretrained(
                str(folder), torch_compile=False
            )
        # It takes the first CUDA device of the machine by itself, whatever the caller wants.
        model.model.device, model.model.device_count = torch.device(device), 1
        model.model.to(model.model.device)
        self.model = model
        self.longest = int(model.model.os)  # of the head that gives quantiles

    def row_shape(self, n_steps: int) -> tuple[int, ...]:
        """Steps; mean and levels."""
        return (n_steps, 1 + len(self.levels))

    def forecast(self, close: FloatArray, *, n_steps: int) -> FloatArray:
        """Mean and deciles of the cumulative log return, shape (n_windows, n_steps, 1 + 9)."""
        import torch
        from timesfm import ForecastConfig

        windows = StandardWindows.of(close)
        # Windows are standardised already; its own way (normalize_inputs) would count the padding
        # of windows that are no multiple of the patch into mean and deviation.
        self.model.compile(
            ForecastConfig(
                max_context=close.shape[1],
                max_horizon=n_steps,
                normalize_inputs=False,
                per_core_batch_size=len(close),
                use_continuous_quantile_head=True,
                infer_is_positive=False,
                fix_quantile_crossing=True,
            )
        )
        with torch.inference_mode():
            _, told = self.model.forecast(n_steps, list(windows.values))  # a list of its own
        answer = windows.returns(told)
        answer[:, :, 1:] = np.sort(answer[:, :, 1:], axis=2)
        return answer

    def told(self, values: FloatArray) -> QuantileForecast:
        """The model's own deciles and mean."""
        return QuantileForecast(self.levels, values[:, :, 1:], values[:, :, 0])


@contextmanager
def _sizes_of(weights: Path) -> Iterator[None]:
    """Let the library build a network of the sizes of the weights.

    It knows one size and keeps it in a class attribute; for the published weights nothing is
    changed. Other sizes (a distilled model, the tiny ones of tests) are read off the tensors.
    """
    from timesfm.timesfm_2p5.timesfm_2p5_torch import TimesFM_2p5_200M_torch_module as Module

    with safe_open(weights, framework="numpy") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    with _building:
        published = Module.config
        Module.config = definition_for(published, shapes)
        try:
            yield
        finally:
            Module.config = published


def definition_for(published: Any, shapes: dict[str, tuple[int, ...]]) -> Any:
    """The published definition with the sizes that the tensors have."""
    layer = "stacked_xf.0."
    size, width = shapes["tokenizer.output_layer.weight"]
    hidden, _ = shapes[layer + "ff0.weight"]
    transformer = replace(
        published.stacked_transformers.transformer,
        model_dims=size,
        hidden_dims=hidden,
        num_heads=size // shapes[layer + "attn.query_ln.scale"][0],
    )
    stack = replace(
        published.stacked_transformers,
        num_layers=sum(name.endswith("attn.qkv_proj.weight") for name in shapes),
        transformer=transformer,
    )

    def head(name: str) -> Any:
        own = getattr(published, name)
        middle, taken = shapes[f"{name}.hidden_layer.weight"]
        return replace(own, input_dims=taken, hidden_dims=middle)

    return replace(
        published,
        tokenizer=replace(published.tokenizer, hidden_dims=width, output_dims=size),
        stacked_transformers=stack,
        output_projection_point=head("output_projection_point"),
        output_projection_quantiles=head("output_projection_quantiles"),
    )


class TimesFMClassifier(BaseFoundationClassifier):
    """Zero-shot barrier probabilities from TimesFM 2.5, a pretrained decoder of patches.

    Row t sees the closes of the ``window`` bars up to and including t; open, high, low and volume
    are not read. The model forecasts mean and deciles of the log price of each step; what becomes
    of them is as in :class:`~ohlcvml.models.ChronosBoltClassifier`. ``predict_quantiles`` gives
    0.05, 0.5 and 0.95 by default: the outer two lie beyond the deciles, come from a Gaussian tail
    and are listed in ``attrs["extrapolated"]``. The weights of TimesFM 1.0 to 2.5 are
    Apache-2.0, those of 3.0 are not for commercial use and are not loaded. Needs the extra
    ``foundation`` and, once, a network: see docs/foundation.md.

    Parameters
    ----------
    model_name : str, default="google/timesfm-2.5-200m-pytorch"
        Hub id, or folder with ``model.safetensors``.
    revision : str or None, default=None
        Commit, branch or tag on the hub. None is a fixed commit for the default weights, else
        ``main``.
    window : int, default=512
        Bars the model sees, read in patches of 32; at most 16,384 less the steps ahead.
    prediction_length : int, default=20
        Bars ahead that are forecast (at most 1024); longer horizons are continued.
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
    Das, Kong, Sen and Zhou, A decoder-only foundation model for time-series forecasting, ICML
    2024, arXiv:2310.10688.

    Examples
    --------
    Random weights stand in for the published ones here: the calls are the same, the numbers
    mean nothing.

    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import TimesFMClassifier
    >>> from ohlcvml.models.pretrained import random_weights
    >>> bars = simulate_bars(200, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    >>> model = TimesFMClassifier(random_weights("timesfm"), window=64, n_paths=256)
    >>> quantiles = model.fit(bars, labels).predict_quantiles(bars)
    >>> quantiles.columns.tolist(), quantiles.attrs["extrapolated"]
    ([0.05, 0.5, 0.95], [0.05, 0.95])
    """

    _tags = {
        "python_dependencies": ["torch", "timesfm"],
        "licence": "Apache-2.0",
        "training_data_cutoff": "2025-10-02",
    }
    _known = {
        "google/timesfm-2.5-200m-pytorch": KnownWeights(
            "1d952420fba87f3c6dee4f240de0f1a0fbc790e3", "Apache-2.0", "2025-10-02"
        )
    }
    _required = (WEIGHTS,)
    _packages = ("timesfm", "torch")
    _forecaster = TimesFMForecaster
    _parameter_rules = FOUNDATION_RULES

    def __init__(
        self,
        model_name: str = "google/timesfm-2.5-200m-pytorch",
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
        return random_weights_params("timesfm")
