"""Networks of neuralforecast: trained once, then asked in batches of windows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.typing import FloatArray

BASE = "neuralforecast.common._base_model.BaseModel"
ROUNDING = 1e-5  # of one typical bar: how far a batch may move a window of a network


def is_network(value: Any) -> bool:
    """Whether the value is a model of neuralforecast; found by name, nothing is imported."""
    return any(f"{base.__module__}.{base.__qualname__}" == BASE for base in type(value).__mro__)


def check_network(network: Any, context: int, who: str) -> None:
    """Raise unless the network forecasts quantiles of one series from its own past."""
    name = type(network).__name__
    exogenous = [
        attribute
        for attribute in ("futr_exog_list", "hist_exog_list", "stat_exog_list")
        if len(getattr(network, attribute, None) or ())
    ]
    reason = ""
    if getattr(network, "MULTIVARIATE", False):
        reason = "it forecasts several series at once, which makes windows depend on one another"
    elif getattr(network, "RECURRENT", False):
        reason = (
            "it feeds back its own means, so it has no quantiles of the path; use recurrent=False"
        )
    elif exogenous:
        reason = f"it wants other columns ({', '.join(exogenous)})"
    elif not hasattr(network.loss, "quantiles") or len(_levels(network)) < 2:
        reason = "its loss gives no quantiles; use MQLoss(quantiles=[...]) or DistributionLoss"
    if reason:
        raise ParameterError(
            f"{who}: parameter 'forecaster' must be a network of neuralforecast that gives "
            f"quantiles of one series; got {name}: {reason}."
        )
    if network.input_size > context:
        raise ParameterError(
            f"{who}: parameter 'window' must be at least the network's input_size "
            f"({network.input_size}); got {context}."
        )


def train_network(network: Any, paths: Sequence[FloatArray], who: str, verbose: bool) -> Any:
    """Train a copy on several paths; those too short for one window are left out.

    Global random states stay as they were.
    """
    from neuralforecast import NeuralForecast

    least = network.input_size + network.h
    long_enough = [path for path in paths if len(path) >= least]
    if not long_enough:
        longest = max(len(path) for path in paths)
        raise DataError(
            f"{who}: no training stretch has the {least} bars that input_size + h of "
            f"{type(network).__name__} need; the longest has {longest}. Give more bars, fewer "
            "splits or a smaller network."
        )
    frames = [
        pd.DataFrame({"unique_id": str(k), "ds": np.arange(len(path)), "y": path})
        for k, path in enumerate(long_enough)
    ]
    trained = deepcopy(network)
    trained.trainer_kwargs.setdefault("logger", False)
    trained.trainer_kwargs["enable_progress_bar"] = verbose
    trained.trainer_kwargs.setdefault("enable_model_summary", verbose)
    # Integer time: bars of a market have gaps that neuralforecast refuses.
    early = getattr(trained, "early_stop_patience_steps", -1) > 0
    shortest = min(len(path) for path in long_enough)
    val_size = max(trained.h, shortest // 10) if early else 0
    with _random_states_kept():
        wrapper = NeuralForecast(models=[trained], freq=1)
        wrapper.fit(df=pd.concat(frames, ignore_index=True), val_size=val_size)
    fitted = wrapper.models[0]
    fitted.trainer_kwargs.pop("callbacks", None)
    fitted.__dict__.pop("_trainer", None)
    return fitted.eval().cpu()


def ask_network(
    network: Any, paths: FloatArray, n_steps: int, alone: bool, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Quantiles of the path ahead relative to the last value of each window.

    What ``NeuralForecast.predict`` computes, for all windows in one call instead of one series
    each.

    Parameters
    ----------
    network : trained model
    paths : float64 array of shape (n_windows, length)
        At least ``input_size`` long.
    n_steps : int
        At most; fewer where the network's h is smaller.
    alone : bool
        Ask window by window, each from the same random state.
    seed : int
        Of that state: losses that are distributions are sampled.

    Returns
    -------
    levels (n_levels,), quantiles (n_windows, steps, n_levels)
    """
    import torch

    inputs = torch.as_tensor(paths[:, -network.input_size :], dtype=torch.float32)
    batches = [inputs[b : b + 1] for b in range(len(inputs))] if alone else [inputs]
    out = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for batch in batches:
            torch.manual_seed(seed)
            out.append(_ask(network, batch).numpy().astype(np.float64))
    levels = _levels(network)
    order = np.argsort(levels)
    # A distribution puts its sample mean before its quantiles (and may put parameters after).
    first = 1 if network.loss.is_distribution_output else 0
    values = np.concatenate(out).reshape(len(paths), network.h, -1)[:, :n_steps, first:]
    values = values[:, :, : len(levels)][:, :, order]
    return levels[order], np.sort(values, axis=2) - paths[:, -1, None, None]


def asks_alone(network: Any, paths: FloatArray, seed: int) -> bool:
    """Whether a window's forecast moves with the windows beside it, so that each is asked alone.

    Some networks average over the batch or keep their dropout; distributions are sampled.
    """
    if network.loss.is_distribution_output:
        return True
    together = ask_network(network, paths, network.h, False, seed)[1]
    alone = ask_network(network, paths, network.h, True, seed)[1]
    return not np.allclose(together, alone, rtol=0, atol=ROUNDING)


def _ask(network: Any, inputs: Any) -> Any:
    """Scale, run and scale back a batch, with the network's own routines."""
    import torch

    series = inputs[:, :, None, None]
    scaled = network.scaler.transform(x=series, mask=torch.ones_like(series))[:, :, 0]
    return network._predict_step_direct_batch(
        insample_y=scaled,
        insample_mask=torch.ones_like(scaled),
        hist_exog=None,
        futr_exog=None,
        stat_exog=None,
        y_idx=0,
    )


def _levels(network: Any) -> FloatArray:
    """Levels of the loss, without the noise of single precision."""
    levels = network.loss.quantiles.detach().cpu().numpy().astype(np.float64)
    return np.round(np.atleast_1d(levels), 6)


@contextmanager
def _random_states_kept() -> Iterator[None]:
    import torch

    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
