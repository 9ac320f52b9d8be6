"""The smallest feature: what composites use as the part of their own tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml._checks import integer, string
from ohlcvml.streams._base import BaseFeature
from ohlcvml.streams._columns import Column
from ohlcvml.streams.kernels import compiled


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (close,) = inputs
    (lag,) = params
    ring, seen = state
    for t in range(first, last):
        out[0, t] = np.nan
        if np.isnan(close[t]):
            continue
        at = seen[0] % lag
        if seen[0] >= lag:
            out[0, t] = close[t] - ring[at]
        ring[at] = close[t]
        seen[0] += 1


class _CloseChange(BaseFeature):
    """Change of the close over ``lag`` bars, in price units.

    Row t uses the closes of rows t - lag and t. A bar with a missing close gives NaN and is passed
    over. Not for models: prices have units, and the size of a change depends on them.

    Parameters
    ----------
    lag : int, default=1
        In bars, at least 1.
    name : str, default="close_change"
        Name of the column.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.streams._change import _CloseChange
    >>> _CloseChange(lag=2).fit_transform(simulate_bars(5, seed=0).bars).isna().sum()
    close_change    2
    dtype: int64
    """

    _parameter_rules = {"lag": integer(1), "name": string()}
    _inputs = ("close",)
    _kernel = staticmethod(_run)

    def __init__(self, lag: int = 1, name: str = "close_change") -> None:
        self.lag = lag
        self.name = name
        super().__init__()

    def _columns(self) -> list[Column]:
        return [Column(self.name, "close_t - close_{t-lag}", unit="price", undefined="NaN before")]

    @property
    def lookback(self) -> int:
        """The lag."""
        return int(self.lag)

    def _kernel_params(self) -> tuple[Any, ...]:
        return (int(self.lag),)

    def _initial_state(self) -> dict[str, Any]:
        return {"ring": np.full(self.lag, np.nan), "seen": np.zeros(1, dtype=np.int64)}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [{"lag": 1}, {"lag": 3, "name": "change_3"}]
