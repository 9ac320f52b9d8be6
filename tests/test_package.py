"""What is installed: the light core imports by itself, the wheel holds what it should."""

import ast
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import ohlcvml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]

# What each optional requirement is called when it is imported.
IMPORT_NAMES = {
    "chronos-forecasting": ("chronos",),
    "dask": ("dask", "distributed"),
    "mamba-ssm": ("mamba_ssm",),
}
MODULE_OF = {
    "chronos-forecasting": "chronos",
    "pyyaml": "yaml",
    "scikit-base": "skbase",
    "scikit-learn": "sklearn",
}
TOOLS = {"test", "docs", "all"}
# Packages that are nothing without an extra: nothing else imports them before it is needed.
NEEDS_EXTRA = {
    "ohlcvml.models.neural.networks": "neural",
    "ohlcvml.models.neural.training": "neural",
    "ohlcvml.models.paths.networks": "neural",
}


def requirement_name(requirement):
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower()


def optional_imports():
    core = {requirement_name(r) for r in PROJECT["dependencies"]}
    for extra in EXTRAS.keys() - TOOLS:
        for requirement in EXTRAS[extra]:
            name = requirement_name(requirement)
            assert name not in core, f"{name} is in the core already"
            yield from IMPORT_NAMES.get(name, (name.replace("-", "_"),))


# Packages that are as good as not installed: neither found, nor listed among the distributions.
HIDE = """
from importlib.machinery import PathFinder
hidden = {hidden!r}
_find, _list = PathFinder.find_spec, PathFinder.find_distributions
def find_visible(name, path=None, target=None):
    return None if name.split(".")[0] in hidden else _find(name, path, target)
def list_visible(*args, **kwargs):
    for found in _list(*args, **kwargs):
        if found.metadata["Name"].lower().replace("-", "_") not in hidden:
            yield found
PathFinder.find_spec, PathFinder.find_distributions = find_visible, list_visible
"""


def without_extras(code):
    """Run code as if no optional package, and none of the tests', were installed."""
    hidden = {*optional_imports(), "pytest", "hypothesis", "purgedcv", "skfolio"}
    done = subprocess.run(
        [sys.executable, "-c", HIDE.format(hidden=sorted(hidden)) + code],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_extras_are_really_hidden():
    code = """
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
assert find_spec("numpy") is not None and find_spec("xgboost") is None
for name in ("numpy", "xgboost"):
    try:
        version(name)
        print(name)
    except PackageNotFoundError:
        pass
"""
    assert without_extras(code).split() == ["numpy"]


def test_every_module_imports_without_the_extras():
    """But private ones that need one, which nothing imports before it is needed."""
    code = f"""
import importlib, pkgutil, ohlcvml
found = [module.name for module in pkgutil.walk_packages(ohlcvml.__path__, "ohlcvml.")]
found = [name for name in found if name not in {list(NEEDS_EXTRA)}]
for name in found:
    try:
        importlib.import_module(name)
    except ImportError as error:
        if not name.split(".")[-1].startswith("_"):
            raise
        assert type(error).__name__ == "MissingDependencyError" or error.name in hidden, name
print(len(found))
"""
    root = Path(ohlcvml.__file__).parent
    files = [
        path
        for path in root.rglob("*.py")
        if path.name != "__init__.py" and _package(path, root) not in NEEDS_EXTRA
    ]
    assert int(without_extras(code)) >= len(files)


def _package(path, root):
    return ".".join(("ohlcvml", *path.relative_to(root).parts[:-1]))


@pytest.mark.parametrize(("package", "extra"), NEEDS_EXTRA.items())
def test_a_package_that_needs_an_extra_says_so(package, extra):
    out = without_extras(f"""
from ohlcvml.exceptions import MissingDependencyError
try:
    import {package}
except MissingDependencyError as error:
    print(error)
""")
    assert f"pip install 'ohlcvml[{extra}]'." in out


def test_the_main_job_needs_no_extra():
    code = """
from ohlcvml.bars import simulate_bars
from ohlcvml.evaluation import cross_validate
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LightGBMClassifier
from ohlcvml.splits import WalkForward
bars = simulate_bars(1500, seed=0).bars
labeller = TripleBarrierLabeller(horizon=20, cost_adjustment=None)
model = ReturnFeatures() * LightGBMClassifier(n_estimators=3)
print(len(cross_validate(model, bars, labeller, WalkForward(n_splits=2)).folds))
"""
    assert without_extras(code).split() == ["2"]


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("report", "plot_calibration([1], [[0, 1]], [0, 1])"),
        ("boosting", "XGBoostClassifier().fit(bars, labels)"),
        ("neural", "make_model('lstm')"),
        ("foundation", "make_model('timesfm')"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(extra, code):
    out = without_extras(f"""
from ohlcvml.bars import simulate_bars
from ohlcvml.evaluation import plot_calibration
from ohlcvml.exceptions import MissingDependencyError
from ohlcvml.labels import FixedHorizonLabeller
from ohlcvml.models import XGBoostClassifier, make_model
bars = simulate_bars(300, seed=0).bars
labels = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(bars)
try:
    {code}
except MissingDependencyError as error:
    print(error)
""")
    assert f"ohlcvml[{extra}]" in out


def test_every_package_imported_is_declared():
    imported = set()
    for path in (ROOT / "ohlcvml").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    asked = [*PROJECT["dependencies"], *(r for extra in EXTRAS.values() for r in extra)]
    declared = {
        MODULE_OF.get(name, name.replace("-", "_")) for name in map(requirement_name, asked)
    }
    assert imported - declared - set(sys.stdlib_module_names) - {"ohlcvml"} == set()


def test_all_is_every_extra_but_mamba():
    (all_extras,) = EXTRAS["all"]
    named = set(re.search(r"\[(.*)\]", all_extras)[1].split(","))
    assert named == EXTRAS.keys() - TOOLS - {"mamba"}


def test_constraints_are_exact_and_cover_what_is_asked_for():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin)] == []
    pinned = {pin.split("==")[0] for pin in pins}
    asked = {requirement_name(r) for r in PROJECT["dependencies"]}
    for extra in EXTRAS.keys() - {"mamba", "all"}:
        asked |= {requirement_name(r) for r in EXTRAS[extra]}
    assert {re.sub(r"[._-]+", "-", name) for name in asked} - pinned == set()


