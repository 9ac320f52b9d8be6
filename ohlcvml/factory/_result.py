"""What training leaves: the report, and what does not fit into it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ohlcvml.evaluation import CrossValidation, Evaluation
from ohlcvml.factory._report import TrainingReport
from ohlcvml.pipeline import BaseBarClassifier
from ohlcvml.typing import Bars, Labels


@dataclass(frozen=True, repr=False)
class TrainingResult:
    """What :func:`~ohlcvml.factory.train` returns; it shows itself as its report.

    Attributes
    ----------
    report : TrainingReport
        Everything that was found and can be saved.
    model : BaseBarClassifier
        Fitted on all rows before the test set.
    labeller : estimator
    bars, labels : pd.DataFrame
        What the model was built on.
    bundle : Path or None
        Where the bundle was written.
    run : Path or None
        The run's folder.
    """

    report: TrainingReport
    model: BaseBarClassifier
    labeller: Any
    bars: Bars
    labels: Labels
    bundle: Path | None = None
    run: Path | None = None

    @property
    def walk_forward(self) -> CrossValidation:
        """Walk-forward cross-validation, the headline."""
        return self.report.walk_forward

    @property
    def test(self) -> Evaluation | None:
        """The look at the test set."""
        return self.report.test

    def plot(self, **options: Any) -> Any:
        """Equity out of fold beside buying and holding."""
        return self.report.plot(**options)

    def __repr__(self) -> str:
        return "\n".join([repr(self.report), *self._places()])

    def _repr_html_(self) -> str:
        from html import escape

        places = "".join(f"<p>{escape(place)}</p>" for place in self._places())
        return f"{self.report._repr_html_()}{places}"

    def _places(self) -> list[str]:
        places = {"Run kept in": self.run, "Bundle written to": self.bundle}
        return [f"{told} {path}" for told, path in places.items() if path is not None]
