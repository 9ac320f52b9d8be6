"""Laws of every network, and each architecture against its paper or another implementation."""

import inspect
import json
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

# Only now: importing the package without torch is an error.
from ohlcvml.exceptions import DataError, ParameterError  # noqa: E402
from ohlcvml.models.neural import networks  # noqa: E402
from ohlcvml.models.neural.networks import (  # noqa: E402
    DLinearNetwork,
    InceptionTimeNetwork,
    LSTMNetwork,
    NBEATSNetwork,
    NHITSNetwork,
    ResNet1DNetwork,
    TCNNetwork,
    TiDENetwork,
    _base,
    _doubly_residual,
    _nbeats,
    _nhits,
)

NETWORKS = [
    pytest.param(getattr(networks, name), id=name)
    for name in networks.__all__
    if issubclass(getattr(networks, name), _base.Network) and name != "Network"
]
every_network = pytest.mark.parametrize("cls", NETWORKS)


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed():
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
    torch.random.set_rng_state(state)


def windows(rows, n_channels, window, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(rows, n_channels, window)).astype(np.float32))


def close(got, expected, rtol=1e-5, atol=1e-6):
    torch.testing.assert_close(got, expected, rtol=rtol, atol=atol)


@every_network
@pytest.mark.parametrize(("n_channels", "window"), [(3, 32), (1, 48), (5, 33)])
def test_windows_of_any_size_give_embeddings(cls, n_channels, window):
    network = cls(n_channels, window).eval()
    out = network(windows(4, n_channels, window))
    assert out.shape == (4, network.n_features)
    assert out.dtype == torch.float32
    assert torch.isfinite(out).all()


@every_network
def test_the_configuration_rebuilds_the_network(cls):
    network = cls(3, 32).eval()
    config = json.loads(json.dumps(network.config))
    assert config == network.config
    assert list(config) == list(inspect.signature(cls.__init__).parameters)[1:]
    again = cls(**config).eval()
    again.load_state_dict(network.state_dict())
    x = windows(3, 3, 32)
    assert torch.equal(again(x), network(x))
    assert again.config == config


@every_network
def test_two_calls_agree_and_batch_mates_do_not_matter(cls):
    network = cls(3, 32).eval()
    x = windows(6, 3, 32)
    together = network(x)
    assert torch.equal(network(x), together)
    alone = torch.cat([network(row[None]) for row in x])
    close(alone, together)
    other = torch.cat([x[:3], 100 * windows(3, 3, 32, seed=1)])
    close(network(other)[:3], together[:3])


@every_network
def test_the_input_and_the_random_state_are_left_alone(cls):
    network = cls(3, 32).eval()
    x = windows(2, 3, 32)
    before, state = x.clone(), torch.random.get_rng_state()
    network(x)
    assert torch.equal(x, before)
    assert torch.equal(torch.random.get_rng_state(), state)


@every_network
def test_gradients_reach_every_parameter(cls):
    network = cls(4, 32).train()
    out = network(windows(16, 4, 32))
    (out * windows(1, *out.shape)[0]).sum().backward()
    still = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert still == []


@every_network
def test_every_argument_has_a_rule_with_our_message(cls):
    valid = cls(3, 32).config
    for name, rule in {"n_channels": 0, "window": 0, **cls._parameter_rules}.items():
        bad = rule if isinstance(rule, int) else rule.bad
        with pytest.raises(ParameterError, match=f"{cls.__name__}: parameter '{name}' must be"):
            cls(**{**valid, name: bad})
    assert {"n_channels", "window"} | set(cls._parameter_rules) == set(valid)


@every_network
def test_windows_of_another_shape_are_refused(cls):
    network = cls(3, 32)
    for shape in [(2, 32, 3), (2, 3, 31), (3, 32)]:
        with pytest.raises(DataError, match=f"{cls.__name__}: x must have the shape"):
            network(torch.zeros(shape))


@every_network
def test_networks_are_documented_and_known_to_bundles(cls):
    from ohlcvml.bundle import _allowed

    path = f"{_allowed.NETWORKS[0]}.{cls.__name__}"
    assert _allowed.path_of(cls) == path
    assert _allowed.class_at(path, "network") is cls
    section = cls.__doc__.partition("Parameters\n")[2]
    assert [name for name in cls(3, 32).config if not re.search(rf"\b{name}\b.* : ", section)] == []
    assert ">>>" in cls.__doc__


@every_network
def test_a_bundle_gives_back_the_same_answers(cls):
    from ohlcvml.bundle import _native

    network = cls(3, 32).eval()
    raw, extra = _native.dump("network", network, "$")
    again = _native.load_network(cls, network.config, raw, extra, "$")
    x = windows(3, 3, 32)
    assert torch.equal(again(x), network(x))


