"""The documentation is true: its code runs, its output is what comes out, its links lead there."""

import pytest

from tests.docs.pages import DOCS, ROOT, broken_links, python_blocks, run_page

PAGES = sorted(DOCS.glob("*.md"))
NEEDS = {"foundation.md": "chronos", "networks.md": "torch"}
RUN_ELSEWHERE = {"bundles.md"}  # tests/bundle/test_docs.py, as one doctest file


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_code_of_each_page_runs(page, tmp_path, monkeypatch, contracts_restored):
    if page.name in RUN_ELSEWHERE or not python_blocks(page):
        return
    pytest.importorskip(NEEDS.get(page.name, "json"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OHLCVML_HOME", str(tmp_path / "home"))
    assert run_page(page) > 0


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md"], ids=str)
def test_links_lead_somewhere(page):
    assert broken_links(page) == []


def test_the_index_names_every_page():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.name != "index.md" and page.name not in index] == []


def test_a_wrong_page_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\n>>> 1 + 1\n3\n```\n[gone](gone.md)\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="Expected"):
        run_page(page)
    assert broken_links(page) == ["gone.md"]
