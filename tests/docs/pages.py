"""Running the Python of a page as its reader would: top to bottom, in one namespace."""

import doctest
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def python_blocks(path):
    """Line number and text of each fenced Python block."""
    text = path.read_text(encoding="utf-8")
    return [(text[: m.start(1)].count("\n") + 1, m.group(1)) for m in _FENCE.finditer(text)]


def run_page(path):
    """Run every block; prompts are compared with the output shown. Return how many ran."""
    namespace = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    parser = doctest.DocTestParser()
    blocks = python_blocks(path)
    said = []
    for line, text in blocks:
        if text.startswith(">>>"):
            test = parser.get_doctest(text, namespace, f"{path.name}, line {line}", str(path), line)
            runner.run(test, out=said.append, clear_globs=False)
            namespace.update(test.globs)
        else:
            exec(compile("\n" * (line - 1) + text, str(path), "exec"), namespace)
    assert not said, "".join(said)
    return len(blocks)


def broken_links(path):
    """Relative links of a page that lead to no file."""
    text = path.read_text(encoding="utf-8")
    targets = [
        link.split("#")[0] for link in _LINK.findall(re.sub(r"```.*?```", "", text, flags=re.S))
    ]
    local = [t for t in targets if t and "://" not in t and not t.startswith("mailto:")]
    return [t for t in local if not (path.parent / t).exists()]
