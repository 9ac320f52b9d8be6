"""Writing a bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ohlcvml._checks import check_value, instance_of, optional
from ohlcvml._folder import write_files
from ohlcvml.bars import Contract, Costs
from ohlcvml.bars import contract as find_contract
from ohlcvml.bundle._allowed import path_of
from ohlcvml.bundle._codec import Encoder, class_paths
from ohlcvml.bundle._golden import make_golden
from ohlcvml.bundle._load import ARRAYS, GOLDEN, TREE, open_bundle
from ohlcvml.bundle._manifest import (
    BUNDLE,
    FORMAT,
    MANIFEST,
    SCHEMA_VERSION,
    data_fingerprint,
    describe,
    dump_json,
    environment,
    feature_schema,
    input_schema,
    label_summary,
    plain,
    tags_of,
)
from ohlcvml.evaluation import Execution
from ohlcvml.exceptions import BundleError, DataError
from ohlcvml.labels import LabelSpec
from ohlcvml.typing import Bars, Labels


def save(
    model: Any,
    path: str | Path,
    *,
    bars: Bars | None = None,
    labels: Labels | None = None,
    contract: Contract | str | None = None,
    costs: Costs | None = None,
    execution: Execution | None = None,
    scores: Mapping[str, Any] | None = None,
    labeller: Any = None,
    description: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a fitted model to a bundle: a directory, or a zip if ``path`` ends in ``.zip``.

    The bundle is written beside its place, read back and made to reproduce its golden rows; only
    then does it appear, whole. No pickle is involved, and nothing of the time or place of writing
    is stored: saving the same model again gives the same bytes.

    Parameters
    ----------
    model : fitted estimator
        A registered estimator, whose parts are registered too.
    path : str or Path
        Where the bundle shall stand.
    bars : pd.DataFrame or None, default=None
        The bars the model was built on. Their last rows become golden rows, and their columns,
        bar size and fingerprint are recorded. Without them a bundle cannot check new bars.
    labels : pd.DataFrame or None, default=None
        The labels table; its counts and parameters are recorded.
    contract : Contract, str or None, default=None
        The contract traded; a symbol is looked up. By default that of the labels that the model
        was fitted on.
    costs : Costs or None, default=None
        The costs the labels and scores are net of; by default those of the labels that the model
        was fitted on.
    execution : Execution or None, default=None
        How the signals are traded; evaluating the bundle later uses the same.
    scores : mapping or None, default=None
        Numbers, strings, lists and dicts; NaN is stored as null.
    labeller : estimator or None, default=None
        The labeller, so that later bars can be labelled the same way.
    description : str or None, default=None
        A sentence for people.
    overwrite : bool, default=False
        Replace a bundle that stands at ``path``; never anything else.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    BundleError
        The model holds something that a bundle cannot (the message names the attribute), is not
        fitted, does not reproduce itself, or ``path`` is taken.
    DataError
        ``labels``, ``contract`` or ``costs`` are not those the model was fitted on.

    Examples
    --------
    >>> import tempfile
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.bundle import load, save
    >>> from ohlcvml.features import MomentumFeatures
    >>> bars = simulate_bars(600, seed=0).bars
    >>> features = MomentumFeatures().fit(bars)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(features, f"{folder}/features.zip", bars=bars)
    ...     again = load(path)
    >>> again.transform(bars).equals(features.transform(bars))
    True
    """
    _check_model(model)
    check_value("save", "execution", optional(instance_of(Execution)), execution)
    path = Path(path)
    contract, costs = _of_the_labels(model, labels, contract, costs)
    encoder = Encoder()
    tree = {
        "model": encoder.encode(model, "$"),
        "labeller": encoder.encode(labeller, "$labeller"),
        "contract": encoder.encode(contract, "$contract"),
        "costs": encoder.encode(costs, "$costs"),
    }
    golden, golden_arrays = (None, {}) if bars is None else make_golden(model, bars)
    manifest = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "description": description,
        "model": describe(model),
        "labeller": describe(labeller),
        "contract": describe(contract),
        "costs": describe(costs),
        "execution": None if execution is None else execution.to_dict(),
        "classes": sorted({name for name, _ in class_paths(tree)}),
        "tags": tags_of(model),
        "input": None if bars is None else input_schema(bars),
        "features": feature_schema(model),
        "labels": None if labels is None else label_summary(labels),
        "data": None if bars is None else data_fingerprint(bars),
        "scores": plain(scores, "scores"),
        "environment": environment(encoder.packages),
        "golden": golden,
    }
    files = {MANIFEST: dump_json(manifest), TREE: _dump_tree(tree), **encoder.parts}
    files |= {
        name: _dump_arrays(arrays)
        for name, arrays in ((ARRAYS, encoder.arrays), (GOLDEN, golden_arrays))
        if arrays
    }
    write_files(path, files, BUNDLE, overwrite=overwrite, check=open_bundle)
    return path


def _check_model(model: Any) -> None:
    if isinstance(model, type) or path_of(type(model)) is None:
        raise BundleError(
            f"save: 'model' must be a registered estimator; got {type(model).__module__}."
            f"{type(model).__qualname__}. Register your own class with "
            "ohlcvml.bundle.allow_class; wrap scikit-learn classifiers in SklearnClassifier."
        )
    if not getattr(model, "is_fitted", False):
        raise BundleError(f"save: {type(model).__name__} is not fitted. Call fit first.")
    if model.get_tag("capability:bundle", True, raise_error=False) is False:
        raise BundleError(
            f"save: {type(model).__name__} declares that it cannot be bundled (tag "
            "capability:bundle is False)."
        )


def _of_the_labels(
    model: Any, labels: Labels | None, contract: Contract | str | None, costs: Costs | None
) -> tuple[Contract | None, Costs | None]:
    """Contract and costs, which must be those of the labels that the model was fitted on."""
    spec = getattr(model, "label_spec_", None)
    if spec is None:
        return find_contract(contract) if isinstance(contract, str) else contract, costs
    if labels is not None:
        spec.check_same_rule(LabelSpec.of(labels, "save"), "save")
    if isinstance(contract, str):
        found = find_contract(contract)
        same = spec.contract is not None and spec.contract.symbol == found.symbol
        contract = spec.contract if same else found
    for name, given in (("contract", contract), ("costs", costs)):
        learned = getattr(spec, name)
        if None not in (given, learned) and given != learned:
            raise DataError(
                f"save: parameter {name!r} must be that of the labels the model was fitted on, "
                f"{learned}; got {given}. Leave it out, or fit the model on labels made with it."
            )
    return contract or spec.contract, costs or spec.costs


def _dump_tree(tree: dict[str, Any]) -> bytes:
    # Keys keep the encoder's order, in which shared objects come before references to them.
    return json.dumps(tree, allow_nan=False, separators=(",", ":")).encode()


def _dump_arrays(arrays: dict[str, Any]) -> bytes:
    from safetensors.numpy import save as dump

    return bytes(dump(arrays))
