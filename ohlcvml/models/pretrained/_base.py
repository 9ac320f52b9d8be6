"""What the zero-shot models share: weights, blocks of windows, forecasts kept on disk."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from ohlcvml._checks import boolean, integer, optional, string
from ohlcvml._home import data_folder
from ohlcvml._identity import digest as identity
from ohlcvml._identity import row_keys
from ohlcvml._requires import require_packages
from ohlcvml.exceptions import DataError
from ohlcvml.models._device import choose_device
from ohlcvml.models.paths import PATH_RULES, BasePathClassifier, Forecast, WindowBatch
from ohlcvml.models.pretrained._cache import ForecastCache
from ohlcvml.models.pretrained._weights import FILES, KnownWeights, find_weights, weights_digest
from ohlcvml.samples import Samples
from ohlcvml.typing import FloatArray


class Forecaster(Protocol):
    """Loaded weights.

    Attributes
    ----------
    longest : int
        Steps ahead that the weights forecast at once. Longer forecasts are continued.
    """

    longest: int

    def row_shape(self, n_steps: int, **settings: Any) -> tuple[int, ...]:
        """Shape of one window's answer."""

    def forecast(self, *reads: Any, n_steps: int, **settings: Any) -> FloatArray:
        """Answers of windows, shape (n_windows, *row_shape)."""

    def told(self, values: FloatArray) -> Forecast:
        """Answers as a forecast."""


FOUNDATION_RULES: dict[str, Any] = {
    **PATH_RULES,
    "model_name": string(),
    "revision": optional(string()),
    "inference_batch_size": integer(1),
    "device": string(),
    "cache": boolean(),
}


class BaseFoundationClassifier(BasePathClassifier):
    """Base of the pretrained forecasters: nothing is learned but, if asked for, a calibration.

    A subclass names the weights it knows (``_known``), the class that loads them
    (``_forecaster``, see :class:`Forecaster`), what that reads of a window (``_reads``) and the
    parameters that move its answers (``_settings``). Networks are kept in the process, not in the
    estimator: a copy, a bundle and a worker hold names, and load the weights where they are used.

    Windows are computed in blocks of exactly ``inference_batch_size``, the last one filled up: a
    row's numbers do not depend on how many rows are asked.

    Attributes
    ----------
    weights_digest_ : str
        SHA-256 of the weights' files at fit. Other weights under the same name are refused.
    """

    _tags = {"model_family": "foundation"}
    _batch_tolerance = 1e-5
    _known: ClassVar[dict[str, KnownWeights]] = {}
    _required: ClassVar[tuple[str, ...]] = FILES
    _packages: ClassVar[tuple[str, ...]]
    _forecaster: ClassVar[type]

    model_name: str
    revision: str | None
    inference_batch_size: int
    device: str
    cache: bool
    weights_digest_: str

    def __dynamic_tags__(self) -> None:
        """Licence and cutoff are those of the weights; of other weights nothing is known."""
        if not self._weights_are_known():
            self.set_tags(licence="LicenseRef-unknown", training_data_cutoff="unknown")

    def set_params(self, **params: Any) -> BaseFoundationClassifier:
        """Set parameters; tags follow the weights."""
        super().set_params(**params)
        self.reset()
        return self

    # ---- what a subclass may replace
    def _reads(self, windows: WindowBatch) -> tuple[Any, ...]:
        """Arrays of shape (n_windows, ...); equal ones have equal forecasts."""
        return (windows.bars[:, :, 3],)

    def _settings(self) -> dict[str, Any]:
        return {}

    def _names(self) -> tuple[tuple[str, str, str | None], ...]:
        """Parameter, name and revision of each set of weights."""
        return (("model_name", self.model_name, self.revision),)

    # ---- weights
    def _weights_are_known(self) -> bool:
        return all(
            name in self._known
            and revision in (None, self._known[name].revision)
            and not Path(name).is_dir()
            for _, name, revision in self._names()
        )

    def _folders(self) -> tuple[Path, ...]:
        """Where the weights are. A revision of None is the one that is known for a hub id."""
        who, found = type(self).__name__, []
        for parameter, name, revision in self._names():
            if revision is None and name in self._known and not Path(name).is_dir():
                revision = self._known[name].revision
            found.append(find_weights(name, revision, who, parameter, self._required))
        return tuple(found)

    def _fit_samples(self, samples: Samples) -> None:
        require_packages(type(self))
        self.weights_digest_ = _digest(self._folders())
        super()._fit_samples(samples)

    def _fit(self, X: FloatArray, y: Any) -> BaseFoundationClassifier:
        require_packages(type(self))
        self.weights_digest_ = _digest(self._folders())
        super()._fit(X, y)
        return self

    # ---- forecasts
    def _forecast(self, windows: WindowBatch, n_steps: int) -> Forecast:
        require_packages(type(self))
        import torch

        folders = self._folders()
        digest = _digest(folders)
        if digest != self.weights_digest_:
            raise DataError(
                f"{type(self).__name__}: the weights {self.model_name!r} are others than at fit "
                f"({digest[:12]} against {self.weights_digest_[:12]}). Fetch the revision the "
                "model was fitted with, or fit it again."
            )
        device = str(choose_device(self.device, type(self).__name__))
        settings = self._settings()
        loaded = _loaded(type(self)._forecaster, digest, device, *folders)
        steps = min(n_steps, loaded.longest)
        reads, shape = self._reads(windows), loaded.row_shape(steps, **settings)
        known = np.zeros(len(windows), dtype=bool)
        values = np.empty((len(windows), *shape), dtype=np.float32)
        if self.cache:
            store, keys = self._store(digest, device, steps), row_keys(*reads)
            known, values = store.read(keys, shape)
        todo = np.flatnonzero(~known)
        size = self.inference_batch_size
        # A data loader inside a library draws from torch's generator even where nothing is random.
        with torch.random.fork_rng(devices=[]):
            for start in range(0, len(todo), size):
                rows = todo[start : start + size]
                block = rows[np.minimum(np.arange(size), len(rows) - 1)]
                told = loaded.forecast(*(a[block] for a in reads), n_steps=steps, **settings)
                values[rows] = told[: len(rows)]
        if self.cache:
            store.write([keys[row] for row in todo], values[todo])
        return loaded.told(values.astype(np.float64))

    def _store(self, digest: str, device: str, n_steps: int) -> ForecastCache:
        """The folder of one model, weights, device, settings and versions of the libraries."""
        told = {
            "weights": digest,
            "device": device.partition(":")[0],
            "steps": n_steps,
            "settings": self._settings(),
            "packages": [_with_version(name) for name in self._packages],
        }
        name = identity(told)[:24]
        return _cache_at(data_folder() / "forecasts" / type(self).__name__ / name)


@lru_cache(maxsize=16)
def _with_version(package: str) -> str:
    return f"{package} {version(package)}"


@lru_cache(maxsize=2)
def _loaded(forecaster: type, digest: str, device: str, *folders: Path) -> Any:  # noqa: ARG001
    """Networks of this process; two at most, as one may be gigabytes."""
    return forecaster(*folders, device=device)


@lru_cache(maxsize=16)
def _cache_at(folder: Path) -> ForecastCache:
    return ForecastCache(folder)


def _digest(folders: tuple[Path, ...]) -> str:
    return "-".join(weights_digest(folder) for folder in folders)
