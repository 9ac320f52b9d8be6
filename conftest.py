"""Doctests of modules whose optional packages are missing are not collected."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["ohlcvml/models/neural/networks/*"]
