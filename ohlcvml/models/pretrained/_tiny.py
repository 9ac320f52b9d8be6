"""Tiny checkpoints with random weights, for tests and examples of calls. Never for results.

The published weights take a network and gigabytes. A checkpoint of the same kind with a few
thousand random numbers is written by the real library and read back by the real loading code, so
tests see every line but the skill.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ohlcvml._checks import check_value, integer, one_of
from ohlcvml._requires import require
from ohlcvml.models.pretrained._weights import quiet_loading

DECILES = [k / 10 for k in range(1, 10)]
# The grid of the published weights of Chronos-2.
FINE = [0.01, *[round(0.05 * k, 2) for k in range(1, 20)], 0.99]
COMMITS = ("0" * 39 + "1", "0" * 39 + "2")


def random_weights(kind: str, seed: int = 0) -> str:
    """Folder of a tiny checkpoint with random weights, written once in this process.

    Its forecasts mean nothing: use it to try calls and to test code without a network.

    Parameters
    ----------
    kind : str
        ``"chronos_bolt"``, ``"chronos2"``, ``"timesfm"``, ``"kronos"`` or ``"kronos_tokenizer"``.
    seed : int, default=0

    Examples
    --------
    >>> import os
    >>> from ohlcvml.models.pretrained import random_weights
    >>> sorted(set(os.listdir(random_weights("chronos_bolt"))))
    ['config.json', 'model.safetensors']
    """
    check_value("random_weights", "kind", one_of(*WRITERS), kind)
    check_value("random_weights", "seed", integer(0), seed)
    folder = _scratch() / f"{kind}-{seed}"
    if not folder.exists():
        write_random_weights(kind, folder, seed)
    return str(folder)


def random_weights_params(kind: str) -> list[dict[str, Any]]:
    """Two sets of parameters on random weights that move all that foundation models share.

    Weights lie as the hub's cache lays them out, so that a revision has something to choose. Where
    the library is missing there are none: parameters can be checked, but nothing can be fitted.
    """
    try:
        first, second = _as_hub_cache(kind, (0, 1)), _as_hub_cache(kind, (2, 3))
    except ImportError:
        first, second = f"random/{kind}", f"random/{kind}-2"
    return [
        {
            "model_name": first,
            "revision": None,
            "window": 16,
            "prediction_length": 4,
            "n_paths": 64,
        },
        {
            "model_name": second,
            "revision": "other",
            "window": 24,
            "prediction_length": 6,
            "n_paths": 128,
            "calibrate": True,
            "random_state": 7,
            "inference_batch_size": 16,
            "cache": False,
        },
    ]


def write_random_weights(kind: str, folder: Path, seed: int) -> None:
    """Write a checkpoint of random numbers with the library of that kind."""
    torch = require("torch", extra="foundation", who="random_weights")
    with quiet_loading():
        torch.manual_seed(seed)
        WRITERS[kind](folder)
    (folder / "README.md").unlink(missing_ok=True)  # a model card that would claim to be one


@lru_cache(maxsize=1)
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ohlcvml-random-weights-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _as_hub_cache(kind: str, seeds: tuple[int, int]) -> str:
    """Two sets of weights as the revisions ``main`` and ``other`` of one repository."""
    folder = _scratch() / f"models--random--{kind}-{seeds[0]}"
    if not (folder / "refs").exists():
        for commit, seed in zip(COMMITS, seeds, strict=True):
            write_random_weights(kind, folder / "snapshots" / commit, seed)
        (folder / "refs").mkdir()  # last: a folder left half written is written again
        for name, commit in zip(("main", "other"), COMMITS, strict=True):
            (folder / "refs" / name).write_text(commit, encoding="utf-8")
    return str(folder)


def _chronos_bolt(folder: Path) -> None:
    library = require("chronos.chronos_bolt", extra="foundation", who="random_weights")
    from transformers import T5Config  # chronos needs it

    config = T5Config(
        d_model=16,
        d_kv=8,
        d_ff=16,
        num_layers=1,
        num_decoder_layers=1,
        num_heads=2,
        vocab_size=2,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        feed_forward_proj="relu",
        is_encoder_decoder=True,
        dropout_rate=0.0,
        tie_word_embeddings=False,
    )
    config.chronos_config = {
        "context_length": 512,
        "prediction_length": 64,
        "input_patch_size": 16,
        "input_patch_stride": 16,
        "quantiles": DECILES,
        "use_reg_token": True,
    }
    config.chronos_pipeline_class = "ChronosBoltPipeline"
    config.architectures = ["ChronosBoltModelForForecasting"]
    library.ChronosBoltModelForForecasting(config).save_pretrained(folder)


def _chronos2(folder: Path) -> None:
    library = require("chronos.chronos2", extra="foundation", who="random_weights")
    config = library.Chronos2CoreConfig(
        d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, dropout_rate=0.0
    )
    config.chronos_config = {
        "context_length": 512,
        "input_patch_size": 16,
        "input_patch_stride": 16,
        "output_patch_size": 16,
        "quantiles": FINE,
        "use_reg_token": True,
        "use_arcsinh": True,
        "max_output_patches": 4,
        "time_encoding_scale": 512,
    }
    config.chronos_pipeline_class = "Chronos2Pipeline"
    config.architectures = ["Chronos2Model"]
    library.Chronos2Model(config).save_pretrained(folder)


def _timesfm(folder: Path) -> None:
    where = "timesfm.timesfm_2p5.timesfm_2p5_torch"
    library = require(where, extra="foundation", who="random_weights")
    module = library.TimesFM_2p5_200M_torch_module
    published = module.config
    stack = published.stacked_transformers
    module.config = replace(
        published,
        tokenizer=replace(published.tokenizer, hidden_dims=16, output_dims=16),
        stacked_transformers=replace(
            stack,
            num_layers=1,
            transformer=replace(stack.transformer, model_dims=16, hidden_dims=16, num_heads=2),
        ),
        output_projection_point=replace(
            published.output_projection_point, input_dims=16, hidden_dims=16
        ),
        output_projection_quantiles=replace(
            published.output_projection_quantiles, input_dims=16, hidden_dims=16
        ),
    )
    try:
        library.TimesFM_2p5_200M_torch(torch_compile=False).save_pretrained(folder)
    finally:
        module.config = published


def _kronos(folder: Path) -> None:
    from sktime.libs.kronos import Kronos

    Kronos(
        s1_bits=4,
        s2_bits=4,
        n_layers=1,
        d_model=16,
        n_heads=2,
        ff_dim=16,
        ffn_dropout_p=0.0,
        attn_dropout_p=0.0,
        resid_dropout_p=0.0,
        token_dropout_p=0.0,
        learn_te=True,
    ).save_pretrained(folder)


def _kronos_tokenizer(folder: Path) -> None:
    from sktime.libs.kronos import KronosTokenizer

    KronosTokenizer(
        d_in=6,
        d_model=16,
        n_heads=2,
        ff_dim=16,
        n_enc_layers=2,
        n_dec_layers=2,
        ffn_dropout_p=0.0,
        attn_dropout_p=0.0,
        resid_dropout_p=0.0,
        s1_bits=4,
        s2_bits=4,
        beta=0.05,
        gamma0=1.0,
        gamma=1.1,
        zeta=0.05,
        group_size=4,
    ).save_pretrained(folder)


WRITERS: dict[str, Callable[[Path], None]] = {
    "chronos_bolt": _chronos_bolt,
    "chronos2": _chronos2,
    "timesfm": _timesfm,
    "kronos": _kronos,
    "kronos_tokenizer": _kronos_tokenizer,
}