def test_the_version_is_in_the_changelog():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert ohlcvml.__version__ in changelog
    assert "**Changed models.**" in changelog


def test_both_ways_to_the_command_line():
    module = subprocess.run(
        [sys.executable, "-m", "ohlcvml.cli", "--help"], capture_output=True, text=True, check=True
    )
    assert "train" in module.stdout
    assert PROJECT["scripts"] == {"ohlcvml": "ohlcvml.cli:main"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if find_spec("build") is None or find_spec("hatchling") is None:
        pytest.skip("building a wheel needs build and hatchling")
    out = tmp_path_factory.mktemp("dist")
    command = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = wheel.namelist()
    folders = {name.split("/")[0] for name in names}
    assert folders == {"ohlcvml", f"ohlcvml-{ohlcvml.__version__}.dist-info"}
    assert "ohlcvml/py.typed" in names
    modules = {p.relative_to(ROOT).as_posix() for p in (ROOT / "ohlcvml").rglob("*.py")}
    assert modules <= set(names)
    assert not [name for name in names if name.endswith((".nbi", ".nbc", ".pyc", ".csv"))]


def test_the_wheel_holds_the_configurations_of_models_and_the_table_of_columns(wheel):
    configs = sorted((ROOT / "ohlcvml" / "models" / "configs").glob("*.yaml"))
    assert len(configs) >= 4
    files = [*configs, ROOT / "ohlcvml" / "features" / "columns.toml"]
    assert {p.relative_to(ROOT).as_posix() for p in files} <= set(wheel.namelist())


def test_the_wheel_says_what_it_is(wheel):
    info = f"ohlcvml-{ohlcvml.__version__}.dist-info"
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    assert "ohlcvml = ohlcvml.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()


def test_notebooks_and_configuration_are_readable():
    for path in (ROOT / "examples").glob("*.ipynb"):
        assert json.loads(path.read_text(encoding="utf-8"))["nbformat"] == 4
