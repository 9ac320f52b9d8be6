"""The table of models is what the registry holds."""

import importlib.util

from ohlcvml.models.configs._configs import model_classes
from tests.docs.pages import DOCS

_spec = importlib.util.spec_from_file_location("generate_models", DOCS / "generate_models.py")
generate_models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate_models)


def test_the_page_is_up_to_date():
    on_disk = (DOCS / "model_table.md").read_text(encoding="utf-8")
    assert generate_models.page() == on_disk, "run: python docs/generate_models.py"


def test_every_model_has_a_source_or_is_of_a_library():
    for name, cls in model_classes().items():
        if cls.get_class_tag("model_family") not in {"linear", "scikit-learn", "forecast"}:
            assert "\nSource: " in generate_models.section(name, cls), name


def test_families_have_a_place_on_the_page():
    families = {cls.get_class_tag("model_family") for cls in model_classes().values()}
    assert families <= set(generate_models.FAMILIES)
