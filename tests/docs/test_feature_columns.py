"""The page of columns is what the default set gives, and every column says what it is."""

import importlib.util
import re

import pytest

from ohlcvml.features import FEATURE_FAMILIES, OHLCVFeatures
from tests.docs.pages import DOCS

_spec = importlib.util.spec_from_file_location("generate_columns", DOCS / "generate_columns.py")
generate_columns = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate_columns)

SETS = [OHLCVFeatures(), OHLCVFeatures(contract="ES")]
PAGE = (DOCS / "feature_columns.md").read_text(encoding="utf-8")


def test_the_page_is_up_to_date():
    assert generate_columns.page() == PAGE, "run: python docs/generate_columns.py"


@pytest.mark.parametrize("features", SETS, ids=["no contract", "ES"])
def test_at_least_150_columns_of_at_least_60_formulas(features):
    table = features.describe()
    own = table["formula"][~table["formula"].str.startswith("of ")]
    assert len(table) >= 150
    assert own.nunique() >= 60


def test_every_column_has_a_formula_and_a_unit():
    table = SETS[1].describe()
    assert table.index[(table["formula"] == "") | (table["unit"] == "")].tolist() == []


def test_a_window_that_a_name_ends_in_is_its_window():
    table = SETS[1].describe()
    windowed = table[table["formula"].str.contains(r"\bw\b")]
    assert windowed.index[windowed["window"].isna()].tolist() == []


def test_every_name_is_on_the_page():
    table = SETS[1].describe()
    own = table[~table["formula"].str.startswith("of ")]
    shown = [generate_columns.pattern(*item) for item in own["window"].items()]
    assert [name for name in shown if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("name", FEATURE_FAMILIES)
def test_every_family_is_on_both_pages(name):
    family = dict(generate_columns.families(SETS[1]))[name]
    row = f"| `{name}` | `{type(family).__name__}` |"
    assert row in (DOCS / "features.md").read_text(encoding="utf-8")
    assert f'## {type(family).__name__}\n\n"{name}": ' in PAGE


def test_text_means_nothing_to_markdown():
    assert generate_columns.plain("|a_t| * [b] < 1") == r"&#124;a\_t&#124; \* \[b\] &lt; 1"


def test_a_name_is_its_pattern_with_the_window():
    assert generate_columns.pattern("log_return_5", 5) == "log_return_{w}"
    assert generate_columns.pattern("gap", None) == "gap"


def test_columns_on_the_health_page_exist():
    page = (DOCS / "feature_health.md").read_text(encoding="utf-8")
    known = set(SETS[1].feature_names)
    named = {name for name in re.findall(r"`([a-z0-9_]+)`", page) if name[-1].isdigit()}
    assert named - known == set()
