"""Kernels where nothing can be written: run uncached, with one warning."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

import ohlcvml
from ohlcvml import _compiling
from ohlcvml.exceptions import CompilationWarning

# Every stage is imported; simulating bars calls kernels.
CODE = """
import importlib, json, os, sys, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import ohlcvml
    from ohlcvml.registry import STAGES
    for stage in STAGES:
        importlib.import_module(f"ohlcvml.{stage}")
    from ohlcvml.bars import simulate_bars
    bars = simulate_bars(50, seed=0).bars
told = [(w.category.__name__, str(w.message)) for w in caught if "ohlcvml" in str(w.message)]
print(json.dumps([os.path.dirname(ohlcvml.__file__), float(bars["close"].sum()), told]))
"""


# Root may write whatever the permissions say: without this it may not.
WITHOUT_PRIVILEGE = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]


@pytest.fixture
def read_only_package():
    """Folder of a copy of the package that nobody may write."""
    folder = Path(tempfile.mkdtemp(prefix="ohlcvml-read-only-"))
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(ohlcvml.__file__).parent, folder / "ohlcvml", ignore=ignored)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs permissions as POSIX has them")
def test_a_read_only_container_runs_uncached_with_one_warning(read_only_package):
    folder = read_only_package
    as_root = os.geteuid() == 0
    if as_root and shutil.which("setpriv") is None:
        pytest.skip("root may write everything, and setpriv is not here to forbid it")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "XDG_"))}
    env |= {"HOME": str(folder / "home"), "PYTHONPATH": str(folder)}

    def child(*command):
        command = [*(WITHOUT_PRIVILEGE if as_root else []), *command]
        return subprocess.run(command, env=env, cwd="/", capture_output=True, text=True)

    if child("touch", str(folder / "file")).returncode == 0 or child("true").returncode:
        pytest.skip("this system does not let the test give up the right to write")
    done = child(sys.executable, "-c", CODE)
    assert done.returncode == 0, done.stderr
    where, total, told = json.loads(done.stdout)
    assert where == str(folder / "ohlcvml")
    ((kind, message),) = told
    assert kind == "CompilationWarning"
    assert "Set NUMBA_CACHE_DIR" in message
    from ohlcvml.bars import simulate_bars

    assert total == float(simulate_bars(50, seed=0).bars["close"].sum())


def test_other_errors_of_numba_are_not_swallowed(monkeypatch):
    def fails(**_options):
        def decorate(_function):
            raise RuntimeError("another reason")

        return decorate

    monkeypatch.setattr(_compiling.numba, "njit", fails)
    with pytest.raises(RuntimeError, match="another reason"):
        _compiling.njit(cache=True)(len)


def test_both_forms_of_the_decorator_compile():
    with warnings.catch_warnings():
        warnings.simplefilter("error", CompilationWarning)
        plain = _compiling.njit(lambda x: x + 1)
        with_options = _compiling.njit(error_model="numpy")(lambda x: 1.0 / x)
    assert plain(1) == 2
    assert with_options(0.0) == float("inf")


def test_every_kernel_is_compiled_here():
    package = Path(ohlcvml.__file__).parent
    pattern = re.compile(r"from numba import [^\n]*\bnjit\b|numba\.(n?jit|vectorize)\b")
    found = {
        path.name
        for path in package.rglob("*.py")
        if path.name != "_compiling.py" and pattern.search(path.read_text())
    }
    assert not found
