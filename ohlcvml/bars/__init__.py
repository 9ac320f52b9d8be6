"""Bars: reading, judging, resampling and simulating OHLCV tables; contracts and costs."""

from ohlcvml.bars._continuous import continuous
from ohlcvml.bars._contracts import Contract, contract, contract_symbols, register_contract
from ohlcvml.bars._costs import Costs, default_costs
from ohlcvml.bars._findings import FINDING_KINDS, BarCheck, BarReport, Change, Example, Finding
from ohlcvml.bars._frame import bar_size, check_bars
from ohlcvml.bars._known import known_at
from ohlcvml.bars._read import read_bars
from ohlcvml.bars._resample import resample
from ohlcvml.bars._sessions import Sessions
from ohlcvml.bars._simulate import Attainable, Simulation, simulate_bars
from ohlcvml.bars._validate import validate_bars

__all__ = [
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
    "validate_bars",
]
