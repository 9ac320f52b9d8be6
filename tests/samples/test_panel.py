"""The lazy panel: windows of one matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.samples import BarPanel
from ohlcvml.samples._panel import has_history

VALUES = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 8), st.lists(st.integers(7, 39), min_size=1, max_size=12))
def test_windows_end_at_their_rows(window, ends):
    panel = BarPanel(VALUES, np.array(ends), window)
    dense = panel.take()
    assert dense.shape == panel.shape == (len(ends), 3, window)
    for k, end in enumerate(ends):
        assert np.array_equal(dense[k], VALUES[end - window + 1 : end + 1].T)
    assert np.array_equal(dense[:, :, -1], panel.last())


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 6))
def test_a_dense_panel_comes_back(n, channels, length):
    X = np.random.default_rng(n).normal(size=(n, channels, length)).astype(np.float32)
    assert np.array_equal(BarPanel.from_numpy3d(X).take(), X)


def test_slices_share_the_matrix():
    panel = BarPanel(VALUES, np.arange(10, 40), 5, np.arange(30.0))
    part = panel[5:8]
    assert part.values is VALUES
    assert part.weight.tolist() == [5.0, 6.0, 7.0]
    assert len(panel[3]) == 1
    assert panel[3].weight.tolist() == [3.0]


def test_windows_are_a_view_of_the_matrix():
    """A million windows of 512 rows cost what the rows asked for cost."""
    values = np.zeros((1_000_000, 2), dtype=np.float32)
    panel = BarPanel(values, np.arange(511, 1_000_000), 512)
    assert panel.shape == (999_489, 2, 512)
    assert panel.take([0, 5]).nbytes == 2 * 2 * 512 * 4
    assert np.shares_memory(panel.values, values)


@pytest.mark.parametrize(
    ("missing", "starts", "expected"),
    [
        ([], [0, 8], [False, False, True, True, True, True, True, True]),
        ([4], [0, 8], [False, False, True, True, False, False, False, True]),
        ([], [0, 4, 8], [False, False, True, True, False, False, True, True]),
    ],
)
def test_history_by_hand(missing, starts, expected):
    flags = np.isin(np.arange(8), missing)
    before = np.concatenate([[0], np.cumsum(flags)])
    assert has_history(before, np.array(starts), np.arange(8), 3).tolist() == expected
