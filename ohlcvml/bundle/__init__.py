"""Bundles: a fitted model as files that are safe to read, checked and exactly reproduced."""

from ohlcvml.bundle._allowed import allow_class
from ohlcvml.bundle._bundle import Bundle
from ohlcvml.bundle._load import BundleReport, Check, load, open_bundle, verify
from ohlcvml.bundle._manifest import data_fingerprint, environment
from ohlcvml.bundle._save import save

__all__ = [
    "Bundle",
    "BundleReport",
    "Check",
    "allow_class",
    "data_fingerprint",
    "environment",
    "load",
    "open_bundle",
    "save",
    "verify",
]
