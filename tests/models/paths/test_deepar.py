"""DeepAR: its likelihood, its sampling, and what it finds in series whose law is known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

torch = pytest.importorskip("torch")

from ohlcvml.bars import simulate_bars  # noqa: E402
from ohlcvml.exceptions import DataError, ParameterError  # noqa: E402
from ohlcvml.labels import FixedHorizonLabeller, TripleBarrierLabeller  # noqa: E402
from ohlcvml.models import DeepARClassifier, TrainingOptions  # noqa: E402
from ohlcvml.models.paths import WindowBatch  # noqa: E402
from ohlcvml.models.paths._deepar import _noise  # noqa: E402
from ohlcvml.models.paths._sequences import (  # noqa: E402
    TrainingWindows,
    bar_channels,
    clock_ahead,
    parted,
    training_windows,
)
from ohlcvml.models.paths.networks import DeepARNetwork  # noqa: E402

MINUTE = 60_000_000_000


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def deepar(**given):
    options = {"max_epochs": 6, "batch_size": 128, "learning_rate": 1e-2, "validation_share": 0.0}
    options |= given.pop("training", {})
    small = {"window": 32, "prediction_length": 10, "hidden_size": 8, "n_layers": 1}
    return DeepARClassifier(**(small | given), training=TrainingOptions(**options))


def network(seed=0, **given):
    """Weights that are not those of the beginning, where state has no say."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = DeepARNetwork(**({"hidden_size": 6, "dropout": 0.0} | given)).eval()
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return made


def bars_of(returns, start="2024-01-01"):
    close = 100 * np.exp(np.cumsum(returns))
    index = pd.date_range(start, periods=len(close), freq="1min", tz="UTC", unit="ns", name="time")
    opened = np.r_[100.0, close[:-1]]
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": 100.0}
    return pd.DataFrame(columns, index=index)


def fixed_labels(bars, horizon=10):
    return FixedHorizonLabeller(horizon=horizon, cost_adjustment=None).fit_transform(bars)


