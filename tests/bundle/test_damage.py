"""Every way a bundle can be wrong is refused with a message that says which."""

import json
import os
import shutil
import stat
import warnings
import zipfile

import numpy as np
import pytest

from ohlcvml import _folder
from ohlcvml import bundle as bundles
from ohlcvml.bundle import load, open_bundle, save, verify
from ohlcvml.exceptions import BundleError
from tests.bundle.conftest import Centre

ALL_FILES = (
    "SHA256SUMS",
    "arrays.safetensors",
    "golden.safetensors",
    "manifest.json",
    "model.json",
)


def test_flipping_any_file_is_noticed(bundle):
    names = sorted(path.name for path in bundle.iterdir())
    assert set(ALL_FILES) < set(names)
    for name in names:
        raw = bytearray((bundle / name).read_bytes())
        for position in {0, len(raw) // 2, len(raw) - 1}:
            for bit in (1, 0x20):
                raw[position] ^= bit
                (bundle / name).write_bytes(raw)
                with pytest.raises(BundleError, match="is damaged"):
                    load(bundle, verify=False)
                raw[position] ^= bit
        (bundle / name).write_bytes(raw)
    assert load(bundle)


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_removed_file_is_named(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        load(bundle)


def test_an_extra_file_is_named(bundle):
    (bundle / "notes.txt").write_text("hello")
    with pytest.raises(BundleError, match=r"notes\.txt is not listed"):
        load(bundle)


@pytest.mark.parametrize("name", ["notes.txt", "part-999.txt"])
def test_an_extra_file_with_good_hashes_is_refused(bundle, forge, name):
    (bundle / name).write_text("hello")
    forge.rehash(bundle)
    with pytest.raises(BundleError, match="files it does not use"):
        load(bundle)


@pytest.mark.parametrize("name", ["Upper.txt", "a b.txt", ".hidden", "noext", "x.txt.", "é.txt"])
def test_odd_names_are_refused(bundle, name):
    (bundle / name).write_text("hello")
    with pytest.raises(BundleError, match="a file called"):
        load(bundle)


def test_folders_and_links_inside_are_refused(bundle):
    (bundle / "sub").mkdir()
    with pytest.raises(BundleError, match="'sub' in the bundle is not a plain file"):
        load(bundle)
    (bundle / "sub").rmdir()
    (bundle / "link.txt").symlink_to("/etc/hostname")
    with pytest.raises(BundleError, match=r"'link\.txt' in the bundle is not a plain file"):
        load(bundle)


def test_no_bundle_at_all(tmp_path):
    with pytest.raises(BundleError, match="no bundle at"):
        load(tmp_path / "nothing")
    with pytest.raises(BundleError, match=r"manifest\.json is missing"):
        load(tmp_path)
    (tmp_path / "text.zip").write_text("text")
    with pytest.raises(BundleError, match="not a readable zip"):
        load(tmp_path / "text.zip")


# ---- the manifest and the tree, edited by somebody who also writes new hashes
def edit_class(tree):
    tree["model"]["class"] = "os.system"


def test_an_unknown_class_is_refused_even_with_good_hashes(bundle, forge):
    forge(bundle, "model.json", edit_class)
    with pytest.raises(BundleError, match=r"'os\.system' as estimator, which is not in the allow"):
        load(bundle)


def test_an_edited_manifest_is_damage(bundle):
    text = (bundle / "manifest.json").read_text()
    (bundle / "manifest.json").write_text(text.replace("5M", "1M"))
    with pytest.raises(BundleError, match=r"manifest\.json was changed"):
        load(bundle)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m.update(schema_version=3), "Upgrade"),
        (lambda m: m.update(schema_version=1), "Fit and save the model again"),
        (lambda m: m.update(schema_version="1"), "not a bundle of ohlcvml"),
        (lambda m: m.update(format="other"), "not a bundle of ohlcvml"),
        (lambda m: m.pop("schema_version"), "not a bundle of ohlcvml"),
        (lambda m: m["classes"].append("os.system"), "name different classes"),
        (lambda m: m["model"].update({"class": "os.system"}), "name different models"),
        (lambda m: m["input"]["columns"].reverse(), "does not fit its hash"),
        (lambda m: m["input"].update(bar_size="P0DT0H1M0S"), "does not fit its hash"),
        (lambda m: m["features"].update(columns=["other"]), "does not fit its hash"),
        (lambda m: m["golden"].update(tables={}), "not a bundle as ohlcvml writes it"),
        (lambda m: m.pop("golden"), "not a bundle as ohlcvml writes it"),
        (lambda m: m.update(environment=3), "not a bundle as ohlcvml writes it"),
    ],
)
def test_an_edited_manifest_with_good_hashes(bundle, forge, edit, message):
    forge(bundle, "manifest.json", edit)
    with pytest.raises(BundleError, match=message):
        load(bundle)


def test_features_other_than_the_models_are_refused(tmp_path, bars, forge):
    from ohlcvml._identity import digest

    model = Centre().fit(bars)
    model.feature_names_ = ["a", "b"]
    path = save(model, tmp_path / "b", bars=bars)
    other = {"columns": ["b", "a"], "sha256": digest(["b", "a"])}
    forge(path, "manifest.json", lambda m: m.update(features=other))
    with pytest.raises(BundleError, match="the model has features"):
        load(path)


def test_an_edited_state_does_not_reproduce_the_golden_rows(bundle, forge):
    def edit(tree):
        scaler = tree["model"]["state"].pop("mean_")
        tree["model"]["state"]["mean_"] = {**scaler, "dtype": "<f4"}

    forge(bundle, "model.json", edit)
    with pytest.raises(BundleError, match="does not reproduce its golden rows"):
        load(bundle)
    assert load(bundle, verify=False) is not None
    assert not verify(bundle).ok


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 100_000, "\xff"]
)
def test_broken_json_is_a_bundle_error(bundle, forge, text):
    (bundle / "manifest.json").write_bytes(text.encode("latin-1"))
    forge.rehash(bundle)
    with pytest.raises(BundleError, match=r"manifest\.json is not"):
        load(bundle)


