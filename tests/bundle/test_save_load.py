"""Saving and loading: bytes, places, golden rows, new bars."""

import json
import os
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Costs, contract
from ohlcvml.bundle import _load as loading
from ohlcvml.bundle import allow_class, data_fingerprint, load, open_bundle, save, verify
from ohlcvml.exceptions import BundleError, BundleWarning, DataError
from ohlcvml.features import OHLCVFeatures, ReturnFeatures
from tests.bundle.conftest import Centre


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_directory_and_zip_hold_the_same(model, bars, bundle, tmp_path):
    zipped = save(model, tmp_path / "b.zip", bars=bars)
    with zipfile.ZipFile(zipped) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == contents(bundle)
    assert load(zipped).transform(bars).equals(model.transform(bars))


def test_saving_twice_gives_the_same_bytes(model, bars, bundle, tmp_path):
    again = save(model, tmp_path / "again", bars=bars)
    assert contents(again) == contents(bundle)
    first = save(model, tmp_path / "a.zip", bars=bars).read_bytes()
    assert save(model, tmp_path / "b.zip", bars=bars).read_bytes() == first


def test_saving_what_was_loaded_gives_the_same_bytes(bars, bundle, tmp_path):
    again = save(load(bundle), tmp_path / "again", bars=bars)
    assert contents(again) == contents(bundle)


