"""First-touch probabilities against closed forms and simulations that share nothing with them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from scipy.stats import t as student

from ohlcvml.exceptions import ParameterError
from ohlcvml.models.paths import (
    PathForecast,
    QuantileForecast,
    _path_law,
    barrier_probabilities,
    simulate_paths,
    threshold_probabilities,
)

STEPS = 20
DECILES = np.arange(1, 10) / 10
RAMP = np.r_[np.full(10, 0.5), np.full(10, 1.7)]
# Discrete paths overshoot a barrier as if it stood further out by this many standard deviations
# of a step (Broadie, Glasserman and Kou, Mathematical Finance 7, 1997).
OVERSHOOT = 0.5826
FINE = 32


def walk(deviation=1.0, drift=0.0, n_steps=STEPS, levels=DECILES):
    """Marginals of a walk with independent normal steps."""
    variance = np.cumsum(np.broadcast_to(deviation, n_steps) ** 2)
    centre = np.cumsum(np.broadcast_to(drift, n_steps))
    values = centre[:, None] + np.sqrt(variance)[:, None] * ndtri(levels)
    return QuantileForecast(levels, values[None])


def closed_form(upper, lower, horizon=STEPS):
    """Down, none, up of a Brownian motion without drift, by its Fourier series."""
    width, n = upper - lower, np.arange(1, 400)
    decay = np.exp(-0.5 * (n * np.pi / width) ** 2 * horizon)

    def exit_at(distance):  # from the other barrier
        terms = (-1.0) ** n / n * np.sin(n * np.pi * distance / width) * decay
        return distance / width + 2 / np.pi * terms.sum()

    up, down = exit_at(-lower), exit_at(upper)
    return np.array([down, 1 - down - up, up])


def first_touch(paths, upper, lower):
    above, below = paths >= upper, paths <= lower
    never = paths.shape[1]
    up = np.where(above.any(axis=1), above.argmax(axis=1), never)
    down = np.where(below.any(axis=1), below.argmax(axis=1), never)
    return np.array([(down < up).mean(), (up == down).mean(), (up < down).mean()])


def simulate(barriers, deviation, drift=0.0, n_paths=20_000, seed=0):
    """First touches of fine paths at ± each barrier, and the closes of the paths.

    ``deviation`` has shape (n_paths, n_steps) or (n_steps,).
    """
    rng = np.random.default_rng(seed)
    touched, closes = np.zeros((len(barriers), 3)), []
    deviation = np.broadcast_to(deviation, (n_paths, STEPS))
    for part in np.array_split(deviation, 20):
        fine = np.repeat(part, FINE, axis=1) / np.sqrt(FINE)
        paths = np.cumsum(fine * rng.standard_normal(fine.shape) + drift / FINE, axis=1)
        shift = OVERSHOOT * fine
        for k, barrier in enumerate(barriers):
            touched[k] += first_touch(paths, barrier - shift, shift - barrier) / 20
        closes.append(paths[:, FINE - 1 :: FINE])
    return dict(zip(barriers, touched, strict=True)), np.concatenate(closes)


def marginals(closes, levels=DECILES):
    return PathForecast(closes[None]).quantiles(levels)


# ---- against closed forms


@settings(max_examples=15)
@given(st.floats(0.5, 8.0), st.floats(0.5, 8.0))
def test_first_touch_of_a_brownian_motion(up, down):
    got = barrier_probabilities(walk(), up, -down, n_paths=8192)[0]
    np.testing.assert_allclose(got, closed_form(up, -down), atol=0.006)


@pytest.mark.parametrize(
    ("up", "down", "error"), [(0.4, 0.8, 0.004), (0.8, 0.8, 1e-4), (1.0, 1.0, 1e-6), (0.5, 2, 1e-6)]
)
def test_one_step_may_touch_both(up, down, error):
    """Two touches within a step are counted, three are not: exact down to narrow barriers."""
    got = barrier_probabilities(walk(n_steps=1), up, -down)[0]
    np.testing.assert_allclose(got, closed_form(up, -down, horizon=1), atol=error)


def test_one_barrier_is_the_reflection_principle():
    got = barrier_probabilities(walk(), 3.0, -np.inf)[0]
    assert got[0] == 0.0
    assert got[2] == pytest.approx(2 * ndtr(-3.0 / np.sqrt(STEPS)), abs=0.002)


def test_drift_leaves_by_the_odds_of_the_scale_function():
    """Far horizon: P(up) = (1 - exp(2 mu d)) / (exp(-2 mu u) - exp(2 mu d)), d the lower."""
    drift, up, down = 0.15, 2.0, 3.0
    forecast = walk(drift=drift, n_steps=120)
    expected = (1 - np.exp(2 * drift * down)) / (np.exp(-2 * drift * up) - np.exp(2 * drift * down))
    got = barrier_probabilities(forecast, up, -down, n_paths=8192)[0]
    assert got[2] == pytest.approx(expected, abs=0.006)


def test_fewer_paths_scatter_by_little():
    spread = [barrier_probabilities(walk(), 2.4, -2.0, n_paths=4096, seed=s)[0] for s in range(6)]
    assert np.std(spread, axis=0).max() < 0.004
    assert np.std(spread, axis=0).max() > 0


# ---- against simulation with fine steps

KNOWN = {
    "constant": (np.ones(STEPS), 0.0),
    "drift": (np.ones(STEPS), 0.15),
    "ramp and drift": (RAMP, 0.05),
}


@pytest.fixture(scope="module")
def simulated():
    return {
        name: simulate((2.4, 4.0), *known, seed=k) for k, (name, known) in enumerate(KNOWN.items())
    }


@pytest.mark.parametrize("barrier", [2.4, 4.0])
@pytest.mark.parametrize("name", KNOWN)
def test_volatility_that_is_known_is_exact_to_a_point(simulated, name, barrier):
    truth, closes = simulated[name]
    for forecast in (walk(*KNOWN[name]), marginals(closes)):
        got = barrier_probabilities(forecast, barrier, -barrier)[0]
        np.testing.assert_allclose(got, truth[barrier], atol=0.01)


@pytest.mark.parametrize("law", ["comonotone", "independent"])
@pytest.mark.parametrize("name", KNOWN)
def test_other_dependence_fails(simulated, name, law):
    got = barrier_probabilities(walk(*KNOWN[name]), 4.0, -4.0, law=law)[0]
    assert np.abs(got - simulated[name][0][4.0]).max() > 0.05


def test_the_clock_must_be_the_forecasts_own(simulated):
    """Variance that grows evenly is wrong where the volatility is known to rise."""
    truth, forecast = simulated["ramp and drift"][0][4.0], walk(*KNOWN["ramp and drift"])
    even = barrier_probabilities(forecast, 4.0, -4.0, law="linear_clock")[0]
    own = barrier_probabilities(forecast, 4.0, -4.0)[0]
    assert np.abs(even - truth).max() > 0.1
    assert np.abs(own - truth).max() < 0.01
    steady = [
        barrier_probabilities(walk(), 4.0, -4.0, law=law) for law in ("copula", "linear_clock")
    ]
    np.testing.assert_allclose(*steady, atol=1e-12)


def test_closes_alone_miss_touches(simulated):
    truth, closes = simulated["constant"]
    missed = truth[4.0] - barrier_probabilities(walk(), 4.0, -4.0, bridge=False)[0]
    assert missed[0] > 0.03
    assert missed[2] > 0.03
    by_hand = first_touch(closes, 4.0, -4.0)
    got = barrier_probabilities(walk(), 4.0, -4.0, bridge=False)[0]
    np.testing.assert_allclose(got, by_hand, atol=0.01)


def garch(rng, n):
    variance, out = np.ones(n), np.empty((n, STEPS))
    for k in range(STEPS):
        out[:, k] = np.sqrt(variance)
        variance = 0.02 + (0.10 * rng.standard_normal(n) ** 2 + 0.88) * variance
    return out


def mean_reverting(rng, n):
    """Square-root variance (Heston), independent of the price."""
    variance, out = np.ones(n), np.empty((n, STEPS))
    for k in range(STEPS):
        variance = np.abs(
            variance + 0.1 * (1 - variance) + 0.3 * np.sqrt(variance) * rng.standard_normal(n)
        )
        out[:, k] = np.sqrt(variance)
    return out


def unknown_level(rng, n):
    """One volatility a path, unknown by a factor of 1.65 either way."""
    return np.repeat(np.exp(0.5 * rng.standard_normal((n, 1)) - 0.125), STEPS, axis=1)


@pytest.mark.parametrize(
    ("volatility", "low", "high"),
    [(garch, 0.0, 0.015), (mean_reverting, 0.01, 0.04), (unknown_level, 0.05, 0.12)],
)
def test_error_under_random_volatility_is_what_the_docs_say(volatility, low, high):
    """Marginals do not tell a fat tail from a volatile path: too few paths stay inside."""
    deviation = volatility(np.random.default_rng(5), 20_000)
    truth, closes = simulate((2.4,), deviation, n_paths=len(deviation), seed=6)
    error = barrier_probabilities(marginals(closes), 2.4, -2.4)[0] - truth[2.4]
    assert low < np.abs(error).max() < high
    assert error[1] < 0 or np.abs(error).max() < 0.015
    assert np.abs(error[[0, 2]]).max() < 0.09


# ---- laws


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_probabilities_are_probabilities(seed):
    rng = np.random.default_rng(seed)
    values = np.sort(rng.standard_t(3, (6, 7, 5)).cumsum(axis=1), axis=2)
    forecast = QuantileForecast(np.array([0.05, 0.2, 0.5, 0.7, 0.9]), values)
    upper, lower = rng.exponential(2.0, 6) + 0.01, -rng.exponential(2.0, 6) - 0.01
    got = barrier_probabilities(forecast, upper, lower, n_paths=512)
    assert (got >= 0).all()
    np.testing.assert_allclose(got.sum(axis=1), 1.0, atol=1e-12)
    wider = barrier_probabilities(forecast, upper * 1.2, lower, n_paths=512)
    assert (wider[:, 2] <= got[:, 2] + 1e-9).all()
    assert (wider[:, 0] >= got[:, 0] - 1e-9).all()
    deeper = barrier_probabilities(forecast, upper, lower * 1.2, n_paths=512)
    assert (deeper[:, 0] <= got[:, 0] + 1e-9).all()
    assert (deeper[:, 2] >= got[:, 2] - 1e-9).all()


@pytest.mark.parametrize("sampled", [False, True])
def test_a_window_does_not_see_the_others(sampled, monkeypatch):
    monkeypatch.setattr(_path_law, "CHUNK", 64 * 15)  # 64 windows at a time
    rng = np.random.default_rng(0)
    values = np.sort(rng.standard_normal((200, 3, 5)).cumsum(axis=1), axis=2)
    values[7, 1, 2] = np.nan
    forecast = QuantileForecast(np.array([0.1, 0.3, 0.5, 0.7, 0.9]), values)
    if sampled:
        forecast = PathForecast(np.moveaxis(values, 1, 2))
    upper = rng.exponential(1.0, 200) + 0.1
    together = barrier_probabilities(forecast, upper, -1.0, n_paths=600)
    for row in (0, 6, 63, 64, 199):
        alone = barrier_probabilities(forecast.take([row]), upper[[row]], -1.0, n_paths=600)
        np.testing.assert_array_equal(alone[0], together[row])
    assert np.isnan(together[7]).all()
    assert np.isfinite(np.delete(together, 7, axis=0)).all()


def test_no_direction_in_no_direction_out():
    for barrier in (1.0, 2.4, 6.0):
        down, _, up = barrier_probabilities(walk(), barrier, -barrier, n_paths=1000)[0]
        assert up == pytest.approx(down, abs=1e-12)


def test_units_of_the_return_do_not_matter():
    one = barrier_probabilities(walk(drift=0.1), 2.4, -2.0, n_paths=512)
    small = barrier_probabilities(walk(0.001, 0.0001), 0.0024, -0.002, n_paths=512)
    np.testing.assert_allclose(one, small, atol=1e-9)


def test_barriers_by_step():
    forecast = walk()
    level = np.full((1, STEPS), 2.4)
    same = barrier_probabilities(forecast, level, -level)
    np.testing.assert_array_equal(same, barrier_probabilities(forecast, 2.4, -2.4))
    closed = level.copy()
    closed[:, 10:] = np.inf  # nothing can be touched after ten bars
    got = barrier_probabilities(forecast, closed, -closed)[0]
    np.testing.assert_allclose(got, closed_form(2.4, -2.4, horizon=10), atol=0.004)


def test_same_seed_same_bits_and_seeds_differ():
    first, again, other = (
        barrier_probabilities(walk(), 2.4, -2.0, n_paths=256, seed=s) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


# ---- simulated paths


@pytest.mark.parametrize("law", ["copula", "linear_clock", "comonotone", "independent"])
def test_simulated_paths_have_the_forecasts_marginals(law):
    levels = np.array([0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
    shape = np.exp(0.6 * ndtri(levels)) - 1.0  # skewed
    forecast = QuantileForecast(levels, np.sqrt(np.arange(1, 9))[None, :, None] * shape)
    paths = simulate_paths(forecast, 32768, law=law).paths[0]
    share = (paths[..., None] <= forecast.values[0]).mean(axis=0)
    np.testing.assert_allclose(share, np.broadcast_to(levels, share.shape), atol=0.006)


def test_touches_of_simulated_paths_are_the_law_at_closes():
    forecast = walk(RAMP, 0.05)
    for law in ("copula", "comonotone", "independent"):
        paths = simulate_paths(forecast, 2048, law=law).paths[0]
        got = barrier_probabilities(forecast, 3.0, -2.5, n_paths=2048, law=law, bridge=False)[0]
        np.testing.assert_allclose(got, first_touch(paths, 3.0, -2.5), atol=1e-12)


def test_paths_and_marginals_of_one_walk_agree():
    rng = np.random.default_rng(3)
    steps = RAMP * rng.standard_normal((1, 8000, STEPS)) + 0.05
    paths = PathForecast(np.cumsum(steps, axis=2))
    for bridge in (True, False):
        own = barrier_probabilities(paths, 3.0, -2.5, bridge=bridge)[0]
        law = barrier_probabilities(paths.quantiles(), 3.0, -2.5, bridge=bridge)[0]
        np.testing.assert_allclose(own, law, atol=0.015)
    np.testing.assert_allclose(own, first_touch(paths.paths[0], 3.0, -2.5), atol=1e-12)


# ---- fixed horizon


def test_threshold_is_the_marginal():
    got = threshold_probabilities(walk(drift=0.1), 1.0, -2.0, step=3)[0]
    expected = [ndtr((-2.0 - 0.4) / 2), np.nan, ndtr((0.4 - 1.0) / 2)]
    np.testing.assert_allclose(got[[0, 2]], np.array(expected)[[0, 2]], atol=1e-12)
    assert got.sum() == pytest.approx(1.0)
    last = threshold_probabilities(walk(), 0.0, 0.0)[0]
    np.testing.assert_allclose(last, [0.5, 0.0, 0.5], atol=1e-12)


def test_threshold_of_paths_counts_them():
    paths = PathForecast(np.array([[[0.0, -2.0], [0.0, 0.0], [0.0, 1.0], [0.0, 3.0]]]))
    np.testing.assert_array_equal(threshold_probabilities(paths, 0.5, -0.5), [[0.25, 0.25, 0.5]])


def test_an_atom_on_the_threshold_is_neither():
    certain = QuantileForecast(np.array([0.1, 0.9]), np.full((1, 1, 2), 0.5))
    np.testing.assert_array_equal(threshold_probabilities(certain, 0.5, -0.5), [[0, 1, 0]])
    np.testing.assert_array_equal(threshold_probabilities(certain, 0.4, -0.5), [[0, 0, 1]])


# ---- degenerate and wrong input


@pytest.mark.parametrize("make", [
    lambda line: QuantileForecast(DECILES, np.repeat(line[..., None], 9, axis=-1)),
    lambda line: PathForecast(np.repeat(line[:, None], 4, axis=1)),
])  # fmt: skip
def test_a_certain_path_is_followed(make):
    rises, falls = np.arange(1.0, 6.0), -np.arange(1.0, 6.0)
    forecast = make(np.stack([rises, falls, np.zeros(5), np.r_[0.0, -3.0, 3.0, 0.0, 0.0]]))
    for bridge in (True, False):
        got = barrier_probabilities(forecast, 2.5, -2.5, bridge=bridge)
        np.testing.assert_allclose(got, [[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]], atol=1e-12)
    assert barrier_probabilities(forecast, 2.0, -9.0)[0, 2] == 1  # touch is enough


def test_certain_first_then_random():
    quiet = np.concatenate([np.zeros((1, 3, 9)), walk(n_steps=17).values], axis=1)
    got = barrier_probabilities(QuantileForecast(DECILES, quiet), 2.4, -2.4)[0]
    np.testing.assert_allclose(got, closed_form(2.4, -2.4, horizon=17), atol=0.004)


def test_shrinking_spread_is_finite():
    values = walk().values[:, ::-1]
    got = barrier_probabilities(QuantileForecast(DECILES, values), 2.4, -2.4)
    assert np.isfinite(got).all()


@pytest.mark.parametrize("law", ["copula", "independent"])
def test_fat_tails_of_a_narrow_middle_are_kept(law):
    """No range between the deciles, all spread outside: marginals hold nevertheless."""
    levels = np.array([0.01, 0.1, 0.5, 0.9, 0.99])
    forecast = QuantileForecast(levels, np.tile([-1.0, 0.0, 0.0, 0.0, 1.0], (1, 4, 1)))
    got = barrier_probabilities(forecast, 0.5, -0.5, n_paths=4096, law=law)
    assert np.isfinite(got).all()
    assert 0.01 < got[0, 2] < 0.2


def test_missing_rows_have_no_answer():
    values = np.repeat(walk().values, 4, axis=0)
    values[1, 5] = np.nan
    forecast = QuantileForecast(DECILES, values)
    upper = np.array([2.0, 2.0, np.nan, 2.0])
    for got in (
        barrier_probabilities(forecast, upper, -2.0, n_paths=64),
        threshold_probabilities(forecast, upper, -2.0),
    ):
        assert np.isnan(got).all(axis=1).tolist() == [False, True, True, False]


def test_student_marginals_keep_their_law_at_the_barrier():
    """One step ahead and closes only, the answer is the marginal's own tail."""
    levels = np.arange(1, 100) / 100
    forecast = QuantileForecast(levels, student.ppf(levels, 4)[None, None])
    got = barrier_probabilities(forecast, 1.5, -2.0, bridge=False)[0]
    np.testing.assert_allclose(got[[0, 2]], student.cdf([-2.0, -1.5], 4), atol=0.002)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"upper": 0.0}, "'upper' must lie above 0"),
        ({"lower": 0.1}, "'lower' must lie below 0"),
        ({"upper": np.ones(3)}, "one per window"),
        ({"upper": np.ones((2, 3))}, "one per window"),
        ({"n_paths": 1}, "'n_paths'"),
        ({"seed": -1}, "'seed'"),
        ({"bridge": "yes"}, "'bridge'"),
        ({"law": "brownian"}, "'law' must be one of 'copula'"),
        ({"forecast": np.ones((2, 3))}, "Wrap quantiles"),
        ({"forecast": PathForecast(np.ones((2, 4, STEPS))), "law": "comonotone"}, "own law"),
    ],
)
def test_wrong_input_is_refused(change, says):
    given = {"forecast": walk().take([0, 0]), "upper": 1.0, "lower": -1.0, **change}
    with pytest.raises(ParameterError, match=says):
        barrier_probabilities(**given)


def test_wrong_thresholds_and_steps_are_refused():
    with pytest.raises(ParameterError, match="'lower' must not lie above"):
        threshold_probabilities(walk(), -1.0, 1.0)
    with pytest.raises(ParameterError, match="'step'"):
        threshold_probabilities(walk(), 1.0, -1.0, step=STEPS)
    with pytest.raises(ParameterError, match=r"forecast\.quantiles"):
        simulate_paths(PathForecast(np.ones((1, 4, 3))))
