"""The page on the plan lists every key and model of it that has another name here."""

import re

from ohlcvml.models.configs import _plan
from tests.docs.pages import DOCS

PAGE = (DOCS / "differences.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.split("|")] for line in PAGE.splitlines() if line[:1] == "|"]


def here(key):
    """Names in the second column of the rows whose first column has this key."""
    found = [row[2] for row in ROWS if f"`{key}`" in row[1]]
    assert len(found) == 1, key
    return found[0]


def test_every_key_of_the_plan_is_on_the_page():
    assert [key for key, name in _plan.PLAN_NAMES.items() if f"`{name}`" not in here(key)] == []


def test_every_option_of_training_is_on_the_page():
    for key, name in _plan.TRAINING.items():
        assert f"{name}:" in here(key) or (key == name and "same, under `training`" in here(key))


def test_every_model_that_was_left_out_is_on_the_page():
    for key, told in _plan.REPLACEMENTS.items():
        taken = set(re.findall(r"lightgbm|xgboost|lstm|patchtst|itransformer|logistic", told))
        assert set(re.findall(r"`(\w+)`", here(key))) >= taken
