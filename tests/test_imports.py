"""The tree reads like the data flow, and importing it costs little."""

import ast
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import ohlcvml
from ohlcvml.registry import STAGES

PACKAGE = Path(ohlcvml.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# Left to right: the root modules are below all, testing and the command line above all.
FLOW = (*STAGES, "testing", "cli")


def module_of(path):
    """Dotted name below ohlcvml, as a tuple; a package stands for its ``__init__``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {module_of(path): path for path in FILES}


@cache
def imports(path):
    """Modules of ohlcvml that a file names in an import, inside functions and for types too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = tuple(name.split("."))
            if parts[0] == "ohlcvml" and len(parts) > 1:
                known = parts[1:] if parts[1:] in MODULES else parts[1:-1]
                assert known in MODULES, f"{path} imports {name}"
                found.add(known)
    return found


def named(path):
    """Estimators that a file looks up by a name it spells out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if called in ("find_estimator", "find_model") and node.args:
            constants = [a.value for a in ast.walk(node.args[0]) if isinstance(a, ast.Constant)]
            found |= {value for value in constants if isinstance(value, str)}
    return found


def rank(part):
    """Place in the flow; the root modules come first."""
    return FLOW.index(part) if part in FLOW else -1


def test_arrows_point_left():
    wrong = []
    for here, path in MODULES.items():
        if not here:
            continue
        for there in imports(path):
            if there and there[0] != here[0] and rank(there[0]) >= max(rank(here[0]), 0):
                wrong.append(f"{'.'.join(here)} -> {'.'.join(there)}")
    assert not wrong


def test_names_looked_up_point_left_too():
    from ohlcvml.registry import all_estimators

    stage = {name: cls.__module__.split(".")[1] for name, cls in all_estimators()}
    wrong = [
        f"{'.'.join(here)} -> {name}"
        for here, path in MODULES.items()
        for name in named(path)
        if here and name in stage and rank(stage[name]) >= rank(here[0])
    ]
    assert not wrong


def test_private_modules_are_imported_below_the_folder_that_holds_them():
    wrong = []
    for here, path in MODULES.items():
        folder = here if path.name == "__init__.py" else here[:-1]
        for there in imports(path):
            for depth, part in enumerate(there):
                holder = there[:depth]
                if part.startswith("_") and holder and folder[: len(holder)] != holder:
                    wrong.append(f"{'.'.join(here)} -> {'.'.join(there)}")
    assert not wrong


def test_no_file_imports_the_door_of_its_own_house():
    wrong = [
        f"{'.'.join(here)} -> {'.'.join(there)}"
        for here, path in MODULES.items()
        for there in imports(path)
        if path.name != "__init__.py" and there and here[: len(there)] == there
    ]
    assert not wrong


def circle_in(arrows):
    """A circle of a directed graph, or None."""
    state = {}

    def visit(node, trail):
        state[node] = "open"
        for after in sorted(arrows.get(node, ())):
            if state.get(after) == "open":
                return [*trail[trail.index(after) :], after]
            if after not in state and (found := visit(after, [*trail, after])):
                return found
        state[node] = "done"
        return None

    for node in sorted(arrows):
        if node not in state and (found := visit(node, [node])):
            return found
    return None


def test_no_circle_among_files():
    arrows = {
        here: {there for there in imports(path) if there}
        for here, path in MODULES.items()
        if path.name != "__init__.py"
    }
    assert circle_in(arrows) is None


def test_no_circle_among_the_folders_and_files_of_a_folder():
    arrows = defaultdict(lambda: defaultdict(set))
    for here, path in MODULES.items():
        if path.name == "__init__.py" and len(here) < 2:
            continue
        for there in imports(path):
            shared = 0
            while shared < min(len(here), len(there)) and here[shared] == there[shared]:
                shared += 1
            # A door gathers what its folder holds: its arrows within the folder are no order.
            within = path.name == "__init__.py" and shared >= len(here)
            if shared < len(here) and shared < len(there) and not within:
                arrows[here[:shared]][here[shared]].add(there[shared])
    circles = {".".join(folder): circle_in(graph) for folder, graph in arrows.items()}
    assert not {folder: found for folder, found in circles.items() if found}


def test_every_package_is_in_the_flow():
    packages = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert packages == set(FLOW)


def modules_after(statement):
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )


HEAVY = {"torch", "lightgbm", "xgboost", "matplotlib", "sktime.tests", "pytest", "catboost"}


def test_importing_every_stage_loads_nothing_heavy():
    statements = [f"import ohlcvml.{part}" for part in (*STAGES, "testing", "cli")]
    assert not HEAVY & modules_after("; ".join(statements))


def test_importing_bars_loads_little_beyond_pandas():
    heavy = ("sktime", "skbase", "sklearn", "scipy", "numba", "pyarrow.csv", "pyarrow.parquet")
    loaded = modules_after("import ohlcvml.bars") - modules_after("import pandas")
    assert not {name for name in loaded if name.startswith(heavy)}


def test_help_of_every_command_loads_nothing_that_commands_need_to_run():
    code = """
import typer
import ohlcvml.cli
from ohlcvml.cli._app import app

def leaves(command, path=()):
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, (*path, name))
    yield path

for path in leaves(typer.main.get_command(app)):
    try:
        app([*path, "--help"])
    except SystemExit as done:
        assert done.code == 0, path
"""
    heavy = ("sktime", "skbase", "sklearn", "scipy", "numba", "numpy", "pandas", "pyarrow")
    loaded = modules_after(code)
    assert "rich" in loaded
    assert not {name for name in loaded if name.startswith(heavy)}


def test_files_stay_small():
    assert not {path.name for path in FILES if len(path.read_text().splitlines()) > 400}


def test_nothing_unpickles():
    words = ("pickle.load", "joblib.load", "torch.load(", "cloudpickle", "dill")
    found = {(path.name, word) for path in FILES for word in words if word in path.read_text()}
    assert not found
