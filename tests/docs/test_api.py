"""The API page is what the package exports, and everything exported says what it is."""

import importlib.util
from importlib import import_module

import pytest

from tests.docs.pages import DOCS

_spec = importlib.util.spec_from_file_location("generate_api", DOCS / "generate_api.py")
generate_api = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate_api)


def test_the_page_is_up_to_date():
    on_disk = (DOCS / "api.md").read_text(encoding="utf-8")
    assert on_disk == generate_api.page(), "run: python docs/generate_api.py"


@pytest.mark.parametrize("name", generate_api.MODULES)
def test_every_public_name_is_on_the_page(name):
    module = import_module(f"ohlcvml.{name}")
    section = (DOCS / "api.md").read_text(encoding="utf-8").split(f"## ohlcvml.{name}\n")[1]
    section = section.split("\n## ")[0]
    assert [item for item in module.__all__ if f"- **`{item}" not in section] == []


@pytest.mark.parametrize("name", generate_api.MODULES)
def test_every_public_name_is_documented(name):
    module = import_module(f"ohlcvml.{name}")
    items = {item: getattr(module, item) for item in module.__all__}
    bare = [item for item, value in items.items() if callable(value) and not value.__doc__]
    assert bare == []
