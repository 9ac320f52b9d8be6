"""Asking sktime forecasters window by window, each window once."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._identity import digest, row_keys
from ohlcvml.exceptions import ParameterError
from ohlcvml.models.paths._random_walk import LEVELS
from ohlcvml.typing import FloatArray

# The forecasts of the windows asked last: folds that share rows, and the calibration, ask once.
KEPT = 50_000
_kept: OrderedDict[tuple[str, bytes], FloatArray] = OrderedDict()
# Forecasters fitted on a training path, for as long as that array lives.
_fitted: dict[tuple[int, int], Any] = {}


def forecast_windows(
    forecaster: Any,
    paths: FloatArray,
    n_steps: int,
    training: FloatArray | None = None,
    backend: str | None = None,
) -> FloatArray:
    """Quantiles at ``LEVELS`` of the path ahead, relative to the last value of each window.

    Parameters
    ----------
    forecaster : sktime forecaster
        Fitted anew on each window, unless ``training`` is given.
    paths : float64 array of shape (n_windows, length)
        Log prices in units of one typical bar, so that no forecaster meets tiny numbers.
    n_steps : int
    training : float64 array of shape (n_bars,), optional
        The path the forecaster is fitted on once; each window is then appended to it as new
        observations, with ``update(update_params=False)``.
    backend : str or None, default=None
        Of ``sktime.utils.parallel.parallelize``.

    Returns
    -------
    float64 array of shape (n_windows, n_steps, n_levels)
        NaN where a window does not move or the forecaster answers NaN.
    """
    out = np.full((len(paths), n_steps, len(LEVELS)), np.nan)
    name = _name(forecaster, n_steps, training)
    keys = [(name, key) for key in row_keys(paths)]
    moving = np.ptp(paths, axis=1) > 0
    asked = [b for b in np.flatnonzero(moving) if name == "" or keys[b] not in _kept]
    for b in set(np.flatnonzero(moving)) - set(asked):
        out[b] = _kept[keys[b]]
    meta = {"steps": np.arange(1, n_steps + 1), "forecaster": forecaster, "of": _refitted}
    if training is not None and asked:
        meta |= {"forecaster": _fitted_on(training, forecaster, n_steps), "of": _updated}
        meta["level"] = training[-1]
    for b, values in zip(asked, _loop([paths[b] for b in asked], meta, backend), strict=True):
        out[b] = values
        if name:
            _kept[keys[b]] = values
            if len(_kept) > KEPT:
                _kept.popitem(last=False)
    return out


def answers_to_updates(
    forecaster: Any, path: FloatArray, n_steps: int, training: FloatArray
) -> bool:
    """Whether new observations move the forecast while the parameters stay as fitted.

    A window and its mirror image lead to other levels; a forecaster that does not look at them
    forecasts the same prices after both.
    """
    fitted = _fitted_on(training, forecaster, n_steps)
    meta = {"steps": np.arange(1, n_steps + 1), "forecaster": fitted, "level": training[-1]}
    one, two = (_updated(new, meta) + new[-1] - new[0] for new in (path, -path))
    return not np.allclose(one, two, rtol=0, atol=1e-12, equal_nan=True)


def pretrained(forecaster: Any, paths: Sequence[FloatArray], n_steps: int) -> Any:
    """Pretrain a copy of the forecaster on several paths."""
    frames = {k: pd.DataFrame({"y": path}) for k, path in enumerate(paths)}
    table = pd.concat(frames, names=["instance", "bar"])
    return _quiet(forecaster).pretrain(table, fh=np.arange(1, n_steps + 1))


def _loop(paths: list[FloatArray], meta: dict[str, Any], backend: str | None) -> list[FloatArray]:
    from sktime.utils.parallel import parallelize

    if not paths:
        return []
    return list(parallelize(_ask, paths, meta=meta, backend=backend))


def _ask(path: FloatArray, meta: dict[str, Any]) -> FloatArray:
    answer: FloatArray = meta["of"](path, meta)
    return answer


def _refitted(path: FloatArray, meta: dict[str, Any]) -> FloatArray:
    fitted = _quiet(meta["forecaster"]).fit(pd.Series(path), fh=meta["steps"])
    return _quantiles(fitted, meta["steps"]) - path[-1]


def _updated(path: FloatArray, meta: dict[str, Any]) -> FloatArray:
    moved = deepcopy(meta["forecaster"])
    first = int(moved.cutoff[0]) + 1
    new = meta["level"] + path[1:] - path[0]
    moved.update(pd.Series(new, index=pd.RangeIndex(first, first + len(new))), update_params=False)
    return _quantiles(moved, meta["steps"]) - new[-1]


def _quantiles(fitted: Any, steps: Any) -> FloatArray:
    table = fitted.predict_quantiles(fh=steps, alpha=LEVELS.tolist())
    return np.sort(table.to_numpy(dtype=np.float64), axis=1)


def _fitted_on(training: FloatArray, forecaster: Any, n_steps: int) -> Any:
    key = (id(training), n_steps)
    if key not in _fitted:
        steps = np.arange(1, n_steps + 1)
        _fitted[key] = _quiet(forecaster).fit(pd.Series(training), fh=steps)
        weakref.finalize(training, _fitted.pop, key, None)
    return _fitted[key]


def _quiet(forecaster: Any) -> Any:
    """Copy that does not repeat its warnings for every window."""
    return forecaster.clone().set_config(warnings="off")


def _name(forecaster: Any, n_steps: int, training: FloatArray | None) -> str:
    """Digest of everything a forecast depends on but the window; empty where there is none."""
    if forecaster.get_tag("capability:pretrain", False, raise_error=False):
        return ""  # parameters do not say what it has learned
    try:
        return digest((forecaster, n_steps, training))
    except ParameterError:  # a parameter without an identity: nothing is kept
        return ""
