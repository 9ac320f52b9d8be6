"""Networks of neuralforecast as bar classifiers."""

import random

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("neuralforecast")

import torch
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MAE, DistributionLoss, MQLoss
from neuralforecast.models import MLP, NHITS, DeepAR, TimesNet, TSMixer

from ohlcvml.bars import simulate_bars
from ohlcvml.bundle import save
from ohlcvml.exceptions import BundleError, DataError, ParameterError
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import ForecastClassifier
from ohlcvml.models.paths._neuralforecast import ask_network
from ohlcvml.samples import Samples
from ohlcvml.testing import check_past_unchanged

QUANTILES = [0.9, 0.1, 0.5, 0.25, 0.75]  # in no order
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def network(cls=MLP, loss=None, **given):
    small = {MLP: {"hidden_size": 16, "num_layers": 2}, NHITS: {"mlp_units": 3 * [[16, 16]]}}
    return cls(
        h=5,
        **{
            "input_size": 16,
            "max_steps": 20,
            "scaler_type": "standard",
            "loss": MQLoss(quantiles=QUANTILES) if loss is None else loss,
            "random_seed": 3,
            **QUIET,
            **small.get(cls, {}),
            **given,
        },
    )


def classifier(forecaster, **given):
    return ForecastClassifier(
        forecaster, **{"window": 20, "prediction_length": 5, "n_paths": 128, **given}
    )


@pytest.fixture(scope="module")
def bars():
    torch.set_num_threads(1)
    return simulate_bars(260, seed=1, tick_size=None).bars


@pytest.fixture(scope="module")
def labels(bars):
    return TripleBarrierLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)


@pytest.fixture(scope="module")
def fitted(bars, labels):
    return classifier(network()).fit(Samples(bars, labels)[:150])


def long_table(paths):
    frames = [
        pd.DataFrame({"unique_id": str(k), "ds": np.arange(len(path)), "y": path})
        for k, path in enumerate(paths)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize(("cls", "scaler"), [(MLP, "standard"), (NHITS, "identity")])
def test_training_and_forecasts_are_those_of_the_library(bars, labels, cls, scaler):
    samples = Samples(bars, labels)[:150]
    model = classifier(network(cls, scaler_type=scaler)).fit(samples)
    close = np.log(bars["close"].to_numpy())
    stretch = close[samples.pos[0] : samples.pos[-1] + 1]
    library = NeuralForecast(models=[network(cls, scaler_type=scaler)], freq=1)
    library.fit(df=long_table([(stretch - stretch[-1]) / model._unit]))
    ends = np.array([60, 120, 200])
    windows = np.stack([close[end - 19 : end + 1] - close[end] for end in ends]) / model._unit
    theirs = library.predict(df=long_table(windows))
    expected = np.sort(theirs.iloc[:, 2:].to_numpy().reshape(3, 5, 5), axis=2)
    levels, own = ask_network(model.forecaster_, windows, 5, alone=False, seed=0)
    np.testing.assert_array_equal(levels, sorted(QUANTILES))
    np.testing.assert_allclose(own, expected, atol=2e-5)


def test_rows_do_not_depend_on_one_another_or_on_the_future(bars, fitted):
    check_past_unchanged(lambda table: fitted.predict_proba(table).round(4), bars, "network")
    whole = fitted.predict_proba(bars).to_numpy()
    alone = fitted._answer_at(bars, np.array([200])).probabilities
    np.testing.assert_allclose(alone[0], whole[200], atol=fitted._batch_tolerance)
    assert np.isfinite(whole[19:]).all()


def test_random_states_stay_and_fits_repeat(bars, labels, fitted):
    given = network()  # its constructor seeds torch
    before = torch.random.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    again = classifier(given).fit(Samples(bars, labels)[:150])
    pd.testing.assert_frame_equal(again.predict_proba(bars), fitted.predict_proba(bars))
    after = torch.random.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert before[2] == after[2]


def test_bars_after_the_training_rows_teach_nothing(bars, labels, fitted):
    later = bars.copy()
    later.iloc[180:, :4] *= 1.5
    again = classifier(network()).fit(Samples(later, labels)[:150])
    pd.testing.assert_frame_equal(again.predict_proba(bars), fitted.predict_proba(bars))


def test_the_parameter_is_not_trained(bars, labels):
    given = network()
    before = [value.clone() for value in given.state_dict().values()]
    model = classifier(given).fit(bars, labels)
    assert model.forecaster is given
    assert all(torch.equal(a, b) for a, b in zip(before, given.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    ("forecaster", "alone"),
    [
        (network(), False),
        (network(loss=DistributionLoss("StudentT", quantiles=[0.1, 0.5, 0.9])), True),
        (network(TimesNet, hidden_size=8, conv_hidden_size=8, encoder_layers=1, max_steps=2), True),
    ],
    ids=["quantiles", "sampled", "spectra of the batch"],
)
def test_windows_that_move_one_another_are_asked_alone(bars, labels, forecaster, alone):
    model = classifier(forecaster).fit(bars, labels)
    assert model._asks_alone == alone
    pos = np.array([100, 101, 150])
    together = model._answer_at(bars, pos).probabilities
    np.testing.assert_allclose(
        model._answer_at(bars, pos[1:2]).probabilities, together[1:2], atol=1e-5
    )


@pytest.mark.parametrize(
    ("forecaster", "message"),
    [
        (network(DeepAR, DistributionLoss("Normal")), "feeds back its own means"),
        (network(TSMixer, n_series=2), "several series"),
        (network(loss=MAE()), "no quantiles"),
        (network(hist_exog_list=["volume"]), "other columns"),
        (network(input_size=30), "at least the network's input_size"),
    ],
)
def test_networks_that_do_not_fit_are_refused(forecaster, message):
    with pytest.raises(ParameterError, match=message):
        classifier(forecaster)


def test_short_stretches_are_an_error(bars, labels):
    with pytest.raises(DataError, match="the longest has 15"):
        classifier(network()).fit(Samples(bars, labels)[:15])


def test_it_cannot_be_bundled(fitted, tmp_path):
    assert fitted.get_tag("capability:bundle") is False
    with pytest.raises(BundleError, match="capability:bundle"):
        save(fitted, tmp_path / "model")
