"""Kernels: compiled state machines over bars, one step at a time or a block of bars at once."""

from ohlcvml.streams.kernels._atr import atr_units, average_true_range, true_range, true_ranges
from ohlcvml.streams.kernels._averages import average_params, blend, smooth, smooth_rows
from ohlcvml.streams.kernels._block_sums import new_sums, roll_sum
from ohlcvml.streams.kernels._blocks import BLOCK, keep, pack, unpack
from ohlcvml.streams.kernels._compiled import compiled, entry_of, fused, inlined
from ohlcvml.streams.kernels._extrema import new_peaks, new_ranges, roll_peak, roll_range
from ohlcvml.streams.kernels._order import (
    count_ranks,
    new_orders,
    order_params,
    quantile,
    quantile_params,
    replace,
)
from ohlcvml.streams.kernels._single_window import correlation, moments, scale_square
from ohlcvml.streams.kernels._swings import (
    FALLEN,
    HIGH,
    LOW,
    OLD_HIGH,
    OLD_LOW,
    RISEN,
    follow,
    new_swings,
)
from ohlcvml.streams.kernels._ties import SAME_RETURN, tie
from ohlcvml.streams.kernels._totals import add_up, added_up, new_totals, slide_totals
from ohlcvml.streams.kernels._window_sums import (
    ROUNDING,
    Track,
    new_tracks,
    roll_tracks,
    track_params,
)
from ohlcvml.streams.kernels._windows import (
    double_means,
    double_spreads,
    keep_stretches,
    new_spreads,
    new_stretches,
    settling,
    standardize,
    window_means,
    window_params,
    window_spreads,
)

__all__ = [
    "BLOCK",
    "FALLEN",
    "HIGH",
    "LOW",
    "OLD_HIGH",
    "OLD_LOW",
    "RISEN",
    "ROUNDING",
    "SAME_RETURN",
    "Track",
    "add_up",
    "added_up",
    "atr_units",
    "average_params",
    "average_true_range",
    "blend",
    "compiled",
    "correlation",
    "count_ranks",
    "double_means",
    "double_spreads",
    "entry_of",
    "follow",
    "fused",
    "inlined",
    "keep",
    "keep_stretches",
    "moments",
    "new_orders",
    "new_peaks",
    "new_ranges",
    "new_spreads",
    "new_stretches",
    "new_sums",
    "new_swings",
    "new_totals",
    "new_tracks",
    "order_params",
    "pack",
    "quantile",
    "quantile_params",
    "replace",
    "roll_peak",
    "roll_range",
    "roll_sum",
    "roll_tracks",
    "scale_square",
    "settling",
    "slide_totals",
    "smooth",
    "smooth_rows",
    "standardize",
    "tie",
    "track_params",
    "true_range",
    "true_ranges",
    "unpack",
    "window_means",
    "window_params",
    "window_spreads",
]
