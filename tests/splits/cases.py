"""Random labels, and the rules of the splits written out slowly."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from ohlcvml.exceptions import DataError
from tests.label_specs import specified


def minutes(n, step=5):
    return pd.date_range("2025-01-06", periods=n, freq=f"{step}min", tz="UTC", name="time")


@dataclass
class Case:
    """Labels on a part of the bars: row r occupies bars first[r] to last[r]."""

    bars: pd.DatetimeIndex
    first: np.ndarray
    last: np.ndarray
    horizon: int | None = None
    known: bool = True

    @property
    def labels(self):
        table = pd.DataFrame({"label": 1}, index=self.bars[self.first])
        if self.known:
            table["end"] = self.bars[self.last]
            longest = max(1, int((self.last - self.first).max()))
            table = specified(table, horizon=self.horizon or longest)
        return table

    @property
    def purge(self):
        longest = int((self.last - self.first).max())
        return max(60, longest if self.horizon is None else self.horizon)

    @property
    def reach(self):
        return np.maximum(self.last, self.first + self.purge)


@st.composite
def cases(draw):
    """Every-bar and event-sampled labels, of quick, slow and missing ends."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(700, 1500))
    size = draw(st.sampled_from([n, n // 2, n // 5]))
    longest = draw(st.sampled_from([1, 20, 90, 200]))
    first = np.sort(rng.choice(n, size, replace=False))
    known = draw(st.booleans())
    last = np.minimum(first + rng.integers(0, longest + 1, size), n - 1) if known else first
    horizon = draw(st.sampled_from([None, longest, 30])) if known else None
    return Case(minutes(n), first, last, horizon, known)


def unless_empty(work):
    """Do it; an empty list where the splitter says that a fold or part has no rows left."""
    try:
        return list(work())
    except DataError as error:
        if "no training rows" not in str(error) and "no rows left" not in str(error):
            raise
        return []


def folds_or_none(cv, labels):
    """Every fold, or none."""
    return unless_empty(lambda: cv.split(labels))


def blocks(case, test):
    """First and last bar of each maximal run of test rows."""
    tested = np.isin(np.arange(len(case.first)), test)
    runs = np.split(np.arange(len(tested)), np.flatnonzero(np.diff(tested)) + 1)
    return [(case.first[run].min(), case.reach[run].max()) for run in runs if tested[run[0]]]


def allowed(case, test, embargo=0, before=None):
    """Training rows by the rule: neither purged, nor embargoed, nor tested."""
    keep = ~np.isin(np.arange(len(case.first)), test)
    for a, z in blocks(case, test):
        keep &= ~((case.first <= z) & (case.reach >= a))
        keep &= ~((case.first > z) & (case.first <= z + embargo))
    if before is not None:
        keep &= case.first < before
    return np.flatnonzero(keep)
