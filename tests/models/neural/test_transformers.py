"""PatchTST, iTransformer, TimesNet and Autoformer against their definitions."""

import copy
import math

import pytest

torch = pytest.importorskip("torch")

from ohlcvml.exceptions import ParameterError  # noqa: E402
from ohlcvml.models.neural.networks import (  # noqa: E402
    AutoformerNetwork,
    ITransformerNetwork,
    PatchTSTNetwork,
    TimesNetNetwork,
)
from ohlcvml.models.neural.networks._attention import EncoderLayer  # noqa: E402
from ohlcvml.models.neural.networks._autoformer import (  # noqa: E402
    LagAttention,
    autocorrelation,
    trailing_mean,
)

SMALL = {"d_model": 8, "n_heads": 2, "n_layers": 2, "d_ff": 12}


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed():
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
    torch.random.set_rng_state(state)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_the_naive_one(causal):
    layer = EncoderLayer(8, 2, 16, dropout=0.0)
    x = torch.randn(1, 5, 8)
    q, k, v = (proj(x)[0] for proj in (layer.q_proj, layer.k_proj, layer.v_proj))
    heads = []
    for part in (slice(0, 4), slice(4, 8)):
        score = q[:, part] @ k[:, part].T / math.sqrt(4)
        if causal:
            score = score.masked_fill(torch.ones(5, 5).triu(1).bool(), -math.inf)
        heads.append(score.softmax(-1) @ v[:, part])
    expected = layer.out_proj(torch.cat(heads, -1))
    torch.testing.assert_close(layer.attend(x, causal)[0], expected)


def test_encoder_layer_normalises_after_each_branch():
    layer = EncoderLayer(8, 2, 16, dropout=0.5).eval()
    x = torch.randn(2, 5, 8)
    middle = layer.norm1(x + layer.attend(x))
    torch.testing.assert_close(layer(x), layer.norm2(middle + layer.feed_forward(middle)))


@pytest.mark.parametrize("network", [PatchTSTNetwork, ITransformerNetwork, AutoformerNetwork])
def test_heads_must_divide_the_width(network):
    with pytest.raises(ParameterError, match="must divide d_model=8"):
        network(2, 20, d_model=8, n_heads=3)


def test_causal_patches_do_not_see_newer_ones():
    net = PatchTSTNetwork(3, 40, patch_length=8, stride=4, **SMALL).eval()
    x = torch.randn(2, 3, 40)
    changed = x.clone()
    changed[..., -4:] += 1  # bars of the last patch only
    before, after = net.tokens(x), net.tokens(changed)
    torch.testing.assert_close(before[:, :, :-1], after[:, :, :-1], atol=0, rtol=0)
    assert not torch.allclose(before[:, :, -1], after[:, :, -1])


def test_without_the_mask_old_patches_see_new_ones():
    net = PatchTSTNetwork(3, 40, patch_length=8, stride=4, causal=False, **SMALL).eval()
    x = torch.randn(2, 3, 40)
    changed = x.clone()
    changed[..., -4:] += 1
    assert not torch.allclose(net.tokens(x)[:, :, 0], net.tokens(changed)[:, :, 0])


@pytest.mark.parametrize("window", [5, 8, 9, 11, 12, 30])
def test_patches_end_with_the_newest_bar_and_miss_none(window):
    net = PatchTSTNetwork(1, window, patch_length=8, stride=4, **SMALL)
    x = torch.arange(float(window)).expand(1, 1, window)
    patches = net.patches(x)[0, 0]
    assert patches[-1].tolist() == [max(0, bar) for bar in range(window - 8, window)]
    assert set(patches.flatten().tolist()) == set(range(window))
    assert net.padding < 4 or window < 8
    assert len(patches) == len(net.position)


def test_patchtst_treats_channels_alone():
    net = PatchTSTNetwork(3, 40, patch_length=8, stride=4, **SMALL).eval()
    x = torch.randn(2, 3, 40)
    changed = x.clone()
    changed[:, 1] += 1
    torch.testing.assert_close(net.tokens(x)[:, [0, 2]], net.tokens(changed)[:, [0, 2]])


def test_patchtst_with_batch_norm_keeps_rows_apart_in_eval():
    net = PatchTSTNetwork(3, 40, patch_length=8, stride=4, norm="batch", **SMALL)
    net(torch.randn(16, 3, 40) * 3 + 1)
    x = torch.randn(4, 3, 40)
    net.eval()
    torch.testing.assert_close(net(x)[:1], net(x[:1]))