def test_the_sums_are_those_of_sha256sum(bundle):
    import hashlib

    lines = (bundle / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == len(list(bundle.iterdir())) - 1
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest


def test_everything_that_belongs_to_a_model(model, bars, tmp_path):
    costs = Costs(commission_per_side=0.6, slippage_ticks=1.0)
    scores = {"auc": np.float64(0.5), "nan": float("nan"), "folds": [1, float("inf")]}
    path = save(
        model, tmp_path / "b", bars=bars, contract="MES", costs=costs, scores=scores,
        labeller=Centre(kept=3), description="A test.",
    )  # fmt: skip
    found = open_bundle(path)
    assert found.contract == contract("MES")
    assert found.costs == costs
    assert found.labeller.kept == 3
    assert found.manifest["scores"] == {"auc": 0.5, "nan": None, "folds": [1, "Infinity"]}
    assert found.manifest["description"] == "A test."
    assert found.manifest["data"] == data_fingerprint(bars)
    assert found.manifest["environment"]["versions"]["sktime"]


def test_scores_must_be_plain(model, tmp_path):
    with pytest.raises(BundleError, match=r"scores\['table'\] is pandas.*to_dict"):
        save(model, tmp_path / "b", scores={"table": pd.DataFrame()})


def test_the_fingerprint_moves_with_every_value_and_stamp(bars):
    base = data_fingerprint(bars)
    assert data_fingerprint(bars.copy()) == base
    assert base["bar_size"] == "P0DT0H5M0S"
    nudged = bars.copy()
    nudged.iloc[7, 4] += 1e-9
    shifted = bars.set_axis(bars.index + pd.Timedelta("1ns"))
    assert len({data_fingerprint(b)["sha256"] for b in (bars, nudged, shifted)}) == 3
    microseconds = bars.set_axis(bars.index.as_unit("us"))
    assert data_fingerprint(microseconds)["sha256"] == base["sha256"]


# ---- places
def test_an_existing_path_is_kept_unless_asked(model, bundle):
    before = contents(bundle)
    with pytest.raises(BundleError, match="overwrite=True"):
        save(model, bundle)
    assert contents(bundle) == before
    save(model, bundle, overwrite=True)
    assert "golden.safetensors" not in contents(bundle)
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_only_a_bundle_is_ever_replaced(model, bundle, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years")
    (bundle / "mine.txt").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    (tmp_path / "file.zip").write_text("no bundle")
    for name in ("precious", "bundle", "link", "file.zip"):
        with pytest.raises(BundleError, match="is not a bundle, so it is not replaced"):
            save(model, tmp_path / name, overwrite=True)
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "years"


def test_a_failed_save_leaves_nothing(model, bars, tmp_path, monkeypatch):
    model.kept["f"] = print
    with pytest.raises(BundleError, match=r"\$\.kept\['f'\]"):
        save(model, tmp_path / "b", bars=bars)
    del model.kept["f"]
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save(model, tmp_path / "b", bars=bars)
    assert list(tmp_path.iterdir()) == []


@allow_class
class Timed(Centre):
    """Answers by the one attribute that is not stored."""

    def _transform(self, X, y=None):
        return X + getattr(self, "fit_time_", 0)


def test_a_model_that_does_not_reproduce_itself_is_not_saved(bars, tmp_path):
    model = Timed().fit(bars)
    model.fit_time_ = 7
    with pytest.raises(BundleError, match="does not reproduce its golden rows"):
        save(model, tmp_path / "b", bars=bars)
    assert list(tmp_path.iterdir()) == []


def test_unfitted_and_foreign_models(bars, tmp_path):
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(BundleError, match="Centre is not fitted"):
        save(Centre(), tmp_path / "b")
    with pytest.raises(BundleError, match="must be a registered estimator; got sklearn"):
        save(LogisticRegression(), tmp_path / "b")


# ---- golden rows
def elsewhere(monkeypatch, differences=("numpy 1 then, 2 here",)):
    monkeypatch.setattr(loading, "environment_differences", lambda then: list(differences))


def shift_golden(bundle, forge, by):
    from safetensors.numpy import load as parse
    from safetensors.numpy import save as dump

    arrays = parse((bundle / "golden.safetensors").read_bytes())
    key = next(k for k in sorted(arrays) if k.startswith("transform.c"))
    arrays[key] = arrays[key] + by
    (bundle / "golden.safetensors").write_bytes(dump(arrays))
    forge.rehash(bundle)


def test_the_same_place_must_give_the_same_bits(bundle, forge):
    shift_golden(bundle, forge, 1e-12)
    with pytest.raises(BundleError, match="although versions and machine are those"):
        load(bundle)


def test_elsewhere_a_small_difference_is_a_warning(bundle, forge, monkeypatch):
    shift_golden(bundle, forge, 1e-9)
    elsewhere(monkeypatch)
    with pytest.warns(BundleWarning, match="within 1e-09.*numpy 1 then, 2 here"):
        load(bundle)
    report = verify(bundle)
    assert report.ok
    assert report.checks[-1].status == "warning"


def test_elsewhere_a_large_difference_is_an_error(bundle, forge, monkeypatch):
    shift_golden(bundle, forge, 1e-4)
    elsewhere(monkeypatch)
    with pytest.raises(BundleError, match="more than 1e-06"):
        load(bundle)


def test_networks_are_allowed_a_larger_difference(bundle, forge, monkeypatch):
    forge(bundle, "manifest.json", lambda m: m["environment"]["versions"].update(torch="2"))
    shift_golden(bundle, forge, 5e-6)
    elsewhere(monkeypatch)
    with pytest.warns(BundleWarning, match="allowed 1e-05"):
        load(bundle)


def test_elsewhere_the_same_bits_say_nothing(bundle, monkeypatch):
    elsewhere(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("error", BundleWarning)
        assert load(bundle)


def test_other_versions_are_told(bundle, forge):
    forge(bundle, "manifest.json", lambda m: m["environment"]["versions"].update(numpy="0.1"))
    shift_golden(bundle, forge, 1e-9)
    with pytest.warns(BundleWarning, match=r"numpy 0\.1 then"):
        load(bundle)


def test_bars_too_short_for_an_answer(bars, tmp_path):
    model = Centre().fit(bars)
    model.mean_ = model.mean_ * np.nan
    with pytest.raises(BundleError, match="no answer on any of the 200 bars"):
        save(model, tmp_path / "b", bars=bars)


# ---- new bars
def test_check_bars_returns_the_columns_in_order(bundle, bars):
    found = open_bundle(bundle)
    shuffled = bars[["close", "volume", "open", "low", "high"]].assign(count=1)
    assert found.check_bars(shuffled).equals(bars)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.iloc[::3], "must have size 0 days 00:05:00; got 0 days 00:15:00"),
        (lambda b: b.assign(raw_close=1.0), "unexpected raw_close"),
        (lambda b: b.assign(contract=202503), "unexpected contract"),
        (lambda b: b.drop(columns="volume"), "volume missing"),
        (lambda b: b.tz_localize(None), "UTC"),
        (lambda b: b.assign(close=b["close"].astype(str)), "'close' of 'bars' must hold numbers"),
        (lambda b: b.iloc[:0], "must not be empty"),
    ],
)
def test_bars_of_another_kind_are_refused(bundle, bars, change, message):
    with pytest.raises(DataError, match=message):
        open_bundle(bundle).check_bars(change(bars))


