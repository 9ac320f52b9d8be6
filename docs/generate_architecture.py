"""Draw docs/architecture.svg from the package itself: ``python docs/generate_architecture.py``."""

from __future__ import annotations

import ast
from pathlib import Path
from xml.sax.saxutils import escape

import ohlcvml
from ohlcvml.registry import STAGES

PICTURE = Path(__file__).with_name("architecture.svg")
PACKAGE = Path(ohlcvml.__file__).parent
FLOW = (*STAGES, "testing", "cli")
# What a package hands to those after it. Names, folders and imports are read from the package.
GIVES = {
    "bars": "a checked table of bars; contracts, costs, sessions",
    "streams": "compiled steps that run in batch and bar by bar",
    "features": "columns: what is known at each bar",
    "regimes": "columns: the state of the market, filtered",
    "labels": "a table of intervals: decision, end, return, cost",
    "samples": "views: rows of bars, features and labels together",
    "splits": "row numbers, purged by label interval",
    "pipeline": "steps and model as one; the fold loop; answers",
    "models": "classifiers: probabilities, returns, quantiles",
    "evaluation": "scores, backtests and the count of looks",
    "bundle": "a fitted model as files, checked when it is read",
    "factory": "the main jobs: train, runs that are kept, their bundles",
    "testing": "the laws that every estimator must keep",
    "cli": "the commands",
}
ROW, TOP, LEFT, NAME, MATRIX, CELL = 44, 104, 20, 368, 740, 30
INK, FAINT, DOT, BOX, LINE = "#1f2933", "#616e7c", "#2563a8", "#e8f0f9", "#e4e7eb"


def folders(package: str) -> list[str]:
    """Folders inside a package."""
    return sorted(path.parent.name for path in (PACKAGE / package).glob("*/__init__.py"))


def imported_by(package: str) -> set[str]:
    """Packages of the flow that the files of a package import, for types too."""
    found = set()
    for path in sorted((PACKAGE / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            parts = [name.split(".") for name in names]
            found |= {p[1] for p in parts if p[0] == "ohlcvml" and len(p) > 1}
    return (found & set(FLOW)) - {package}


def picture() -> str:
    """The drawing, as the text of an SVG file."""
    width, height = MATRIX + CELL * len(FLOW) + 20, TOP + ROW * len(FLOW) + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="DejaVu Sans, Verdana, sans-serif" font-size="13" role="img">',
        "<title>The packages of ohlcvml in the order of the data flow, and their imports</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        _text(LEFT, 84, "package and its folders", FAINT),
        _text(NAME, 84, "what it gives", FAINT),
    ]
    for number, package in enumerate(FLOW):
        parts += _row(number, package)
    foot = TOP + ROW * len(FLOW) + 20
    parts.append(
        _text(
            LEFT,
            foot,
            "A dot: the package of the row imports the package of the column. Every dot lies left "
            "of the diagonal.",
            FAINT,
        )
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(number: int, package: str) -> list[str]:
    y = TOP + ROW * number
    inside = folders(package)
    parts = [
        f'<rect x="{LEFT}" y="{y}" width="330" height="32" rx="5" fill="{BOX}" stroke="{DOT}"/>',
        _text(LEFT + 10, y + 21, package, INK, "bold"),
        _text(LEFT + 98, y + 20, " · ".join(inside), FAINT, size=10),
        _text(NAME, y + 21, GIVES[package], INK),
    ]
    if package in STAGES[1:]:
        x = LEFT + 40
        parts.append(f'<path d="M{x} {y - 12}v7m-4 -3l4 5l4 -5" fill="none" stroke="{DOT}"/>')
    middle = MATRIX + CELL * number + CELL // 2
    last = TOP + ROW * (len(FLOW) - 1) + 16
    parts += [
        f'<path d="M{MATRIX} {y + 16}H{middle}V{last}" fill="none" stroke="{LINE}"/>',
        f'<rect x="{middle - 11}" y="{y + 5}" width="22" height="22" rx="4" fill="{BOX}"/>',
        f'<text transform="translate({middle + 4} 94) rotate(-60)" fill="{INK}">{package}</text>',
    ]
    for other in sorted(imported_by(package), key=FLOW.index):
        x = MATRIX + CELL * FLOW.index(other) + CELL // 2
        parts.append(f'<circle cx="{x}" cy="{y + 16}" r="5" fill="{DOT}"/>')
    return parts


def _text(x: int, y: int, text: str, fill: str, weight: str = "normal", size: int = 13) -> str:
    style = f'fill="{fill}" font-weight="{weight}" font-size="{size}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
