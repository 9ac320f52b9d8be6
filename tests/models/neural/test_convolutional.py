"""ResNet1DClassifier and InceptionTimeClassifier: what is theirs beside the laws of every model."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ohlcvml.exceptions import ParameterError  # noqa: E402
from ohlcvml.models import (  # noqa: E402
    InceptionTimeClassifier,
    ResNet1DClassifier,
    TrainingOptions,
)

SMALL = {
    ResNet1DClassifier: {"n_filters": (8, 8)},
    InceptionTimeClassifier: {"n_filters": 4, "n_layers": 2, "kernel_sizes": (9, 5)},
}
both = pytest.mark.parametrize("cls", SMALL)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def bumps(n, seed, window=24):
    """Noise with a bump anywhere, upwards or downwards: a shape, at no fixed time."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(scale=0.3, size=(n, 1, window)), np.arange(n) % 2
    for row, start in enumerate(rng.integers(0, window - 5, size=n)):
        X[row, 0, start : start + 5] += np.array([0.5, 1.0, 2.0, 1.0, 0.5]) * (2 * y[row] - 1)
    return X, y


def fitted(cls, X, y, **options):
    quick = {"max_epochs": 15, "batch_size": 16, "learning_rate": 1e-2, **options}
    return cls(**SMALL[cls], training=TrainingOptions(**quick)).fit(X, y)


@both
def test_a_shape_is_found_wherever_it_is(cls):
    model = fitted(cls, *bumps(80, seed=0))
    X, y = bumps(100, seed=1)
    assert (model.predict(X) == y).mean() >= 0.95


@both
def test_in_prediction_a_window_is_not_normalised_by_its_mates(cls):
    X, y = bumps(40, seed=0)
    model = fitted(cls, X, y, max_epochs=2)
    alone = model.predict_proba(X[:1])
    np.testing.assert_allclose(model.predict_proba(X)[:1], alone, atol=1e-6)
    np.testing.assert_allclose(
        model.predict_proba(np.concatenate([X[:1], 50 * X[1:]]))[:1], alone, atol=1e-6
    )


def test_a_single_row_too_many_is_no_batch_of_its_own():
    """Statistics of one embedding of one step do not exist: batches are of even size."""
    X, y = bumps(17, seed=0, window=8)
    model = fitted(ResNet1DClassifier, X, y, max_epochs=1, batch_size=16)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("sizes", [(40, 20, 10), (), 9])
def test_kernels_of_inception_are_odd(sizes):
    with pytest.raises(ParameterError, match=r"'kernel_sizes' must be .*odd integer"):
        InceptionTimeClassifier(kernel_sizes=sizes)
