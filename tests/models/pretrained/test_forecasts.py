"""What the pretrained models are told and what is made of their answers."""

import numpy as np
import pytest
import torch

from ohlcvml.models import (
    Chronos2Classifier,
    ChronosBoltClassifier,
    KronosClassifier,
    TimesFMClassifier,
)
from ohlcvml.models.paths import PathForecast, QuantileForecast
from ohlcvml.models.paths._windows import WindowBatch
from ohlcvml.models.pretrained import random_weights
from ohlcvml.models.pretrained._scale import StandardWindows
from tests.models.pretrained.conftest import make_bars, make_stamps

CLASSES = {
    "chronos_bolt": ChronosBoltClassifier,
    "chronos2": Chronos2Classifier,
    "timesfm": TimesFMClassifier,
    "kronos": KronosClassifier,
}
KINDS = tuple(CLASSES)


def ready(kind, seed=0, **given):
    """A model that knows its weights, as after fit."""
    from ohlcvml.models.pretrained._base import _digest

    if kind == "kronos":
        given = {"tokenizer_name": random_weights("kronos_tokenizer"), "n_paths": 8, **given}
    model = CLASSES[kind](random_weights(kind, seed), **{"cache": False, "device": "cpu", **given})
    model.weights_digest_ = _digest(model._folders())
    return model


def numbers(forecast):
    return forecast.paths if isinstance(forecast, PathForecast) else forecast.values


def ask(model, bars, stamps=None, n_steps=6):
    return numbers(model._forecast(WindowBatch(bars, stamps), n_steps))


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_kinds(kind):
    forecast = ready(kind)._forecast(WindowBatch(make_bars(5, 40), make_stamps(5, 40)), 7)
    assert isinstance(forecast, PathForecast if kind == "kronos" else QuantileForecast)
    assert (len(forecast), forecast.n_steps) == (5, 7)
    assert not forecast.missing.any()
    assert forecast.mean is not None if kind == "timesfm" else True


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_never_sees_its_neighbours(kind):
    """Same bits whoever the batch-mates are, wherever the row stands, alone or in company."""
    bars, stamps = make_bars(40, 48), make_stamps(40, 48)
    model = ready(kind, inference_batch_size=16)
    whole = ask(model, bars, stamps)
    order = np.random.default_rng(3).permutation(40)
    assert np.array_equal(ask(model, bars[order], stamps[order]), whole[order])
    assert np.array_equal(ask(model, bars[7:8], stamps[7:8])[0], whole[7])
    others = bars.copy()
    others[np.arange(40) != 7] *= np.linspace(0.5, 2.0, 48)[:, None]
    assert np.array_equal(ask(model, others, stamps)[7], whole[7])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 5])
def test_the_size_of_blocks_moves_the_last_bits_at_most(kind, size):
    bars, stamps = make_bars(12, 48), make_stamps(12, 48)
    one, two = (ask(ready(kind, inference_batch_size=n), bars, stamps) for n in (32, size))
    scale = np.abs(one).max()
    assert np.abs(one - two).max() <= 1e-5 * scale


@pytest.mark.parametrize("kind", KINDS)
def test_the_price_level_does_not_matter(kind):
    bars, stamps = make_bars(6, 64), make_stamps(6, 64)
    scaled = bars * np.array([40.0, 40.0, 40.0, 40.0, 1.0])
    one, two = ask(ready(kind), bars, stamps), ask(ready(kind), scaled, stamps)
    assert np.allclose(one, two, atol=1e-4 * np.abs(one).max())


@pytest.mark.parametrize("kind", ["chronos_bolt", "chronos2", "timesfm"])
def test_windows_of_twice_the_moves_have_forecasts_of_twice_the_moves(kind):
    bars = make_bars(6, 64)
    bars[:, :, 4] = np.nan
    twice = bars**2 / 100.0
    one, two = ask(ready(kind), bars), ask(ready(kind), twice)
    assert np.allclose(2 * one, two, atol=1e-4 * np.abs(two).max())


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_that_never_moves_has_no_forecast(kind):
    bars = make_bars(3, 40)
    bars[1] = bars[1, 0]
    forecast = ready(kind)._forecast(WindowBatch(bars, make_stamps(3, 40)), 4)
    assert forecast.missing.tolist() == [False, True, False]


