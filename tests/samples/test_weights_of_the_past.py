"""Weights of training rows are made of training rows alone."""

import numpy as np
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.samples import Samples

BARS = simulate_bars(900, seed=3).bars
PAIR = simulate_bars(500, seed=4, n_symbols=2).bars


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
    np.testing.assert_allclose(after.weight, before.weight, rtol=1e-12)


@pytest.mark.parametrize("weighting", [None, "return"])
@pytest.mark.parametrize("time_decay", [1.0, 0.3])
@pytest.mark.parametrize("bars", [BARS, PAIR], ids=["one symbol", "two symbols"])
def test_all_rows_together_have_the_labellers_own_weights(bars, weighting, time_decay):
    labeller = TripleBarrierLabeller(
        horizon=15, cost_adjustment=None, weighting=weighting, time_decay=time_decay
    )
    labels = labeller.fit_transform(bars)
    samples = Samples(bars, labels)
    np.testing.assert_allclose(
        samples.weight, labels["weight"].to_numpy()[samples.rows], rtol=1e-12
    )
