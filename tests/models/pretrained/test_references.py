"""The adapters against the libraries' own ways of forecasting, on the same random weights."""

import numpy as np
import pandas as pd
import torch

from ohlcvml.models.pretrained import random_weights
from ohlcvml.models.pretrained._kronos import standardised_bars
from tests.models.pretrained.conftest import make_bars, make_stamps
from tests.models.pretrained.test_forecasts import ask, ready

H = 6
BARS = make_bars(3, 64, level=5000.0)
STAMPS = make_stamps(3, 64)
LOG_RETURNS = np.log(BARS[:, :, 3] / BARS[:, -1:, 3])


def test_chronos_bolt():
    """Quantiles of the log price, as the library's predict_quantiles tells them."""
    from chronos import BaseChronosPipeline

    pipeline = BaseChronosPipeline.from_pretrained(
        random_weights("chronos_bolt"), device_map="cpu", dtype=torch.float32
    )
    context = torch.from_numpy(LOG_RETURNS.astype(np.float32))
    levels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    told, _ = pipeline.predict_quantiles(context, prediction_length=H, quantile_levels=levels)
    wanted = np.sort(told.numpy(), axis=2)
    assert np.allclose(ask(ready("chronos_bolt"), BARS), wanted, atol=1e-4 * np.ptp(wanted))


def test_chronos2():
    from chronos import BaseChronosPipeline

    pipeline = BaseChronosPipeline.from_pretrained(
        random_weights("chronos2"), device_map="cpu", dtype=torch.float32
    )
    names = ("open", "high", "low", "volume")
    columns = np.log(BARS[:, :, [0, 1, 2]] / BARS[:, -1:, 3:4])
    columns = np.concatenate([columns, np.log1p(BARS[:, :, 4:])], axis=2).astype(np.float32)
    inputs = [
        {
            "target": LOG_RETURNS[row].astype(np.float32),
            "past_covariates": {name: columns[row, :, k] for k, name in enumerate(names)},
        }
        for row in range(3)
    ]
    told = pipeline.predict(inputs, prediction_length=H)
    wanted = np.sort(np.stack([one[0].numpy().T for one in told]), axis=2)
    assert np.allclose(ask(ready("chronos2"), BARS), wanted, atol=1e-4 * np.ptp(wanted))


def test_timesfm():
    """On whole patches, standardised windows are the library's normalize_inputs."""
    from timesfm import ForecastConfig

    model = ready("timesfm")
    ask(model, BARS)
    from ohlcvml.models.pretrained._timesfm import TimesFMForecaster

    folder = model._folders()[0]
    library = TimesFMForecaster(folder, device="cpu").model
    library.compile(
        ForecastConfig(
            max_context=64,
            max_horizon=H,
            normalize_inputs=True,
            per_core_batch_size=3,
            use_continuous_quantile_head=True,
            infer_is_positive=False,
            fix_quantile_crossing=True,
        )
    )
    _, told = library.forecast(H, list(LOG_RETURNS))
    wanted = np.sort(told[:, :, 1:], axis=2)
    # torch.std divides by n - 1 where we divide by n: the network sees the same to 1 %.
    assert np.allclose(ask(model, BARS), wanted, atol=0.02 * np.ptp(wanted))


def test_timesfm_reads_nothing_of_the_padding():
    """A window that is no multiple of the patch is padded: with what, must not matter."""
    model = ready("timesfm")
    one = ask(model, BARS[:, -40:])
    two = ask(model, BARS[:, -41:])
    assert np.isfinite(one).all()
    assert not np.array_equal(one, two)
    shifted = BARS[:, -40:] * np.array([3.0, 3.0, 3.0, 3.0, 1.0])
    assert np.allclose(ask(model, shifted), one, atol=1e-4 * np.ptp(one))


