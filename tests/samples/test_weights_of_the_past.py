"""Weights of training rows are made of training rows alone."""

import numpy as np
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.samples import Samples

BARS = simulate_bars(900, seed=3).bars


@pytest.mark.parametrize("weighting", [None, "return"])
@pytest.mark.parametrize("time_decay", [1.0, 0.3, 0.0])
def test_later_labels_do_not_move_earlier_weights(weighting, time_decay):
    labeller = TripleBarrierLabeller(
        horizon=15, cost_adjustment=None, weighting=weighting, time_decay=time_decay
    )
    early = BARS.iloc[:500].copy()
    before = Samples(early, labeller.fit_transform(early))
    late = BARS.copy()
    late.iloc[500:, :4] = late.iloc[500:, :4] * 3.0  # a wild market, later
    after = Samples(late, labeller.fit_transform(late))
    after = after[after.index.isin(before.index)]
    assert after.index.equals(before.index)
    np.testing.assert_array_equal(after.weight, before.weight)
