"""MQ-RNN: its loss, quantiles that cannot cross, and series whose law is known."""

import numpy as np
import pytest
from scipy import stats

torch = pytest.importorskip("torch")

from ohlcvml.bars import simulate_bars  # noqa: E402
from ohlcvml.exceptions import ParameterError  # noqa: E402
from ohlcvml.labels import FixedHorizonLabeller, TripleBarrierLabeller  # noqa: E402
from ohlcvml.models import QuantileRNNClassifier, TrainingOptions  # noqa: E402
from ohlcvml.models.paths.networks import QuantileRNNNetwork  # noqa: E402
from ohlcvml.models.paths.networks._quantile_rnn import _standard  # noqa: E402
from ohlcvml.samples import Samples  # noqa: E402

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def mqrnn(**given):
    options = {"max_epochs": 6, "batch_size": 128, "learning_rate": 1e-2, "validation_share": 0.0}
    options |= given.pop("training", {})
    small = {"window": 32, "prediction_length": 10, "hidden_size": 8, "n_layers": 1}
    small |= {"decoder_size": 8, "n_paths": 256}
    return QuantileRNNClassifier(**(small | given), training=TrainingOptions(**options))


def network(n_known=0, std=1.0):
    """Weights far from those of the beginning."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = QuantileRNNNetwork(5, LEVELS, n_known, hidden_size=6, decoder_size=4).eval()
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter, std=std)
    return made


def windows(n=50, n_channels=4, length=20, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, n_channels, length))
    x[:, :3] *= 0.001
    return torch.from_numpy(x.astype(np.float32))


def fixed_labels(bars, horizon=10):
    return FixedHorizonLabeller(horizon=horizon, cost_adjustment=None).fit_transform(bars)


def halves(bars, labels):
    train = labels.iloc[: len(labels) // 2]
    return train, np.arange(bars.index.get_loc(train.index[-1]) + 70, len(bars) - 20)


@pytest.mark.parametrize("n_known", [0, 2])
def test_quantiles_cannot_cross(n_known):
    known = torch.randn(50, n_known, 5, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        quantiles = network(n_known)(windows(), known)
    assert quantiles.shape == (50, 5, 7)
    assert (quantiles.diff(dim=2) >= 0).all()
    assert float(quantiles[:, :, 3].std()) > 0


def test_the_loss_is_the_pinball_loss_of_what_it_says():
    net, x = network(), windows(n=20, length=25)
    with torch.inference_mode():
        said = net(x[:, :, :20], x[:, 4:, 20:]).numpy()
        found = float(net.loss(x, 5))
    unit = x[:, 0, :20].abs().mean(dim=1).numpy()[:, None] * np.sqrt(np.arange(1, 6))
    happened = x[:, 0, 20:].cumsum(dim=1).numpy()
    apart = ((happened[:, :, None] - said) / unit[:, :, None]).astype(np.float64)
    levels = np.array(LEVELS)
    expected = np.where(apart > 0, levels * apart, (levels - 1) * apart).mean()
    assert found == pytest.approx(expected, rel=1e-4)


def test_it_begins_with_the_quantiles_of_the_training_windows():
    x = windows(n=3000, length=25)
    net = QuantileRNNNetwork(5, LEVELS, hidden_size=4).eval()
    net.begin_at(x, 5)
    unit = x[:, 0, :20].abs().mean(dim=1).numpy()[:, None] * np.sqrt(np.arange(1, 6))
    expected = np.quantile(x[:, 0, 20:].cumsum(dim=1).numpy() / unit, LEVELS, axis=0).T
    with torch.inference_mode():
        said = net(x[:2, :, :20], torch.zeros(2, 0, 5)).numpy() / unit[:2, :, None]
    assert np.allclose(said, expected, atol=1e-3)


def test_scales_of_prices_do_not_matter():
    """Ten times the volatility, ten times the quantiles, but for the input that tells the level."""
    net, x = network(std=0.3), windows(n=3)
    net.log_spread.fill_(1e9)
    larger = x.clone()
    larger[:, :3] *= 10.0
    with torch.inference_mode():
        one, ten = (net(part, torch.zeros(3, 0, 5)) for part in (x, larger))
    assert torch.allclose(10 * one, ten, rtol=1e-3)


def test_volume_is_told_within_the_window_and_may_be_missing():
    volume = torch.tensor([[[1.0, 3.0, float("nan")]], [[2.0, 2.0, 2.0]], [[float("nan")] * 3]])
    assert _standard(volume).tolist() == [[[-1.0, 1.0, 0.0]], [[0.0] * 3], [[0.0] * 3]]
    bars = simulate_bars(300, seed=0).bars.assign(volume=np.nan)
    model = mqrnn(training={"max_epochs": 1}).fit(bars, fixed_labels(bars))
    assert model.predict_quantiles(bars).iloc[31:].notna().all(axis=None)


def test_quantiles_of_a_random_walk():
    """Constant volatility: the law of the return at the horizon is known."""
    bars = simulate_bars(
        4000, seed=8, volatility_shock=0.0, volatility_persistence=0.0, intraday_shape=0.0,
        tick_size=None,
    ).bars  # fmt: skip
    train, later = halves(bars, fixed_labels(bars))
    model = mqrnn(training={"learning_rate": 1e-3}).fit(bars, train)
    found = model.predict_quantiles(bars, LEVELS).iloc[later]
    expected = 5e-4 * np.sqrt(10) * stats.norm.ppf(LEVELS)
    assert np.allclose(found.mean(), expected, atol=0.25 * 5e-4 * np.sqrt(10))
    close = np.log(bars["close"].to_numpy())
    ahead = close[later + 10] - close[later]
    inside = (ahead > found[0.05].to_numpy()) & (ahead < found[0.95].to_numpy())
    assert inside.mean() == pytest.approx(0.9, abs=0.05)


def test_the_time_of_day_stretches_the_quantiles_where_it_does():
    bars = simulate_bars(2400, seed=1, bar_size="30min", intraday_shape=1.0).bars
    labels = fixed_labels(bars)
    loss = {}
    for known in (True, False):
        options = {"validation_share": 0.25, "learning_rate": 3e-3}
        model = mqrnn(time_of_day=known, training=options).fit(bars, labels)
        loss[known] = min(model.history_["validation_loss"])
    assert loss[True] < loss[False]


def test_a_drift_that_lasts_moves_the_median():
    simulation = simulate_bars(3000, seed=1000, edge=0.4)
    bars = simulation.bars
    train, later = halves(bars, fixed_labels(bars))
    model = mqrnn(training={"learning_rate": 3e-3, "max_epochs": 10}).fit(bars, train)
    median = model.predict_quantiles(bars, (0.5,))[0.5].to_numpy()[later]
    belief = simulation.truth["p_up"].to_numpy()[later]
    assert stats.spearmanr(median, belief)[0] > 0.5


def test_steps_that_were_not_learned_are_continued():
    """Rows of one class: stretches are short, and so is what can be learned of them."""
    bars = simulate_bars(700, seed=0).bars
    labels = TripleBarrierLabeller(horizon=15, cost_adjustment=None).fit_transform(bars)
    samples = Samples(bars, labels)
    model = mqrnn(window=64, prediction_length=20).fit(samples[samples.y == 1])
    assert model.network_.n_steps < 15
    proba = model.predict_proba(bars).dropna()
    assert len(proba) > 600
    assert np.allclose(proba.sum(axis=1), 1.0)


def test_probabilities_sum_to_one_in_the_panel_door():
    X = np.random.default_rng(0).normal(size=(30, 1, 20)).cumsum(axis=2)
    model = mqrnn(training={"max_epochs": 1}).fit(X, np.arange(30) % 2)
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1.0)


def test_more_steps_ahead_than_were_learned_follow_the_square_root():
    bars = simulate_bars(400, seed=0).bars
    model = mqrnn(prediction_length=5).fit(bars, fixed_labels(bars, horizon=20))
    assert model.horizon_ == 20
    assert model.fit_report_["steps_continued"] == 15
    found = model.predict_quantiles(bars, (0.25, 0.75)).dropna()
    assert (found[0.75] > found[0.25]).all()


def test_levels_are_those_of_training():
    with pytest.raises(ParameterError, match="at least two quantiles"):
        QuantileRNNClassifier(training=TrainingOptions(quantiles=(0.5,)))
    with pytest.raises(ParameterError, match="must leave quantile_weight as it is"):
        QuantileRNNClassifier(training=TrainingOptions(quantile_weight=0.5))
    bars = simulate_bars(300, seed=0).bars
    model = mqrnn(training={"max_epochs": 1, "quantiles": (0.2, 0.8)}).fit(bars, fixed_labels(bars))
    assert model.predict_quantiles(bars, (0.05, 0.5)).attrs["extrapolated"] == [0.05]


def test_training_options_are_reached_by_name():
    model = QuantileRNNClassifier().set_params(training__max_epochs=3, hidden_size=7)
    assert (model.training.max_epochs, model.hidden_size) == (3, 7)
    assert model.clone().get_params()["training__max_epochs"] == 3
