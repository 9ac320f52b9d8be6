"""The page on bundles runs as written."""

import doctest
from pathlib import Path


def test_the_page_runs():
    page = Path(__file__).resolve().parents[2] / "docs" / "bundles.md"
    result = doctest.testfile(
        str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert result.attempted > 15
    assert result.failed == 0
