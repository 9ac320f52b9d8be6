"""TimesNet as a classifier: its periods are those of training windows and of nothing else."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ohlcvml.bundle import load, save  # noqa: E402
from ohlcvml.models import TimesNetClassifier, TrainingOptions  # noqa: E402
from ohlcvml.models.neural import _timesnet as module  # noqa: E402
from ohlcvml.models.neural.networks import TimesNetNetwork  # noqa: E402
from ohlcvml.samples import BarPanel, Samples  # noqa: E402

WINDOW = 24


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def timesnet(**options):
    options = {"max_epochs": 1, "batch_size": 64, "validation_share": 0.0} | options
    small = {"d_model": 4, "d_ff": 4, "n_layers": 1, "kernel_sizes": (3,)}
    return TimesNetClassifier(WINDOW, top_k=2, training=TrainingOptions(**options), **small)


def waves(problem, periods):
    """Samples whose features are waves: one period up to the middle of the bars, then the other."""
    table = problem.table.copy()
    bars = np.arange(len(table))
    noise = np.random.default_rng(0).normal(size=table.shape)
    period = np.where(bars < len(bars) // 2, *periods)
    table.iloc[:] = 5 * np.sin(2 * np.pi * bars / period)[:, None] + noise
    return Samples(problem.bars, problem.labels, features=table)


def weights(model):
    return torch.cat([p.flatten() for p in model.network_.parameters()]).detach().numpy()


def test_the_plans_configuration_is_the_default():
    model = TimesNetClassifier()
    assert (model.top_k, model.d_model, model.kernel_sizes) == (5, 64, (3, 5, 7))


def test_planted_periods_are_found(problem):
    for period in (6, 8):
        model = timesnet().fit(waves(problem, (period, period)))
        assert model.periods_[0] == period
        assert model.network_.config["periods"] == model.periods_


def test_rows_held_back_for_early_stopping_do_not_matter(problem):
    """Beyond the middle the features have another, stronger wave."""
    quiet, loud = waves(problem, (8, 8)), waves(problem, (8, 8))
    table = loud.features.copy()
    middle = len(table) // 2
    table.iloc[middle:] = 50 * np.sin(2 * np.pi * np.arange(len(table) - middle) / 6)[:, None]
    loud = loud.with_features(table)
    one, two = (timesnet(validation_share=0.5).fit(samples) for samples in (quiet, loud))
    assert one.fit_report_["early_stopping_on"] > 500
    assert one.periods_ == two.periods_
    assert np.array_equal(weights(one), weights(two))
    assert one.history_["validation_loss"] != two.history_["validation_loss"]
    assert timesnet().fit(loud).periods_[0] == 6


def test_predicting_moves_no_period(problem):
    samples = waves(problem, (8, 6))
    model = timesnet().fit(samples[:500])
    before, kept = list(model.periods_), model.network_.periods.clone()
    assert before[0] == 8
    model.predict_proba(samples.features)
    assert model.periods_ == before
    assert torch.equal(model.network_.periods, kept)


def test_a_row_among_rows_of_another_period_is_what_it_is_alone(problem):
    """The published code would fold it by the periods of its batch."""
    samples = waves(problem, (8, 6))
    model = timesnet().fit(samples[:500])
    whole = model.predict_proba(samples.features).to_numpy()
    rows = np.r_[600:610, 900:910]
    alone = np.concatenate(
        [model._answer_at(samples.features, rows[[k]]).probabilities for k in range(20)]
    )
    np.testing.assert_allclose(alone, whole[rows], atol=1e-5)


def test_blocks_of_windows_are_one_set_of_windows():
    net = TimesNetNetwork(3, WINDOW, top_k=5, d_model=2)
    x = torch.randn(40, 3, WINDOW).cumsum(-1) * torch.tensor([1.0, 100.0, 0.0])[:, None] + 7
    assert net.find_periods([x]) == net.find_periods(x.split(7))
    assert net.find_periods([x]) == net.find_periods([x[:, :2].repeat(1, 2, 1)[:, :3]])


def test_a_channel_counts_in_units_of_its_deviation():
    net = TimesNetNetwork(2, WINDOW, top_k=1, d_model=2)
    bars = torch.arange(float(WINDOW))
    strong = torch.sin(2 * np.pi * bars / 6) + 0.2 * torch.sin(2 * np.pi * bars / 8)
    weak = 1e3 * (torch.sin(2 * np.pi * bars / 8) + 0.9 * torch.sin(2 * np.pi * bars / 12))
    assert net.find_periods([torch.stack([strong, weak])[None]]) == [6]


def test_of_many_windows_an_even_spread_is_taken(monkeypatch):
    monkeypatch.setattr(module, "_MOST_WINDOWS", 5)
    monkeypatch.setattr(module, "_BLOCK_FLOATS", 2 * WINDOW * 2)
    values = np.arange(200, dtype=np.float32).reshape(100, 2)
    panel, model = BarPanel(values, np.arange(WINDOW - 1, 100), WINDOW), timesnet()
    model.scale_ = torch.nn.Identity()
    blocks = list(model._normalised(panel, np.arange(10, 51)))
    assert [len(block) for block in blocks] == [2, 2, 1]
    assert torch.cat(blocks)[:, 0, 0].tolist() == [20.0, 40.0, 60.0, 80.0, 100.0]


def test_a_bundle_keeps_the_periods(problem, tmp_path):
    samples = waves(problem, (8, 6))
    model = timesnet().fit(samples[:500])
    again = load(save(model, tmp_path / "bundle"))
    assert again.periods_ == model.periods_ == again.network_.periods.tolist()
    assert again.predict_proba(samples.features).equals(model.predict_proba(samples.features))
