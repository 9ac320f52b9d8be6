"""Configurations: one YAML file a model, and models made from them."""

from ohlcvml.models.configs._configs import (
    as_number,
    find_model,
    flat_parameters,
    is_file_name,
    make_model,
    model_classes,
    model_config,
)

__all__ = [
    "as_number",
    "find_model",
    "flat_parameters",
    "is_file_name",
    "make_model",
    "model_classes",
    "model_config",
]
