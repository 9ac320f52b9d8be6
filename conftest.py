"""Doctests of modules whose optional packages are missing are not collected."""

from importlib.util import find_spec

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
