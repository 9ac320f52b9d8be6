"""Bars: reading, judging, resampling and simulating OHLCV tables; contracts and costs."""

from ohlcvml.bars._frame import bar_size, check_bars

__all__ = ["bar_size", "check_bars"]
