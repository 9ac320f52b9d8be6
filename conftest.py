"""Doctests of modules whose optional packages are missing are not collected."""

from importlib.util import find_spec

NEEDS = {
    "ohlcvml/models/neural/*": ("torch",),
    "ohlcvml/models/forecast/_deepar.py": ("torch",),
    "ohlcvml/models/forecast/_quantile_rnn.py": ("torch",),
    "ohlcvml/models/forecast/_sequence_*.py": ("torch",),
    "ohlcvml/models/foundation/*": ("torch", "chronos", "timesfm"),
}
collect_ignore_glob = [
    folder for folder, packages in NEEDS.items() if not all(map(find_spec, packages))
]