def library_kronos(bars, stamps, n_steps):
    """The library's predictor, greedy, one window."""
    from sktime.libs.kronos import Kronos, KronosPredictor, KronosTokenizer

    predictor = KronosPredictor(
        Kronos.from_pretrained(random_weights("kronos")).eval(),
        KronosTokenizer.from_pretrained(random_weights("kronos_tokenizer")).eval(),
        device="cpu",
    )
    table = pd.DataFrame(bars, columns=["open", "high", "low", "close", "volume"])
    past = pd.Series(pd.DatetimeIndex(stamps))
    step = stamps[1] - stamps[0]
    ahead = pd.Series(pd.DatetimeIndex(stamps[-1] + step * np.arange(1, n_steps + 1)))
    told = predictor.predict(table, past, ahead, n_steps, top_k=1, verbose=False)
    return told["close"].to_numpy()


def test_kronos_draws_the_librarys_bars():
    """Greedy, the sampler with kept keys and values gives what the library's own one gives."""
    model = ready("kronos", n_paths=2, top_p=1e-9)
    paths = ask(model, BARS, STAMPS, n_steps=12)
    assert np.array_equal(paths[:, 0], paths[:, 1])
    for row in range(3):
        close = library_kronos(BARS[row], STAMPS[row], 12)
        wanted = np.log(close / BARS[row, -1, 3])
        assert np.allclose(paths[row, 0], wanted, atol=2e-6)


def test_kronos_draws_from_the_librarys_law():
    """Frequencies of the first token of many paths are the library's probabilities."""
    from sktime.libs.kronos import Kronos
    from sktime.libs.kronos.kronos import top_k_top_p_filtering

    from ohlcvml.models.pretrained._kronos_decoding import sample_tokens

    model = Kronos.from_pretrained(random_weights("kronos")).eval()
    generator = torch.Generator().manual_seed(0)
    past = tuple(torch.randint(0, 16, (1, 20), generator=generator) for _ in range(2))
    uniforms = torch.from_numpy(np.random.default_rng(0).random((20000, 2, 2)))
    with torch.inference_mode():
        coarse, fine = sample_tokens(model, past, None, uniforms, 0.8, 0.7)
        logits, context = model.decode_s1(*past)
        law = torch.softmax(top_k_top_p_filtering(logits[:, -1] / 0.8, top_p=0.7), -1)[0]
        token = int(law.argmax())
        second = model.decode_s2(context, torch.tensor([[token]]))[:, -1]
        fine_law = torch.softmax(top_k_top_p_filtering(second / 0.8, top_p=0.7), -1)[0]
    coarse, fine = coarse[0], fine[0]
    seen = torch.bincount(coarse[:, 0], minlength=16) / len(coarse)
    assert torch.allclose(seen.double(), law.double(), atol=0.015)
    given = fine[coarse[:, 0] == token, 0]
    seen = torch.bincount(given, minlength=16) / len(given)
    assert torch.allclose(seen.double(), fine_law.double(), atol=0.04)


def test_kronos_is_told_bars_as_by_the_library():
    values, centre, deviation = (part[0] for part in standardised_bars(BARS[:1]))
    amount = BARS[0, :, 4] * BARS[0, :, :4].mean(axis=1)
    table = np.column_stack([BARS[0], amount])
    wanted = np.clip((table - table.mean(axis=0)) / (table.std(axis=0) + 1e-5), -5, 5)
    assert np.allclose(values, wanted, atol=1e-4)
    assert np.allclose(values * deviation + centre, table, rtol=1e-4)


def test_kronos_takes_missing_volume_as_the_librarys_zeros():
    bars = BARS.copy()
    bars[1, :, 4] = np.nan
    values, _, deviation = standardised_bars(bars)
    assert (values[1, :, 4:] == 0).all()
    assert (deviation[1, 4:] == 0).all()
    assert (deviation[0] > 0).all()


def test_kronos_floor():
    """A price at or below nothing has no logarithm: it counts as 1 % of the last close."""
    bars = make_bars(2, 40, seed=3)
    bars[:, :20, :4] *= 100.0  # deviations as large as the price
    paths = ask(ready("kronos", n_paths=32), bars, make_stamps(2, 40))
    assert np.isfinite(paths).all()
    assert paths.min() >= np.log(0.01) - 1e-6
