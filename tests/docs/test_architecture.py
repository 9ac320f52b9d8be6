"""The picture of the tree is drawn from the package as it is."""

import importlib.util
from xml.etree import ElementTree

from tests.docs.pages import DOCS

_spec = importlib.util.spec_from_file_location(
    "generate_architecture", DOCS / "generate_architecture.py"
)
generate_architecture = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate_architecture)

FLOW = generate_architecture.FLOW


def test_the_picture_is_up_to_date():
    on_disk = (DOCS / "architecture.svg").read_text(encoding="utf-8")
    assert on_disk == generate_architecture.picture(), "run: python docs/generate_architecture.py"


def test_the_picture_shows_every_package_and_every_import():
    root = ElementTree.fromstring(generate_architecture.picture())
    dots = root.findall("{http://www.w3.org/2000/svg}circle")
    arrows = [(here, there) for here in FLOW for there in generate_architecture.imported_by(here)]
    assert len(dots) == len(arrows)
    assert all(FLOW.index(there) < FLOW.index(here) for here, there in arrows)
    texts = [item.text for item in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [package for package in FLOW if texts.count(package) != 2] == []


def test_the_page_names_every_package():
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert "![" in page
    assert "(architecture.svg)" in page
    assert [package for package in FLOW if f"`{package}" not in page] == []
