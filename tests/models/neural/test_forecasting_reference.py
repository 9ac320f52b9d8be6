"""Our networks as forecasters, beside those of neuralforecast in the same training."""

import logging

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("neuralforecast")

from benchmarks.model_forecasts import (  # noqa: E402
    errors,
    forecast,
    make_pair,
    passengers,
    seasonal_naive,
)

# Smaller and shorter than in the benchmark, over two years; seeds differ by a fifth and more.
SMALL = {"share": 0.5, "n_cutoffs": 2, "hidden_size": 64}
SEEDS = (1, 2, 3)


@pytest.fixture(autouse=True)
def _quiet_and_alone():
    import pytorch_lightning  # noqa: F401 - it sets the levels of its loggers at import

    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.random.set_rng_state(state)


@pytest.mark.parametrize("name", ["NBEATS", "NHITS"])
def test_within_five_percent_of_neuralforecasts_error(name):
    ours, theirs = errors(name, SEEDS, **SMALL).mean(axis=0)
    assert ours <= 1.05 * theirs
    assert ours < seasonal_naive(2)


def test_dlinear_trained_from_the_same_weights_is_neuralforecasts():
    ours, theirs = make_pair("DLinear", seed=1, share=0.2)
    ours.network.trend[0].load_state_dict(theirs.linear_trend.state_dict())
    ours.network.seasonal[0].load_state_dict(theirs.linear_season.state_dict())
    table = passengers()
    one, other = (forecast(model, table, len(table) - 12) for model in (ours, theirs))
    np.testing.assert_allclose(one, other, rtol=1e-4)
    assert np.abs(one - table["y"].to_numpy()[-12:]).mean() < seasonal_naive()


@pytest.mark.parametrize("name", ["NBEATS", "NHITS"])
def test_pairs_differ_in_the_network_alone(name):
    ours, theirs = make_pair(name, seed=1)
    assert not hasattr(ours, "blocks")
    settings = ("max_steps", "learning_rate", "num_lr_decays", "h", "input_size", "random_seed")
    assert [getattr(ours, s) for s in settings] == [getattr(theirs, s) for s in settings]
    assert type(ours.loss) is type(theirs.loss)
    assert ours.scaler.scaler_type == theirs.scaler.scaler_type