def test_patchtst_refuses_gaps_between_patches():
    with pytest.raises(ParameterError, match="at most patch_length=4"):
        PatchTSTNetwork(3, 40, patch_length=4, stride=5)


NAMES = {
    "self_attn.q_proj": "q_proj",
    "self_attn.k_proj": "k_proj",
    "self_attn.v_proj": "v_proj",
    "self_attn.out_proj": "out_proj",
    "self_attn.o_proj": "out_proj",
    "norm_sublayer1.batchnorm": "norm1",
    "norm_sublayer3.batchnorm": "norm2",
    "norm_sublayer1": "norm1",
    "norm_sublayer3": "norm2",
    "ff.0": "feed_forward.0",
    "ff.3": "feed_forward.3",
}


@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_patchtst_equals_transformers(norm):
    transformers = pytest.importorskip("transformers")
    config = transformers.PatchTSTConfig(
        num_input_channels=3,
        context_length=40,
        patch_length=8,
        patch_stride=4,
        d_model=8,
        num_attention_heads=2,
        num_hidden_layers=2,
        ffn_dim=12,
        norm_type=f"{norm}norm",
        pre_norm=False,
        scaling=None,
        positional_encoding_type="random",
        do_mask_input=False,
    )
    theirs = transformers.PatchTSTModel(config).eval()
    ours = PatchTSTNetwork(3, 40, patch_length=8, stride=4, causal=False, norm=norm, **SMALL).eval()
    state = {}
    for name, value in theirs.state_dict().items():
        if "input_embedding" in name:
            state[f"embedding.{name.rsplit('.', 1)[1]}"] = value
        elif "position_enc" in name:
            state["position"] = value
        elif ".layers." in name:
            _, _, rest = name.partition(".layers.")
            number, _, rest = rest.partition(".")
            old = next(key for key in NAMES if rest.startswith(key + "."))
            state[f"layers.{number}.{NAMES[old]}{rest.removeprefix(old)}"] = value
    ours.load_state_dict(state)
    x = torch.randn(2, 3, 40)
    expected = theirs(past_values=x.transpose(1, 2)).last_hidden_state
    torch.testing.assert_close(ours.tokens(x), expected, atol=1e-5, rtol=1e-5)


def test_itransformer_knows_no_order_of_channels():
    net = ITransformerNetwork(4, 20, **SMALL).eval()
    x, order = torch.randn(2, 4, 20), [2, 0, 3, 1]
    torch.testing.assert_close(net.tokens(x)[:, order], net.tokens(x[:, order]))


def test_itransformer_channels_attend_to_one_another():
    net = ITransformerNetwork(4, 20, **SMALL).eval()
    x = torch.randn(2, 4, 20)
    changed = x.clone()
    changed[:, 3] += 1
    assert not torch.allclose(net.tokens(x)[:, 0], net.tokens(changed)[:, 0])


def timesnet(window=24, **changes):
    given = {"d_model": 4, "d_ff": 5, "n_layers": 1, "kernel_sizes": (3, 5)} | changes
    return TimesNetNetwork(2, window, **given).eval()


def test_timesnet_rows_do_not_see_their_batch():
    net = timesnet()
    x = torch.randn(6, 2, 24)
    alone = torch.cat([net(row[None]) for row in x])
    torch.testing.assert_close(net(x), alone)
    net.train()
    net.dropout.p = 0.0
    torch.testing.assert_close(net(x), alone)


def test_timesnet_finds_the_periods_of_a_wave():
    net = timesnet(window=48, top_k=2)
    bars = torch.arange(48.0)
    wave = 3 * torch.sin(2 * math.pi * bars / 8) + torch.cos(2 * math.pi * bars / 16)
    assert net.find_periods([torch.stack([wave, 100 * wave + 5])[None]]) == [8, 16]


def test_timesnet_periods_are_set_saved_and_loaded():
    net, other = timesnet(top_k=3, periods=(7, 5)), timesnet(top_k=3)
    other.load_state_dict(copy.deepcopy(net.state_dict()))
    x = torch.randn(3, 2, 24)
    torch.testing.assert_close(net(x), other(x), atol=0, rtol=0)
    again = TimesNetNetwork(**other.config).eval()
    again.load_state_dict(net.state_dict())
    assert other.config == net.config
    torch.testing.assert_close(net(x), again(x), atol=0, rtol=0)


@pytest.mark.parametrize("periods", [[], [1], [25], [2, 3, 4]])
def test_timesnet_refuses_periods_it_cannot_fold_by(periods):
    with pytest.raises(ParameterError, match="periods"):
        timesnet(top_k=2).set_periods(periods)


