"""Fail where a file of the core packages has a line that no test ran.

Reads the data file of coverage. Branches are printed by `coverage report` and not judged here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

# Whatever models one calls the core: the tabular ones, and every network's estimator.
CORE = (
    "ohlcvml/labels/*",
    "ohlcvml/samples/*",
    "ohlcvml/splits/*",
    "ohlcvml/pipeline/*",
    "ohlcvml/models/tabular/*",
    "ohlcvml/models/neural/*.py",
)


def missing_lines() -> dict[str, list[int]]:
    """Lines that did not run, by file; files whose every line ran have an empty list."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "coverage.json"
        command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(found)]
        subprocess.run([*command, "--include", ",".join(CORE)], check=True)
        files = json.loads(found.read_text())["files"]
    return {name: told["missing_lines"] for name, told in files.items()}


def main() -> int:
    """Print what is missing; 1 if anything is, or if a package was not measured at all."""
    missing = missing_lines()
    unseen = [path for path in CORE if not any(Path(name).match(path) for name in missing)]
    for name, lines in missing.items():
        for line in lines:
            text = Path(name).read_text(encoding="utf-8").splitlines()[line - 1].strip()
            print(f"{name}:{line}: no test runs this line: {text}")
    for path in unseen:
        print(f"{path}: not measured")
    n_lines = sum(map(len, missing.values()))
    print(f"core packages: {n_lines} lines without a test in {len(missing)} files")
    return 1 if n_lines or unseen else 0


if __name__ == "__main__":
    raise SystemExit(main())