# LSTM


def test_lstm_is_the_equations_of_its_paper():
    network = LSTMNetwork(2, 5, hidden_size=3, n_layers=1).eval()
    x = windows(1, 2, 5)
    w = {name: p.detach().numpy() for name, p in network.recurrent.named_parameters()}
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    h, c = np.zeros(3), np.zeros(3)
    for bar in x[0].numpy().T:
        gates = w["weight_ih_l0"] @ bar + w["bias_ih_l0"] + w["weight_hh_l0"] @ h + w["bias_hh_l0"]
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    np.testing.assert_allclose(network(x)[0].detach(), h, atol=1e-6)


def test_dropout_acts_in_training_only():
    for cls in (LSTMNetwork, TCNNetwork, TiDENetwork):
        network = cls(2, 16, dropout=0.5)
        x = windows(3, 2, 16)
        assert not torch.equal(network.train()(x), network(x))
        assert torch.equal(network.eval()(x), network(x))


# TCN


def test_tcn_steps_do_not_see_the_future():
    network = TCNNetwork(3, 32).eval()
    x = windows(2, 3, 100)
    changed = x.clone()
    changed[..., 60:] += 5.0
    before, after = network.steps(x), network.steps(changed)
    assert torch.equal(after[..., :60], before[..., :60])
    assert not torch.equal(after[..., 60], before[..., 60])


@pytest.mark.parametrize("kernel_size", [2, 3, 5])
def test_tcn_on_a_segment_is_tcn_on_each_window(kernel_size):
    network = TCNNetwork(3, 32, kernel_size=kernel_size).eval()
    segment = windows(1, 3, 90)
    steps = network.steps(segment)[0].T[31:]
    separate = network(segment[0].unfold(1, 32, 1).transpose(0, 1))
    assert network.receptive_field <= 32
    close(steps, separate)


def test_tcn_receptive_field_is_exact():
    network = TCNNetwork(2, 16, kernel_size=3, n_layers=2).eval()
    x = windows(1, 2, 40).requires_grad_()
    network.steps(x)[0, :, -1].sum().backward()
    reached = torch.nonzero(x.grad.abs().sum((0, 1)))[:, 0]
    assert network.receptive_field == 13
    assert reached.min() == 40 - 13


@pytest.mark.parametrize(("window", "levels", "field"), [(512, 7, 509), (64, 4, 61), (3, 1, 5)])
def test_tcn_levels_fit_the_window(window, levels, field):
    network = TCNNetwork(1, window, n_filters=2)
    assert (len(network.levels), network.receptive_field) == (levels, field)


def test_tcn_block_by_hand():
    """One channel, one filter, weights 1 and kernel 2: pairs are added twice, then the input."""
    network = TCNNetwork(1, 4, n_filters=1, kernel_size=2, n_layers=1).eval()
    for convolution in (network.levels[0].first, network.levels[0].second):
        convolution.weight = torch.ones(1, 1, 2)
        torch.nn.init.zeros_(convolution.bias)
    x = torch.tensor([[[1.0, -2.0, 3.0, -4.0]]])
    # once: 1 -1 1 -1, rectified: 1 0 1 0, twice: 1 1 1 1, with the input: 2 -1 4 -3
    close(network.steps(x), torch.tensor([[[2.0, 0.0, 4.0, 0.0]]]))


# ResNet and InceptionTime


def shaken(network):
    """Give normalisations statistics and scales that a wrong order would betray."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            for values, low in ((module.running_mean, -1.0), (module.running_var, 0.5)):
                torch.nn.init.uniform_(values, low, low + 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -1.0, 1.0)
    return network.eval()


def copy_in_order(source, target):
    """Copy weights layer by layer; a convolution's bias that we leave out becomes zero."""
    kinds = (torch.nn.Conv1d, torch.nn.BatchNorm1d)
    for ours, theirs in zip(source, target, strict=True):
        pairs = zip(
            [m for m in ours.modules() if isinstance(m, kinds)],
            [m for m in theirs.modules() if isinstance(m, kinds)],
            strict=True,
        )
        for one, other in pairs:
            state = one.state_dict()
            if isinstance(one, torch.nn.Conv1d) and other.bias is not None:
                state["bias"] = torch.zeros_like(other.bias)
            other.load_state_dict(state)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_resnet_equals_sktimes():
    reference = pytest.importorskip("sktime.networks.resnet._resnet_torch").ResNetNetworkTorch
    ours = shaken(ResNet1DNetwork(3, 24, n_filters=(4, 6, 6)))
    theirs = reference(3, 2, n_filters=(4, 6, 6), activation_hidden=torch.nn.ReLU()).eval()
    copy_in_order([block.layers for block in ours.blocks], theirs.conv_blocks)
    copy_in_order([block.shortcut for block in ours.blocks], theirs.shortcuts)
    theirs.out = torch.nn.Identity()
    x = windows(5, 3, 24)
    close(ours(x), theirs(x.transpose(1, 2)))


