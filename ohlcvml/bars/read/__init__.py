"""Reading files of bars as vendors write them."""

from ohlcvml.bars.read._read import read_bars

__all__ = [
    "read_bars",
]
