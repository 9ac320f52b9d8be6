"""What a model remembers of its training rows: enough to refuse to be scored on them."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.exceptions import LeakageError, LeakageWarning
from ohlcvml.samples import Samples
from ohlcvml.splits import MINIMUM_PURGE
from ohlcvml.typing import BoolArray, IntArray

SCORING = ("sklearn.model_selection._validation", "_score")  # where an error becomes NaN


def training_intervals(samples: Samples) -> IntArray:
    """Union of what each of ``samples`` occupies, as disjoint sorted [first, last] pairs.

    A row decided at bar i and resolved in bar e occupies bars i to max(e, i + horizon of the
    labels): a label that was quick to resolve tells of the same bars as one that was slow.
    Nanoseconds since the epoch for time stamps, bar numbers for an index without them. All symbols
    share the clock, because what one symbol did tells of the other.
    """
    return joined(*occupied(samples, samples.spec.horizon))


def purged_intervals(samples: Samples) -> IntArray:
    """As :func:`training_intervals`, each row with its purge zone of max(60, horizon) bars."""
    return joined(*occupied(samples, max(MINIMUM_PURGE, samples.spec.horizon)))


def joined(first: IntArray, last: IntArray) -> IntArray:
    """Union of intervals as disjoint sorted [first, last] pairs, shape (n, 2)."""
    order = np.argsort(first, kind="stable")
    first, last = first[order], np.maximum.accumulate(last[order])
    opens = np.ones(len(first), dtype=bool)
    opens[1:] = first[1:] > last[:-1]
    closes = np.append(opens[1:], True)[: len(first)]
    return np.stack([first[opens], last[closes]], axis=1)


def overlapping(samples: Samples, intervals: IntArray) -> BoolArray:
    """Which samples occupy a part of one of the disjoint sorted ``intervals``."""
    return meeting(*occupied(samples, samples.spec.horizon), intervals)


def meeting(first: IntArray, last: IntArray, intervals: IntArray) -> BoolArray:
    """Which of the intervals [first, last] meet one of the disjoint sorted ``intervals``."""
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
        _warn_where_it_is_hidden()
        raise LeakageError(
            f"{who}: {int(seen.sum())} of {len(samples)} samples overlap the label intervals the "
            f"model was fitted on (each lasts the labels' horizon of {samples.spec.horizon} bars "
            f"at least); the first is at {samples.index[seen][0]}. Split with a purged "
            "cv from ohlcvml.splits (an integer or unpurged cv= leaks); to look at fitted values, "
            "predict on bars instead of Samples."
        )


def occupied(samples: Samples, reach: int) -> tuple[IntArray, IntArray]:
    """First and last moment that each sample occupies: bar i to max(e, i + ``reach``).

    Bars are counted on the common stamps of all symbols, as splitters count them; the last bar is
    the end of what there is.
    """
    index = samples.bars.index
    time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if not isinstance(time, pd.DatetimeIndex):
        return samples.pos, np.maximum(samples.end_pos, samples.pos + reach)
    bars = nanoseconds(time, nat="keep")
    first = bars[samples.pos]
    stamps = np.unique(bars) if isinstance(index, pd.MultiIndex) else bars
    number = np.searchsorted(stamps, first)
    floor = stamps[np.minimum(number + reach, len(stamps) - 1)]
    return first, np.maximum(bars[samples.end_pos], floor)


def _warn_where_it_is_hidden() -> None:
    """scikit-learn turns an error in scoring into NaN, and a search takes the first of these."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and (frame.f_globals.get("__name__"), frame.f_code.co_name) != SCORING:
        frame = frame.f_back
    if frame is not None and frame.f_locals.get("error_score") != "raise":
        warnings.warn(
            "the cv of this search or cross-validation is not purged: test rows overlap training "
            "rows. scikit-learn hides the LeakageError behind NaN scores, and a search then "
            'chooses its first candidate. Use error_score="raise" to see the error, and a cv of '
            "ohlcvml.splits.",
            LeakageWarning,
            stacklevel=2,
        )
