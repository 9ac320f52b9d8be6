"""Laws of models, through the bar door."""

from __future__ import annotations

import random
import sys
from functools import lru_cache
from typing import Any

import numpy as np

from ohlcvml.exceptions import LeakageError
from ohlcvml.features import MomentumFeatures, ReturnFeatures, VolumeFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.pipeline import BarPipeline
from ohlcvml.samples import Samples
from ohlcvml.testing._future import check_past_unchanged, law_bars
from ohlcvml.testing._parameters import check_parameters_matter
from ohlcvml.testing._report import LawBroken


@lru_cache(maxsize=1)
def _problem() -> tuple[Any, Any]:
    bars = law_bars(700)
    labels = TripleBarrierLabeller(horizon=15, cost_adjustment=None).fit_transform(bars)
    return bars, labels


def _fitted(model: Any) -> tuple[Any, Any, Any]:
    bars, labels = _problem()
    samples = Samples(bars, labels)
    train = samples[: len(samples) // 2]
    return _chain(model).fit(train), bars, samples


def _chain(model: Any) -> Any:
    """A pipeline brings its own features; a model of price paths takes the bars."""
    features = ReturnFeatures() + MomentumFeatures() + VolumeFeatures()
    return model if isinstance(model, BarPipeline) else BarPipeline.of_model(features, model)


def future_cannot_change_the_past(model: Any) -> None:
    """Probabilities before a cut stay whatever happens from the cut on.

    To the bit, or to what the model's class states of rows asked beside others.
    """
    chain, bars, _ = _fitted(model)
    tolerance = chain.classifier_._batch_tolerance
    check_past_unchanged(chain.predict_proba, bars, type(model).__name__, tolerance=tolerance)


def training_sees_training_rows_only(model: Any) -> None:
    """Bars after the last training label resolves do not move the fitted model."""
    bars, labels = _problem()
    samples = Samples(bars, labels)
    train = samples[: len(samples) // 2]
    after = int(train.end_pos.max()) + 1
    changed = bars.copy()
    changed.iloc[after:] = changed.iloc[after:] * 1.5
    again = Samples(changed, labels)[: len(samples) // 2]
    one = _chain(model.clone()).fit(train).predict_proba(bars)
    two = _chain(model.clone()).fit(again).predict_proba(bars)
    if not np.array_equal(one.to_numpy(), two.to_numpy(), equal_nan=True):
        raise LawBroken(
            f"{type(model).__name__}: the fit changed with bars after its training labels resolved."
        )


def batch_mates_do_not_matter(model: Any) -> None:
    """A row's probabilities are the same alone and in company, and the same bits asked twice.

    Alone and in company to the bit, or, where arithmetic depends on the size of a batch, as in
    networks, to the tolerance that the model's class states.
    """
    chain, bars, _ = _fitted(model)
    whole = chain.predict_proba(bars).to_numpy()
    if not np.array_equal(whole, chain.predict_proba(bars).to_numpy(), equal_nan=True):
        raise LawBroken(f"{type(model).__name__}: two calls on the same bars disagree.")
    classifier = chain.classifier_
    features = chain._transform(bars)
    for row in (len(bars) - 1, len(bars) // 2):
        alone = classifier._answer_at(features, np.array([row])).probabilities
        tolerance = classifier._batch_tolerance
        if not np.allclose(alone[0], whole[row], rtol=0, atol=tolerance, equal_nan=True):
            raise LawBroken(
                f"{type(model).__name__}: row {row} has other probabilities alone than in a batch."
            )


def caller_is_left_alone(model: Any) -> None:
    """Neither the caller's tables nor the global random state are touched."""
    bars, labels = _problem()
    bars_before, labels_before = bars.copy(), labels.copy()
    before = _global_state()
    _fitted(model)[0].predict_proba(bars)
    if _global_state() != before:
        raise LawBroken(f"{type(model).__name__}: a global random state has moved.")
    if not (bars.equals(bars_before) and labels.equals(labels_before)):
        raise LawBroken(f"{type(model).__name__}: the caller's bars or labels were changed.")


def _global_state() -> tuple[bytes, tuple[Any, ...]]:
    """Key and position: a few draws move the position alone; torch's where it is in use."""
    _, key, *rest = np.random.get_state()  # noqa: NPY002 - the global state is what is guarded
    torch = sys.modules.get("torch")
    drawn = torch.random.get_rng_state().numpy().tobytes() if torch is not None else b""
    return np.asarray(key).tobytes() + drawn, (random.getstate(), *rest)


def refitting_repeats_itself(model: Any) -> None:
    """The same data and parameters give the same bits."""
    one, bars, _ = _fitted(model.clone())
    two, _, _ = _fitted(model.clone())
    if not np.array_equal(
        one.predict_proba(bars).to_numpy(), two.predict_proba(bars).to_numpy(), equal_nan=True
    ):
        raise LawBroken(f"{type(model).__name__}: two fits on the same data disagree.")


def one_class_gives_a_constant_model(model: Any) -> None:
    """A fold with one class, or without one of the classes, is no crash."""
    bars, labels = _problem()
    for keep in ([1], [-1, 1]):
        samples = Samples(bars, labels)
        samples = samples[np.isin(samples.y, keep)]
        chain = _chain(model.clone())
        proba = chain.fit(samples).predict_proba(bars).dropna().to_numpy()
        if proba.shape[1] != len(samples.classes) or not np.allclose(proba.sum(axis=1), 1):
            raise LawBroken(f"{type(model).__name__}: absent classes break predict_proba.")


def training_rows_are_refused(model: Any) -> None:
    """Scoring on samples that overlap the training rows raises LeakageError."""
    chain, _, samples = _fitted(model)
    half = len(samples) // 2
    overlap = samples[half - 5 : half + 5]
    alone = overlap.with_features(chain._transform(overlap.features))
    for fitted, rows in ((chain, overlap), (chain.classifier_, alone)):
        try:
            fitted.predict_proba(rows)
        except LeakageError:
            continue
        raise LawBroken(
            f"{type(model).__name__}: scored on its own training rows without complaint."
        )


def every_parameter_has_an_effect(model: Any) -> None:
    """Each parameter moves the probabilities; resource parameters move nothing."""

    def compute(candidate: Any) -> Any:
        chain, bars, _ = _fitted(candidate)
        return chain.predict_proba(bars)

    check_parameters_matter(type(model), compute)


def bundle_gives_the_same_bits(model: Any) -> None:
    """Saved and loaded again, the model predicts the same bits."""
    import tempfile

    from ohlcvml.bundle import load, save

    chain, bars, _ = _fitted(model)
    with tempfile.TemporaryDirectory() as folder:
        path = save(chain, f"{folder}/bundle", bars=bars)
        again = load(path)
    if not np.array_equal(
        chain.predict_proba(bars).to_numpy(), again.predict_proba(bars).to_numpy(), equal_nan=True
    ):
        raise LawBroken(f"{type(model).__name__}: the reloaded bundle predicts other bits.")


MODEL_LAWS = (
    future_cannot_change_the_past,
    training_sees_training_rows_only,
    batch_mates_do_not_matter,
    caller_is_left_alone,
    refitting_repeats_itself,
    one_class_gives_a_constant_model,
    training_rows_are_refused,
    bundle_gives_the_same_bits,
)
MODEL_CLASS_LAWS = (every_parameter_has_an_effect,)