READS = {  # which columns of the bars move a forecast
    "chronos_bolt": {"close"},
    "timesfm": {"close"},
    "chronos2": {"open", "high", "low", "close", "volume"},
    "kronos": {"open", "high", "low", "close", "volume"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_of_a_bar(kind):
    bars, stamps = make_bars(4, 48), make_stamps(4, 48)
    before, moved = ask(ready(kind), bars, stamps), set()
    for column, name in enumerate(("open", "high", "low", "close", "volume")):
        changed = bars.copy()
        changed[:, 10:30, column] *= np.linspace(0.99, 1.01, 20) if column < 4 else 9.0
        moved |= {name} if not np.array_equal(ask(ready(kind), changed, stamps), before) else set()
    assert moved == READS[kind]


def test_chronos2_without_covariates_reads_the_close_only():
    bars = make_bars(4, 48)
    model = ready("chronos2", past_covariates=False)
    changed = bars * np.array([0.9, 1.1, 0.8, 1.0, 3.0])
    assert np.array_equal(ask(model, bars), ask(model, changed))


@pytest.mark.parametrize("kind", ["chronos2", "kronos"])
def test_missing_volume_is_no_obstacle(kind):
    bars = make_bars(4, 48)
    bars[2, :, 4] = np.nan
    whole = ask(ready(kind), bars, make_stamps(4, 48))
    assert np.isfinite(whole).all()


def test_only_kronos_reads_the_clock():
    bars, night = make_bars(4, 48), make_stamps(4, 48, "2024-07-06T02:05")
    for kind in KINDS:
        model = ready(kind)
        same = np.array_equal(ask(model, bars, make_stamps(4, 48)), ask(model, bars, night))
        assert same == (kind != "kronos")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [3, 31, 32, 33, 100])
def test_any_length_of_window_is_answered(kind, length):
    assert np.isfinite(ask(ready(kind), make_bars(2, length), make_stamps(2, length))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_global_generators_are_left_alone(kind):
    import random

    torch.manual_seed(5)
    state = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    ask(ready(kind, seed=11), make_bars(3, 40), make_stamps(3, 40))
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.array_equal(np.random.get_state()[1], state[1])  # noqa: NPY002
    assert random.getstate() == state[2]


def test_the_weights_matter_and_others_than_at_fit_are_refused():
    from ohlcvml.exceptions import DataError

    bars, model = make_bars(3, 40), ready("chronos_bolt")
    other = ready("chronos_bolt", seed=1)
    assert not np.allclose(ask(model, bars), ask(other, bars))
    model.model_name = other.model_name
    with pytest.raises(DataError, match="are others than at fit"):
        ask(model, bars)


@pytest.mark.parametrize("kind", KINDS)
def test_the_cache_changes_nothing_and_is_used(kind, monkeypatch):
    bars, stamps = make_bars(40, 40), make_stamps(40, 40)
    plain = ask(ready(kind), bars, stamps)
    model = ready(kind, cache=True)
    assert np.array_equal(ask(model, bars[:20], stamps[:20]), plain[:20])
    asked = []
    loaded = model._forecaster
    real = loaded.forecast

    def counted(self, *reads, **settings):
        asked.append(len(reads[0]))
        return real(self, *reads, **settings)

    monkeypatch.setattr(loaded, "forecast", counted)
    assert np.array_equal(ask(model, bars, stamps), plain)
    assert 20 <= sum(asked) <= 32  # whole blocks for the 20 that were new
    asked.clear()
    assert np.array_equal(ask(model, bars[::-1], stamps[::-1]), plain[::-1])
    assert asked == []
    other = ready(kind, seed=1, cache=True)
    assert not np.allclose(ask(other, bars, stamps), plain)
    assert ask(model, bars, stamps, n_steps=3).shape != plain.shape


def test_settings_of_kronos_have_forecasts_of_their_own():
    bars, stamps = make_bars(20, 40), make_stamps(20, 40)
    found = [
        ask(ready("kronos", cache=True, **given), bars, stamps)
        for given in ({}, {"temperature": 0.5}, {"top_p": 0.3}, {"random_state": 1}, {})
    ]
    assert np.array_equal(found[0], found[4])
    for other in found[1:4]:
        assert not np.array_equal(found[0], other)


def test_standard_windows_undo_themselves():
    close = make_bars(5, 50, level=7000.0)[:, :, 3]
    windows = StandardWindows.of(close)
    assert np.allclose(windows.values.mean(axis=1), 0, atol=1e-6)
    assert np.allclose(windows.values.std(axis=1), 1, atol=1e-6)
    back = windows.returns(windows.values)
    assert np.allclose(back, np.log(close / close[:, -1:]), atol=1e-9)


def test_steps_beyond_the_models_own_are_left_to_the_stated_rule():
    forecast = ready("chronos_bolt")._forecast(WindowBatch(make_bars(2, 40)), 100)
    assert forecast.n_steps == 64
    assert forecast.extended(100).n_steps == 100
