"""The selective scan, the Mamba block and S-Mamba."""

import sys
import types

import pytest

torch = pytest.importorskip("torch")

from ohlcvml.models.neural.networks import SMambaNetwork  # noqa: E402
from ohlcvml.models.neural.networks import _selective_scan as scan  # noqa: E402
from ohlcvml.models.neural.networks._mamba_mixer import MambaMixer  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed():
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
    torch.random.set_rng_state(state)


def inputs(batch=2, d=3, states=4, length=11):
    """Arguments of a scan in float64, each asking for a gradient."""
    shapes = {"u": (batch, d, length), "delta": (batch, d, length), "A": (d, states)}
    shapes |= {"B": (batch, states, length), "C": (batch, states, length), "D": (d,)}
    shapes |= {"z": (batch, d, length), "delta_bias": (d,)}
    made = {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}
    made["A"] = -made["A"].exp()
    return {name: value.requires_grad_() for name, value in made.items()}


def naive(u, delta, A, B, C, D, z, delta_bias):
    """The recurrence as it is written, one step and one row at a time."""
    step = torch.log1p(torch.exp(delta + delta_bias[:, None]))
    rows = []
    for row in range(len(u)):
        h, outputs = torch.zeros_like(A), []
        for t in range(u.shape[-1]):
            dt, x = step[row, :, t, None], u[row, :, t, None]
            h = torch.exp(dt * A) * h + dt * x * B[row, :, t]
            outputs.append((h * C[row, :, t]).sum(-1) + D * u[row, :, t])
        gate = z[row] * torch.sigmoid(z[row])
        rows.append(torch.stack(outputs, dim=-1) * gate)
    return torch.stack(rows)


# One step at a time, blocks that do not divide the length, the whole length at once.
@pytest.fixture(params=[1, 2 * 3 * 4 * 3, 2**18], ids=["steps", "blocks", "whole"])
def _block(request, monkeypatch):
    monkeypatch.setattr(scan, "BLOCK_ENTRIES", request.param)


@pytest.mark.usefixtures("_block")
def test_scan_is_the_naive_recurrence():
    given = inputs()
    expected = naive(**given)
    torch.testing.assert_close(scan.selective_scan(**given, delta_softplus=True), expected)
    with torch.no_grad():
        torch.testing.assert_close(scan.selective_scan(**given, delta_softplus=True), expected)


@pytest.mark.usefixtures("_block")
def test_scan_has_the_gradients_of_the_naive_recurrence():
    given = inputs()
    weight = torch.randn(2, 3, 11, dtype=torch.float64)
    parts = list(given.values())
    ours = torch.autograd.grad(
        (scan.selective_scan(**given, delta_softplus=True) * weight).sum(), parts
    )
    theirs = torch.autograd.grad((naive(**given) * weight).sum(), parts)
    for own, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, reference)


@pytest.mark.usefixtures("_block")
def test_scan_passes_gradcheck():
    given = inputs(length=5)

    def run(*parts):
        return scan.selective_scan(*parts, delta_softplus=True)

    assert torch.autograd.gradcheck(run, tuple(given.values()))


def test_scan_keeps_about_the_root_of_the_states(monkeypatch):
    monkeypatch.setattr(scan, "BLOCK_ENTRIES", 1)
    length = 400
    given = inputs(batch=1, d=2, length=length)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        scan.selective_scan(**given)
    states = [value for value in kept if value.shape == (1, 2, 4)]
    assert len(states) == 20


def test_scan_in_half_precision_keeps_a_wide_state():
    given = {name: value.detach().float() for name, value in inputs().items()}
    narrow = {name: value.bfloat16() for name, value in given.items()}
    wide = scan.selective_scan(**{name: value.float() for name, value in narrow.items()})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = scan.selective_scan(**narrow)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, wide.bfloat16())


def test_faded_gradients_are_zero_not_subnormal():
    given = {name: value.detach().float() for name, value in inputs(length=600).items()}
    given["delta"].requires_grad_()
    out = scan.selective_scan(**given, delta_softplus=True)
    (grad,) = torch.autograd.grad(out[..., -1].sum(), given["delta"])
    tiny = torch.finfo(torch.float32).tiny
    assert ((grad == 0) | (grad.abs() >= tiny)).float().mean() > 0.99
    assert (grad[..., 0] == 0).any()


def test_scan_exports_with_a_batch_of_any_size():
    class Scan(torch.nn.Module):
        def forward(self, u, delta, A, B, C):
            return scan.selective_scan(u, delta, A, B, C)

    def parts(batch):
        given = {name: value.detach().float() for name, value in inputs(batch, length=6).items()}
        return tuple(given[name] for name in ("u", "delta", "A", "B", "C"))

    batch = {0: torch.export.Dim("batch")}
    shapes = {"u": batch, "delta": batch, "A": None, "B": batch, "C": batch}
    exported = torch.export.export(Scan(), parts(3), dynamic_shapes=shapes).module()
    other = parts(5)
    torch.testing.assert_close(exported(*other), scan.selective_scan(*other))


