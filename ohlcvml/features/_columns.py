"""The columns of all families: ``columns.toml``."""

from pathlib import Path

from ohlcvml.streams import ColumnFile

COLUMNS = ColumnFile(Path(__file__).with_name("columns.toml"))
