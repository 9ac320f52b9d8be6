"""What the original plan called things, and what to write here in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

# Parameters of the plan's files by the names they have here; docs/differences.md lists them all.
PLAN_NAMES: dict[str, str] = {
    "context": "window",
    "context_length": "window",
    "seq_len": "window",
    "depth": "n_layers",
    "e_layers": "n_layers",
    "n_levels": "n_layers",
    "num_encoder_layers": "n_layers",
    "num_layers": "n_layers",
    "pred_len": "prediction_length",
    "patch_len": "patch_length",
    "n_pool_kernel_size": "pool_sizes",
    "seed": "random_state",
    "tolerance": "tol",
}
TRAINING = {
    "epochs": "max_epochs",
    "max_epochs": "max_epochs",
    "batch_size": "batch_size",
    "learning_rate": "learning_rate",
    "lr": "learning_rate",
    "weight_decay": "weight_decay",
    "patience": "patience",
}
# Models of the plan that are not included, and what stands for each: docs/models_left_out.md.
REPLACEMENTS: dict[str, str] = {
    "blending": "stacking on purged out-of-fold predictions, which will come with the ensembles",
    "catboost": "lightgbm or xgboost",
    "gru": "lstm",
    "randomforest": "lightgbm, or sklearn with estimator=RandomForestClassifier",
    "svc": "logistic",
    "svm": "logistic",
    "transformer": "patchtst or itransformer",
}


def replacement(name: str) -> str:
    """A sentence on a model of the plan that is not included; empty for any other name.

    Examples
    --------
    >>> from ohlcvml.models.configs._plan import replacement
    >>> replacement("CatBoostClassifier")
    'CatBoostClassifier is left out on purpose: use lightgbm or xgboost.'
    """
    short = name.lower().replace("_", "").replace("-", "").removesuffix("classifier")
    if short not in REPLACEMENTS:
        return ""
    return f"{name} is left out on purpose: use {REPLACEMENTS[short]}."


def nested_form(flat: Mapping[str, Any], *, trains: bool) -> str:
    """A flat file of the plan as the nested one that is read here, with the names of here.

    Parameters
    ----------
    flat : mapping
        What the file holds: ``model``, and parameters beside it.
    trains : bool
        Whether the model has a training loop, whose settings stand under ``training``.

    Examples
    --------
    >>> from ohlcvml.models.configs._plan import nested_form
    >>> print(nested_form({"model": "patchtst", "patch_len": 16, "lr": 0.01}, trains=True))
    model: patchtst
    params:
      patch_length: 16
      training:
        learning_rate: 0.01
    """
    params: dict[str, Any] = dict(flat.get("params") or {})
    training: dict[str, Any] = {}
    for key, value in flat.items():
        if key in ("model", "params"):
            continue
        if trains and key in TRAINING:
            training[TRAINING[key]] = value
        else:
            params[PLAN_NAMES.get(key, key)] = value
    if training:
        params["training"] = training
    text: str = yaml.safe_dump({"model": flat["model"], "params": params}, sort_keys=False)
    return text.rstrip()