def halves(bars, labels):
    """Rows to train on, and bars of which nothing was seen."""
    train = labels.iloc[: len(labels) // 2]
    return train, np.arange(bars.index.get_loc(train.index[-1]) + 70, len(bars) - 20)


def windows_of(returns, length=12, n=5):
    bars = bars_of(returns)
    values = bars.to_numpy()
    ends = np.arange(length, length + n)
    stamps = bars.index.asi8
    cut = [slice(end - length, end) for end in ends]
    return WindowBatch(np.stack([values[c] for c in cut]), np.stack([stamps[c] for c in cut]))


@pytest.mark.parametrize("distribution", ["student_t", "normal"])
def test_the_loss_is_the_likelihood_of_what_lies_ahead(distribution):
    net = network(distribution=distribution)
    x = 0.001 * torch.from_numpy(np.random.default_rng(0).standard_t(4, (3, 1, 15))).float()
    scale = x[:, :, :10].abs().mean(dim=2)
    z = x[:, 0] / scale
    with torch.inference_mode():
        law = net._law(net.recurrent(net._inputs(z[:, :-1], scale[:, 0]))[0], x[:, 1:])
        found = float(net.loss(x, 5))
    where, how_far = (part[:, 9:].numpy() for part in law)
    df = net.degrees_of_freedom
    family = stats.norm if distribution == "normal" else stats.t(df)
    expected = -(family.logpdf((z[:, 10:].numpy() - where) / how_far) - np.log(how_far)).mean()
    assert math.isinf(df) == (distribution == "normal")
    assert found == pytest.approx(expected, rel=1e-5)


def test_what_is_drawn_is_fed_back():
    """Paths put in as if they had happened give back the draws: not so if means were fed back."""
    net = network(n_known=2)
    rng = np.random.default_rng(1)
    past = 0.001 * torch.from_numpy(rng.normal(size=(4, 1, 20))).float()
    known = torch.from_numpy(rng.normal(size=(4, 2, 6))).float()
    noise = torch.from_numpy(rng.standard_t(5, size=(7, 6))).float()
    with torch.inference_mode():
        paths = net.sample(past, known, noise)
        scale = past[:, 0].abs().mean(dim=1)
        for k in range(7):
            drawn = torch.diff(paths[:, k], prepend=torch.zeros(4, 1), dim=1).float()
            z = torch.cat([past[:, 0], drawn], dim=1) / scale[:, None]
            states, _ = net.recurrent(net._inputs(z[:, :-1], scale))
            law = net._law(states[:, 19:], known)
            again = (z[:, 20:] - law.location) / law.scale
            assert torch.allclose(again, noise[k].expand(4, -1), atol=1e-3)
    assert net.location(states).std() > 0.01  # the state says something


def test_draws_are_even_and_repeat():
    noise = _noise(200, 10, 3, 4.0)
    assert noise.shape == (200, 10)
    assert np.array_equal(noise[:100], -noise[100:])
    assert not np.array_equal(noise, _noise(200, 10, 4, 4.0))
    inner = np.quantile(_noise(4096, 10, 0, 4.0), [0.05, 0.25, 0.75, 0.95])
    assert np.allclose(inner, stats.t(4).ppf([0.05, 0.25, 0.75, 0.95]), atol=0.03)


def test_paths_do_not_depend_on_their_company():
    returns = 0.001 * np.random.default_rng(2).normal(size=60)
    bars = bars_of(0.001 * np.random.default_rng(3).normal(size=300))
    model = deepar(training={"max_epochs": 1}).fit(bars, fixed_labels(bars))
    batch = windows_of(returns, length=32, n=8)
    together = model._forecast(batch, 10).paths
    for k in (0, 5):
        alone = model._forecast(batch.take(slice(k, k + 1)), 10).paths
        assert np.allclose(alone[0], together[k], rtol=1e-4, atol=1e-8)


def test_tails_are_found_and_the_normal_is_beaten():
    rng = np.random.default_rng(5)
    bars = bars_of(4e-4 * rng.standard_t(4, size=3000))
    labels = fixed_labels(bars)
    loss = {}
    for distribution in ("student_t", "normal"):
        model = deepar(distribution=distribution, training={"validation_share": 0.2})
        loss[distribution] = min(model.fit(bars, labels).history_["validation_loss"])
        if distribution == "student_t":
            assert 3.0 < model.network_.degrees_of_freedom < 6.0
    assert loss["student_t"] < loss["normal"] - 0.02


def test_normal_returns_have_many_degrees_of_freedom():
    bars = bars_of(4e-4 * np.random.default_rng(6).normal(size=3000))
    model = deepar(training={"max_epochs": 10}).fit(bars, fixed_labels(bars))
    assert model.network_.degrees_of_freedom > 12.0


def test_quantiles_of_a_random_walk():
    """Constant volatility: the law of the return at the horizon is known."""
    bars = simulate_bars(
        4000, seed=8, volatility_shock=0.0, volatility_persistence=0.0, intraday_shape=0.0,
        tick_size=None,
    ).bars  # fmt: skip
    labels = fixed_labels(bars)
    train, later = halves(bars, labels)
    model = deepar(n_paths=512, training={"learning_rate": 3e-3}).fit(bars, train)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    found = model.predict_quantiles(bars, levels).iloc[later]
    expected = 5e-4 * np.sqrt(10) * stats.norm.ppf(levels)
    # A mean learned of 2,000 bars has a standard error of 0.07 deviations of ten bars.
    assert np.allclose(found.mean(), expected, atol=0.25 * 5e-4 * np.sqrt(10))
    close = np.log(bars["close"].to_numpy())
    ahead = close[later + 10] - close[later]
    inside = (ahead > found[0.05].to_numpy()) & (ahead < found[0.95].to_numpy())
    assert inside.mean() == pytest.approx(0.9, abs=0.05)


def test_intervals_move_with_volatility():
    simulation = simulate_bars(
        4000, seed=9, volatility_shock=0.15, volatility_persistence=0.97, intraday_shape=0.0
    )
    bars = simulation.bars
    train, later = halves(bars, fixed_labels(bars))
    model = deepar(n_paths=256, training={"learning_rate": 3e-3}).fit(bars, train)
    found = model.predict_quantiles(bars, (0.05, 0.95)).iloc[later]
    width = np.log(found[0.95] - found[0.05]).to_numpy()
    truth = np.log(simulation.truth["volatility"].to_numpy()[later + 1])
    assert np.corrcoef(width, truth)[0, 1] > 0.8
    close = np.log(bars["close"].to_numpy())
    ahead = close[later + 10] - close[later]
    inside = (ahead > found[0.05].to_numpy()) & (ahead < found[0.95].to_numpy())
    assert inside.mean() == pytest.approx(0.9, abs=0.05)


def test_the_time_of_day_moves_the_scale_where_it_does():
    bars = simulate_bars(2400, seed=1, bar_size="30min", intraday_shape=1.0).bars
    labels = fixed_labels(bars)
    loss = {}
    for known in (True, False):
        model = deepar(time_of_day=known, training={"validation_share": 0.25}).fit(bars, labels)
        loss[known] = min(model.history_["validation_loss"])
    assert loss[True] < loss[False] - 0.02


def test_probabilities_sum_to_one_in_both_doors():
    bars = simulate_bars(500, seed=0).bars
    labels = TripleBarrierLabeller(horizon=15, cost_adjustment=None).fit_transform(bars)
    quick = {"max_epochs": 1}
    model = deepar(n_paths=64, training=quick).fit(bars, labels)
    proba = model.predict_proba(bars)
    assert proba.iloc[:31].isna().all(axis=None)
    assert np.allclose(proba.iloc[31:].sum(axis=1), 1.0)
    X = np.random.default_rng(0).normal(size=(30, 1, 20)).cumsum(axis=2)
    panel = deepar(n_paths=64, training=quick).fit(X, np.arange(30) % 2)
    assert np.allclose(panel.predict_proba(X).sum(axis=1), 1.0)


def test_a_window_that_never_moves_has_no_forecast():
    returns = np.r_[0.001 * np.random.default_rng(3).normal(size=300), np.zeros(40)]
    bars = bars_of(returns)
    model = deepar(training={"max_epochs": 1}).fit(bars, fixed_labels(bars))
    found = model.predict_quantiles(bars, (0.1, 0.9))
    assert found.iloc[-5:].isna().all(axis=None)
    assert found.iloc[31:300].notna().all(axis=None)


def test_a_model_of_bars_with_times_wants_times():
    bars = bars_of(0.001 * np.random.default_rng(3).normal(size=300))
    model = deepar(training={"max_epochs": 1}).fit(bars, fixed_labels(bars))
    with pytest.raises(DataError, match="time_of_day=False"):
        model._forecast(WindowBatch(np.full((1, 32, 5), 100.0)), 3)


@pytest.mark.parametrize("name", ["class_weight", "normalize", "return_weight", "quantiles"])
def test_options_without_use_are_refused(name):
    values = {"class_weight": "balanced", "normalize": None, "return_weight": 0.0}
    options = TrainingOptions(**{name: values.get(name, (0.1, 0.9))})
    with pytest.raises(ParameterError, match=f"must leave {name} as it is"):
        DeepARClassifier(training=options)


def test_same_seed_same_bits_and_torch_is_left_alone():
    bars = bars_of(0.001 * np.random.default_rng(3).normal(size=400))
    labels, before = fixed_labels(bars), torch.random.get_rng_state()
    one, two, other = (
        deepar(random_state=seed, dropout=0.3, training={"max_epochs": 1}).fit(bars, labels)
        for seed in (1, 1, 2)
    )
    first, again, differs = (model.predict_proba(bars).to_numpy() for model in (one, two, other))
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, differs, equal_nan=True)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_training_windows_lie_within_stretches():
    series = [WindowBatch(np.full((1, n, 5), 100.0 + n)) for n in (6, 30, 9, 12)]
    channels = [np.full((1, n - 1, 2), float(n)) for n in (6, 30, 9, 12)]
    found = training_windows(series, window=8, n_steps=4, channels=channels, who="x")
    assert (found.panel.window, found.n_ahead, found.stamps) == (11, 4, None)
    assert len(found.panel) == (29 - 10) + (11 - 10)
    cut = found.panel.take()
    assert (cut == cut[:, :, :1]).all()


