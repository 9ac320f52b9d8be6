"""The table of columns names what the kernels write, no more and no less."""

import tomllib
from collections import Counter

import numpy as np
import pytest

from ohlcvml.exceptions import ParameterError
from ohlcvml.features import CalendarFeatures, ReturnFeatures, SessionFeatures
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature, Channels
from tests.features.conftest import FAMILIES

TEXT = COLUMNS.path.read_text(encoding="utf-8")
SECTIONS = tomllib.loads(TEXT)
SHARED = SECTIONS.pop("shared")
OWN = [cls for cls in FAMILIES if hasattr(cls, "_kernel")]
CASES = [cls(**params) for cls in OWN for params in [{}, *cls.get_test_params()]]
CASES += [CalendarFeatures("ES"), SessionFeatures("ES", volume=False)]
WITH_ALL = [cls("ES") if "contract" in cls.get_param_names() else cls() for cls in OWN]


@pytest.mark.parametrize("feature", CASES, ids=lambda feature: type(feature).__name__)
def test_the_kernel_writes_the_columns_of_the_table(feature, bars):
    bars = bars.iloc[:300]
    names, written = feature.feature_names, []
    for before in (-1.25e9, 7.5e9):
        block = np.full((len(names) + 99, len(bars)), before)  # compiled code has no bounds
        feature._write(bars, Channels(bars, "test"), block[: len(names)])
        assert (block[len(names) :] == before).all(), "the kernel has more columns than the table"
        written.append(block[: len(names)])
    same = (written[0] == written[1]) | np.isnan(written[0]) & np.isnan(written[1])
    assert [name for name, column in zip(names, same, strict=True) if not column.all()] == []


def test_every_family_has_a_section_and_every_section_a_family():
    assert sorted(SECTIONS) == sorted(cls.__name__ for cls in OWN)


def test_every_line_of_the_table_gives_columns_and_every_text_is_used():
    for feature in WITH_ALL:
        formulas = Counter(column.formula for column in feature._columns())
        assert len(formulas) == len(SECTIONS[type(feature).__name__])
    assert [key for key in SHARED if f"{{{key}}}" not in TEXT] == []


def test_no_text_of_a_column_has_an_open_place():
    texts = [v for feature in WITH_ALL for c in feature._columns() for v in vars(c).values()]
    keys = {f"{{{key}}}" for key in SHARED} | {"{}"}
    assert [text for text in texts if any(key in str(text) for key in keys)] == []


class Own(BaseFeature):
    """A family of a user's."""

    _column_table = {
        "mean_{windows:w}_{lag}": [
            "mean over w bars, lag {lag}",
            "price",
            "first {rows} rows",
            "me",
        ],
        "one": ["{t-w} and w"],
    }

    def __init__(self, windows=(5, 20), lag=(3,)):
        self.windows = windows
        self.lag = lag
        super().__init__()

    def _column_values(self):
        return {"rows": self.lag[0] + 1}


def test_a_family_of_ones_own_declares_its_columns_in_the_same_way():
    table = Own().describe()
    assert table.index.tolist() == ["mean_5_3", "mean_20_3", "one"]
    assert table["window"].tolist()[:2] == [5, 20]
    assert table.loc["mean_5_3"].tolist() == [
        "mean over w bars, lag 3",
        5,
        "price",
        "first 4 rows",
        "me",
    ]
    assert table.loc["one", ["formula", "unit", "undefined"]].tolist() == [
        "{t-w} and w",
        "ratio",
        "",
    ]


def test_a_subclass_has_the_columns_of_its_family():
    mine = type("Mine", (ReturnFeatures,), {})
    assert mine((1, 5)).feature_names == ReturnFeatures((1, 5)).feature_names


def test_a_table_that_names_what_is_not_there_says_so():
    wrong = type("Wrong", (Own,), {"_column_table": {"mean_{windw}": ["mean"]}})
    with pytest.raises(
        ParameterError, match=r"Wrong: 'mean_.windw.' .* 'windw', which is no param"
    ):
        wrong()
    bare = type("Bare", (Own,), {"_column_table": {"mean": "a mean"}})
    with pytest.raises(ParameterError, match=r"Bare: column 'mean' has to be a list .* 'a mean'"):
        bare()
    with pytest.raises(ParameterError, match=r"columns.toml has no section \[Stray\]"):
        type("Stray", (BaseFeature,), {"_column_table": COLUMNS})()