def test_whole_volumes_become_the_floats_of_training(bundle, bars):
    whole = bars.assign(volume=np.arange(len(bars)))
    checked = open_bundle(bundle).check_bars(whole)
    assert checked["volume"].dtype == np.float64
    assert whole["volume"].dtype.kind == "i"


def test_bars_without_a_column_of_training_are_refused(model, bars, tmp_path):
    path = save(model, tmp_path / "b", bars=bars.assign(raw_close=1.0)[[*bars.columns]])
    rolled = bars.assign(raw_close=bars["close"])
    rolled_model = Centre().fit(rolled)
    rolled_path = save(rolled_model, tmp_path / "r", bars=rolled)
    assert open_bundle(path).check_bars(bars) is not None
    with pytest.raises(DataError, match="missing raw_close"):
        open_bundle(rolled_path).check_bars(bars)


def test_one_new_bar_is_enough_to_be_checked(bundle, bars):
    assert len(open_bundle(bundle).check_bars(bars.tail(1))) == 1


def test_a_bundle_without_bars_cannot_check_any(model, bars, tmp_path):
    found = open_bundle(save(model, tmp_path / "b"))
    assert "saved without bars" in str(verify(found.path))
    with pytest.raises(DataError, match="saved without bars"):
        found.check_bars(bars)


def test_several_symbols(bars, tmp_path):
    both = pd.concat({"ES": bars, "NQ": bars * 2}, names=["symbol", "time"])
    model = ReturnFeatures(lags=(1, 2)).fit(both)
    path = save(model, tmp_path / "b", bars=both)
    assert load(path).transform(both).equals(model.transform(both))
    assert open_bundle(path).manifest["data"]["symbols"] == ["ES", "NQ"]
    assert open_bundle(path).check_bars(both).equals(both)


# ---- elsewhere in time and space
def test_a_fresh_process_gives_the_same_bits(bars, tmp_path):
    features = OHLCVFeatures(("returns", "bar_shape"), timeframes=("15min",), bar_size="5min")
    features.fit(bars)
    path = save(features, tmp_path / "b", bars=bars)
    bars.to_parquet(tmp_path / "bars.parquet")
    code = (
        "import sys, pandas as pd; from ohlcvml.bundle import load;"
        "bars = pd.read_parquet(sys.argv[2]);"
        "load(sys.argv[1]).transform(bars).to_parquet(sys.argv[3])"
    )
    target = tmp_path / "out.parquet"
    arguments = [str(path), str(tmp_path / "bars.parquet"), str(target)]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    expected = features.transform(bars)
    assert np.array_equal(pd.read_parquet(target), expected, equal_nan=True)


def test_importing_the_package_loads_no_booster():
    code = (
        "import sys, ohlcvml.bundle;"
        "heavy = ('torch', 'xgboost', 'lightgbm', 'skops', 'matplotlib');"
        "print([name for name in heavy if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


def test_the_manifest_can_be_read_without_us(bundle):
    manifest = json.loads(Path(bundle / "manifest.json").read_text())
    assert manifest["schema_version"] == 2
    assert manifest["model"]["parameters"]["kept"]["lags"] == [1, 2]
    assert manifest["input"]["columns"][0] == {"name": "open", "kind": "f", "dtype": "float64"}
