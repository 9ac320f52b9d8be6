"""Walk-forward refits: on past sessions alone, with the same bits wherever one begins."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Sessions, simulate_bars
from ohlcvml.exceptions import DataError
from ohlcvml.features import ReturnFeatures
from ohlcvml.regimes import HMMRegime, RegimeInputs

QUICK = {"n_states": 2, "n_init": 1, "max_iter": 5}
REFITS = {**QUICK, "refit": "walk_forward", "refit_every": 2, "refit_window": 3}


@pytest.fixture(scope="module")
def bars():
    simulated = simulate_bars(
        2000, seed=0, start="2024-01-02", bar_size="10min", sessions="CME_Equity",
        volatility_ratio=3.0,
    )  # fmt: skip
    holes = simulated.bars.copy()
    holes.iloc[700:720] = np.nan
    return holes


def streamed(regime, bars, resume_at=()):
    stream, rows = regime.stream(), []
    for at, (time, bar) in enumerate(zip(bars.index, bars.to_numpy(), strict=True)):
        if at in resume_at:
            saved = {name: np.array(array.tolist()) for name, array in stream.state.items()}
            stream = regime.stream(saved)
        rows.append(stream.push(bar, time))
    return np.array(rows)


@pytest.mark.parametrize("contract", [None, "MES"])
@pytest.mark.parametrize("kind", ["diag", "full"])
def test_a_stream_saved_and_resumed_has_the_bits_of_the_batch(bars, contract, kind):
    regime = HMMRegime(**REFITS, contract=contract, covariance_type=kind).fit(bars.iloc[:400])
    batch = regime.transform(bars).to_numpy()
    assert np.array_equal(streamed(regime, bars, resume_at=(3, 777, 1000, 1400)), batch)
    assert not np.array_equal(batch, HMMRegime(**QUICK).fit(bars.iloc[:400]).transform(bars))


def test_bars_begun_elsewhere_give_the_same_bits_from_the_first_whole_window(bars):
    regime = HMMRegime(**REFITS, contract="MES").fit(bars.iloc[:400])
    number = Sessions.of("MES").number(bars.index)
    begin = int(np.flatnonzero(number == number[0] + 4)[0])
    whole, late = regime.transform(bars).to_numpy(), regime.transform(bars.iloc[begin:]).to_numpy()
    same = (whole[begin:] == late).all(axis=1)
    refit = int(np.argmax(same & (np.arange(len(same)) > 0)))
    assert same[refit:].all()
    assert not same[:refit].any() or refit == 0
    first = number[begin + refit]
    assert first % 2 == 0
    assert number[begin] <= first - 3 <= number[begin] + 1


def test_a_refit_is_a_fit_of_the_sessions_before_it(bars):
    regime = HMMRegime(**REFITS, contract="MES").fit(bars.iloc[:400])
    number = Sessions.of("MES").number(bars.index)
    last = number[-1] // 2 * 2
    window = (number >= last - 3) & (number < last)
    inputs = RegimeInputs().fit_transform(bars)
    plain = HMMRegime(**QUICK).fit(inputs[window])
    want = plain.transform(inputs[number >= last - 3]).to_numpy()[window.sum() :]
    assert np.array_equal(regime.transform(bars).to_numpy()[number >= last], want)


def test_the_future_of_a_session_does_not_change_it(bars):
    regime = HMMRegime(**REFITS).fit(bars.iloc[:400])
    whole = regime.transform(bars)
    for cut in (500, 1001, 1500):
        changed = bars.copy()
        changed.iloc[cut:] *= 1.3
        assert regime.transform(changed).iloc[:cut].equals(whole.iloc[:cut])


def test_symbols_refit_on_their_own_bars(bars):
    both = pd.concat({"A": bars, "B": bars.iloc[::-1].set_axis(bars.index)}, names=["s", "time"])
    regime = HMMRegime(**REFITS).fit(bars.iloc[:400])
    together = regime.transform(both)
    for symbol in "AB":
        assert together.loc[symbol].equals(regime.transform(both.loc[symbol]))


def test_refits_in_a_chain_and_in_a_union(bars):
    chain = (RegimeInputs() * HMMRegime(**REFITS)).fit(bars.iloc[:400])
    alone = HMMRegime(**REFITS).fit(bars.iloc[:400])
    assert np.array_equal(chain.transform(bars), alone.transform(bars))
    assert np.array_equal(streamed(chain, bars, resume_at=(900,)), alone.transform(bars))
    union = (ReturnFeatures(lags=(1,)) + HMMRegime(**REFITS)).fit(bars.iloc[:400])
    have = streamed(union, bars, resume_at=(900,))
    assert np.array_equal(have, union.transform(bars).to_numpy(), equal_nan=True)


def test_a_window_with_nothing_to_learn_from_falls_back_on_the_fit(bars):
    silent = bars.copy()
    silent.iloc[500:] = np.nan
    regime = HMMRegime(**REFITS).fit(bars.iloc[:400])
    last = regime.transform(silent).iloc[-1].to_numpy()
    assert np.allclose(last, regime.stationary_)


def test_a_bar_without_its_stamp_is_refused(bars):
    regime = HMMRegime(**REFITS).fit(bars.iloc[:400])
    with pytest.raises(DataError, match="must carry its stamp"):
        regime.stream().push(bars.iloc[0].to_numpy())


def test_the_lookback_holds_the_sessions_of_a_refit(bars):
    regime = HMMRegime(**REFITS).fit(bars.iloc[:400])
    assert regime.lookback == 4 + (3 + 2) * 144
    whole = regime.transform(bars)
    for row in range(800, 2000, 200):
        cold = regime.transform(bars.iloc[row - regime.lookback : row + 1])
        assert np.array_equal(cold.iloc[-1], whole.iloc[row])
