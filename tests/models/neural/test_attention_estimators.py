"""PatchTST, iTransformer and Autoformer as classifiers; what a row of all five sees."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ohlcvml.exceptions import ParameterError  # noqa: E402
from ohlcvml.models import (  # noqa: E402
    AutoformerClassifier,
    ITransformerClassifier,
    PatchTSTClassifier,
    SMambaClassifier,
    TimesNetClassifier,
    TrainingOptions,
)
from ohlcvml.models.neural.networks import PatchTSTNetwork  # noqa: E402
from ohlcvml.models.neural.training import _feeds as feeds  # noqa: E402
from ohlcvml.samples import BarPanel  # noqa: E402

WINDOW = 12
QUICK = TrainingOptions(max_epochs=2, batch_size=64, learning_rate=1e-2, validation_share=0.0)
MODELS = [
    PatchTSTClassifier(WINDOW, patch_length=4, stride=2, d_model=8, n_heads=2, n_layers=2, d_ff=8),
    PatchTSTClassifier(WINDOW, 4, 2, d_model=8, n_heads=2, n_layers=1, d_ff=8, norm="batch"),
    ITransformerClassifier(WINDOW, d_model=8, n_heads=2, n_layers=2, d_ff=8),
    AutoformerClassifier(WINDOW, 5, d_model=8, n_heads=2, n_layers=2, d_ff=8, factor=2.0),
    TimesNetClassifier(WINDOW, top_k=3, d_model=6, d_ff=6, kernel_sizes=(3, 5)),
    SMambaClassifier(WINDOW, d_model=8, d_state=4, d_ff=8),
    SMambaClassifier(WINDOW, d_model=8, d_state=4, d_ff=8, scan="time"),
]
NAMES = [f"{type(model).__name__}-{k}" for k, model in enumerate(MODELS)]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=range(len(MODELS)), ids=NAMES)
def fitted(request, problem):
    model = MODELS[request.param].clone().set_params(training=QUICK)
    return model.fit(problem.train[:400])


def test_alone_and_among_any_others_a_row_is_the_same(fitted, problem):
    table = problem.table
    whole = fitted.predict_proba(table).to_numpy()
    rows = np.arange(len(table))[len(table) // 2 :]
    rng = np.random.default_rng(0)
    for size in (1, 7, 300):
        for _ in range(60 if size == 1 else 3):
            some = rng.choice(rows, size, replace=False)
            np.testing.assert_allclose(
                fitted._answer_at(table, some).probabilities, whole[some], atol=1e-5
            )


def test_a_row_depends_on_its_window_and_on_nothing_else(fitted, problem):
    table, t = problem.table.copy(), 900
    before = fitted.predict_proba(table).to_numpy()[t]
    outside = np.r_[0 : t - WINDOW + 1, t + 1 : len(table)]
    table.iloc[outside] = np.random.default_rng(1).normal(size=(len(outside), table.shape[1]))
    assert np.allclose(fitted.predict_proba(table).to_numpy()[t], before, atol=1e-5)
    for bar in (t, t - 1):
        changed = table.copy()
        changed.iloc[bar] += table.std() * 3
        assert not np.allclose(fitted.predict_proba(changed).to_numpy()[t], before, atol=1e-4)


def test_dropout_is_off_in_prediction(fitted, problem):
    torch.manual_seed(1)
    one = fitted.predict_proba(problem.table)
    torch.manual_seed(2)
    assert fitted.predict_proba(problem.table).equals(one)
    assert not any(module.training for module in fitted.network_.modules())


def test_the_plans_configurations_are_the_defaults():
    patches, inverted, lags = PatchTSTClassifier(), ITransformerClassifier(), AutoformerClassifier()
    assert (patches.window, patches.patch_length, patches.stride) == (512, 16, 8)
    assert (patches.d_model, patches.n_heads, patches.n_layers, patches.causal) == (256, 8, 3, True)
    assert (inverted.d_model, inverted.n_heads, inverted.n_layers) == (128, 4, 2)
    assert (lags.moving_avg, lags.d_model, lags.n_heads, lags.n_layers) == (25, 256, 8, 3)


@pytest.mark.parametrize("cls", [PatchTSTClassifier, ITransformerClassifier, AutoformerClassifier])
def test_heads_that_do_not_divide_the_width_are_refused_at_once(cls):
    with pytest.raises(ParameterError, match=f"{cls.__name__}: .*'n_heads' must divide d_model=8"):
        cls(d_model=8, n_heads=3)
    model = cls(d_model=8, n_heads=2)
    with pytest.raises(ParameterError, match="'n_heads'"):
        model.set_params(n_heads=3)
    assert cls(d_model=8, n_heads=2).set_params(d_model=9, n_heads=3).n_heads == 3


def test_gaps_between_patches_are_refused_at_once():
    with pytest.raises(ParameterError, match=r"PatchTSTClassifier: .*'stride' must be at most"):
        PatchTSTClassifier(patch_length=4, stride=5)


def test_patches_are_masked_by_default(problem):
    causal = MODELS[0].clone().set_params(training=QUICK).fit(problem.train[:200])
    x = torch.randn(2, problem.table.shape[1], WINDOW)
    changed = x.clone()
    changed[..., -1] += 1
    with torch.inference_mode():
        one, two = causal.network_.tokens(x), causal.network_.tokens(changed)
    assert torch.allclose(one[:, :, :-1], two[:, :, :-1])
    assert not torch.allclose(one[:, :, -1], two[:, :, -1])


@pytest.mark.parametrize(
    ("model", "tokens", "widest"),
    [
        (PatchTSTClassifier(512), 63 * 6, 512),
        (ITransformerClassifier(96), 6, 128),
        (AutoformerClassifier(96), 96, 1024),
        (TimesNetClassifier(96), 96, 64),
        (SMambaClassifier(96), 6, 256),
        (SMambaClassifier(96, scan="time"), 96, 512),
    ],
    ids=lambda given: type(given).__name__ if hasattr(given, "window") else None,
)
def test_batches_in_prediction_go_by_what_a_network_makes_of_a_window(model, tokens, widest):
    values = np.zeros((600, 6), dtype=np.float32)
    panel = BarPanel(values, np.arange(model.window - 1, 600), model.window)
    parts = model._build(panel, np.arange(8), 3, returns=True)
    feed = feeds.make_feed(panel, parts.scale, parts.network, torch.device("cpu"))
    assert feed.predict_size() == min(1024, 2**22 // (tokens * widest))


def weights(model):
    return torch.cat([p.flatten() for p in model.network_.parameters()]).detach().numpy()


@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_a_step_in_parts_is_the_whole_step(problem, norm, monkeypatch):
    options = TrainingOptions(max_epochs=2, batch_size=64, validation_share=0.0)
    patches = MODELS[0].clone().set_params(dropout=0.0, norm=norm, training=options)
    calls, forward = [], PatchTSTNetwork.forward
    monkeypatch.setattr(
        PatchTSTNetwork, "forward", lambda net, x: calls.append(len(x)) or forward(net, x)
    )
    whole = patches.clone().fit(problem.train[:200])
    assert min(calls) > 40
    calls.clear()
    monkeypatch.setattr(feeds, "_TRAIN_FLOATS", {"cpu": whole.network_.floats_per_window * 20})
    parts = patches.clone().fit(problem.train[:200])
    assert max(calls) <= 20 if norm == "layer" else min(calls) > 40
    np.testing.assert_allclose(weights(parts), weights(whole), atol=1e-4)
    found, expected = parts.history_["train_loss"], whole.history_["train_loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
