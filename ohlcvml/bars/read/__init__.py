"""Reading files of bars as vendors write them."""

from ohlcvml.bars.read._as_bars import as_bars
from ohlcvml.bars.read._read import read_bars

__all__ = [
    "as_bars",
    "read_bars",
]