@pytest.mark.parametrize("n_channels", [1, 3])
def test_inception_equals_sktimes(n_channels):
    module = pytest.importorskip("sktime.networks.inceptiontime._inceptiontime_torch")
    ours = shaken(InceptionTimeNetwork(n_channels, 48, n_filters=3, bottleneck_size=5))
    relu = torch.nn.ReLU()
    theirs = module.InceptionTimeNetworkTorch(
        n_channels, 2, n_filters=3, kernel_size=39, bottleneck_size=5, activation=relu,
        activation_hidden=relu,
    ).eval()  # fmt: skip
    copy_in_order(ours.inceptions, theirs.inception_modules)
    copy_in_order(ours.shortcuts, theirs.shortcut_layers)
    theirs.fc = torch.nn.Identity()
    x = windows(5, n_channels, 48)
    close(ours(x), theirs(x.transpose(1, 2)))


def test_inception_kernels_are_odd():
    with pytest.raises(ParameterError, match="an odd integer of at least 1"):
        InceptionTimeNetwork(1, 32, kernel_sizes=(40, 20, 10))


# DLinear


@pytest.mark.parametrize("individual", [False, True])
@pytest.mark.parametrize("moving_avg", [5, 25])
def test_dlinear_is_its_formula(individual, moving_avg):
    network = DLinearNetwork(
        2, 12, prediction_length=3, moving_avg=moving_avg, individual=individual
    )
    x = windows(4, 2, 12)
    half, series = moving_avg // 2, x.numpy().astype(float)
    wide = np.pad(series, ((0, 0), (0, 0), (half, half)), mode="edge")
    trend = np.stack([wide[..., t : t + moving_avg].mean(-1) for t in range(12)], axis=-1)
    got = network(x).detach().numpy().reshape(4, 2, 3)
    for channel in range(2):
        a, b = (maps[channel * individual] for maps in (network.trend, network.seasonal))
        weights = [v.detach().numpy().astype(float) for v in (a.weight, a.bias, b.weight, b.bias)]
        expected = trend[:, channel] @ weights[0].T + weights[1]
        expected += (series - trend)[:, channel] @ weights[2].T + weights[3]
        np.testing.assert_allclose(got[:, channel], expected, atol=1e-5)


def test_dlinear_equals_sktimes():
    reference = pytest.importorskip("sktime.networks.ltsf.models.linear").LTSFDLinearNetwork
    ours = DLinearNetwork(3, 40, prediction_length=6)
    theirs = reference(40, 6, in_channels=3)._build()
    theirs.Linear_Trend.load_state_dict(ours.trend[0].state_dict())
    theirs.Linear_Seasonal.load_state_dict(ours.seasonal[0].state_dict())
    x = windows(5, 3, 40)
    close(ours(x), theirs(x.transpose(1, 2)).transpose(1, 2).flatten(1))


def test_dlinear_even_average_by_hand():
    trend, rest = DLinearNetwork(1, 4, moving_avg=2).decompose(torch.tensor([[[1.0, 3.0, 5, 9]]]))
    assert trend.tolist() == [[[1.0, 2.0, 4.0, 7.0]]]
    assert rest.tolist() == [[[0.0, 1.0, 1.0, 2.0]]]


# TiDE


def perceptron(block, x):
    """Equations of the paper's residual block."""
    w = {name: p.detach().numpy().astype(float) for name, p in block.named_parameters()}
    hidden = np.maximum(x @ w["hidden.weight"].T + w["hidden.bias"], 0.0)
    out = hidden @ w["output.weight"].T + w["output.bias"] + x @ w["skip.weight"].T + w["skip.bias"]
    if "norm.weight" not in w:
        return out
    out = (out - out.mean(-1, keepdims=True)) / np.sqrt(out.var(-1, keepdims=True) + 1e-5)
    return out * w["norm.weight"] + w["norm.bias"]


