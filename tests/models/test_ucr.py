"""Networks as plain sktime classifiers, on data with published accuracies."""

import pytest

from benchmarks.model_ucr import DATA, PUBLISHED, accuracy, networks

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

# Smaller than in the papers and trained for fewer epochs; full size in benchmarks/model_ucr.py.
SMALL = {
    "InceptionTimeClassifier": {"n_filters": 8, "n_layers": 3},
    "ResNet1DClassifier": {"n_filters": (16, 32, 32)},
}
TRAINING = {
    "training__max_epochs": 40,
    "training__batch_size": 16,
    "training__learning_rate": 3e-3,
}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", [name for name in PUBLISHED if name in networks()])
def test_within_two_points_of_the_published_accuracy(name, data):
    model = networks()[name](**SMALL[name])
    assert accuracy(model, data, **TRAINING) >= PUBLISHED[name][data] - 0.02


@pytest.mark.parametrize("cls", networks().values(), ids=lambda cls: cls.__name__)
def test_every_network_learns_from_panels(cls):
    """Days of power demand, winter or summer: half of them are right by guessing."""
    training = {**TRAINING, "training__learning_rate": 1e-2}
    assert accuracy(cls.create_test_instance(), "ItalyPowerDemand", **training) >= 0.75
