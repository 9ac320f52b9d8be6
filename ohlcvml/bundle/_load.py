"""Reading and checking a bundle: every check in order, each with its name."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ohlcvml._folder import SUMS, check_sums, read_files
from ohlcvml._identity import digest
from ohlcvml.bundle._allowed import class_at, path_of
from ohlcvml.bundle._bundle import Bundle
from ohlcvml.bundle._codec import Decoder, class_paths
from ohlcvml.bundle._golden import EXACT, replay
from ohlcvml.bundle._manifest import (
    BUNDLE,
    FORMAT,
    MANIFEST,
    SCHEMA_VERSION,
    environment_differences,
    feature_schema,
    parse_json,
)
from ohlcvml.exceptions import BundleError, BundleWarning, MissingDependencyError

TREE = "model.json"
ARRAYS = "arrays.safetensors"
GOLDEN = "golden.safetensors"

TOLERANCE = 1e-6  # where versions or machine differ
NETWORK_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Check:
    """One check: its name, how it ended (passed, warning, failed or skipped) and the detail."""

    name: str
    status: str
    detail: str


@dataclass(frozen=True)
class BundleReport:
    """Every check made on a bundle; prints as a table."""

    path: Path
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(check.status != "failed" for check in self.checks)

    def __str__(self) -> str:
        rows = [f"{c.name:<9} {c.status:<8} {c.detail}" for c in self.checks]
        return "\n".join([f"{self.path}: {'sound' if self.ok else 'NOT SOUND'}", *rows])


@dataclass
class _Inspection:
    """What the checks found out so far; each check adds to it or raises."""

    path: Path
    replay: bool
    files: dict[str, bytes] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    tree: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)
    outcome: str = ""  # of the golden rows, where it is not simply "passed"
    warning: str = ""

    def check_files(self) -> str:
        self.files = read_files(self.path, BUNDLE)
        return f"{len(self.files)} files, {sum(map(len, self.files.values())):,} bytes"

    def check_hashes(self) -> str:
        problems = check_sums(self.files, BUNDLE)
        if problems:
            raise BundleError(
                f"load: {self.path} is damaged: {'; '.join(problems)}. Copy it again, or save the "
                "model again."
            )
        return f"{len(self.files) - 1} files as listed in {SUMS}"

    def check_manifest(self) -> str:
        self.manifest = parse_json(self.files[MANIFEST], MANIFEST)
        schema = self.manifest.get("schema_version")
        if self.manifest.get("format") != FORMAT or type(schema) is not int or schema < 1:
            raise BundleError(f"load: {self.path} is not a bundle of ohlcvml.")
        if schema < SCHEMA_VERSION:
            raise BundleError(
                f"load: the bundle has schema version {schema}, from before releases; this version "
                f"of ohlcvml reads {SCHEMA_VERSION}: classes and hashes have moved, and labels say "
                "what was assumed in them. Fit and save the model again."
            )
        if schema > SCHEMA_VERSION:
            raise BundleError(
                f"load: the bundle has schema version {schema}; this version of ohlcvml reads up "
                f"to {SCHEMA_VERSION}. Upgrade: pip install -U ohlcvml."
            )
        if TREE not in self.files:
            raise BundleError(f"load: {TREE} is missing from {self.path}.")
        self.tree = parse_json(self.files[TREE], TREE)
        return f"schema version {schema}"

    def check_classes(self) -> str:
        found = class_paths(self.tree)
        for name, kind in sorted(found):
            class_at(name, kind)
        if sorted({name for name, _ in found}) != self.manifest["classes"]:
            raise BundleError(f"load: {MANIFEST} and {TREE} name different classes.")
        return f"{len(found)} on the allow-list"

    def check_model(self) -> str:
        parts = {k: v for k, v in self.files.items() if k.startswith("part-")}
        extra = set(self.files) - set(parts) - {MANIFEST, SUMS, TREE, ARRAYS, GOLDEN}
        if extra:
            raise BundleError(f"load: the bundle holds files it does not use: {sorted(extra)}.")
        decoder = Decoder(self._arrays(ARRAYS), parts)
        roots = ("model", "labeller", "contract", "costs")
        if tuple(self.tree) != roots:
            raise BundleError(f"load: {TREE} holds {sorted(self.tree)} instead of {roots}.")
        for name in roots:
            prefix = "$" if name == "model" else f"${name}"
            self.objects[name] = decoder.decode(self.tree[name], prefix)
        unused = set(parts) - decoder.parts_used
        if unused:
            raise BundleError(f"load: the bundle holds files it does not use: {sorted(unused)}.")
        model = path_of(type(self.objects["model"]))
        if model != self.manifest["model"]["class"]:
            raise BundleError(f"load: {MANIFEST} and {TREE} name different models.")
        return str(model)

    def check_features(self) -> str:
        stated = self.manifest["features"]
        given = self.manifest["input"]
        columns = stated["columns"]
        content = {k: v for k, v in given.items() if k != "sha256"} if given else None
        if stated["sha256"] != digest(columns) or (
            given is not None and given["sha256"] != digest(content)
        ):
            raise BundleError(f"load: the feature schema in {MANIFEST} does not fit its hash.")
        own = feature_schema(self.objects["model"])
        if own != stated:
            raise BundleError(
                f"load: the model has features {own['columns']}, the manifest {columns}."
            )
        return f"{len(columns)} columns" if columns else "the model names no columns"

    def check_golden(self) -> str:
        golden = self.manifest["golden"]
        if golden is None:
            self.outcome = "skipped"
            return "no golden rows: saved without bars"
        versions = self.manifest["environment"]["versions"]
        tolerance = NETWORK_TOLERANCE if "torch" in versions else TOLERANCE
        differences = environment_differences(self.manifest["environment"])
        arrays = self._arrays(GOLDEN)
        outcome = replay(self.objects["model"], golden, arrays, tolerance, differences)
        if outcome != EXACT:
            self.outcome = "warning"
            self.warning = f"{self.path}: golden rows are reproduced {outcome}."
        return f"{golden['rows']} rows, {golden['answered_rows']} answered: {outcome}"

    def _arrays(self, name: str) -> dict[str, np.ndarray]:
        from safetensors.numpy import load as parse

        if name not in self.files:
            return {}
        try:
            return dict(parse(self.files[name]))
        except Exception as error:  # safetensors raises a type of its own
            raise BundleError(f"load: {name} cannot be read: {error}") from error


def _inspect(path: Path, replay_golden: bool) -> tuple[_Inspection, list[Check], Exception | None]:
    """Run the checks in order; after a failure the rest are skipped."""
    state = _Inspection(path, replay_golden)
    steps = {
        "files": state.check_files,
        "hashes": state.check_hashes,
        "manifest": state.check_manifest,
        "classes": state.check_classes,
        "model": state.check_model,
        "features": state.check_features,
        "golden": state.check_golden,
    }
    checks: list[Check] = []
    failure: Exception | None = None
    for name, step in steps.items():
        if failure is not None or (name == "golden" and not replay_golden):
            why = "after a failure" if failure is not None else "verify=False"
            checks.append(Check(name, "skipped", why))
            continue
        try:
            detail = step()
            checks.append(Check(name, state.outcome or "passed", detail))
        except (BundleError, MissingDependencyError) as error:
            failure = error
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            # The manifest is well-formed JSON but not the JSON we write.
            text = f"load: {path} is not a bundle as ohlcvml writes it ({name}: {error!r})."
            failure = BundleError(text)
            failure.__cause__ = error
        if failure is not None:
            checks.append(Check(name, "failed", str(failure)))
    return state, checks, failure


def open_bundle(path: str | Path, *, verify: bool = True) -> Bundle:
    """Read a bundle with everything in it.

    Parameters
    ----------
    path : str or Path
        A directory or a zip written by :func:`~ohlcvml.bundle.save`.
    verify : bool, default=True
        Replay the golden rows. Hashes, classes and schemas are checked in any case.

    Returns
    -------
    Bundle
        The model with manifest, contract, costs and labeller.

    Raises
    ------
    BundleError
        A check failed; see :func:`verify` for the list.

    Warns
    -----
    BundleWarning
        Versions or machine differ from those of the bundle and the golden rows are reproduced
        within 1e-6 (networks 1e-5) but not to the bit.

    Examples
    --------
    >>> import tempfile
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.bundle import open_bundle, save
    >>> from ohlcvml.features import ReturnFeatures
    >>> bars = simulate_bars(600, seed=0).bars
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(ReturnFeatures().fit(bars), f"{folder}/b.zip", bars=bars, contract="MES")
    ...     bundle = open_bundle(path)
    >>> bundle.contract.symbol, bundle.manifest["data"]["rows"]
    ('MES', 600)
    """
    state, _, failure = _inspect(Path(path), verify)
    if failure is not None:
        raise failure
    if state.warning:
        warnings.warn(state.warning, BundleWarning, stacklevel=2)
    return Bundle(path=Path(path), manifest=state.manifest, **state.objects)


def load(path: str | Path, *, verify: bool = True) -> Any:
    """Read the model from a bundle; see :func:`open_bundle` for everything else in it.

    Parameters
    ----------
    path : str or Path
        A directory or a zip.
    verify : bool, default=True
        Replay the golden rows. Hashes, classes and schemas are checked in any case.

    Returns
    -------
    estimator
        Fitted as it was when saved.

    Raises
    ------
    BundleError
        A check failed; see :func:`verify` for the list.

    Examples
    --------
    >>> import tempfile
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.bundle import load, save
    >>> from ohlcvml.features import ReturnFeatures
    >>> bars = simulate_bars(600, seed=0).bars
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load(save(ReturnFeatures().fit(bars), f"{folder}/b", bars=bars))
    >>> again
    ReturnFeatures()
    """
    return open_bundle(path, verify=verify).model


def verify(path: str | Path) -> BundleReport:
    """Make every check on a bundle and report; nothing is raised for what is wrong with it.

    The hashes detect damage. They do not prove who wrote the bundle: whoever can change a file
    can write a new hash.

    Parameters
    ----------
    path : str or Path
        A directory or a zip.

    Returns
    -------
    BundleReport
        ``ok`` and the list of checks; printable.

    Examples
    --------
    >>> import tempfile
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.bundle import save, verify
    >>> from ohlcvml.features import MomentumFeatures
    >>> bars = simulate_bars(600, seed=0).bars
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = verify(save(MomentumFeatures().fit(bars), f"{folder}/b", bars=bars))
    >>> for check in report.checks:
    ...     print(check.name, check.status)
    files passed
    hashes passed
    manifest passed
    classes passed
    model passed
    features passed
    golden passed
    >>> report.checks[-1].detail.endswith("the same bits")
    True
    """
    _, checks, _ = _inspect(Path(path), True)
    return BundleReport(Path(path), tuple(checks))
