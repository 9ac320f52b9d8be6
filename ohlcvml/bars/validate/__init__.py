"""Judging bars: findings with their kind, and what may be mended."""

from ohlcvml.bars.validate._findings import (
    FINDING_KINDS,
    BarCheck,
    BarReport,
    Change,
    Example,
    Finding,
)
from ohlcvml.bars.validate._validate import validate_bars

__all__ = [
    "BarCheck",
    "BarReport",
    "Change",
    "Example",
    "FINDING_KINDS",
    "Finding",
    "validate_bars",
]