def test_broken_arrays_are_a_bundle_error(bundle, forge):
    (bundle / "arrays.safetensors").write_bytes(b"\xff" * 40)
    forge.rehash(bundle)
    with pytest.raises(BundleError, match=r"arrays\.safetensors cannot be read"):
        load(bundle)


# ---- zips
@pytest.fixture
def zipped(model, bars, tmp_path):
    return save(model, tmp_path / "bundle.zip", bars=bars)


def add_member(path, name, raw=b"x", mode=None):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(name)
        member.compress_type = zipfile.ZIP_DEFLATED
        if mode is not None:
            member.external_attr = mode << 16
        archive.writestr(member, raw)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "/tmp/evil.txt",
        "C:\\evil.txt",
        "..\\evil.txt",
        "sub/evil.txt",
        "..",
        "a\x00.txt",
    ],
)
def test_zip_names_that_lead_outside_are_refused(zipped, name, tmp_path):
    add_member(zipped, name)
    with pytest.raises(BundleError, match=r"a file called|not a readable zip|not a plain file"):
        load(zipped)
    assert not list(tmp_path.rglob("evil*"))
    assert not (tmp_path.parent / "evil.txt").exists()


def test_zip_links_folders_and_doubles_are_refused(zipped, tmp_path):
    for name, mode, message in (
        ("link.txt", stat.S_IFLNK | 0o777, "not a plain file"),
        ("folder.d/", stat.S_IFDIR | 0o755, "not a plain file"),
        ("model.json", None, "twice"),
    ):
        copy = shutil.copy(zipped, tmp_path / "copy.zip")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile tells about the double name
            add_member(copy, name, b"/etc/passwd", mode)
        with pytest.raises(BundleError, match=message):
            load(copy)


def test_zip_bombs_are_refused_before_they_are_unpacked(zipped, monkeypatch):
    add_member(zipped, "bomb.txt", b"\0" * 3_000_000)
    monkeypatch.setattr(_folder, "MAX_RATIO", 100)
    with pytest.raises(BundleError, match="unpacks to more than"):
        load(zipped)


@pytest.mark.parametrize("limit", ["MAX_FILE_BYTES", "MAX_TOTAL_BYTES"])
def test_oversized_files_are_refused(zipped, bundle, monkeypatch, limit):
    monkeypatch.setattr(_folder, limit, 3_000)
    for path in (zipped, bundle):
        with pytest.raises(BundleError, match="larger than allowed"):
            load(path)


def test_too_many_files_are_refused(zipped, monkeypatch):
    monkeypatch.setattr(_folder, "MAX_FILES", 3)
    with pytest.raises(BundleError, match="larger than allowed"):
        load(zipped)


def test_a_truncated_zip_is_a_bundle_error(zipped):
    raw = zipped.read_bytes()
    for length in (0, 10, len(raw) // 2, len(raw) - 5):
        zipped.write_bytes(raw[:length])
        with pytest.raises(BundleError):
            load(zipped)


def test_flipping_bytes_of_a_zip_never_loads_something_else(zipped, bars):
    raw = zipped.read_bytes()
    expected = load(zipped).transform(bars)
    for position in np.random.default_rng(0).integers(0, len(raw), 60):
        changed = bytearray(raw)
        changed[position] ^= 0x41
        zipped.write_bytes(changed)
        try:
            again = load(zipped, verify=False)
        except BundleError:
            continue
        # A flip in a date or attribute of the zip's own directory changes nothing we read.
        assert again.transform(bars).equals(expected)


def test_the_report_lists_every_check(bundle):
    report = verify(bundle)
    names = ["files", "hashes", "manifest", "classes", "model", "features", "golden"]
    assert report.ok
    assert [check.name for check in report.checks] == names
    assert "sound" in str(report)
    (bundle / "model.json").unlink()
    report = verify(bundle)
    assert [check.status for check in report.checks] == ["passed", "failed", *["skipped"] * 5]
    assert "NOT SOUND" in str(report)
    assert "model.json is missing" in str(report)


def test_nothing_in_a_bundle_is_a_pickle(bundle, zipped):
    import pickletools

    for path in bundle.iterdir():
        raw = path.read_bytes()
        assert not raw.startswith(b"\x80")
        with pytest.raises(Exception, match=r"."):
            list(pickletools.genops(raw))
        if path.suffix == ".skops":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    # numpy's format says in its header when it holds pickled objects
                    assert b"'|O'" not in archive.read(name)[:200]


def test_loading_works_where_pickle_is_forbidden(bundle, monkeypatch):
    import pickle

    def forbidden(*args, **kwargs):
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "dump", "dumps", "Unpickler", "Pickler"):
        monkeypatch.setattr(pickle, name, forbidden)
    assert open_bundle(bundle).model is not None


def test_the_package_never_mentions_an_unsafe_loader():
    from pathlib import Path

    folder = Path(bundles.__file__).parent
    source = "\n".join(path.read_text() for path in folder.glob("*.py"))
    for word in ("import pickle", "joblib", "cloudpickle", "dill", "eval(", "exec(", "torch.load"):
        assert word not in source


def test_manifest_is_strict_sorted_json(bundle):
    raw = (bundle / "manifest.json").read_text()
    content = json.loads(raw, parse_constant=lambda name: pytest.fail(name))
    assert list(content) == sorted(content)
    assert os.fspath(bundle.parent) not in raw
