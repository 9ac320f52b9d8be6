"""No label lives longer than its specification says, but for exits that wait for a fill."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import DataError
from ohlcvml.labels import (
    FixedHorizonLabeller,
    LabelSpec,
    TripleBarrierLabeller,
    check_labels,
    label_positions,
    labels_from,
)
from ohlcvml.samples import Samples
from tests.labels.builders import random_bars
from tests.labels.test_oracle import COSTS, SPEC, parameters, sized

WRONG = "the 'horizon' of the labels' specification must not be shorter than a label"


def outlives(labels, bars, horizon):
    """Whether some label passes, after ``horizon`` bars, one in which anyone could trade."""
    fills = ~(bars["volume"] <= 0.0) & (bars["limit"].fillna(0.0) == 0.0)
    spans = zip(*label_positions(labels, bars.index), strict=True)
    return any(fills.iloc[start + horizon : end].any() for start, end in spans if end >= 0)


@settings(max_examples=40, deadline=None)
@given(
    parameters,
    st.integers(0, 2**32 - 1),
    st.sampled_from([None, -1, 1]),
    st.booleans(),
    st.integers(1, 12),
)
def test_a_labeller_keeps_its_horizon_and_a_shorter_one_is_refused(
    params, seed, side, own, shorter
):
    rng = np.random.default_rng(seed)
    tables = {}
    for symbol, n in (("A", 60), ("B", 90)):
        bars = random_bars(rng, n, freq="20min", start="2024-03-04 18:00", dead=0.4, lock=True)
        for name in ("open", "high", "low", "close"):
            bars["raw_" + name] = bars[name] + np.repeat([0.0, 5.0, 2.5], n // 3)
        bars["contract"] = np.repeat([202403, 202406, 202409], n // 3)
        tables[symbol] = bars[rng.random(n) > 0.1]
    bars = pd.concat(tables, names=["symbol"])
    if side is not None and params["cost_adjustment"] == "shift":
        params["cost_adjustment"] = "net"
    labeller = TripleBarrierLabeller(
        contract=SPEC, costs=COSTS, side=side, trailing=side is not None and own, **sized(params)
    )
    if side is None and own:  # without barriers
        names = ("horizon", "atr_window", "entry", "session_exit", "cross_session", "roll")
        labeller = FixedHorizonLabeller(
            contract=SPEC, costs=COSTS, **{name: params[name] for name in names}
        )
    labels = labeller.fit_transform(bars)
    if len(labels) == 0:
        return
    check_labels(labels, bars, "test")
    horizon = min(shorter, params["horizon"])
    forged = LabelSpec.of(labels).replace(horizon=horizon).attach(labels)
    if outlives(labels, bars, horizon):
        with pytest.raises(DataError, match=WRONG):
            check_labels(forged, bars, "test")
    else:
        check_labels(forged, bars, "test")


def test_samples_refuse_a_horizon_that_the_labels_outlive():
    bars = simulate_bars(200, seed=0).bars
    made = FixedHorizonLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    forged = LabelSpec.of(made).replace(horizon=19)
    with pytest.raises(DataError, match=r"Samples: .*got horizon=19, and .* lives 20 bars"):
        Samples(bars, forged.attach(made))
    with pytest.raises(DataError, match=WRONG):
        Samples(bars, made.pipe(_without_spec), spec=forged)


def _without_spec(labels):
    bare = labels.copy()
    bare.attrs = {}
    return bare


def test_an_exit_that_waits_for_a_fill_outlives_no_horizon():
    bars = simulate_bars(200, seed=0).bars
    bars.iloc[100:110, bars.columns.get_loc("volume")] = 0.0
    made = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
    start, end = label_positions(made, bars.index)
    assert (end - start).max() == 15
    assert len(Samples(bars, made)) == int((~made["censored"]).sum())
    with pytest.raises(DataError, match=r"horizon=5.*lives .* bars"):
        Samples(bars.assign(volume=1.0), made)  # of bars that did trade


def test_labels_of_ones_own_are_held_to_their_horizon():
    bars = simulate_bars(100, seed=0).bars
    later = bars["close"].shift(-10)
    label = np.sign(later - bars["close"]).where(later.notna())
    made = labels_from(bars, label, bars.index.to_series().shift(-10), horizon=12)
    Samples(bars, LabelSpec.of(made).replace(horizon=10).attach(made))
    with pytest.raises(DataError, match=WRONG):
        Samples(bars, LabelSpec.of(made).replace(horizon=9).attach(made))
