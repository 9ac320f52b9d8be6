"""What a cross-validation found, and what may be done with it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from ohlcvml._card import Card, Shown
from ohlcvml._saved import SavedResult
from ohlcvml.evaluation._fold_means import fold_summary
from ohlcvml.evaluation._headline import score_card, span_text
from ohlcvml.evaluation.backtest import Backtest
from ohlcvml.pipeline import OutOfFold


@dataclass(frozen=True, repr=False)
class CrossValidation(Shown, SavedResult):
    """Scores per fold, the out-of-fold table and what was left out on the way.

    Attributes
    ----------
    folds : pd.DataFrame
        One row per fold: rows, bars and seconds, then every score.
    predictions : pd.DataFrame
        One row per test row and fold: fold, label, end, ret, cost, net_ret and the signal.
    baselines : pd.DataFrame
        Fold means of the scores of ``no_skill`` and ``buy_and_hold`` on the same rows and, if
        asked for, of the model at equal exposure; NaN where a fold has none.
    backtest : Backtest or None
        One run over the out-of-fold rows, closed at each fold's end. Where rows are tested more
        than once (combinatorial splits), the path of the median net Sharpe ratio. None with
        several symbols.
    two_sided : bool
        Training rows lie after test rows as well: fit for selection and dispersion, not for a
        headline score.
    unused : dict
        Rows that were not used, by reason.
    out_of_fold : OutOfFold
        What the fold loop found: answers, and what each fold's model had seen. Its
        ``check_unseen(samples)`` says whether it may be used to predict other rows.
    notes : list of str
    split_report : pd.DataFrame or None
        What the splitter says of its folds: rows trained on, tested, purged and embargoed;
        ``attrs`` record purge, embargo and whether rows without label ends were let through.
    regime_scores : pd.DataFrame or None
        By regime, index (column, regime): fold means of the classification scores, and trading
        scores of the out-of-fold run.
    unsafe_steps : tuple of str
        Steps of the model that may see the future and were let through; then no number of the
        result counts.
    intervals : pd.DataFrame
        Fold means of the scores with their 95 % block-t intervals, and the net Sharpe ratio of
        ``backtest`` with its own: ``estimate low high blocks``. No interval (NaN) with fewer than
        6 effective blocks.
    paths : list of Backtest
        One run for each time that the rows are tested: several with combinatorial splits, else
        one, none with several symbols.
    """

    folds: pd.DataFrame
    predictions: pd.DataFrame
    baselines: pd.DataFrame
    backtest: Backtest | None
    two_sided: bool
    unused: dict[str, int]
    out_of_fold: OutOfFold
    notes: list[str]
    split_report: pd.DataFrame | None = None
    regime_scores: pd.DataFrame | None = None
    unsafe_steps: tuple[str, ...] = ()
    intervals: pd.DataFrame = field(default_factory=pd.DataFrame)
    paths: list[Backtest] = field(default_factory=list)

    def _card(self) -> Card:
        scores = self.folds.select_dtypes("number")
        sided = "two-sided folds" if self.two_sided else "folds, each trained on the past alone"
        means, spread = scores.mean(skipna=False), scores.std(skipna=False)
        title = (
            f"CrossValidation: {len(self.folds)} {sided}; {len(self.predictions):,} rows out of "
            f"fold, {span_text(self.predictions.index)}"
        )
        notes = list(self.notes)
        if self.backtest is not None:
            run = self.backtest
            notes.insert(
                0,
                f"one run over all folds: net Sharpe {run.sharpe}, net return "
                f"{run.scores['net_return']:+.2%}, maximum drawdown "
                f"{run.scores['max_drawdown']:.2%}",
            )
        intervals = getattr(self, "intervals", None)
        return score_card(title, means, self.baselines, spread, intervals, notes)

    def summary(self) -> pd.DataFrame:
        """Mean, spread and range of each score over the folds, and how many folds have none.

        ``mean std min max`` are NaN where a fold has no value: the mean of the folds that
        happen to have one is another figure. ``missing`` counts them.
        """
        return fold_summary(self.folds)

    @property
    def path_scores(self) -> pd.DataFrame:
        """Trading scores of each path, one row a path: their distribution over the paths."""
        rows = [run.scores for run in self.paths]
        return pd.DataFrame(rows, index=pd.RangeIndex(len(rows), name="path"))
