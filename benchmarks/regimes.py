"""Time of the filters of regimes beside their peers.

    python benchmarks/regimes.py --n 1000000

HMM: the forward filter of 3 states on 3 inputs, nanoseconds per row with the output preallocated,
against the private forward passes of hmmlearn (its public methods look ahead), the log densities
they need included. Jump model: 3 states on 3 inputs, the online pass against ``predict_online`` of
jumpmodels with the same centroids, on ``--jump-n`` rows (it needs microseconds a row), how many
labels differ, and the fits of both, with their objectives. Ours and the peer take turns; one
thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from ohlcvml.regimes import (
    HMMRegime,
    JumpModelRegime,
    RegimeInputs,
    TrendRegime,
    VolatilityRegime,
)
from ohlcvml.regimes._gaussian_filter import run_filter, stationary
from ohlcvml.regimes._hmm_fit import as_gaussians
from ohlcvml.regimes._hmm_refit import empty_law, filter_params
from ohlcvml.regimes._jump_filter import run_costs
from ohlcvml.streams._base import BaseFeature

TRANSITION = np.array([[0.995, 0.003, 0.002], [0.004, 0.99, 0.006], [0.01, 0.01, 0.98]])
MEANS = np.array([[0.0, 0.0, 0.0], [0.3, -0.2, 1.0], [-0.8, 0.5, 2.0]])
VARIANCES = np.array([[0.5, 0.5, 0.5], [1.0, 1.0, 1.0], [3.0, 3.0, 2.0]])


def hidden_markov(n: int, seed: int = 0) -> np.ndarray:
    """Rows of a model of three states and three inputs, shape (n, 3)."""
    draw = np.random.default_rng(seed)
    state, uniform, steps = np.zeros(n, dtype=int), draw.random(n), TRANSITION.cumsum(axis=1)
    for t in range(1, n):
        state[t] = min(int(np.searchsorted(steps[state[t - 1]], uniform[t])), 2)
    return MEANS[state] + np.sqrt(VARIANCES[state]) * draw.normal(size=(n, 3))


def take_turns(peers: dict[str, Callable[[], object]], repeats: int, n: int) -> dict[str, float]:
    """Median nanoseconds per row of each, after one call to warm up."""
    times: dict[str, list[float]] = {name: [] for name in peers}
    for run in peers.values():
        run()
    for _ in range(repeats):
        for name, run in peers.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) / n * 1e9 for name, taken in times.items()}


def hmm_filter(n: int, repeats: int) -> None:
    from hmmlearn import _hmmc
    from hmmlearn.hmm import GaussianHMM

    rows = hidden_markov(n)
    values = np.ascontiguousarray(rows.T)
    covariances = np.stack([np.diag(variance) for variance in VARIANCES])
    out = np.zeros((3, n))

    def ours(diagonal: bool) -> np.ndarray:
        model = as_gaussians(TRANSITION, MEANS, covariances, diagonal)
        run_filter((values,), 0, n, filter_params(model), empty_law(model), out)
        return out

    peer = GaussianHMM(3, "diag")
    peer.n_features, peer.startprob_, peer.transmat_ = 3, stationary(TRANSITION), TRANSITION
    peer.means_, peer.covars_ = MEANS, VARIANCES

    def scaled() -> np.ndarray:
        density = peer._compute_likelihood(rows)
        return _hmmc.forward_scaling(peer.startprob_, peer.transmat_, density)[1]

    def logs() -> np.ndarray:
        density = peer._compute_log_likelihood(rows)
        _, forward = _hmmc.forward_log(peer.startprob_, peer.transmat_, density)
        forward = np.exp(forward - forward.max(axis=1, keepdims=True))
        return forward / forward.sum(axis=1, keepdims=True)

    difference = float(np.abs(ours(True).T - scaled()).max())
    peers = {
        "ohlcvml diag": lambda: ours(True),
        "ohlcvml full": lambda: ours(False),
        "hmmlearn forward_scaling diag": scaled,
        "hmmlearn forward_log diag": logs,
    }
    taken = take_turns(peers, repeats, n)
    best = min(taken["hmmlearn forward_scaling diag"], taken["hmmlearn forward_log diag"])
    for name, ns in taken.items():
        row = {"filter": name, "ns_per_row": round(ns, 1), "over_hmmlearn": round(ns / best, 3)}
        print(json.dumps(row))
    print(json.dumps({"largest_difference": difference}))


def jump_online(n: int, n_peer: int, repeats: int, penalty: float = 5.0) -> None:
    from jumpmodels.jump import JumpModel

    rows = hidden_markov(n)
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    part = rows[:n_peer].copy()
    peer = JumpModel(3, jump_penalty=penalty, n_init=3, max_iter=50, random_state=0)
    start = time.perf_counter()
    peer.fit(part)
    fitted = {"jumpmodels": time.perf_counter() - start}
    values, out = np.ascontiguousarray(rows.T), np.zeros((3, n))
    params = (np.zeros(3), np.ones(3), np.inf, np.ascontiguousarray(peer.centers_), penalty)

    def ours(size: int) -> np.ndarray:
        run_costs(
            (values,), 0, size, params, (np.zeros(3), np.empty(3), np.full(1, -1)), out[:, :size]
        )
        return out[:, :size]

    regime = JumpModelRegime(jump_penalty=penalty, clip=None, n_init=3, max_iter=50)
    table = pd.DataFrame(part, columns=list("abc"))
    regime.fit(table.iloc[:1000])  # compiles
    start = time.perf_counter()
    regime.fit(table)
    fitted["ohlcvml"] = time.perf_counter() - start
    differing = int((ours(n_peer).argmax(axis=0) != peer.predict_online(part)).sum())
    peers = {"ohlcvml": lambda: ours(n_peer), "jumpmodels": lambda: peer.predict_online(part)}
    short = take_turns(peers, repeats, n_peer)
    long = take_turns({"ohlcvml, all rows": lambda: ours(n)}, repeats, n)
    for name, ns in (short | long).items():
        ratio = round(ns / short["jumpmodels"], 5)
        print(json.dumps({"online": name, "ns_per_row": round(ns, 1), "over_jumpmodels": ratio}))
    scores = {"jumpmodels": peer.val_, "ohlcvml": regime.objective_}
    print(json.dumps({"rows": n_peer, "labels_that_differ": differing}))
    for name, seconds in fitted.items():
        row = {"fit": name, "seconds": round(seconds, 3), "objective": round(scores[name], 4)}
        print(json.dumps(row))


def estimators(n: int) -> None:
    """Whole estimators on bars: fit on a twentieth, transform of all, one bar of a stream."""
    from features import make_bars

    bars = make_bars(n)
    part = bars.iloc[: n // 20]
    inputs = take_turns({"inputs": lambda: RegimeInputs().fit_transform(bars)}, 3, n)
    print(json.dumps({"inputs_ns_per_bar": round(inputs["inputs"], 1)}))
    for regime in (HMMRegime(), JumpModelRegime(), VolatilityRegime(), TrendRegime()):
        one_estimator(regime, part, bars)


def one_estimator(regime: BaseFeature, part: pd.DataFrame, bars: pd.DataFrame) -> None:
    name, n = type(regime).__name__, len(bars)
    start = time.perf_counter()
    regime.fit(part)
    fitted = time.perf_counter() - start
    ns = take_turns({name: lambda: regime.transform(bars)}, 3, n)
    stream, times = regime.stream(), []
    for bar in bars.iloc[:20_000].to_dict("records"):
        start = time.perf_counter()
        stream.push(bar)
        times.append(time.perf_counter() - start)
    p50, p99 = np.percentile(np.array(times[1000:]) * 1e6, [50, 99])
    row = {"estimator": name, "fit_rows": len(part), "fit_s": round(fitted, 2)}
    row |= {"ns_per_bar": round(ns[name], 1)}
    print(json.dumps(row | {"push_us_p50": round(p50, 1), "push_us_p99": round(p99, 1)}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--jump-n", type=int, default=20_000)
    args = parser.parse_args()
    hmm_filter(args.n, args.repeats)
    jump_online(args.n, args.jump_n, args.repeats)
    estimators(args.n)


if __name__ == "__main__":
    main()
