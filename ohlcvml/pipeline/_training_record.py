"""What a model remembers of its training rows: enough to refuse to be scored on them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ohlcvml.exceptions import LeakageError
from ohlcvml.samples import Samples
from ohlcvml.typing import BoolArray, IntArray

__all__ = ["check_unseen", "overlapping", "training_intervals"]


def training_intervals(samples: Samples) -> IntArray:
    """Union of the label intervals of ``samples`` as disjoint sorted [first, last] pairs.

    Nanoseconds since the epoch for time stamps, bar numbers for an index without them: label
    intervals of all symbols share the clock, because what one symbol did tells of the other.
    """
    first, last = _intervals(samples)
    order = np.argsort(first, kind="stable")
    first, last = first[order], np.maximum.accumulate(last[order])
    opens = np.ones(len(first), dtype=bool)
    opens[1:] = first[1:] > last[:-1]
    closes = np.append(opens[1:], True)
    return np.stack([first[opens], last[closes]], axis=1)


def overlapping(samples: Samples, intervals: IntArray) -> BoolArray:
    """Which samples' label intervals meet one of the disjoint sorted ``intervals``."""
    first, last = _intervals(samples)
    if len(intervals) == 0:
        return np.zeros(len(first), dtype=bool)
    # The first training interval that ends at or after the sample starts is the only candidate.
    k = np.searchsorted(intervals[:, 1], first, side="left")
    reach = np.minimum(k, len(intervals) - 1)
    return (k < len(intervals)) & (intervals[reach, 0] <= last)


def check_unseen(samples: Samples, intervals: IntArray, who: str) -> None:
    """Raise :class:`LeakageError` if a sample's label interval meets the training rows.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.labels import FixedHorizonLabeller
    >>> from ohlcvml.models import LogisticClassifier
    >>> from ohlcvml.pipeline import check_unseen
    >>> from ohlcvml.samples import Samples
    >>> bars = simulate_bars(300, seed=0).bars
    >>> labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    >>> samples = Samples(bars, labels)
    >>> model = LogisticClassifier().fit(samples[:100])
    >>> check_unseen(samples[200:], model.training_intervals_, "example")  # over before: nothing
    """
    seen = overlapping(samples, intervals)
    if seen.any():
        raise LeakageError(
            f"{who}: {int(seen.sum())} of {len(samples)} samples overlap the label intervals the "
            f"model was fitted on; the first is at {samples.index[seen][0]}. Split with a purged "
            "cv from ohlcvml.splits (an integer or unpurged cv= leaks); to look at fitted values, "
            "predict on bars instead of Samples."
        )


def _intervals(samples: Samples) -> tuple[IntArray, IntArray]:
    index = samples.index
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if isinstance(time, pd.DatetimeIndex):
        end = pd.DatetimeIndex(samples.end)
        return time.as_unit("ns").asi8, end.as_unit("ns").asi8
    return samples.pos, samples.end_pos