@pytest.mark.parametrize("layer_norm", [True, False])
def test_tide_is_the_equations_of_its_paper(layer_norm):
    network = TiDENetwork(3, 6, hidden_size=5, temporal_width=2, layer_norm=layer_norm).eval()
    x = windows(4, 3, 6)
    series = x.numpy().astype(float)
    covariates = perceptron(network.projection, series[:, 1:].transpose(0, 2, 1))
    code = np.concatenate([series[:, 0], covariates.reshape(4, -1)], axis=1)
    for block in network.encoder:
        code = perceptron(block, code)
    np.testing.assert_allclose(network(x).detach(), code, atol=1e-5)


# N-BEATS and N-HiTS


@pytest.mark.parametrize("cls", [NBEATSNetwork, NHITSNetwork])
def test_components_sum_to_the_forecast(cls):
    network = cls(3, 32, prediction_length=6).eval()
    x = windows(4, 3, 32)
    parts = network.components(x)
    assert all(part.shape == (4, 3, 6) for part in parts.values())
    close(sum(parts.values()).flatten(1), network(x))


def test_nbeats_trend_is_a_parabola_and_its_seasons_are_waves():
    network = NBEATSNetwork(2, 32, prediction_length=12, polynomial_degree=2).eval()
    parts = {
        k: v.detach().double().numpy() for k, v in network.components(windows(3, 2, 32)).items()
    }
    assert np.abs(np.diff(parts["trend"], n=3)).max() < 1e-5
    assert np.abs(np.diff(parts["trend"], n=2)).max() > 1e-5
    spectrum = np.abs(np.fft.rfft(parts["seasonality"]))
    assert spectrum[..., 1:6].max() > 1e-3
    assert spectrum[..., 6].max() < 1e-5  # below half of the horizon, as in the paper


def test_nbeats_seasons_repeat_after_the_horizon():
    """Past and forecast are one wave: what lies a horizon before a step has its value."""
    past, future = (_nbeats._waves(np.arange(*span), 8) for span in ((-16, 0), (0, 8)))
    np.testing.assert_allclose(past[:, :8], future, atol=1e-12)
    np.testing.assert_allclose(past[:, 8:], future, atol=1e-12)
    t = np.arange(8)
    expected = [np.ones(8), *(np.cos(2 * np.pi * i * t / 8) for i in (1, 2, 3))]
    expected += [np.sin(2 * np.pi * i * t / 8) for i in (1, 2, 3)]
    np.testing.assert_allclose(future, expected, atol=1e-12)


@pytest.mark.parametrize("share_weights", [True, False])
def test_nbeats_is_doubly_residual(share_weights):
    network = NBEATSNetwork(2, 16, n_blocks=2, hidden_size=8, share_weights=share_weights).eval()
    x = windows(3, 2, 16)
    trend, seasons = (list(network.stacks[name]) for name in ("trend", "seasonality"))
    if share_weights:
        trend, seasons = trend * 2, seasons * 2
    residual, total = x, 0.0
    for block in [*trend, *seasons]:
        hidden = block.layers(residual.flatten(1))
        total = total + block.forecast(hidden).reshape(3, 2, -1) @ block.forecast_basis
        if hasattr(block, "past"):
            residual = residual - block.past(hidden).reshape(3, 2, -1) @ block.past_basis
    close(network(x), total.flatten(1))


def test_nhits_interpolates_in_straight_lines():
    weights = _nhits._interpolation(3, 5)
    np.testing.assert_allclose(np.array([1.0, 3.0, 0.0]) @ weights, [1.0, 2.0, 3.0, 1.5, 0.0])
    np.testing.assert_allclose(_nhits._interpolation(4, 4), np.eye(4), atol=1e-12)
    np.testing.assert_allclose(_nhits._interpolation(1, 3), [[1.0, 1.0, 1.0]])
    np.testing.assert_allclose(_nhits._interpolation(2, 4)[1], [0.0, 1 / 3, 2 / 3, 1.0])


def test_nhits_knots_follow_the_ratios():
    network = NHITSNetwork(2, 30, prediction_length=8)
    knots = [network.stacks[name][0].forecast_basis.shape[0] for name in network.stacks]
    assert knots == [1, 2, 4]
    assert [block[0].past_basis.shape[0] for block in network.stacks.values()] == [4, 8, 15]
    with pytest.raises(ParameterError, match="'n_freq_downsample' must be as long as"):
        NHITSNetwork(2, 30, n_freq_downsample=(4, 2))


def test_nhits_pools_by_maximum():
    basis = np.eye(5)
    block = _doubly_residual.BasisBlock(
        1, basis, basis[:1], hidden_size=2, n_layers=1, pool=2, explains_past=False
    )
    seen = []
    block.layers.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    block(torch.tensor([[[1.0, 4.0, 2.0, 0.0, -1.0]]]), explain=False)
    assert seen[0].tolist() == [[4.0, 2.0, -1.0]]
