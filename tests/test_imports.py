"""The tree reads like the data flow, and importing it costs little."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ohlcvml
from ohlcvml.registry import STAGES

PACKAGE = Path(ohlcvml.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ROOT = {"exceptions", "typing", "registry", "_checks", "_drawing", "_home"}
ORDER = {name: rank for rank, name in enumerate((*STAGES, "testing", "cli"), start=1)}


def imported_parts(path):
    """Parts of ohlcvml that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "ohlcvml":
                names = [f"ohlcvml.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("ohlcvml."):
                yield name.split(".")[1]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_left(path):
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    rank = ORDER.get(here, 0)
    for part in imported_parts(path):
        if part in ROOT:
            continue
        assert part in ORDER, f"{path} imports the unknown part {part}"
        allowed = part == here or ORDER[part] < rank or here == "__init__"
        assert allowed, f"{path} imports {part}: an arrow to the right"


def test_every_package_is_in_the_flow():
    packages = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert packages == {*STAGES, "testing", "cli"}


def modules_after(statement):
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )


HEAVY = {"torch", "lightgbm", "xgboost", "matplotlib", "sktime.tests", "pytest", "catboost"}


def test_importing_loads_nothing_heavy():
    assert not HEAVY & modules_after("import ohlcvml")


@pytest.mark.parametrize("stage", [*STAGES, "testing", "cli", "models.neural"])
def test_importing_a_stage_loads_nothing_heavy(stage):
    assert not HEAVY & modules_after(f"import ohlcvml.{stage}")


def test_import_takes_at_most_half_more_than_sktime():
    """What is loaded beyond sktime bounds the cost; modules do not flicker as seconds do."""
    ours, theirs = modules_after("import ohlcvml"), modules_after("import sktime")
    assert len(ours) <= 1.05 * len(theirs)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_small(path):
    assert len(path.read_text().splitlines()) <= 400


def test_nothing_unpickles():
    words = ("pickle.load", "joblib.load", "torch.load(", "cloudpickle", "dill")
    for path in FILES:
        text = path.read_text()
        assert not [word for word in words if word in text], path