def test_short_stretches_give_short_windows():
    series = [WindowBatch(np.full((1, n, 5), 100.0)) for n in (6, 9)]
    channels = [np.zeros((1, n - 1, 1)) for n in (6, 9)]
    found = training_windows(series, window=64, n_steps=20, channels=channels, who="x")
    assert (found.panel.window, found.n_ahead, len(found.panel)) == (8, 4, 1)
    with pytest.raises(DataError, match="longest of 1 training stretches has 2 bars"):
        training_windows([WindowBatch(np.ones((1, 2, 5)))], 8, 4, channels[:1], "x")


def test_no_bar_ahead_is_both_trained_on_and_judged_by():
    stamps = np.arange(400) * MINUTE
    series = [WindowBatch(np.full((1, 400, 5), 100.0), stamps[None])]
    channels = [np.zeros((1, 399, 1))]
    windows = training_windows(series, 20, 10, channels, "x")
    options = TrainingOptions(batch_size=50, validation_share=0.25)
    rows, judged = parted(windows, options)
    assert len(judged) >= 50
    assert windows.stamps[rows, 1].max() < windows.stamps[judged, 0].min()
    last = windows.panel.ends[judged[0]]
    assert windows.stamps[judged[0]].tolist() == [stamps[last + 1 - 9], stamps[last + 1]]
    without = TrainingWindows(windows.panel, windows.n_ahead, None)
    assert len(parted(without, options)[1]) == 0


def test_channels_of_bars_by_hand():
    bars = np.array([[[10.0, 12.0, 9.0, 11.0, 1.0], [11.0, 13.0, 10.0, 12.0, np.e - 1.0]]])
    windows = WindowBatch(bars, np.array([[0, 6 * 3600 * 10**9]]))
    found = bar_channels(windows, bars=True, clock=True, who="x")
    expected = [np.log(12 / 11), np.log(13 / 10), np.log(12 / 11), 1.0, 1.0, 0.0]
    assert np.allclose(found, [[expected]])
    assert np.allclose(clock_ahead(windows, 2, True, "x"), [[[0.0, -1.0], [-1.0, 0.0]]])
    assert clock_ahead(windows, 2, False, "x").shape == (1, 2, 0)
