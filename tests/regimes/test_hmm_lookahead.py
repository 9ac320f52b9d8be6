"""Looking ahead pays, on paper: the smoothed law and the Viterbi path against the filter."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import ParameterError
from ohlcvml.regimes import HMMRegime, smoothed_states, viterbi_states
from ohlcvml.regimes._gaussian_filter import run_filter
from ohlcvml.regimes._hmm_fit import as_gaussians
from ohlcvml.regimes._hmm_refit import empty_law, filter_params

DRIFT, FLIP, N = 0.15, 0.02, 20_000


def planted(seed):
    """Daily returns whose drift changes sign with a hidden state, and the state."""
    draw = np.random.default_rng(seed)
    state = np.where(np.cumsum(draw.random(N) < FLIP) % 2, 1.0, -1.0)
    index = pd.date_range("1970-01-01", periods=N, freq="D", tz="UTC")
    returns = DRIFT * state + draw.normal(size=N)
    return pd.DataFrame({"ret": returns}, index=index), state


def sharpe(score, table):
    """Of holding the sign of bar t's score over bar t + 1, a year."""
    gains = np.sign(score)[:-1] * table["ret"].to_numpy()[1:]
    return gains.mean() / gains.std() * np.sqrt(252)


def oracle(table):
    """The filter with the true parameters: nobody without the future does better on average."""
    transition = np.array([[1 - FLIP, FLIP], [FLIP, 1 - FLIP]])
    model = as_gaussians(transition, np.array([[-DRIFT], [DRIFT]]), np.ones((2, 1, 1)), True)
    out = np.empty((2, N))
    values = np.ascontiguousarray(table.to_numpy().T)
    run_filter((values,), 0, N, filter_params(model), empty_law(model), out)
    return out[1] - out[0]


@pytest.fixture(scope="module")
def sharpes():
    rows = []
    for seed in range(4):
        table, state = planted(seed)
        regime = HMMRegime(n_states=2, order_by="mean").fit(table)
        law, smoothed = (
            regime.transform(table).to_numpy(),
            smoothed_states(regime, table).to_numpy(),
        )
        scores = {
            "filtered": law[:, 1] - law[:, 0],
            "smoothed": smoothed[:, 1] - smoothed[:, 0],
            "viterbi": 2 * viterbi_states(regime, table).to_numpy() - 1,
            "oracle": oracle(table),
            "truth": state,
        }
        rows.append({name: sharpe(score, table) for name, score in scores.items()})
    return pd.DataFrame(rows).mean()


def test_looking_ahead_doubles_the_sharpe_ratio(sharpes):
    assert sharpes["smoothed"] > 1.5 * sharpes["filtered"]
    assert sharpes["viterbi"] > 1.5 * sharpes["filtered"]


def test_the_filter_earns_what_the_true_parameters_would(sharpes):
    assert sharpes["filtered"] == pytest.approx(sharpes["oracle"], abs=0.15)
    assert 0.5 < sharpes["filtered"] < sharpes["truth"]


def test_hindsight_changes_with_the_future_and_the_filter_does_not():
    table, _ = planted(9)
    regime = HMMRegime(n_states=2, order_by="mean", n_init=1).fit(table)
    cut = 5000
    early, late = table.iloc[:cut], table
    assert regime.transform(early).equals(regime.transform(late).iloc[:cut])
    assert not np.allclose(smoothed_states(regime, early), smoothed_states(regime, late)[:cut])
    assert (viterbi_states(regime, early) != viterbi_states(regime, late)[:cut]).any()
    assert np.allclose(smoothed_states(regime, early).iloc[-1], regime.transform(early).iloc[-1])


def test_hindsight_is_that_of_hmmlearn():
    hmm = pytest.importorskip("hmmlearn.hmm")
    table, _ = planted(3)
    regime = HMMRegime(n_states=2, order_by="mean", n_init=1).fit(table)
    peer = hmm.GaussianHMM(2, "diag")
    peer.n_features, peer.transmat_, peer.means_ = 1, regime.transition_, regime.means_
    peer.startprob_, peer.covars_ = regime.stationary_, regime.covariances_[:, :, 0]
    assert np.allclose(smoothed_states(regime, table), peer.predict_proba(table.to_numpy()))
    assert (viterbi_states(regime, table) == peer.predict(table.to_numpy())).all()


def test_hindsight_keeps_symbols_apart_and_takes_unknown_rows():
    bars = simulate_bars(500, seed=0, volatility_ratio=3.0, n_symbols=2).bars
    bars.iloc[100:120, :] = np.nan
    regime = HMMRegime(n_states=2, n_init=1).fit(bars)
    smoothed, path = smoothed_states(regime, bars), viterbi_states(regime, bars)
    assert np.allclose(smoothed.sum(axis=1), 1)
    for symbol in ("SIM0", "SIM1"):
        assert np.array_equal(smoothed.loc[symbol], smoothed_states(regime, bars.loc[symbol]))
        assert np.array_equal(path.loc[symbol], viterbi_states(regime, bars.loc[symbol]))


def test_hindsight_of_refits_is_refused():
    bars = simulate_bars(200, seed=0).bars
    regime = HMMRegime(n_states=2, refit="walk_forward").fit(bars)
    with pytest.raises(ParameterError, match="refit='never'"):
        smoothed_states(regime, bars)
