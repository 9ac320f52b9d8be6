"""What HMMRegime learns, and from which rows."""

import sys

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import DataError, MissingDependencyError
from ohlcvml.features import ReturnFeatures
from ohlcvml.regimes import HMMRegime, RegimeInputs
from ohlcvml.regimes._base import complete_runs
from ohlcvml.regimes._gaussian_filter import stationary

STEADY = {"volatility_shock": 0.0, "volatility_persistence": 0.0, "intraday_shape": 0.0}


def planted(n_rows, seed, means=(-1.0, 1.0, 0.0), sds=(0.5, 0.5, 2.0), stay=0.97):
    """Rows of one input with a hidden state of three, and the state."""
    draw = np.random.default_rng(seed)
    state = np.zeros(n_rows, dtype=int)
    for t in range(1, n_rows):
        state[t] = state[t - 1] if draw.random() < stay else draw.integers(3)
    values = np.array(means)[state] + np.array(sds)[state] * draw.normal(size=n_rows)
    index = pd.date_range("2024-01-01", periods=n_rows, freq="min", tz="UTC")
    return pd.DataFrame({"x": values}, index=index), state


def test_planted_parameters_are_found():
    table, _ = planted(20_000, 0)
    fitted = HMMRegime(order_by="mean").fit(table)
    assert np.allclose(fitted.means_[:, 0], [-1, 0, 1], atol=0.05)
    assert np.allclose(np.sqrt(fitted.covariances_[:, 0, 0]), [0.5, 2, 0.5], atol=0.05)
    assert np.allclose(np.diag(fitted.transition_), 0.97 + 0.03 / 3, atol=0.01)


def test_states_are_ordered_by_parameters_alone():
    table, _ = planted(5000, 1)
    by_mean, by_variance = HMMRegime(order_by="mean").fit(table), HMMRegime().fit(table)
    assert (np.diff(by_mean.means_[:, 0]) > 0).all()
    assert (np.diff(by_variance.covariances_[:, 0, 0]) > 0).all()
    other_start = HMMRegime(random_state=11, tol=1e-7).fit(table)
    assert np.allclose(other_start.transform(table), by_variance.transform(table), atol=0.02)


def test_the_unit_of_an_input_does_not_matter():
    table, _ = planted(3000, 2)
    small = HMMRegime().fit(table * 1e-5 + 0.1)
    same = HMMRegime().fit(table).transform(table)
    assert np.allclose(small.transform(table * 1e-5 + 0.1), same, atol=1e-6)


def test_sequences_are_not_glued():
    """Each stretch stays in its state; glued, the joints would be transitions."""
    draw = np.random.default_rng(3)
    pieces = [pd.DataFrame({"x": 4.0 * (k % 2) + draw.normal(size=50)}) for k in range(40)]
    apart = HMMRegime(n_states=2).fit(pd.concat(dict(enumerate(pieces)), names=["stretch", "t"]))
    glued = HMMRegime(n_states=2).fit(pd.concat(pieces, ignore_index=True))
    assert apart.transition_[0, 1] < 1e-6
    assert glued.transition_[0, 1] == pytest.approx(1 / 50, rel=0.1)


def test_runs_end_at_unknown_rows_and_at_the_end_of_a_sequence():
    values = np.array([[1, 2, np.nan, 3, 4, 5, 6, np.inf, 7.0]])
    assert complete_runs(values, np.array([0, 5, 9])).tolist() == [[0, 2], [3, 5], [5, 7]]


def test_learning_passes_over_unknown_rows():
    table, _ = planted(3000, 4)
    holes = table.copy()
    holes.iloc[1000:1500] = np.nan
    apart = pd.concat({0: table.iloc[:1000], 1: table.iloc[1500:]}, names=["stretch", "time"])
    one, two = HMMRegime().fit(holes), HMMRegime().fit(apart)
    assert np.array_equal(one.transition_, two.transition_)
    assert np.array_equal(one.means_, two.means_)


def test_fits_are_reproducible_and_leave_the_global_generator_alone():
    table, _ = planted(1000, 5)
    np.random.seed(0)  # noqa: NPY002
    one = HMMRegime().fit(table)
    drawn = np.random.rand()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    assert drawn == np.random.rand()  # noqa: NPY002
    two = HMMRegime().fit(table)
    assert np.array_equal(one.transition_, two.transition_)
    assert one.score_ == two.score_


