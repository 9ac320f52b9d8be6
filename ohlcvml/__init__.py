"""A model-agnostic ML factory for OHLCV bars: leak-free, net of costs, reproducible.

One flow, one package per stage, left to right::

    bars -> streams -> features -> regimes -> labels -> samples -> splits -> pipeline -> models
         -> evaluation -> bundle -> factory

Stages load on first use, so ``import ohlcvml`` is fast and pulls in neither torch, a booster nor
matplotlib.

>>> import ohlcvml
>>> simulation = ohlcvml.bars.simulate_bars(500, seed=0)
>>> list(simulation.bars.columns)
['open', 'high', 'low', 'close', 'volume']
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from ohlcvml.registry import STAGES

__version__ = "0.1.0"
__all__ = [*STAGES, "__version__"]


def __getattr__(name: str) -> ModuleType:
    if name in STAGES or name == "testing":
        return import_module(f"ohlcvml.{name}")
    raise AttributeError(f"module 'ohlcvml' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *STAGES})
