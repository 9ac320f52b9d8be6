"""S-Mamba as a classifier: two scans, the order of columns, long windows."""

import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from ohlcvml.exceptions import DataError  # noqa: E402
from ohlcvml.models import SMambaClassifier, TrainingOptions  # noqa: E402

QUICK = TrainingOptions(max_epochs=1, batch_size=64, validation_share=0.0)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def mamba(**changes):
    given = {"window": 8, "d_model": 4, "d_state": 2, "d_ff": 4, "n_layers": 1, "training": QUICK}
    return SMambaClassifier(**given | changes)


def mixer_of(model):
    mixer = model.network_.layers[0].mixer
    return mixer.conv1d.kernel_size[0], mixer.D.numel() // model.d_model


def test_the_plans_configuration_is_the_default():
    model = SMambaClassifier()
    assert (model.d_model, model.d_state, model.scan) == (128, 16, "variate")
    assert (model.d_conv, model.expand) == (None, None)


@pytest.mark.parametrize(("scan", "own"), [("variate", (2, 1)), ("time", (4, 2))])
def test_convolution_and_width_are_the_scans_own_unless_set(problem, scan, own):
    train = problem.train[:150]
    assert mixer_of(mamba(scan=scan).fit(train)) == own
    assert mixer_of(mamba(scan=scan, d_conv=3).fit(train)) == (3, own[1])
    assert mixer_of(mamba(scan=scan, expand=3).fit(train)) == (own[0], 3)


@pytest.mark.parametrize("scan", ["variate", "time"])
def test_columns_in_another_order_are_refused(problem, scan):
    model = mamba(scan=scan).fit(problem.train[:150])
    assert model.feature_names_ == problem.table.columns.tolist()
    with pytest.raises(DataError, match=r"in the same order; .*order differs"):
        model.predict_proba(problem.table.iloc[:, ::-1])


def test_the_order_of_columns_matters_over_features(problem):
    """Without the order of fit the same network would answer something else."""
    model = mamba().fit(problem.train[:150])
    x = torch.randn(20, problem.table.shape[1], 8)
    with torch.inference_mode():
        order = torch.arange(x.shape[1]).flip(0)
        tokens, other = model.network_.tokens(x), model.network_.tokens(x[:, order])[:, order]
    assert not torch.allclose(tokens, other, atol=1e-4)


# Every state kept would be 4 windows x 10,000 bars x 32 x 16 x 4 bytes, 78 MiB; a plain loop under
# autograd keeps three such tensors beside some 200 MiB of layers.
LONG = """
import resource
import numpy as np, pandas as pd, torch
from ohlcvml.bars import simulate_bars
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import SMambaClassifier, TrainingOptions
from ohlcvml.samples import Samples

torch.set_num_threads(1)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
bars = simulate_bars(10_200, seed=0).bars
labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
values = np.random.default_rng(0).normal(size=(len(bars), 3)).astype("float32")
samples = Samples(bars, labels, features=pd.DataFrame(values, bars.index, list("abc")))
samples = samples[samples.pos >= 9_999]
options = TrainingOptions(max_epochs=1, batch_size=4, validation_share=0.0, device="cpu")
model = SMambaClassifier(
    window=10_000, d_model=16, d_ff=16, n_layers=1, scan="time", training=options
)
# What the first steps of torch take is not the model's.
model.clone().set_params(window=64).fit(samples[:8])
before = peak()
model.fit(samples[:8])
trained = peak() - before
proba = model.predict_proba(samples[40:80])
print(trained, peak() - before, np.isfinite(proba).all(), len(proba))
"""


def test_ten_thousand_bars_on_a_cpu():
    done = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    trained, whole, finite, n = done.stdout.split()
    assert finite == "True"
    assert int(n) == 40
    assert float(trained) < 280  # MiB
    assert float(whole) < 280