def test_more_starts_are_never_worse():
    table, _ = planted(2000, 6)
    scores = [HMMRegime(n_init=n, random_state=4).fit(table).score_ for n in (1, 3, 6)]
    assert scores == sorted(scores)


@pytest.mark.parametrize("kind", ["diag", "full"])
def test_volatility_regimes_of_simulated_bars_are_recovered(kind):
    simulation = simulate_bars(12_000, seed=7, volatility_ratio=3.0, **STEADY)
    regime = HMMRegime(n_states=2, covariance_type=kind).fit(simulation.bars.iloc[:6000])
    volatile = (simulation.truth["state"] < 0).to_numpy()[6000:]
    found = regime.transform(simulation.bars)["hmm_state_1"].to_numpy()[6000:] > 0.5
    assert (found == volatile).mean() > 0.93


def test_the_filter_learned_is_as_good_as_the_true_one():
    """``truth.p_up`` is the filter with the true parameters on the same return and volume."""
    simulation = simulate_bars(20_000, seed=0, edge=0.3, **STEADY)
    bars, up = simulation.bars, (simulation.truth["state"] > 0).to_numpy()[10_000:]
    change, amount = np.log(bars["close"] / bars["open"]), np.log(bars["volume"])
    seen = pd.DataFrame({"log_change": change, "log_volume": amount})
    regime = HMMRegime(n_states=2, order_by="mean").fit(seen.iloc[:10_000])
    found = regime.transform(seen)["hmm_state_1"].to_numpy()[10_000:]
    best = simulation.truth["p_up"].to_numpy()[10_000:]
    assert ((found > 0.5) == up).mean() > ((best > 0.5) == up).mean() - 0.005 > 0.9
    assert np.corrcoef(found, best)[0, 1] > 0.995


def test_bars_and_a_chain_of_the_same_inputs_give_the_same():
    bars = simulate_bars(1500, seed=8, volatility_ratio=3.0).bars
    alone = HMMRegime(n_states=2, features=RegimeInputs(4)).fit(bars)
    chained = (RegimeInputs(4) * HMMRegime(n_states=2)).fit(bars)
    assert alone.transform(bars).equals(chained.transform(bars))
    united = (ReturnFeatures(lags=(1,)) + HMMRegime(n_states=2, features=RegimeInputs(4))).fit(bars)
    table = united.transform(bars)
    assert list(table) == ["log_return_1", "hmm_state_0", "hmm_state_1"]
    assert table.iloc[:, 1:].equals(alone.transform(bars))


def test_symbols_begin_with_the_stationary_law():
    bars = simulate_bars(400, seed=9, volatility_ratio=3.0, n_symbols=2).bars
    regime = HMMRegime(n_states=2).fit(bars)
    states = regime.transform(bars)
    first = states.groupby(level=0).head(1).to_numpy()
    assert np.allclose(first, regime.stationary_)
    assert np.allclose(regime.stationary_, stationary(regime.transition_), rtol=1e-12)
    assert states.loc["SIM1"].equals(regime.transform(bars.loc["SIM1"]))


def test_a_fitted_lookback_holds():
    bars = simulate_bars(3000, seed=10, volatility_ratio=3.0).bars
    regime = HMMRegime()
    assert regime.lookback is None
    whole = regime.fit(bars.iloc[:1500]).transform(bars)
    assert regime.lookback == 4 + regime.memory_
    for row in range(1600, 3000, 100):
        cold = regime.transform(bars.iloc[row - regime.lookback : row + 1])
        assert np.allclose(cold.iloc[-1], whole.iloc[row], rtol=0, atol=1e-7)


def test_too_little_to_learn_from_is_said():
    table, _ = planted(5, 0)
    with pytest.raises(DataError, match="at least 6 complete rows"):
        HMMRegime().fit(table)
    with pytest.raises(DataError, match="columns it was fitted on"):
        HMMRegime(n_states=2).fit(table).transform(table.rename(columns={"x": "y"}))


def test_a_missing_hmmlearn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "hmmlearn", None)
    table, _ = planted(100, 0)
    with pytest.raises(MissingDependencyError, match=r"ohlcvml\[regimes\]"):
        HMMRegime().fit(table)
