"""Bars: reading, judging, resampling and simulating OHLCV tables; contracts and costs."""

from ohlcvml.bars._continuous import continuous
from ohlcvml.bars._frame import (
    OHLCV,
    PriceArrays,
    bar_size,
    check_bars,
    price_arrays,
    symbol_starts,
    time_index,
)
from ohlcvml.bars._known import known_at, positive_size
from ohlcvml.bars._resample import resample
from ohlcvml.bars._simulate import Attainable, Simulation, simulate_bars
from ohlcvml.bars._traded import (
    RAW_PRICES,
    TradedPrices,
    adjusted_by_difference,
    check_raw,
    contract_changes,
    traded_close,
    traded_prices,
)
from ohlcvml.bars.market import (
    Contract,
    Costs,
    Sessions,
    contract,
    contract_symbols,
    default_costs,
    register_contract,
    trading_days,
)
from ohlcvml.bars.read import read_bars
from ohlcvml.bars.validate import (
    FINDING_KINDS,
    BarCheck,
    BarReport,
    Change,
    Example,
    Finding,
    validate_bars,
)

__all__ = [
    "RAW_PRICES",
    "TradedPrices",
    "adjusted_by_difference",
    "check_raw",
    "contract_changes",
    "traded_close",
    "traded_prices",
    "positive_size",
    "OHLCV",
    "PriceArrays",
    "price_arrays",
    "symbol_starts",
    "time_index",
    "Attainable",
    "BarCheck",
    "BarReport",
    "Change",
    "Contract",
    "Costs",
    "Example",
    "FINDING_KINDS",
    "Finding",
    "Sessions",
    "Simulation",
    "bar_size",
    "check_bars",
    "continuous",
    "contract",
    "contract_symbols",
    "default_costs",
    "known_at",
    "read_bars",
    "register_contract",
    "resample",
    "simulate_bars",
    "trading_days",
    "validate_bars",
]
