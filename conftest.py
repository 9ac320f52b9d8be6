"""Doctests of modules whose optional packages are missing are not collected; networks' are slow."""

from importlib.util import find_spec
from pathlib import Path

import pytest

NEEDS = {
    "ohlcvml/models/neural/*": ("torch",),
    "ohlcvml/models/_onnx.py": ("torch",),
    "ohlcvml/models/paths/_deepar.py": ("torch",),
    "ohlcvml/models/paths/_quantile_rnn.py": ("torch",),
    "ohlcvml/models/paths/_sequence_*.py": ("torch",),
    "ohlcvml/models/paths/networks/*": ("torch",),
    "ohlcvml/models/pretrained/*": ("torch", "chronos", "timesfm"),
}
collect_ignore_glob = [
    folder for folder, packages in NEEDS.items() if not all(map(find_spec, packages))
]

# Where each test trains a network, or asks one.
SLOW = tuple(
    Path(__file__).parent / root / "models" / folder
    for root in ("ohlcvml", "tests")
    for folder in ("neural", "paths", "pretrained")
)
QUICK = {"_dlinear.py", "test_cpu.py", "test_tails.py", "test_forecast.py", "test_mlp.py"}


def pytest_collection_modifyitems(items):
    """Mark as slow what trains networks; two of them are trained by default."""
    for item in items:
        trains = any(item.path.is_relative_to(folder) for folder in SLOW)
        if trains and item.path.name not in QUICK:
            item.add_marker(pytest.mark.slow)
