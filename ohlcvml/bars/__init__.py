"""Bars: reading, judging, resampling and simulating OHLCV tables; contracts and costs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ohlcvml.bars._continuous import continuous
from ohlcvml.bars._door import check_bars, is_utc, time_index
from ohlcvml.bars._frame import PriceArrays, bar_size, price_arrays, symbol_starts
from ohlcvml.bars._known import known_at, positive_size
from ohlcvml.bars._names import OHLCV, look_alikes
from ohlcvml.bars._resample import resample
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
from ohlcvml.bars.validate import (
    FINDING_KINDS,
    BarCheck,
    BarReport,
    Change,
    Example,
    Finding,
    validate_bars,
)

if TYPE_CHECKING:
    from ohlcvml.bars._simulate import Attainable, Simulation, simulate_bars
    from ohlcvml.bars.read import as_bars, read_bars

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
    "as_bars",
    "bar_size",
    "check_bars",
    "continuous",
    "contract",
    "contract_symbols",
    "default_costs",
    "is_utc",
    "known_at",
    "look_alikes",
    "read_bars",
    "register_contract",
    "resample",
    "simulate_bars",
    "trading_days",
    "validate_bars",
]

# Numba, scipy and the readers of pyarrow cost several times what pandas does: they load on use.
_ON_USE = {
    **dict.fromkeys(("as_bars", "read_bars"), "read"),
    **dict.fromkeys(("Attainable", "Simulation", "simulate_bars"), "_simulate"),
}


def __getattr__(name: str) -> Any:
    if name not in _ON_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_ON_USE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