@pytest.mark.parametrize("works", [True, False])
def test_the_kernel_of_mamba_ssm_is_taken_where_it_imports(monkeypatch, works):
    class Broken(types.ModuleType):
        def __getattr__(self, name):
            raise RuntimeError("no CUDA driver")

    name = "mamba_ssm.ops.selective_scan_interface"
    for parent in ("mamba_ssm", "mamba_ssm.ops"):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    module = types.ModuleType(name) if works else Broken(name)
    if works:
        module.selective_scan_fn = max
    monkeypatch.setitem(sys.modules, name, module)
    assert scan._cuda_kernel.__wrapped__() is (max if works else None)


def test_mixer_has_the_parameters_of_mamba_ssm():
    d_model, d_state, d_conv, expand = 32, 8, 3, 2
    inner, rank = 64, 2
    mixer = MambaMixer(d_model, d_state, d_conv, expand)
    assert {name: tuple(value.shape) for name, value in mixer.named_parameters()} == {
        "in_proj.weight": (2 * inner, d_model),
        "conv1d.weight": (inner, 1, d_conv),
        "conv1d.bias": (inner,),
        "x_proj.weight": (rank + 2 * d_state, inner),
        "dt_proj.weight": (inner, rank),
        "dt_proj.bias": (inner,),
        "A_log": (inner, d_state),
        "D": (inner,),
        "out_proj.weight": (d_model, inner),
    }


def test_mixer_starts_as_published():
    mixer = MambaMixer(16, d_state=4)
    step = torch.nn.functional.softplus(mixer.dt_proj.bias)
    assert step.min() > 0.99e-3
    assert step.max() < 0.101
    torch.testing.assert_close(mixer.A_log.exp()[5], torch.arange(1.0, 5.0))


def test_mixer_equals_transformers():
    modeling = pytest.importorskip("transformers.models.mamba.modeling_mamba")
    from transformers import MambaConfig

    config = MambaConfig(hidden_size=12, state_size=5, conv_kernel=3, expand=2, time_step_rank=1)
    theirs = modeling.MambaMixer(config, layer_idx=0).eval()
    ours = MambaMixer(12, d_state=5, d_conv=3, expand=2).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 9, 12)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-5)


def test_mixer_sees_no_later_token():
    mixer = MambaMixer(8)
    x = torch.randn(2, 10, 8)
    changed = x.clone()
    changed[:, 6:] += 1
    assert torch.equal(mixer(x)[:, :6], mixer(changed)[:, :6])
    assert not torch.allclose(mixer(x)[:, 6], mixer(changed)[:, 6])


def test_layer_is_the_equation_of_the_paper():
    net = SMambaNetwork(4, 10, d_model=8, d_ff=8, n_layers=1).eval()
    x = torch.randn(2, 4, 10)
    layer, z = net.layers[0], net.embedding(x)
    z = layer.norm1(z + layer.mixer(z) + layer.mixer_back(z.flip(1)).flip(1))
    z = net.norm(layer.norm2(z + layer.feed_forward(z)))
    torch.testing.assert_close(net.tokens(x), z)


def test_variate_scan_reads_every_channel_both_ways():
    net = SMambaNetwork(4, 10, d_model=8, d_ff=8, n_layers=1).eval()
    x = torch.randn(1, 4, 10, requires_grad=True)
    for token in (0, 3):
        (grad,) = torch.autograd.grad(net.tokens(x)[0, token].square().sum(), x)
        assert (grad.abs().sum(-1) > 0).all()


def test_time_scan_sees_no_later_bar():
    net = SMambaNetwork(3, 20, d_model=8, d_ff=8, n_layers=2, scan="time").eval()
    x = torch.randn(2, 3, 20)
    changed = x.clone()
    changed[..., 15:] += 1
    torch.testing.assert_close(net.tokens(x)[:, :15], net.tokens(changed)[:, :15])
    assert not torch.allclose(net(x), net(changed))


def test_defaults_follow_the_scan():
    assert SMambaNetwork(3, 20, d_model=8).layers[0].mixer.conv1d.kernel_size == (2,)
    over_time = SMambaNetwork(3, 20, d_model=8, scan="time").layers[0]
    assert over_time.mixer.conv1d.weight.shape == (16, 1, 4)
    assert over_time.mixer_back is None


def test_time_scan_takes_ten_thousand_bars():
    net = SMambaNetwork(4, 10_000, d_model=16, d_ff=16, n_layers=1, scan="time").eval()
    with torch.no_grad():
        out = net(torch.randn(1, 4, 10_000))
    assert out.shape == (1, 16)
    assert torch.isfinite(out).all()