def test_timesnet_block_is_the_equation_of_the_paper():
    """Amplitudes by FFT, the fold written out, weights by softmax."""
    net = timesnet(periods=(8, 5))
    z = torch.randn(2, 4, 24)
    spectrum = torch.fft.rfft(z).abs().mean(1)
    weights = spectrum[:, [3, 5]].softmax(-1)  # 24 / 8, and 24 / 5 rounded
    expected = torch.zeros_like(z)
    for k, (period, missing) in enumerate([(8, 0), (5, 1)]):
        padded = torch.cat([torch.zeros(2, 4, missing), z], -1)
        cycles = torch.stack(padded.split(period, dim=-1), dim=2)
        out = net.blocks[0](cycles).reshape(2, 4, -1)[..., missing:]
        expected += weights[:, k, None, None] * out
    torch.testing.assert_close(net._vary(z, net.blocks[0]), expected)


def test_timesnet_inception_is_the_mean_of_its_convolutions():
    block = timesnet(kernel_sizes=(5, 1, 3)).blocks[0][0]
    x = torch.randn(3, 4, 6, 7)
    expected = torch.stack([convolve(x) for convolve in block.convolutions]).mean(0)
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("length", [7, 12])
def test_autocorrelation_is_its_definition(length):
    q, k = torch.randn(2, 3, length).double(), torch.randn(2, 3, length).double()
    expected = torch.zeros_like(q)
    for lag in range(length):
        for t in range(length):
            expected[..., lag] += q[..., t] * k[..., (t - lag) % length]
    torch.testing.assert_close(autocorrelation(q, k), expected)


def test_lag_attention_is_its_definition():
    """Each row and head takes its own lags and rolls its values by them."""
    layer = LagAttention(6, n_heads=2, n_lags=3).double()
    x = torch.randn(4, 10, 6).double()
    q, k, v = (proj(x) for proj in (layer.q_proj, layer.k_proj, layer.v_proj))
    heads = torch.zeros_like(v)
    for row in range(4):
        for part in (slice(0, 3), slice(3, 6)):
            qs, ks, vs = (value[row, :, part] for value in (q, k, v))
            strength = torch.stack([(qs * ks.roll(lag, 0)).sum(0).mean() for lag in range(10)])
            best = strength.sort(descending=True).indices[:3]
            for lag, weight in zip(best.tolist(), strength[best].softmax(0), strict=True):
                heads[row, :, part] += weight * vs.roll(-lag, 0)
    torch.testing.assert_close(layer(x), layer.out_proj(heads))


def test_lag_attention_with_one_head_equals_transformers():
    """With more heads transformers shares the lags among them, which the paper does not."""
    modeling = pytest.importorskip("transformers.models.autoformer.modeling_autoformer")
    theirs = modeling.AutoformerAttention(6, 1, autocorrelation_factor=2).eval()
    ours = LagAttention(6, n_heads=1, n_lags=int(2 * math.log(20))).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(4, 20, 6)
    torch.testing.assert_close(ours(x), theirs(x)[0], atol=1e-5, rtol=1e-5)


def test_trailing_mean_sees_no_newer_bar():
    x = torch.randn(2, 3, 30)
    changed = x.clone()
    changed[..., 20:] += 1
    assert torch.equal(trailing_mean(x, 5)[..., :20], trailing_mean(changed, 5)[..., :20])
    torch.testing.assert_close(trailing_mean(x, 5)[..., 12], x[..., 8:13].mean(-1))


@pytest.mark.parametrize("training", [True, False])
def test_autoformer_rows_do_not_see_their_batch(training):
    net = AutoformerNetwork(2, 24, dropout=0.0, moving_avg=5, **SMALL).train(training)
    x = torch.randn(6, 2, 24)
    torch.testing.assert_close(net(x), torch.cat([net(row[None]) for row in x]))


def test_autoformer_trend_is_the_newest_trailing_mean():
    net = AutoformerNetwork(2, 24, moving_avg=5, **SMALL).eval()
    x = torch.randn(3, 2, 24)
    torch.testing.assert_close(net(x)[:, 8:], net.trend(x[..., -5:].mean(-1)))


def test_autoformer_tokens_have_no_level():
    net = AutoformerNetwork(2, 24, moving_avg=5, **SMALL).eval()
    level = net.tokens(torch.randn(3, 2, 24)).mean(1)
    torch.testing.assert_close(level, torch.zeros(3, 8))
