"""Weights are found in folders, in the hub's cache and on the hub, and told apart."""

import json
import os
import subprocess
import sys

import pytest

from ohlcvml.exceptions import DataError, MissingDependencyError, ParameterError
from ohlcvml.models import (
    Chronos2Classifier,
    ChronosBoltClassifier,
    KronosClassifier,
    TimesFMClassifier,
)
from ohlcvml.models.pretrained import random_weights
from ohlcvml.models.pretrained._chronos_bolt import BoltForecaster
from ohlcvml.models.pretrained._tiny import COMMITS, write_random_weights
from ohlcvml.models.pretrained._weights import find_weights, weights_digest

CLASSES = [Chronos2Classifier, ChronosBoltClassifier, KronosClassifier, TimesFMClassifier]


def hub_cache(folder, kind="chronos_bolt"):
    """A cache of the hub with two revisions of one repository."""
    repository = folder / "models--random--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMITS[0])
    for seed, commit in enumerate(COMMITS):
        write_random_weights(kind, repository / "snapshots" / commit, seed)
    return repository


def test_a_folder_is_taken_as_it_is(tmp_path):
    write_random_weights("kronos", tmp_path / "weights", 0)
    assert find_weights(str(tmp_path / "weights"), None, "Model") == tmp_path / "weights"


def test_a_revision_chooses_a_snapshot(tmp_path):
    repository = hub_cache(tmp_path)
    main = find_weights(str(repository), None, "Model")
    second = find_weights(str(repository), COMMITS[1], "Model")
    assert (main.name, second.name) == COMMITS
    assert weights_digest(main) != weights_digest(second)
    with pytest.raises(DataError, match=r"revision 'v9' is not in .* it holds 0+1, 0+2"):
        find_weights(str(repository), "v9", "Model")
    with pytest.raises(DataError, match="is not in"):
        find_weights(str(repository), "../refs", "Model")


def test_a_plain_folder_has_no_revisions():
    with pytest.raises(ParameterError, match="'revision' must be None where 'model_name'"):
        find_weights(random_weights("chronos_bolt"), "main", "Model")


@pytest.mark.parametrize("name", ["no-such-folder", "./a/b", "a/b/c", "https://x.org/y"])
def test_what_is_neither_folder_nor_hub_id_is_refused(name):
    with pytest.raises(ParameterError, match=r"Model: parameter 'model_name' must be a folder"):
        find_weights(name, None, "Model")


def test_weights_are_safetensors_only(tmp_path):
    write_random_weights("kronos", tmp_path, 0)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"model\.safetensors missing"):
        find_weights(str(tmp_path), None, "Model")


def test_the_digest_is_that_of_the_bytes(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_random_weights("chronos_bolt", tmp_path / name, seed)
    digests = [weights_digest(tmp_path / name) for name in "abc"]
    assert digests[0] == digests[1] != digests[2]
    config = tmp_path / "a" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "note": 1}))
    assert weights_digest(tmp_path / "a") != digests[0]


OFFLINE = """
import ohlcvml.models
from ohlcvml.bars import simulate_bars
from ohlcvml.labels import FixedHorizonLabeller
bars = simulate_bars(700, seed=0).bars
labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
for name in NAMES:
    try:
        getattr(ohlcvml.models, name)().fit(bars, labels)
    except Exception as error:
        print(type(error).__name__, error)
"""


def run_offline(code, home):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout.splitlines()


def test_offline_without_weights_is_one_clear_error(tmp_path):
    names = [cls.__name__ for cls in CLASSES]
    lines = run_offline(OFFLINE.replace("NAMES", repr(names)), tmp_path)
    assert len(lines) == len(CLASSES)
    for cls, told in zip(CLASSES, lines, strict=True):
        name = cls().model_name
        assert told.startswith(f"DataError {cls.__name__}: the weights {name!r} at ")
        assert "HF_HUB_OFFLINE is set" in told
        assert f"hf download {name} --revision {cls._known[name].revision}" in told
        assert "'model_name'" in told


def test_a_hub_id_is_read_from_the_hubs_cache_without_a_network(tmp_path):
    """The hub's own client finds what an earlier download left."""
    hub_cache(tmp_path / "hub")
    code = (
        "from ohlcvml.models.pretrained._weights import find_weights\n"
        "print(find_weights('random/tiny', None, 'Model').name)\n"
        f"print(find_weights('random/tiny', {COMMITS[1]!r}, 'Model').name)\n"
    )
    assert tuple(run_offline(code, tmp_path)) == COMMITS


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_default_weights_are_pinned(cls):
    for known in cls._known.values():
        assert len(known.revision) == 40
        assert int(known.revision, 16) >= 0
    assert {name for _, name, _ in cls()._names()} == set(cls._known)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_tags_are_those_of_the_weights(cls):
    model = cls()
    assert model.get_tag("training_data_cutoff") == cls.get_class_tag("training_data_cutoff")
    assert model.get_tag("licence") == cls.get_class_tag("licence")
    other = cls(model_name="somebody/else")
    assert other.get_tag("training_data_cutoff") == "unknown"
    assert other.get_tag("licence") == "LicenseRef-unknown"
    assert cls(revision="main").get_tag("training_data_cutoff") == "unknown"
    other.set_params(model_name=model.model_name)
    assert other.get_tag("training_data_cutoff") == model.get_tag("training_data_cutoff")


def test_a_folder_of_the_same_name_is_other_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_random_weights("chronos_bolt", tmp_path / "amazon" / "chronos-bolt-small", 0)
    assert ChronosBoltClassifier().get_tag("training_data_cutoff") == "unknown"


def test_a_missing_package_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "chronos", None)
    with pytest.raises(MissingDependencyError) as caught:
        BoltForecaster(tmp_path, device="cpu")
    assert str(caught.value) == (
        "ChronosBoltClassifier needs the package chronos-forecasting: "
        "pip install 'ohlcvml[foundation]'."
    )
