"""Time of a backtest on 1M bars beside vectorbt; neither uses a second thread.

    python benchmarks/backtest.py --n 1000000 [--peer /path/to/python/with/vectorbt]

Both get the same bars and the same wish: a side that changes every 20 bars, with costs, and
per-bar equity as the answer. vectorbt goes to that side at each close: by ``from_orders`` (target
percent), alone and with the scores (Sharpe, drawdown, win rate, profit factor), and by
``from_signals`` in its Rust engine, the simulation alone and with equity. ohlcvml trades
every bar's decision by its own label (horizon 20, entered at the next open) and nets: timed are the
compiled pass from orders to the account, and the whole call with its checks, joins, sessions and
scores, also with a loss stop too far off to act, which takes another pass. vectorbt may live in an
environment of its own: its rounds are run in turn with ours. Times are processor times, of which a
busy machine changes less; ``wall_s`` is the median by the clock. ``x`` is a ratio of medians,
``least x`` of least times, which depend less on how fast the system clears new memory. The row to
hold beside "vectorbt rust, equity" is "whole call and equity": both then have the equity of each
bar. vectorbt's has no scores, checks or sessions.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import numpy as np
import pandas as pd

HORIZON, COST = 20, 2e-4


def make_bars(n):
    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(rng.standard_t(5, n) * 5e-4))
    open_ = np.r_[100.0, close[:-1]] * np.exp(rng.normal(0, 5e-5, n))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 2e-4, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 2e-4, n)))
    index = pd.date_range("2015-01-01", periods=n, freq="1min", tz="UTC", unit="ns", name="time")
    table = {"open": open_, "high": high, "low": low, "close": close, "volume": 1.0}
    side = np.repeat(rng.integers(-1, 2, n // 20 + 1), 20)[:n]
    return pd.DataFrame(table, index=index), side


def seconds(call):
    """Processor time and time by the clock."""
    clock, start = time.perf_counter(), time.process_time()
    call()
    return time.process_time() - start, time.perf_counter() - clock


def serve_peer(n):
    """Answer each line on stdin with the seconds of one vectorbt run."""
    import vectorbt as vbt

    bars, side = make_bars(n)
    # A time zone makes vectorbt convert stamps one by one (50 times slower): spare it that.
    bars.index = bars.index.tz_localize(None)
    close, size = bars["close"], pd.Series(side.astype(float), bars.index)

    def equity():
        options = {"size_type": "targetpercent", "fees": COST / 2, "freq": "1min"}
        portfolio = vbt.Portfolio.from_orders(close, size=size, **options)
        portfolio.value()
        return portfolio

    def scores():
        portfolio = equity()
        trades = portfolio.trades
        portfolio.sharpe_ratio(), portfolio.max_drawdown()
        trades.win_rate(), trades.profit_factor()

    wish = pd.Series(side, bars.index)
    before = wish.shift(1, fill_value=0)
    rules = {
        "entries": (wish == 1) & (before != 1),
        "exits": (wish != 1) & (before == 1),
        "short_entries": (wish == -1) & (before != -1),
        "short_exits": (wish != -1) & (before == -1),
    }

    def rust():
        options = {"fees": COST / 2, "freq": "1min", "engine": "rust"}
        return vbt.Portfolio.from_signals(close, **rules, **options)

    def rust_equity():
        rust().value()

    rust()
    rust_equity()
    scores()
    print(json.dumps({"vectorbt": vbt.__version__}), flush=True)
    for _ in sys.stdin:
        print(json.dumps([seconds(run) for run in (equity, scores, rust, rust_equity)]), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--reps", type=int, default=7)
    parser.add_argument("--peer", help="Python interpreter that has vectorbt")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve_peer(options.n)
        return

    from ohlcvml.evaluation import Execution, backtest
    from ohlcvml.evaluation.backtest import _account
    from ohlcvml.labels import FixedHorizonLabeller, TripleBarrierLabeller

    bars, side = make_bars(options.n)
    signals = pd.DataFrame({"side": side.astype(np.int8)}, index=bars.index)
    fixed = FixedHorizonLabeller(horizon=HORIZON, cost_adjustment=None).fit_transform(bars)
    race = TripleBarrierLabeller(horizon=HORIZON, cost_adjustment=None).fit_transform(bars)
    inner = []
    run_whole = _account.run_whole

    def timed_pass(*arguments):
        found = []
        inner.append(seconds(lambda: found.append(run_whole(*arguments))))
        return found[0]

    _account.run_whole = timed_pass
    paid = Execution(costs=COST * 100)
    far = Execution(costs=COST * 100, max_drawdown_stop=1e9)
    calls = {
        "whole call, fixed horizon": lambda: backtest(bars, signals, fixed, execution=paid),
        "whole call, triple barrier, stop": lambda: backtest(bars, signals, race, execution=far),
        "whole call, triple barrier": lambda: backtest(bars, signals, race, execution=paid),
        "whole call and equity": lambda: backtest(bars, signals, race, execution=paid).equity,
    }
    peer = None
    if options.peer:
        command = [options.peer, __file__, "--serve", "--n", str(options.n)]
        peer = subprocess.Popen(command, stdin=-1, stdout=-1, text=True, bufsize=1)
        print(peer.stdout.readline().strip())
    peers = (
        "vectorbt, equity",
        "vectorbt, equity and scores",
        "vectorbt rust, simulation",
        "vectorbt rust, equity",
    )
    times = {name: [] for name in (*calls, "compiled pass, triple barrier", *peers)}
    for call in calls.values():
        call()
    for _ in range(options.reps):
        for name, call in calls.items():
            times[name].append(seconds(call))
        times["compiled pass, triple barrier"].append(inner[-1])
        if peer is not None:
            peer.stdin.write("\n")
            for name, taken in zip(peers, json.loads(peer.stdout.readline()), strict=True):
                times[name].append(taken)
    if peer is not None:
        peer.stdin.close()
        peer.wait()
    for name, taken in times.items():
        if not taken:
            continue
        cpu, wall = (list(column) for column in zip(*taken, strict=True))
        middle = statistics.median(cpu)
        row = {"what": name, "cpu_s": round(middle, 4), "least_s": round(min(cpu), 4)}
        row |= {"wall_s": round(statistics.median(wall), 4)}
        row["ns_per_bar"] = round(middle / options.n * 1e9, 1)
        for peer_name in peers:
            if name not in peers and times[peer_name]:
                ratio = middle / statistics.median(each for each, _ in times[peer_name])
                row[f"x {peer_name}"] = round(ratio, 3)
                least = min(cpu) / min(each for each, _ in times[peer_name])
                row[f"least x {peer_name}"] = round(least, 3)
        print(json.dumps(row))


if __name__ == "__main__":
    main()
