"""Kronos: sampled paths of whole bars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohlcvml._checks import check_value, integer, optional, real, string
from ohlcvml._requires import require
from ohlcvml.models.paths import PathForecast, WindowBatch
from ohlcvml.models.pretrained._base import FOUNDATION_RULES, BaseFoundationClassifier
from ohlcvml.models.pretrained._tiny import random_weights_params
from ohlcvml.models.pretrained._weights import KnownWeights, quiet_loading
from ohlcvml.typing import FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]
MAX_CONTEXT = 512  # bars, past and drawn together, that the published weights were trained on
CLIP = 5.0  # deviations, as in the library
FLOOR = 0.01  # of the last close: a sampled price below counts as this


class KronosForecaster:
    """Loaded weights of Kronos and of its tokenizer.

    Parameters
    ----------
    folder, tokenizer_folder : Path
    device : str
    """

    longest = MAX_CONTEXT

    def __init__(self, folder: Path, tokenizer_folder: Path, *, device: str) -> None:
        # sktime's copy of Kronos fails late without them.
        for package in ("torch", "einops", "huggingface_hub"):
            require(package, extra="foundation", who="KronosClassifier")
        import torch
        from sktime.libs.kronos import Kronos, KronosTokenizer

        with quiet_loading():
            self.model: Any = Kronos.from_pretrained(str(folder)).eval()
            self.tokenizer: Any = KronosTokenizer.from_pretrained(str(tokenizer_folder)).eval()
        self.device = torch.device(device)
        self.model.to(self.device)
        self.tokenizer.to(self.device)

    def row_shape(self, n_steps: int, *, n_paths: int, **_: Any) -> tuple[int, ...]:
        """Paths and steps."""
        return (n_paths, n_steps)

    def forecast(
        self,
        bars: FloatArray,
        calendar: IntArray,
        *,
        n_steps: int,
        n_paths: int,
        temperature: float,
        top_p: float,
        random_state: int,
    ) -> FloatArray:
        """Paths of the cumulative log return, shape (n_windows, n_paths, n_steps).

        All windows are drawn with the same numbers: a window's paths depend on nothing but the
        window, and neighbouring bars differ by their bars and not by luck.

        Parameters
        ----------
        bars : float64 array of shape (n_windows, length, 5)
        calendar : int64 array of shape (n_windows, length)
            Stamps in ns since 1970 UTC; all 0 where there are none.
        """
        import torch

        from ohlcvml.models.pretrained._kronos_decoding import decode_closes, sample_tokens

        uniforms = np.random.default_rng(random_state).random((n_paths, n_steps, 2))
        values, centre, deviation = standardised_bars(bars)
        with torch.inference_mode():
            past: Any = tuple(self.tokenizer.encode(self._tensor(values), half=True))
            stamps = self._tensor(_calendar(calendar, n_steps)) if calendar.any() else None
            drawn = sample_tokens(
                self.model, past, stamps, self._tensor(uniforms), temperature, top_p
            )
            told = decode_closes(self.tokenizer, past, drawn)
        z = told.cpu().numpy().astype(np.float64)
        close = z * deviation[:, 3, None, None] + centre[:, 3, None, None]
        last = bars[:, -1, 3, None, None]
        paths = np.log(np.maximum(close, FLOOR * last) / last)
        return np.where(deviation[:, 3, None, None] > 0, paths, np.nan)

    def _tensor(self, values: FloatArray | Float32Array) -> Any:
        import torch

        return torch.from_numpy(values).to(self.device)

    def told(self, values: FloatArray) -> PathForecast:
        """The paths."""
        return PathForecast(values)


def standardised_bars(bars: FloatArray) -> tuple[Float32Array, FloatArray, FloatArray]:
    """Columns open, high, low, close, volume, amount with mean 0 and deviation 1, clipped.

    As the library's predictor does it, with two differences: volumes (and amounts) that are
    missing count as the window's mean (the library fills a wholly missing column with zeros, which
    comes to the same), and the deviation stands alone where the library adds 1e-5, which is
    nothing beside a price of 100 and a tenth of the deviation of an exchange rate.

    Parameters
    ----------
    bars : float64 array of shape (n_windows, length, 5)

    Returns
    -------
    (values, centre, deviation)
        float32 (n_windows, length, 6) and float64 (n_windows, 6); deviation is 0 where nothing
        moves.
    """
    volume = bars[:, :, 4:]
    amount = volume * bars[:, :, :4].mean(axis=2, keepdims=True)
    table = np.concatenate([bars, amount], axis=2)
    there = np.isfinite(table)
    number = np.maximum(there.sum(axis=1), 1)
    centre = np.where(there, table, 0.0).sum(axis=1) / number
    moved = np.where(there, table - centre[:, None], 0.0)
    deviation = np.sqrt((moved**2).sum(axis=1) / number)
    deviation = np.where(deviation > 1e-12 * np.abs(centre), deviation, 0.0)
    unit = np.where(deviation > 0, deviation, 1.0)
    values = np.clip(moved / unit[:, None], -CLIP, CLIP).astype(np.float32)
    return np.ascontiguousarray(values), centre, deviation


def _calendar(stamps: IntArray, n_steps: int) -> Float32Array:
    """Minute, hour, weekday, day and month (UTC) of the windows' bars and of those ahead.

    Bars ahead are taken to follow at a window's median spacing: of nights and weekends between
    them it knows nothing. Shape (n_windows, length + n_steps, 5).
    """
    step = np.zeros(len(stamps), dtype=np.int64)
    if stamps.shape[1] > 1:
        step = np.median(np.diff(stamps, axis=1), axis=1).astype(np.int64)
    ahead = stamps[:, -1:] + step[:, None] * np.arange(1, n_steps + 1)
    whole = np.concatenate([stamps, ahead], axis=1)
    time = pd.DatetimeIndex(whole.ravel())
    parts = (time.minute, time.hour, time.weekday, time.day, time.month)
    return np.column_stack(parts).astype(np.float32).reshape(*whole.shape, len(parts))


class KronosClassifier(BaseFoundationClassifier):
    """Zero-shot barrier probabilities from Kronos, pretrained on bars of financial markets.

    Row t sees open, high, low, close and volume of the ``window`` bars up to and including t, and
    their time of day and date (UTC). The model samples whole bars ahead; the touches of its paths
    are counted, with a correction for touches between closes. Every window is drawn
    with the same random numbers. Needs the extra ``foundation`` and, once, a network: see
    docs/foundation.md.

    Parameters
    ----------
    model_name : str, default="NeoQuasar/Kronos-small"
        Hub id, or folder with ``config.json`` and ``model.safetensors``.
    revision : str or None, default=None
        Commit, branch or tag on the hub. None is a fixed commit for the default weights, else
        ``main``.
    tokenizer_name : str, default="NeoQuasar/Kronos-Tokenizer-base"
        Weights of the tokenizer, that the model was trained with.
    tokenizer_revision : str or None, default=None
    window : int, default=400
        Bars the model sees; with ``prediction_length`` at most 512.
    prediction_length : int, default=20
        Bars ahead that are sampled; for longer horizons the quantiles of the paths are continued.
    n_paths : int, default=128
        Sampled paths of each window. Time grows with it; the standard error of a probability is at
        most 1 / (2 sqrt(n_paths)).
    temperature : float, default=1.0
        Of the token distributions; below 1 narrows them.
    top_p : float in (0, 1], default=0.9
        Mass of the likeliest tokens that are drawn from, as in the library. Below 1 cuts the tails.
    calibrate : bool, default=False
    random_state : int, default=0
        Of the sampled paths.
    inference_batch_size : int, default=8
        Windows computed at once; memory grows with it times ``n_paths``.
    device : str, default="auto"
        ``"cpu"``, ``"cuda"``; auto is CUDA where there is one.
    cache : bool, default=True
        Keep forecasts on disk, in ``forecasts`` below the folder ``OHLCVML_HOME``.

    Attributes
    ----------
    weights_digest_ : str

    References
    ----------
    Shi et al., Kronos: A Foundation Model for the Language of Financial Markets, AAAI 2026,
    arXiv:2508.02739.

    Examples
    --------
    Random weights stand in for the published ones here: the calls are the same, the numbers
    mean nothing.

    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import TripleBarrierLabeller
    >>> from ohlcvml.models import KronosClassifier
    >>> from ohlcvml.models.pretrained import random_weights
    >>> bars = simulate_bars(100, seed=0).bars
    >>> labels = TripleBarrierLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> model = KronosClassifier(
    ...     random_weights("kronos"),
    ...     tokenizer_name=random_weights("kronos_tokenizer"),
    ...     window=32,
    ...     prediction_length=5,
    ...     n_paths=8,
    ... )
    >>> model.fit(bars, labels).predict_proba(bars).shape
    (100, 3)
    """

    _tags = {
        "python_dependencies": ["torch", "einops", "huggingface-hub"],
        "licence": "MIT",
        "training_data_cutoff": "2024-05-31",
    }
    _known = {
        "NeoQuasar/Kronos-small": KnownWeights(
            "901c26c1332695a2a8f243eb2f37243a37bea320", "MIT", "2024-05-31"
        ),
        "NeoQuasar/Kronos-Tokenizer-base": KnownWeights(
            "0e0117387f39004a9016484a186a908917e22426", "MIT", "2024-05-31"
        ),
    }
    _packages = ("sktime", "torch")
    _forecaster = KronosForecaster
    _parameter_rules = {
        **FOUNDATION_RULES,
        "tokenizer_name": string(),
        "tokenizer_revision": optional(string()),
        "temperature": real(0.0, open_low=True),
        "top_p": real(0.0, 1.0, open_low=True),
    }

    def __init__(
        self,
        model_name: str = "NeoQuasar/Kronos-small",
        revision: str | None = None,
        tokenizer_name: str = "NeoQuasar/Kronos-Tokenizer-base",
        tokenizer_revision: str | None = None,
        window: int = 400,
        prediction_length: int = 20,
        n_paths: int = 128,
        temperature: float = 1.0,
        top_p: float = 0.9,
        calibrate: bool = False,
        random_state: int = 0,
        inference_batch_size: int = 8,
        device: str = "auto",
        cache: bool = True,
    ) -> None:
        self.model_name = model_name
        self.revision = revision
        self.tokenizer_name = tokenizer_name
        self.tokenizer_revision = tokenizer_revision
        self.window = window
        self.prediction_length = prediction_length
        self.n_paths = n_paths
        self.temperature = temperature
        self.top_p = top_p
        self.calibrate = calibrate
        self.random_state = random_state
        self.inference_batch_size = inference_batch_size
        self.device = device
        self.cache = cache
        super().__init__()

    def __post_init__(self) -> None:
        """Check the parameters; past and future bars must fit the model together."""
        super().__post_init__()
        room = MAX_CONTEXT - self.prediction_length
        remedy = f"With prediction_length, at most {MAX_CONTEXT} bars."
        check_value(type(self).__name__, "window", integer(2, room), self.window, remedy)

    def _names(self) -> tuple[tuple[str, str, str | None], ...]:
        return (
            *super()._names(),
            ("tokenizer_name", self.tokenizer_name, self.tokenizer_revision),
        )

    def _reads(self, windows: WindowBatch) -> tuple[Any, ...]:
        stamps = windows.stamps
        if stamps is None:
            stamps = np.zeros(windows.bars.shape[:2], dtype=np.int64)
        return windows.bars, stamps

    def _settings(self) -> dict[str, Any]:
        return {
            "n_paths": self.n_paths,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "random_state": self.random_state,
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Two small sets on random weights."""
        first, second = random_weights_params("kronos")
        names = random_weights_params("kronos_tokenizer")
        for given, tokenizer in zip((first, second), names, strict=True):
            given["tokenizer_name"] = tokenizer["model_name"]
            given["tokenizer_revision"] = tokenizer["revision"]
            given["n_paths"] = 4
            given["prediction_length"] //= 2
            given["inference_batch_size"] = 128
        return [first, {**second, "window": 20, "n_paths": 5, "temperature": 0.7, "top_p": 0.5}]
