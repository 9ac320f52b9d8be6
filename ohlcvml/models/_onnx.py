"""Any network as an ONNX graph."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ohlcvml._requires import require


def serialise(
    graph: nn.Module,
    example: dict[str, Tensor],
    outputs: list[str],
    facts: dict[str, Any],
    fixed: tuple[str, ...] = (),
) -> bytes:
    """Serialise a module called by the names in ``example``.

    The first axis of inputs is the batch, but for those in ``fixed``.
    """
    require_onnx("onnx", "onnxscript")
    batch = torch.export.Dim("batch")
    with _quiet(), torch.random.fork_rng(devices=[]):
        program = torch.onnx.export(
            graph.eval(),
            (),
            kwargs=example,
            dynamo=True,
            input_names=list(example),
            output_names=outputs,
            dynamic_shapes={name: None if name in fixed else {0: batch} for name in example},
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    # The exporter fixes the batch without a word where Python asked for its length.
    for given in proto.graph.input:
        if given.name not in fixed and not given.type.tensor_type.shape.dim[0].dim_param:
            raise RuntimeError(
                f"ONNX export: input {given.name!r} came out for one size of the batch only."
            )
    for key, value in facts.items():
        proto.metadata_props.add(key=key, value=json.dumps(value))
    return bytes(proto.SerializeToString())


def require_onnx(*packages: str) -> None:
    """Raise where one of these packages is missing."""
    for package in packages:
        require(package, extra="onnx", who="ONNX")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of optional packages and of its own use of torch."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
