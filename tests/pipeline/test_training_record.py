"""What a model remembers of its training rows."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import LeakageError
from ohlcvml.features import ReturnFeatures
from ohlcvml.models import LogisticClassifier
from ohlcvml.pipeline._training_record import check_unseen, overlapping, training_intervals
from ohlcvml.samples import Samples
from tests.pipeline.conftest import LABELLER

BARS = simulate_bars(300, seed=4).bars
SAMPLES = Samples(BARS, LABELLER.fit_transform(BARS))
ROWS = st.lists(st.integers(0, len(SAMPLES) - 1), min_size=1, max_size=20, unique=True).map(sorted)


def spans(samples):
    """Bars i to max(e, i + horizon): a label that resolved quickly lasts as long as a slow one."""
    reach = np.maximum(samples.end_pos, np.minimum(samples.pos + 20, len(BARS) - 1))
    return list(zip(samples.pos, reach, strict=True))


@settings(deadline=None, max_examples=50)
@given(ROWS, ROWS)
def test_overlap_is_that_of_the_naive_loop(train, test):
    train, test = SAMPLES[train], SAMPLES[test]
    naive = [any(a <= d and c <= b for c, d in spans(train)) for a, b in spans(test)]
    assert overlapping(test, training_intervals(train)).tolist() == naive


@settings(deadline=None, max_examples=50)
@given(ROWS)
def test_intervals_are_disjoint_and_sorted(rows):
    intervals = training_intervals(SAMPLES[rows])
    assert (intervals[:, 0] <= intervals[:, 1]).all()
    assert (intervals[1:, 0] > intervals[:-1, 1]).all()


def test_a_row_within_the_horizon_of_a_quick_label_is_refused():
    quick = int(np.flatnonzero(SAMPLES.end_pos - SAMPLES.pos < 10)[0])
    model = LogisticClassifier().fit(SAMPLES[[quick]])
    apart = SAMPLES.pos - SAMPLES.pos[quick]
    inside, after = np.flatnonzero(apart == 20), np.flatnonzero(apart == 21)
    with pytest.raises(LeakageError, match="horizon of 20 bars"):
        model.predict_proba(SAMPLES[inside])
    assert model.predict_proba(SAMPLES[after]).shape == (1, 3)


def test_without_training_rows_nothing_overlaps():
    assert not overlapping(SAMPLES, np.empty((0, 2), dtype=np.int64)).any()


def test_the_message_says_how_many_and_where():
    intervals = training_intervals(SAMPLES[:50])
    view = SAMPLES[45:60]
    seen = int(overlapping(view, intervals).sum())
    first = re.escape(str(view.index[0]))
    with pytest.raises(LeakageError, match=rf"{seen} of 15 samples .*first is at {first}"):
        check_unseen(view, intervals, "Model")


def test_symbols_share_the_clock(two_symbols):
    """What one symbol did at a time tells of the other: the guard does not look at symbols."""
    one = two_symbols.pos < 700
    model = (ReturnFeatures() * LogisticClassifier()).fit(two_symbols[one])
    with pytest.raises(LeakageError):
        model.predict_proba(two_symbols[~one])
    early = one & (two_symbols.pos < 400)
    model.fit(two_symbols[early])
    late = ~one & (two_symbols.pos > 700 + 450)
    assert model.predict_proba(two_symbols[late]).shape == (late.sum(), 3)


def test_prices_numbered_instead_of_stamped():
    prices = BARS[["close"]].set_axis(pd.RangeIndex(len(BARS))).rename(columns={"close": "price"})
    samples = Samples(prices, LABELLER.fit_transform(prices))
    model = LogisticClassifier().fit(samples[:100])
    assert training_intervals(samples[:100]).max() == samples.pos[99] + 20
    assert model.predict_proba(samples[-50:]).shape == (50, 3)
    with pytest.raises(LeakageError):
        model.predict_proba(samples[95:])
