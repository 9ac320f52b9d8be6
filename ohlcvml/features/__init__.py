"""Features: causal columns computed from bars, the same bits in batch and in a stream."""

from ohlcvml.features._atr import average_true_range

__all__ = ["average_true_range"]
