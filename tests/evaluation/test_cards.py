"""What results show of themselves: short, readable, escaped."""

import re
from dataclasses import replace

import pytest

from ohlcvml._card import Card
from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.evaluation import Execution, cross_validate, evaluate
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout, PurgedKFold


@pytest.fixture(scope="module")
def results():
    bars = simulate_bars(8000, seed=9, edge=0.3, sessions=True).bars
    costs = Costs(2.0, 0.5)
    labels = TripleBarrierLabeller(horizon=20, contract="ES", costs=costs).fit_transform(bars)
    model = ReturnFeatures() * LogisticClassifier()
    folds = PurgedKFold(n_splits=3, embargo=30)
    limits = Execution(capital=1e5, max_drawdown_stop=0.01)
    validated = cross_validate(model, bars, labels, folds, execution=limits, exposure=0.2)
    samples = Samples(bars, labels)
    parts = PurgedHoldout(validation=0.0, test=0.3).parts(samples)
    tested = evaluate(model.fit(samples[parts.train]), samples[parts.test])
    return {
        "CrossValidation": validated,
        "Evaluation": tested,
        "Backtest": validated.backtest,
        "Samples": samples[parts.train],
    }


@pytest.mark.parametrize("name", ["CrossValidation", "Evaluation", "Backtest", "Samples"])
def test_a_card_is_short_and_the_page_shows_the_same(results, name):
    result = results[name]
    text = repr(result)
    assert text.startswith(name)
    assert len(text) < 1500
    assert max(map(len, text.splitlines())) <= 110
    page = result._repr_html_()
    shown = re.sub("<[^>]+>", " ", page).split()
    for word in set(re.findall(r"[0-9][0-9.,%]*", text)):
        assert any(word in part for part in shown), word


def test_the_main_figures_stand_in_it(results):
    text = repr(results["CrossValidation"])
    means = results["CrossValidation"].folds.mean(numeric_only=True)
    assert re.search(rf"log-loss +{means['log_loss']:.4f}", text)
    assert f"{results['CrossValidation'].backtest.sharpe}" in " ".join(text.split())
    assert "two-sided" in text
    run = repr(results["Backtest"])
    assert "max_drawdown_stop 0.01" in run
    assert "100,000.00 USD, fixed" in run
    one = replace(results["CrossValidation"], notes=[f"note {k}" + "x" * 999 for k in range(99)])
    assert len(repr(one)) < 2000


def test_text_is_escaped():
    card = Card("<b>", [("a<script>", "1 & 2")], ("", "<i>"), ["</ul>"])
    page = card.html()
    for bad in ("<script>", "<i>", "1 & 2", "<b><b>", "</ul></li>"):
        assert bad not in page
