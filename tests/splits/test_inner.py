"""The inner hold-out: one rule for early stopping, calibration and thresholds."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.labels import FixedHorizonLabeller
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout, inner_holdout

BARS = simulate_bars(1000, seed=0).bars


def samples_of(horizon):
    labeller = FixedHorizonLabeller(horizon=horizon, cost_adjustment=None)
    return Samples(BARS, labeller.fit_transform(BARS))


@pytest.mark.parametrize("horizon", [5, 80])
def test_the_later_rows_are_purged_of_the_rows_to_fit_on(horizon):
    samples = samples_of(horizon)
    parts = inner_holdout(samples, 0.25)
    assert len(parts.later) == round(0.25 * len(samples))
    assert parts.later[-1] == len(samples) - 1
    p = max(60, horizon)
    first = samples.pos[parts.later[0]]
    reach = np.maximum(samples.end_pos, samples.pos + p)
    assert parts.fit.tolist() == np.flatnonzero(reach < first).tolist()


def test_it_is_that_of_the_holdout_also_of_some_rows_of_several_symbols():
    bars = simulate_bars(600, seed=1, n_symbols=2).bars
    labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    samples = Samples(bars, labels)[::2]
    parts = inner_holdout(samples, 0.3)
    same = PurgedHoldout(validation=0.0, test=0.3).parts(samples)
    assert np.array_equal(parts.fit, same.train)
    assert np.array_equal(parts.later, same.test)
    time = samples.index.get_level_values(-1)
    assert time[parts.fit].max() < time[parts.later].min()


def test_too_few_rows_have_one_message():
    samples = samples_of(5)
    assert [len(part) for part in inner_holdout(samples[:200], 0.25)] == [90, 50]
    message = (
        r"Model: the latest 25% .* at least 50 rows; 150 rows leave 52 .* and 38 .* purge of 60"
    )
    with pytest.raises(DataError, match=message):
        inner_holdout(samples[:150], 0.25, who="Model")
    with pytest.raises(DataError, match="130 rows leave 0 to fit on and 117 to judge by"):
        inner_holdout(samples[:130], 0.9)
    for share in (0.0, 1.0):
        with pytest.raises(
            ParameterError, match=r"'share' must be a finite number in \(0.0, 1.0\)"
        ):
            inner_holdout(samples, share)


def test_a_table_of_intervals_with_stamps_that_repeat():
    begin = pd.DatetimeIndex(np.repeat(BARS.index[:500], 2))
    end = pd.DatetimeIndex(np.repeat(BARS.index[9:509], 2))
    table = pd.DataFrame({"end": end}, index=begin)
    parts = inner_holdout(table, 0.3, bar_index=BARS.index)
    assert end[parts.fit].max() < begin[parts.later].min()
    assert begin[parts.fit].max() < BARS.index[500 - 150 - 60 + 1]
