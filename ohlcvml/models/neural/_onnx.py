"""Networks as ONNX graphs, and prediction through onnxruntime."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ohlcvml.models._onnx import require_onnx, serialise
from ohlcvml.models.neural.training import NetworkParts, WindowFeed
from ohlcvml.samples import BarPanel
from ohlcvml.typing import FloatArray

# "mean" as a name of an output breaks the exporter's graph.
OUTPUTS = ("probabilities", "expected_return", "quantiles")

_sessions: WeakKeyDictionary[nn.Module, Any] = WeakKeyDictionary()


class _Graph(nn.Module):
    """Windows to class probabilities over the whole class set, and returns in ATR."""

    spread: Tensor

    def __init__(self, parts: NetworkParts, spread: FloatArray, return_scale: float) -> None:
        super().__init__()
        self.scale, self.network, self.heads = parts.scale, parts.network, parts.heads
        self.register_buffer("spread", torch.from_numpy(spread.astype(np.float32)))
        self.return_scale = return_scale

    def forward(self, windows: Tensor) -> tuple[Tensor, ...]:
        found = self.heads(self.network(self.scale(windows)))
        proba = torch.softmax(found.logits, dim=1) @ self.spread
        returns = [found.mean, found.quantiles]
        return (proba, *(item * self.return_scale for item in returns if item is not None))


def export(
    parts: NetworkParts,
    window: int,
    spread: FloatArray,
    return_scale: float,
    facts: dict[str, Any],
) -> bytes:
    """Serialise the graph; ``facts`` go into its metadata as JSON.

    Parameters
    ----------
    spread : float64 array of shape (n_present, n_classes)
        Which class each score belongs to.
    """
    names = [OUTPUTS[0]]
    names += [OUTPUTS[1]] if parts.heads.mean is not None else []
    names += [OUTPUTS[2]] if parts.heads.quantiles is not None else []
    # Two rows: a batch of one would be taken for a constant.
    example = {"windows": torch.zeros(2, len(parts.scale.center), window)}
    return serialise(_Graph(parts, spread, return_scale), example, names, facts)


def predict_onnx(
    parts: NetworkParts, panel: BarPanel, graph: Any
) -> tuple[FloatArray, FloatArray | None, FloatArray | None]:
    """Probabilities, expected returns and quantiles of all windows of the panel.

    ``graph`` is called for the serialised graph the first time.
    """
    session = _sessions.get(parts.network)
    if session is None:
        session = _sessions[parts.network] = _session(graph())
    names = [output.name for output in session.get_outputs()]
    feed = WindowFeed(panel, torch.device("cpu"))
    found: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in names}
    for rows in feed.batches(np.arange(len(panel)), feed.predict_size(), None):
        windows = feed.take(rows).contiguous().numpy()
        for name, values in zip(names, session.run(names, {"windows": windows}), strict=True):
            found[name].append(values)
    joined = {name: np.concatenate(parts).astype(np.float64) for name, parts in found.items()}
    proba, mean, quantiles = (joined.get(name) for name in OUTPUTS)
    assert proba is not None
    return proba, mean, quantiles


def _session(raw: bytes) -> Any:
    require_onnx("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
