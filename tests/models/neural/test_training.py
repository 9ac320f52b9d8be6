"""The training loop, its feeds, heads and options."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ohlcvml.bars import simulate_bars  # noqa: E402
from ohlcvml.exceptions import DataError, ParameterError  # noqa: E402
from ohlcvml.features import MomentumFeatures, ReturnFeatures  # noqa: E402
from ohlcvml.labels import FixedHorizonLabeller, TripleBarrierLabeller  # noqa: E402
from ohlcvml.models import (  # noqa: E402
    LSTMClassifier,
    TCNClassifier,
    TrainingOptions,
    plot_training,
)
from ohlcvml.models.neural._base import _weights  # noqa: E402
from ohlcvml.models.neural.networks import Heads, LSTMNetwork, TCNNetwork, WindowScale  # noqa: E402
from ohlcvml.models.neural.networks._heads import Outputs  # noqa: E402
from ohlcvml.models.neural.training._feeds import SegmentFeed, WindowFeed, make_feed  # noqa: E402
from ohlcvml.models.neural.training._loss import joint_loss, make_targets  # noqa: E402
from ohlcvml.models.neural.training._statistics import channel_statistics  # noqa: E402
from ohlcvml.pipeline import atr_scale  # noqa: E402
from ohlcvml.samples import BarPanel, Samples  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def problem():
    bars = simulate_bars(900, seed=3, edge=0.3).bars
    labels = TripleBarrierLabeller(horizon=15, cost_adjustment=None).fit_transform(bars)
    return bars, labels


@pytest.fixture(scope="module")
def samples(problem):
    bars, labels = problem
    features = (ReturnFeatures() + MomentumFeatures()).fit_transform(bars)
    return Samples(bars, labels, features=features)


def panel(n_bars=300, n_channels=3, window=20, seed=0, ends=None):
    values = np.random.default_rng(seed).normal(size=(n_bars, n_channels)).astype(np.float32)
    return BarPanel(values, np.arange(window - 1, n_bars) if ends is None else ends, window)


def lstm(**options):
    options = {"max_epochs": 4, "batch_size": 64, "progress": False} | options
    return LSTMClassifier(window=8, hidden_size=4, dropout=0.2, training=TrainingOptions(**options))


def weights(model):
    return torch.cat([p.flatten() for p in model.network_.parameters()]).detach().numpy()


def test_windows_of_a_feed_are_those_of_the_panel():
    lazy = panel()
    rows = np.array([5, 0, 280, 17])
    assert np.array_equal(WindowFeed(lazy, CPU).take(rows).numpy(), lazy.take(rows))


def test_a_feed_copies_no_matrix():
    lazy = panel()
    feed = WindowFeed(lazy, CPU)
    assert feed._values.data_ptr() == lazy.values.__array_interface__["data"][0]


@pytest.mark.parametrize("make", [WindowFeed, lambda p, d: SegmentFeed(p, 13, d)])
def test_every_row_is_in_one_batch(make):
    rows = np.sort(np.random.default_rng(1).choice(281, 150, replace=False))
    for generator in (None, np.random.default_rng(0)):
        batches = list(make(panel(), CPU).batches(rows, 32, generator))
        assert np.array_equal(np.sort(np.concatenate(batches)), rows)
        assert min(map(len, batches)) > 1


def test_shuffled_batches_differ_between_epochs_and_not_between_runs():
    feed, rows = SegmentFeed(panel(), 13, CPU), np.arange(281)
    one, again, other = (
        np.concatenate(list(feed.batches(rows, 32, np.random.default_rng([0, epoch]))))
        for epoch in (0, 0, 1)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("dropped", [0.0, 0.6])
def test_segments_give_the_embeddings_of_separate_windows(dropped):
    rng = np.random.default_rng(2)
    ends = np.arange(19, 3000)
    lazy = panel(3000, ends=ends[rng.random(len(ends)) >= dropped])
    network, scale = TCNNetwork(3, 20, n_filters=4).eval(), WindowScale(3)
    scale.learn(*channel_statistics(lazy, np.arange(len(lazy))))
    rows = np.arange(len(lazy))
    with torch.inference_mode():
        windows = WindowFeed(lazy, CPU).embed(scale, network, rows)
        feed = make_feed(lazy, scale, network, CPU)
        assert isinstance(feed, SegmentFeed)
        for batch in feed.batches(rows, 64, np.random.default_rng(0)):
            found = feed.embed(scale, network, batch)
            assert torch.allclose(found, windows[batch], atol=1e-5)


def test_what_lies_between_symbols_or_windows_is_not_needed():
    lazy = panel(400, ends=np.r_[19:60, 100:140, 200:201, 300:400])
    lazy.values[150:180] = np.nan
    network, scale = TCNNetwork(3, 20, n_filters=4).eval(), WindowScale(3)
    with torch.inference_mode():
        found = SegmentFeed(lazy, network.receptive_field, CPU).embed(
            scale, network, np.arange(len(lazy))
        )
    assert torch.isfinite(found).all()


def test_networks_that_look_past_their_window_get_windows():
    scale = WindowScale(3)
    for network in (TCNNetwork(3, 20, n_layers=5), LSTMNetwork(3, 20)):
        assert isinstance(make_feed(panel(), scale, network, CPU), WindowFeed)
    assert isinstance(
        make_feed(panel(), WindowScale(3, "window"), TCNNetwork(3, 20), CPU), WindowFeed
    )


def test_statistics_count_every_covered_bar_once():
    lazy = panel(200)
    rows = np.r_[0:5, 3:9, 100:101]
    covered = np.r_[0:28, 100:120]
    mean, deviation = channel_statistics(lazy, rows)
    assert np.allclose(mean.numpy(), lazy.values[covered].mean(axis=0), atol=1e-6)
    assert np.allclose(deviation.numpy(), lazy.values[covered].std(axis=0), rtol=1e-5)


def test_scales_centre_limit_and_suffer_still_channels():
    x = torch.tensor([[[1.0, 3.0], [5.0, 5.0]]])
    scale = WindowScale(2)
    scale.learn(torch.tensor([2.0, 5.0]), torch.tensor([1.0, 0.0]))
    assert scale(x).tolist() == [[[-1.0, 1.0], [0.0, 0.0]]]
    assert WindowScale(2, "window")(x).tolist() == [[[-1.0, 1.0], [0.0, 0.0]]]
    assert WindowScale(2, None)(x) is x
    assert float(scale(x + 1e6).max()) == 10.0


def test_quantiles_cannot_cross():
    heads = Heads(6, 2, [0.1, 0.2, 0.5, 0.9], returns=True)
    quantiles = heads(torch.randn(200, 6) * 10).quantiles
    assert (quantiles.diff(dim=1) >= 0).all()


def test_the_loss_is_the_sum_of_its_parts():
    options = TrainingOptions(return_weight=2.0, quantile_weight=3.0, quantiles=(0.1, 0.9))
    codes, returns = np.array([0, 1, 1]), np.array([-1.0, 0.5, 2.0])
    targets = make_targets(codes, np.array([1.0, 2.0, 3.0]), returns, np.arange(3), options, CPU)
    outputs = Outputs(torch.zeros(3, 2), torch.zeros(3), torch.tensor([[-1.0, 1.0]] * 3))
    pinball = np.array([[0.0, 0.2], [0.15, 0.05], [0.3, 0.9]]).mean(axis=1)
    rows = np.log(2) + 2.0 * returns**2 + 3.0 * pinball
    assert float(joint_loss(outputs, targets, options)) == pytest.approx(
        (rows * [0.5, 1.0, 1.5]).mean(), rel=1e-6
    )


def test_balanced_classes_weigh_the_same():
    codes = np.array([0] * 9 + [1])
    options = TrainingOptions(class_weight="balanced")
    weight = make_targets(codes, None, None, np.arange(10), options, CPU).weight
    assert float(weight[:9].sum()) == pytest.approx(float(weight[9]))
    assert float(weight.mean()) == pytest.approx(1.0)


def test_the_latest_labels_stop_training_and_are_purged(samples):
    model = lstm(validation_share=0.2, batch_size=32).fit(samples)
    used, judged = model.fit_report_["trained_on"], model.fit_report_["early_stopping_on"]
    assert judged >= 50
    assert used + judged < len(samples) - model.fit_report_["without_history"]
    assert not np.isnan(model.history_["validation_loss"]).any()


def test_labels_that_stop_training_do_not_train(samples):
    one = lstm(validation_share=0.3, batch_size=32, max_epochs=1).fit(samples)
    labels = samples.labels.copy()
    late = labels.index[-60:]
    labels.loc[late, "label"] = -labels.loc[late, "label"]
    other = Samples(samples.bars, labels, features=samples.features)
    two = lstm(validation_share=0.3, batch_size=32, max_epochs=1).fit(other)
    assert np.array_equal(weights(one), weights(two))
    assert one.history_["validation_loss"] != two.history_["validation_loss"]


def test_what_stops_training_does_not_weigh_in_it(problem):
    bars, _ = problem
    labeller = TripleBarrierLabeller(horizon=15, cost_adjustment=None, time_decay=0.2)
    samples = Samples(bars, labeller.fit_transform(bars))
    windows, good = samples.panel(1)
    windows.samples = samples[good]
    rows, validation = np.arange(500), np.arange(600, 700)
    weight = _weights(windows, rows, validation)
    assert np.array_equal(weight[rows], samples[rows].weight)
    assert np.array_equal(weight[validation], samples[validation].weight)
    assert not np.allclose(weight[rows], samples[np.r_[rows, validation]].weight[:500])


def test_a_class_that_only_stops_training_has_a_finite_loss(samples):
    labels = samples.labels.copy()
    labels.loc[labels["label"] == 0, "label"] = 1
    labels.loc[labels.index[-60::2], "label"] = 0
    other = Samples(samples.bars, labels, features=samples.features)
    model = lstm(validation_share=0.3, batch_size=32, max_epochs=2).fit(other)
    assert np.isfinite(model.history_["validation_loss"]).all()
    assert np.isfinite(weights(model)).all()


def test_patience_ends_training_and_the_best_weights_stay(samples):
    model = lstm(
        learning_rate=0.3, schedule="constant", patience=2, max_epochs=30, batch_size=32
    ).fit(samples)
    judged = model.history_["validation_loss"]
    assert len(judged) < 30
    assert model.best_epoch_ == int(np.argmin(judged)) == len(judged) - 3


def test_a_run_goes_on_with_the_same_bits(samples, tmp_path):
    whole = lstm().fit(samples)
    path = str(tmp_path / "run.pt")
    broken = lstm(checkpoint=path, callbacks=(lambda told: told["epoch"] == 1,)).fit(samples)
    assert len(broken.history_["train_loss"]) == 2
    resumed = lstm(checkpoint=path).fit(samples)
    assert resumed.history_ == whole.history_
    assert np.array_equal(weights(resumed), weights(whole))


def test_a_checkpoint_of_another_run_is_refused(samples, tmp_path):
    path = str(tmp_path / "run.pt")
    lstm(checkpoint=path, max_epochs=1).fit(samples)
    with pytest.raises(DataError, match="of another run"):
        lstm(checkpoint=path, max_epochs=1).fit(samples[:500])
    (tmp_path / "run.pt").write_bytes(b"no checkpoint")
    with pytest.raises(DataError, match="cannot be read"):
        lstm(checkpoint=path, max_epochs=1).fit(samples)


def test_callbacks_are_told_every_epoch(samples):
    told = []
    lstm(max_epochs=3, callbacks=(told.append,)).fit(samples)
    assert [row["epoch"] for row in told] == [0, 1, 2]
    assert set(told[0]) == {"epoch", "train_loss", "validation_loss", "learning_rate"}


@pytest.mark.parametrize(
    "change",
    [
        {"weight_decay": 0.5},
        {"schedule": "cosine"},
        {"gradient_clip": 1e-3},
        {"class_weight": "balanced"},
        {"normalize": None},
        {"return_weight": 0.0},
        {"quantile_weight": 0.0},
        {"quantiles": (0.3, 0.7)},
        {"learning_rate": 1e-2},
        {"batch_size": 50},
        {"max_epochs": 3},
        {"validation_share": 0.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_option_has_an_effect(samples, change):
    one, two = lstm().fit(samples), lstm(**change).fit(samples)
    assert not np.array_equal(weights(one), weights(two))


def test_what_only_a_graphics_card_has_changes_nothing_here(samples):
    one = lstm(max_epochs=1, device="cpu").fit(samples)
    two = lstm(max_epochs=1, device="cpu", mixed_precision=False, compile_network=False)
    assert np.array_equal(weights(one), weights(two.fit(samples)))


def test_options_are_reached_by_set_params():
    model = LSTMClassifier().set_params(training__max_epochs=3, hidden_size=7)
    assert (model.training.max_epochs, model.hidden_size) == (3, 7)
    assert LSTMClassifier().training.max_epochs == 20
    assert model.clone().training.max_epochs == 3
    assert model.get_params()["training__max_epochs"] == 3
    chain = (ReturnFeatures() * model).set_params(LSTMClassifier__training__batch_size=5)
    assert chain.steps[-1][1].training.batch_size == 5
    with pytest.raises(ParameterError, match="has the options"):
        model.set_params(training__epochs=3)


@pytest.mark.parametrize("item", dataclasses.fields(TrainingOptions), ids=lambda item: item.name)
def test_bad_options_are_refused(item):
    if item.name in ("callbacks",):
        pytest.skip("anything callable")
    with pytest.raises(ParameterError, match=rf"TrainingOptions: parameter '{item.name}'"):
        TrainingOptions(**{item.name: object()})


def test_quantiles_must_rise():
    with pytest.raises(ParameterError, match="must rise within"):
        TrainingOptions(quantiles=(0.5, 0.1))


def test_quantiles_and_intervals_of_returns(problem):
    bars, _ = problem
    # Returns at barriers have atoms, which no interval shares out.
    labels = FixedHorizonLabeller(horizon=10, cost_adjustment=None).fit_transform(bars)
    chain = (ReturnFeatures() * lstm()).fit(bars, labels)
    table = chain.predict_quantiles(bars, (0.02, 0.5, 0.95))
    assert table.attrs["extrapolated"] == [0.02]
    values = table.dropna().to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    interval = chain.predict_interval(bars, 0.9)
    assert interval.columns.tolist() == ["lower", "upper"]
    held = labels.loc[interval.dropna().index.intersection(labels.index), "ret"]
    inside = held.between(interval["lower"].loc[held.index], interval["upper"].loc[held.index])
    assert 0.75 < inside.mean() <= 1.0


def test_without_a_quantile_head_there_are_no_quantiles(problem):
    bars, labels = problem
    chain = (ReturnFeatures() * lstm(quantile_weight=0.0, max_epochs=1)).fit(bars, labels)
    with pytest.raises(DataError, match="no distribution of returns"):
        chain.predict_quantiles(bars)


@pytest.mark.parametrize("return_weight", [0.0, 0.1])
def test_the_signal_expects_what_the_return_head_says_where_there_is_one(samples, return_weight):
    model = lstm(return_weight=return_weight, max_epochs=1).fit(samples)
    late = np.arange(len(samples.bars))[-50:]
    told = model._answer_at(samples.features, late)
    proba, expected = told.probabilities, told.expected_return
    if return_weight == 0.0:
        assert expected is None
        return
    window, _ = model._feature_table(samples.features).panel(late, 8)
    with torch.inference_mode():
        x = torch.from_numpy(np.ascontiguousarray(window.take()))
        outputs = model.heads_(model.network_(model.scale_(x)))
    assert np.allclose(expected, outputs.mean.numpy() * model._return_scale, atol=1e-5)
    assert np.allclose(proba, torch.softmax(outputs.logits, 1).numpy(), atol=1e-5)


def test_signals_carry_the_expected_return(problem):
    bars, labels = problem
    chain = (ReturnFeatures() * lstm(max_epochs=1)).fit(bars, labels)
    expected = chain.answer(bars).expected_return
    scale, _ = atr_scale(bars, 14)
    signal = chain.predict_signal(bars)["expected_return"].to_numpy()
    assert np.allclose(signal, expected * scale, equal_nan=True)


def test_tcn_trains_on_segments_and_learns_the_same_problem(samples):
    model = TCNClassifier(window=16, n_filters=8, training=TrainingOptions(max_epochs=6)).fit(
        samples[:600]
    )
    assert model._feed == "SegmentFeed"
    assert model.history_["train_loss"][-1] < model.history_["train_loss"][0]


def test_series_of_another_length_are_refused():
    X = np.random.default_rng(0).normal(size=(20, 1, 12))
    model = lstm(max_epochs=1).fit(X, np.arange(20) % 2)
    with pytest.raises(DataError, match="length of those of fit"):
        model.predict_proba(X[:, :, :10])


def test_the_course_of_training_is_drawn(samples):
    pytest.importorskip("matplotlib")
    model = lstm(batch_size=32).fit(samples)
    training, validation, kept = plot_training(model).axes[0].get_lines()
    assert training.get_ydata().tolist() == model.history_["train_loss"]
    assert validation.get_ydata().tolist() == model.history_["validation_loss"]
    assert kept.get_xdata()[0] == model.best_epoch_ + 1
    with pytest.raises(DataError, match="no course of training"):
        plot_training(LSTMClassifier())
