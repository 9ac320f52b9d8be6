"""One place says where a network is computed."""

import pytest

from ohlcvml.exceptions import ParameterError
from ohlcvml.models._device import choose_device

torch = pytest.importorskip("torch")


def test_auto_is_cuda_where_there_is_one():
    found = choose_device("auto", "Any").type
    assert found == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu", "Any") == torch.device("cpu")


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ParameterError, match=r"Any: parameter 'device' .* got 'gpu'"):
        choose_device("gpu", "Any")
    absent = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(ParameterError, match=f"got {absent!r}.*Use device='auto' or 'cpu'"):
        choose_device(absent, "Any")


def test_a_network_asks_it(problem):
    from ohlcvml.models import LSTMClassifier, TrainingOptions

    model = LSTMClassifier(window=4, training=TrainingOptions(device="gpu"))
    with pytest.raises(ParameterError, match="TrainingOptions: parameter 'device'"):
        model.fit(problem.train)


def test_a_pretrained_model_asks_it():
    import numpy as np

    from ohlcvml.models import ChronosBoltClassifier
    from ohlcvml.models.paths import WindowBatch
    from ohlcvml.models.pretrained import random_weights
    from ohlcvml.models.pretrained._base import _digest

    model = ChronosBoltClassifier(random_weights("chronos_bolt"), cache=False, device="gpu")
    model.weights_digest_ = _digest(model._folders())
    with pytest.raises(ParameterError, match="ChronosBoltClassifier: parameter 'device'"):
        model._forecast(WindowBatch(np.ones((2, 5, 16)), None), 4)
