"""Samples: the one place where X and y meet, as views that never copy the tables."""

from ohlcvml.samples._panel import BarPanel
from ohlcvml.samples._samples import FeatureTable, Samples

__all__ = ["FeatureTable", "BarPanel", "Samples"]
