"""Checks on the raw memory of scikit-learn's trees.

scikit-learn walks a tree without looking at bounds, so node numbers outside the tree, or a
feature number outside the row, would read foreign memory. The types are on our trust list only
because this runs on every one of them before anything is predicted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ohlcvml.exceptions import BundleError

FOREIGN = "load: a tree in a .skops file of the bundle points outside itself. Do not trust it."


def check_trees(value: Any) -> None:
    """Raise :class:`BundleError` if a tree inside ``value`` points outside itself or its row."""
    _walk(value, None, None, set())


def _walk(value: Any, owner: Any, limit: int | None, seen: set[tuple[int, int | None]]) -> None:
    """Visit ``value``; ``limit`` is the row length that reaches the trees of ``owner``."""
    if value is None or isinstance(value, (str, bytes, int, float, np.generic)):
        return
    if (id(value), limit) in seen:
        return
    seen.add((id(value), limit))
    if type(value).__name__ == "Tree" and hasattr(value, "children_left"):
        _check_tree(value, limit)
    elif type(value).__name__ == "TreePredictor":
        _check_predictor(value, limit)
    elif isinstance(value, dict):
        for item in value.values():
            _walk(item, owner, limit, seen)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _walk(item, owner, limit, seen)
    elif isinstance(value, np.ndarray):
        if value.dtype == object:
            for item in value.flat:
                _walk(item, owner, limit, seen)
    elif hasattr(value, "__dict__"):
        own = getattr(value, "n_features_in_", None)
        # Forests and boosting hand their rows to their trees unchecked, so their length counts.
        if own is not None and (limit is None or not _hands_rows_on(owner)):
            limit = int(own)
        elif own is not None and limit is not None:
            limit = min(limit, int(own))
        for item in vars(value).values():
            _walk(item, value, limit, seen)


def _hands_rows_on(owner: Any) -> bool:
    from sklearn.ensemble import BaseEnsemble

    return isinstance(owner, BaseEnsemble)


def _check_tree(tree: Any, limit: int | None) -> None:
    nodes = np.arange(tree.node_count)
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    leaf = left == -1
    if limit is None or tree.n_features > limit or len(left) == 0:
        raise BundleError(FOREIGN)
    for child in (left[~leaf], right[~leaf]):
        # A child after its parent also rules out endless loops.
        if ((child <= nodes[~leaf]) | (child >= tree.node_count)).any():
            raise BundleError(FOREIGN)
    if ((feature[~leaf] < 0) | (feature[~leaf] >= limit)).any():
        raise BundleError(FOREIGN)


def _check_predictor(predictor: Any, limit: int | None) -> None:
    nodes = predictor.nodes
    inner = nodes[nodes["is_leaf"] == 0]
    numbers = np.flatnonzero(nodes["is_leaf"] == 0)
    if limit is None or len(nodes) == 0:
        raise BundleError(FOREIGN)
    for side in ("left", "right"):
        if ((inner[side] <= numbers) | (inner[side] >= len(nodes))).any():
            raise BundleError(FOREIGN)
    if ((inner["feature_idx"] < 0) | (inner["feature_idx"] >= limit)).any():
        raise BundleError(FOREIGN)
    bitsets = len(predictor.raw_left_cat_bitsets)
    if (inner["is_categorical"].astype(bool) & (inner["bitset_idx"] >= bitsets)).any():
        raise BundleError(FOREIGN)
