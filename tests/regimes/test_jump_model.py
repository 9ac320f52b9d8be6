"""What JumpModelRegime learns, and from which rows."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.bundle import open_bundle, save
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.regimes import JumpModelRegime, RegimeInputs
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedKFold

STEADY = {"volatility_shock": 0.0, "volatility_persistence": 0.0, "intraday_shape": 0.0}


def planted(n_rows, seed, stay=0.98, means=((-2, 0), (0, 2), (2, -1))):
    """Rows of two inputs around the mean of a hidden state of three, and the state."""
    draw = np.random.default_rng(seed)
    state = np.zeros(n_rows, dtype=int)
    for t in range(1, n_rows):
        state[t] = state[t - 1] if draw.random() < stay else draw.integers(3)
    values = np.array(means)[state] + draw.normal(size=(n_rows, 2))
    index = pd.date_range("2024-01-01", periods=n_rows, freq="min", tz="UTC")
    return pd.DataFrame(values, columns=["x", "y"], index=index), state


def scaled(table):
    return ((table - table.mean()) / table.std(ddof=0)).to_numpy()


def cost(rows, path, penalty, ends):
    """Of a path with the best centroids for it."""
    total = 0.0
    for k in np.unique(path):
        own = rows[path == k]
        total += 0.5 * ((own - own.mean(axis=0)) ** 2).sum()
    jumps = path[1:] != path[:-1]
    jumps[np.array(ends, dtype=int) - 1] = False
    return total + penalty * jumps.sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ends", [(), (5,)])
def test_the_objective_is_the_least_of_all_paths(seed, ends):
    """Also over two sequences, where a change between them costs nothing."""
    table = pd.DataFrame({"x": np.random.default_rng(seed).normal(size=11).cumsum()})
    rows = scaled(table)
    paths = np.array(list(product((0, 1), repeat=11)))
    want = min(cost(rows, path, 0.4, ends) for path in paths)
    if ends:
        table = pd.concat({"a": table.iloc[:5], "b": table.iloc[5:]}, names=["stretch", "t"])
    regime = JumpModelRegime(2, jump_penalty=0.4, clip=None).fit(table)
    assert regime.objective_ == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("penalty", [1.0, 5.0, 30.0])
def test_the_objective_is_no_worse_than_that_of_jumpmodels(penalty):
    jump = pytest.importorskip("jumpmodels.jump")
    for seed in range(2):
        table, _ = planted(1000, seed)
        peer = jump.JumpModel(3, jump_penalty=penalty, n_init=10, random_state=seed)
        want = peer.fit(scaled(table)).val_
        regime = JumpModelRegime(jump_penalty=penalty, clip=None).fit(table)
        assert regime.objective_ <= want * (1 + 1e-9)


def test_planted_states_are_found():
    """Filtered accuracy 0.97 over three states."""
    table, state = planted(20_000, 0)
    regime = JumpModelRegime(order_by="x").fit(table.iloc[:10_000])
    assert np.allclose(regime.centroids_, [(-2, 0), (0, 2), (2, -1)], atol=0.1)
    found = regime.transform(table).to_numpy().argmax(axis=1)
    assert (found == state)[10_000:].mean() > 0.96


@pytest.mark.parametrize(("ratio", "least"), [(2.0, 0.92), (3.0, 0.94)])
def test_volatility_regimes_of_simulated_bars_are_recovered(ratio, least):
    """Filtered accuracy 0.93 to 0.95 where a state lasts 50 bars, with a penalty to match."""
    simulation = simulate_bars(12_000, seed=7, volatility_ratio=ratio, **STEADY)
    regime = JumpModelRegime(2, jump_penalty=1.0).fit(simulation.bars.iloc[:6000])
    volatile = (simulation.truth["state"] < 0).to_numpy()[6000:]
    found = regime.transform(simulation.bars)["jump_state_1"].to_numpy()[6000:] == 1
    assert (found == volatile).mean() > least


def test_states_are_ordered_by_parameters_alone():
    table, _ = planted(3000, 1)
    by_x, by_y = JumpModelRegime(order_by="x").fit(table), JumpModelRegime(order_by=1).fit(table)
    assert (np.diff(by_x.centroids_[:, 0]) > 0).all()
    assert (np.diff(by_y.centroids_[:, 1]) > 0).all()
    assert JumpModelRegime().fit(table).transform(table).equals(by_y.transform(table))
    again = JumpModelRegime(order_by="x", random_state=9).fit(table)
    assert np.allclose(again.centroids_, by_x.centroids_)
    with pytest.raises(ParameterError, match=r"'order_by' must be the position or the name.*'z'"):
        JumpModelRegime(order_by="z").fit(table)


def test_the_unit_of_an_input_does_not_matter():
    table, _ = planted(3000, 2)
    want = JumpModelRegime().fit(table).transform(table)
    small = table * 1e-5 + 0.1
    assert JumpModelRegime().fit(small).transform(small).equals(want)


def test_learning_passes_over_unknown_rows():
    table, _ = planted(3000, 4)
    holes = table.copy()
    holes.iloc[1000:1500] = np.nan
    apart = pd.concat({0: table.iloc[:1000], 1: table.iloc[1500:]}, names=["stretch", "time"])
    one, two = JumpModelRegime().fit(holes), JumpModelRegime().fit(apart)
    assert np.array_equal(one.centroids_, two.centroids_)
    assert one.objective_ == two.objective_


def test_wild_rows_do_not_make_a_state():
    table, _ = planted(2000, 3)
    wild = table.copy()
    wild.iloc[::200] = 40.0
    clipped = JumpModelRegime(order_by="x").fit(wild).centroids_
    assert np.abs(clipped - JumpModelRegime(order_by="x").fit(table).centroids_).max() < 0.4
    assert JumpModelRegime(order_by="x", clip=None).fit(wild).centroids_[2, 0] > 20


def test_fits_are_reproducible_and_leave_the_global_generator_alone():
    table, _ = planted(500, 5)
    np.random.seed(0)  # noqa: NPY002
    one = JumpModelRegime().fit(table)
    drawn = np.random.rand()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    assert drawn == np.random.rand()  # noqa: NPY002
    assert np.array_equal(one.centroids_, JumpModelRegime().fit(table).centroids_)


def test_symbols_begin_anew():
    bars = simulate_bars(400, seed=9, volatility_ratio=3.0, n_symbols=2).bars
    regime = JumpModelRegime(2).fit(bars)
    assert regime.transform(bars).loc["SIM1"].equals(regime.transform(bars.loc["SIM1"]))


def test_too_little_to_learn_from_is_said():
    table, _ = planted(5, 0)
    with pytest.raises(DataError, match="at least 6 complete rows"):
        JumpModelRegime().fit(table)
    with pytest.raises(DataError, match="columns it was fitted on"):
        JumpModelRegime(2).fit(table).transform(table.rename(columns={"x": "z"}))


def test_fewer_different_rows_than_states_are_no_error():
    table = pd.DataFrame({"x": [0.0] * 10 + [1.0] * 10})
    regime = JumpModelRegime(4, jump_penalty=0.1).fit(table)
    assert regime.objective_ == pytest.approx(0.1)
    assert np.isfinite(regime.centroids_).all()


def test_a_fold_with_a_hole_gives_two_sequences(monkeypatch):
    bars = simulate_bars(900, seed=0, volatility_ratio=2.0).bars
    labels = TripleBarrierLabeller(horizon=10, cost_adjustment=None).fit_transform(bars)
    seen, learn = [], JumpModelRegime._learn
    monkeypatch.setattr(
        JumpModelRegime,
        "_learn",
        lambda self, values, runs: seen.append(runs) or learn(self, values, runs),
    )
    rows = list(PurgedKFold(n_splits=3, embargo=30, bar_index=bars.index).split(labels))[1][0]
    (JumpModelRegime(2) * LogisticClassifier()).fit(Samples(bars, labels, rows))
    assert len(seen) == 1
    assert len(seen[0]) == 2


def test_in_a_pipeline_and_a_bundle(tmp_path):
    bars = simulate_bars(900, seed=0, edge=0.3, volatility_ratio=2.0).bars
    labels = TripleBarrierLabeller(horizon=10, cost_adjustment=None).fit_transform(bars)
    steps = ReturnFeatures(lags=(1, 5)) + JumpModelRegime(2, features=RegimeInputs(3))
    model = (steps * LogisticClassifier()).fit(bars, labels)
    save(model, tmp_path / "bundle", bars=bars)
    bundle = open_bundle(tmp_path / "bundle")
    assert bundle.model.predict_proba(bars).equals(model.predict_proba(bars))
    assert bundle.lookback == model.lookback > 2
