"""The forward filter: Bayes' rule bar by bar, whatever the rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.regimes._gaussian_filter import BLOCK, RAREST, run_filter, stationary
from ohlcvml.regimes._gaussian_memory import forgetting_rows
from ohlcvml.regimes._hmm_fit import as_gaussians
from ohlcvml.regimes._hmm_refit import empty_law, filter_params


def random_model(seed, n_states=3, n_inputs=2, diagonal=False):
    draw = np.random.default_rng(seed)
    transition = draw.dirichlet(np.ones(n_states), n_states) + 3 * np.eye(n_states)
    transition /= transition.sum(axis=1, keepdims=True)
    root = draw.normal(size=(n_states, n_inputs, n_inputs)) + 2 * np.eye(n_inputs)
    covariances = root @ root.transpose(0, 2, 1) + 0.5 * np.eye(n_inputs)
    if diagonal:
        covariances *= np.eye(n_inputs)
    means = draw.normal(size=(n_states, n_inputs))
    return transition, means, covariances


def filtered(values, model, cuts=()):
    """Filtered laws of rows, shape (n_rows, n_states), the kernel called once per piece."""
    out, law = np.empty((len(model.means), values.shape[1])), empty_law(model)
    for first, last in zip([0, *cuts], [*cuts, values.shape[1]], strict=True):
        run_filter((values,), first, last, filter_params(model), law, out)
    return out.T


def naive(values, transition, means, covariances):
    """Bayes' rule in the plainest numpy."""
    law, rows = stationary(transition), []
    for row in values.T:
        law = law @ transition
        if not np.isnan(row).any():
            z = row - means
            distance = np.einsum("ki,kij,kj->k", z, np.linalg.inv(covariances), z)
            density = np.exp(-0.5 * distance) / np.sqrt(np.linalg.det(covariances))
            law = law * density / (law * density).sum()
        rows.append(law)
    return np.array(rows)


@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(1, 4), st.booleans())
@settings(deadline=None, max_examples=30)
def test_the_filter_is_bayes_rule(seed, n_states, n_inputs, diagonal):
    parts = random_model(seed, n_states, n_inputs, diagonal)
    values = np.random.default_rng(seed).normal(size=(n_inputs, 300)) * 2
    values[0, 40:50] = np.nan
    have = filtered(values, as_gaussians(*parts, diagonal))
    assert np.allclose(have, naive(values, *parts), rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["diag", "full"])
def test_the_filter_is_the_forward_pass_of_hmmlearn(kind):
    hmm, hmmc = pytest.importorskip("hmmlearn.hmm"), pytest.importorskip("hmmlearn._hmmc")
    transition, means, covariances = random_model(5, diagonal=kind == "diag")
    values = np.random.default_rng(6).normal(size=(2, 2000))
    peer = hmm.GaussianHMM(3, kind)
    peer.n_features, peer.transmat_, peer.means_ = 2, transition, means
    peer.startprob_ = stationary(transition) @ transition
    peer.covars_ = np.stack([np.diag(c) for c in covariances]) if kind == "diag" else covariances
    density = peer._compute_log_likelihood(values.T)
    _, forward = hmmc.forward_log(peer.startprob_, peer.transmat_, density)
    forward = np.exp(forward - forward.max(axis=1, keepdims=True))
    want = forward / forward.sum(axis=1, keepdims=True)
    have = filtered(values, as_gaussians(transition, means, covariances, kind == "diag"))
    assert np.allclose(have, want, rtol=0, atol=1e-11)


@given(st.lists(st.integers(0, 3 * BLOCK), max_size=6))
@settings(deadline=None, max_examples=30)
def test_the_bits_do_not_depend_on_how_rows_are_grouped(cuts):
    model = as_gaussians(*random_model(1), diagonal=False)
    values = np.random.default_rng(2).normal(size=(2, 3 * BLOCK))
    assert np.array_equal(filtered(values, model, sorted(cuts)), filtered(values, model))


def test_nothing_underflows_over_a_million_rows_with_wild_ones():
    transition = np.array([[1 - 1e-8, 1e-8], [1e-8, 1 - 1e-8]])
    model = as_gaussians(transition, np.zeros((2, 1)), np.array([[[1.0]], [[1e-6]]]), diagonal=True)
    values = np.random.default_rng(0).normal(size=(1, 1_000_000))
    values[0, ::1000] = 1e150
    values[0, 500_000:500_010] = [np.nan, np.inf, -np.inf, 1e308, -1e308, 0, 0, 1e5, -1e-300, 3]
    have = filtered(values, model)
    assert np.isfinite(have).all()
    assert np.abs(have.sum(axis=1) - 1).max() < 1e-15
    assert have.min() >= 0


def test_a_state_thought_impossible_is_believed_when_only_it_explains_a_row():
    transition = np.array([[1 - RAREST, RAREST], [0.5, 0.5]])
    model = as_gaussians(transition, np.array([[0.0], [50.0]]), np.ones((2, 1, 1)), diagonal=True)
    have = filtered(np.array([[0.0] * 500 + [50.0]]), model)
    assert have[-2, 0] > 1 - 1e-7
    assert have[-1, 1] > 1 - 1e-7


def test_unknown_rows_are_predictions():
    model = as_gaussians(*random_model(3), diagonal=False)
    values = np.random.default_rng(4).normal(size=(2, 100))
    values[1, 50:] = np.nan
    have = filtered(values, model)
    for t in range(50, 100):
        assert np.allclose(have[t], have[t - 1] @ model.transition, rtol=1e-12)
    assert np.allclose(filtered(np.full((2, 5), np.nan), model), stationary(model.transition))


@given(st.integers(0, 2**32), st.integers(2, 6))
@settings(deadline=None, max_examples=30)
def test_the_initial_law_is_stationary(seed, n_states):
    draw = np.random.default_rng(seed)
    transition = draw.dirichlet(np.full(n_states, 0.05), n_states) * (1 - n_states * 1e-8) + 1e-8
    law = stationary(transition)
    assert np.allclose(law @ transition, law, rtol=1e-9, atol=0)
    assert np.isclose(law.sum(), 1)


def test_filters_begun_anywhere_agree_after_the_rows_it_says():
    model = as_gaussians(*random_model(8), diagonal=False)
    values = np.random.default_rng(9).normal(size=(2, 5000))
    rows = forgetting_rows(values, np.array([[0, 5000]]), model, 1e-9)
    whole = filtered(values, model)
    for start in range(100, 4000, 97):
        cold = filtered(np.ascontiguousarray(values[:, start : start + rows + 1]), model)
        assert np.abs(cold[-1] - whole[start + rows]).max() < 1e-7
    assert 5 < rows < 200
