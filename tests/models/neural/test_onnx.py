"""Every network as an ONNX graph, with the same answers."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from ohlcvml import models  # noqa: E402
from ohlcvml.bars import simulate_bars  # noqa: E402
from ohlcvml.bundle import load, save  # noqa: E402
from ohlcvml.exceptions import DataError, ParameterError  # noqa: E402
from ohlcvml.features import MomentumFeatures, ReturnFeatures  # noqa: E402
from ohlcvml.labels import TripleBarrierLabeller  # noqa: E402
from ohlcvml.models.neural._base import BaseNeuralClassifier  # noqa: E402
from ohlcvml.models.neural._onnx import serialise  # noqa: E402
from ohlcvml.registry import all_estimators  # noqa: E402
from ohlcvml.samples import Samples  # noqa: E402

CLASSES = [cls for _, cls in all_estimators("classifier") if issubclass(cls, BaseNeuralClassifier)]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def samples():
    bars = simulate_bars(400, seed=5).bars
    labels = TripleBarrierLabeller(horizon=15, cost_adjustment=None).fit_transform(bars)
    features = (ReturnFeatures() + MomentumFeatures()).fit_transform(bars)
    return Samples(bars, labels, features=features)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_both_runtimes_agree(cls, samples):
    model = cls.create_test_instance().fit(samples)
    late = np.arange(len(samples.bars))[-40:]
    ours = model._answer_at(samples.features, late)
    theirs = model.use_runtime("onnx")._answer_at(samples.features, late)
    alone = model._answer_at(samples.features, late[-1:])
    for name in ("probabilities", "expected_return"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert np.allclose(one, other, rtol=0, atol=1e-5)
        assert np.allclose(getattr(alone, name), other[-1:], rtol=0, atol=1e-5)


def test_the_graph_says_what_it_is_of(samples, tmp_path):
    model = models.LSTMClassifier.create_test_instance().fit(samples)
    raw = model.to_onnx(tmp_path / "lstm.onnx")
    assert (tmp_path / "lstm.onnx").read_bytes() == raw
    graph = onnx.load_model_from_string(raw)
    facts = {item.key: json.loads(item.value) for item in graph.metadata_props}
    assert facts["classes"] == ["-1", "0", "1"]
    assert facts["features"] == model.feature_names_
    session = onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert names == ["probabilities", "expected_return", "quantiles"]
    window = samples.take([-1], model.window)
    proba = session.run(None, {"windows": np.ascontiguousarray(window)})[0]
    assert np.allclose(proba, model._answer_at(samples, samples.pos[-1:]).probabilities, atol=1e-5)


def test_a_class_that_never_occurred_has_no_probability(samples):
    few = samples[samples.y != 0]
    model = models.LSTMClassifier.create_test_instance().fit(few)
    late = np.arange(len(samples.bars))[-5:]
    proba = model.use_runtime("onnx")._answer_at(samples.features, late).probabilities
    assert proba.shape == (5, 3)
    assert (proba[:, 1] == 0).all()


def test_the_runtime_survives_a_bundle(samples, tmp_path):
    chain = ReturnFeatures() * models.LSTMClassifier.create_test_instance()
    chain = chain.fit(samples.bars, samples.labels)
    chain.classifier_.use_runtime("onnx")
    again = load(save(chain, tmp_path / "bundle", bars=samples.bars))
    assert again.classifier_._runtime == "onnx"
    assert again.predict_proba(samples.bars).equals(chain.predict_proba(samples.bars))


def test_what_cannot_be_exported_says_so(samples):
    one_class = samples[samples.y == 1]
    with pytest.raises(DataError, match="one class, 1"):
        models.LSTMClassifier.create_test_instance().fit(one_class).to_onnx()
    model = models.LSTMClassifier.create_test_instance().fit(samples)
    with pytest.raises(ParameterError, match="'name' must be"):
        model.use_runtime("tensorrt")


@pytest.mark.parametrize("cls", [models.DeepARClassifier, models.QuantileRNNClassifier])
def test_the_forecasters_of_paths(cls, samples):
    model = cls.create_test_instance().fit(samples.bars, samples.labels)
    session = onnxruntime.InferenceSession(model.to_onnx())
    rng, network = np.random.default_rng(0), model.network_
    shapes = {item.name: item.shape for item in session.get_inputs()}
    for n in (1, 5):
        fed = {
            name: rng.normal(size=[n if size == "batch" else size for size in shape])
            for name, shape in shapes.items()
        }
        fed = {name: (0.001 * x if name == "past" else x).astype("f4") for name, x in fed.items()}
        (found,) = session.run(None, fed)
        tensors = {name: torch.from_numpy(values) for name, values in fed.items()}
        with torch.inference_mode():
            if cls is models.DeepARClassifier:
                assert shapes["noise"] == [16, 4]
                order = (tensors["past"], tensors["known"], tensors["noise"])
                expected = network.sample(*order)
            else:
                expected = network(tensors["past"], tensors["known"])
        assert found.shape == tuple(expected.shape)
        assert np.allclose(found, expected.numpy(), rtol=0, atol=1e-5)
        assert np.abs(found).max() > 1e-4


def test_a_graph_of_one_batch_size_is_refused():
    class Fixed(torch.nn.Module):
        def forward(self, windows):
            return windows.sum(dim=(1, 2)) + torch.zeros(len(windows))

    with pytest.raises(RuntimeError, match="one size of the batch only"):
        serialise(Fixed(), {"windows": torch.zeros(2, 3, 4)}, ["sums"], {})
