"""A composite as ensembles will be, and a count of how often features are computed."""

from contextlib import contextmanager

import numpy as np

from ohlcvml.features import ReturnFeatures
from ohlcvml.pipeline import Answer, BaseBarComposite, feature_memo


class Vote(BaseBarComposite):
    """The mean of the parts' probabilities."""

    def __init__(self, parts):
        self.parts = parts
        super().__init__()

    def _combine(self, answers):
        return Answer(np.mean([answer.probabilities for answer in answers], axis=0))


@contextmanager
def counted(cls=ReturnFeatures):
    """List with an entry for each time that ``cls`` computes its columns; starts from nothing."""
    calls, whole = [], cls._write

    def write(self, X, channels, out):
        calls.append(len(X))
        whole(self, X, channels, out)

    feature_memo.clear()
    cls._write = write
    try:
        yield calls
    finally:
        cls._write = whole
        feature_memo.clear()
