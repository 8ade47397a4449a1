#!/usr/bin/python3
# bench_moran.py: the permutation test of mean Moran's I, ours against NumPy. SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a Markdown table: mean Moran's I (rook) over MAPS maps of 16x16 with 999 permutations of the units' positions.

Programs on the same float32 array in memory, taking turns in one run; the median over their repeats counts:
  ours       the functions of `workbench run moran` (bench_moran): the mean over maps needs one units x units matrix
  same trick NumPy with that matrix too, rows and columns permuted for each permutation
  look-ups   NumPy with that matrix, and for all permutations at once only the pairs of neighbours looked up: the best we
             could do in NumPy. Most of it is then the matrix product, which both sides leave to OpenBLAS
  recomputed NumPy as people do it: permute the units of all maps, compute Moran's I of each anew, average; of two
             ways to write it the faster one. Measured over --recomputed permutations; where these are fewer than 999 the
             time is scaled up, and the table says so
All must agree on I, and on the mean and sd of the permuted I within their sampling error. The last line is the time of the
whole command on a file of these maps, process start, reading, digests, tables and figures included.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("build", type=pathlib.Path, help="build folder: bin/workbench, bin/bench_moran, plugins/")
arguments.add_argument("--maps", type=int, default=10000)
arguments.add_argument("--permutations", type=int, default=999)
arguments.add_argument("--recomputed", type=int, default=40, help="permutations that the slow side really does")
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--repeats", type=int, default=5)
options = arguments.parse_args()
os.environ.update({name: str(options.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})
os.environ["GOMP_SPINCOUNT"] = "10000"  # as in the processes of plugins

import h5py  # noqa: E402 (after the number of threads is set)
import numpy as np  # noqa: E402

SIDE = 16
UNITS = SIDE * SIDE
INNER = 3  # repeats in each turn
PAIRS = 2 * SIDE * (SIDE - 1)
CELLS = np.arange(UNITS).reshape(SIDE, SIDE)
LEFT = np.concatenate([CELLS[:, :-1].ravel(), CELLS[:-1].ravel()])
RIGHT = np.concatenate([CELLS[:, 1:].ravel(), CELLS[1:].ravel()])
WEIGHTS = np.zeros((UNITS, UNITS))
WEIGHTS[LEFT, RIGHT] = WEIGHTS[RIGHT, LEFT] = 1


def make_maps(n):
    """Noise on a smooth ground, so that I is neither 0 nor 1."""
    rng = np.random.default_rng(0)
    row, col = np.divmod(np.arange(UNITS), SIDE)
    waves = np.stack([np.sin(row / 3), np.cos(col / 4), np.sin((row + col) / 5)])
    return np.float32(rng.standard_normal((n, 3)) @ waves + rng.standard_normal((n, UNITS)))


def by_matrix(maps):
    z = maps - maps.mean(1, keepdims=True)
    return (UNITS / (2 * PAIRS) * (z @ WEIGHTS * z).sum(1) / (z * z).sum(1)).mean()


def by_grid(maps):
    z = (maps - maps.mean(1, keepdims=True)).reshape(-1, SIDE, SIDE)
    cross = (z[:, 1:] * z[:, :-1]).sum((1, 2)) + (z[:, :, 1:] * z[:, :, :-1]).sum((1, 2))
    return (UNITS / PAIRS * cross / (z * z).sum((1, 2))).mean()


def recomputed(maps, moran, permutations, rng):
    maps = np.float64(maps)
    i = moran(maps)
    return i, np.array([moran(maps[:, rng.permutation(UNITS)]) for _ in range(permutations)])


def gram_of(maps):
    z = maps - maps.mean(1, keepdims=True, dtype=np.float64)
    z /= np.sqrt((z * z).sum(1, keepdims=True))
    return z.T @ z / len(z)


def same_trick(maps, permutations, rng):
    gram, scale = gram_of(maps), UNITS / (2 * PAIRS)
    orders = (rng.permutation(UNITS) for _ in range(permutations))
    return scale * (WEIGHTS * gram).sum(), np.array([scale * (WEIGHTS * gram[np.ix_(o, o)]).sum() for o in orders])


def look_ups(maps, permutations, rng):
    gram, scale = gram_of(maps), UNITS / PAIRS
    orders = rng.permuted(np.tile(np.arange(UNITS), (permutations, 1)), axis=1)
    return scale * gram[LEFT, RIGHT].sum(), scale * gram[orders[:, LEFT], orders[:, RIGHT]].sum(1)


def timed(function, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def p_value(i, drawn):
    expected = -1 / (UNITS - 1)
    return (1 + (np.abs(drawn - expected) >= abs(i - expected)).sum()) / (1 + len(drawn))


def agree(name, ours, i, drawn):
    """The same I, and permutations of the same distribution."""
    error = np.hypot(ours["sd"] / np.sqrt(options.permutations), drawn.std(ddof=1) / np.sqrt(len(drawn)))
    assert abs(i - ours["i"]) < 1e-9, f"{name}: I {i}, ours {ours['i']}"
    assert abs(drawn.mean() - ours["mean"]) < 5 * error, f"{name}: mean {drawn.mean()}, ours {ours['mean']}"
    assert abs(drawn.std(ddof=1) / ours["sd"] - 1) < 5 / np.sqrt(2 * min(len(drawn), options.permutations)), name


def whole_command(maps, folder):
    with h5py.File(folder / "maps.h5", "w") as f:
        f["maps"] = maps
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"),
                   "WORKBENCH_PLUGIN_PATH": str(options.build / "plugins")}
    command = [options.build / "bin/workbench", "run", "moran", "--in", "maps.h5", "--object", "activations=/maps",
               "--grid", f"{SIDE}x{SIDE}", "--threads", str(options.threads), "--permutations",
               str(options.permutations), "--quiet"]
    seconds, done = timed(lambda: subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True))
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "results/moran/summary.json").read_text())
    return seconds, summary["runs"][0]["values"]["i"]


def main():
    options.build = options.build.resolve()
    maps, rng = make_maps(options.maps), np.random.default_rng(1)
    with tempfile.TemporaryDirectory(prefix="bench-moran-") as folder:
        folder = pathlib.Path(folder)
        maps.tofile(folder / "maps.f32")
        program = [options.build / "bin/bench_moran", folder / "maps.f32", str(SIDE), str(SIDE), "--permutations",
                   str(options.permutations), "--repeats", str(INNER)]
        times = {"ours": [], same_trick: [], look_ups: []}
        for _ in range(options.repeats):
            ours = json.loads(subprocess.run(program, capture_output=True, check=True, text=True).stdout)
            times["ours"].append(statistics.median(ours["seconds"]))
            for peer in (same_trick, look_ups):
                turns = [timed(peer, maps, options.permutations, rng) for _ in range(INNER)]
                times[peer].append(statistics.median(seconds for seconds, _ in turns))
                i, drawn = turns[-1][1]
                agree(peer.__name__, ours, i, drawn)
        moran = min((by_matrix, by_grid), key=lambda f: min(timed(f, np.float64(maps))[0] for _ in range(3)))
        slow, (slow_i, slow_drawn) = timed(recomputed, maps, moran, options.recomputed, rng)
        agree("recomputed", ours, slow_i, slow_drawn)
        command, command_i = whole_command(maps, folder)
        assert abs(command_i - ours["i"]) < 1e-9
    slow *= (options.permutations + 1) / (options.recomputed + 1)
    mine, trick, looked_up = (statistics.median(times[side]) for side in ("ours", same_trick, look_ups))
    scaled = "" if options.recomputed == options.permutations else f" (scaled up from {options.recomputed} permutations)"
    print(f"{options.maps:,} maps of {SIDE}x{SIDE}, {options.permutations} permutations, {options.threads} threads, "
          f"NumPy {np.__version__}; I {ours['i']:.6f}, p {ours['p']:.4g} (NumPy {p_value(i, drawn):.4g})\n")
    print("| | seconds | ours takes |\n|---|---|---|")
    print(f"| ours | {mine:.4f} | |")
    print(f"| NumPy, same trick | {trick:.4f} | 1/{trick / mine:.1f} (goal: 1/3) |")
    print(f"| NumPy, same trick, look-ups | {looked_up:.4f} | 1/{looked_up / mine:.1f} |")
    print(f"| NumPy, recomputed ({moran.__name__}){scaled} | {slow:.2f} | 1/{slow / mine:.0f} (goal: 1/500) |")
    print(f"| the whole command, ours | {command:.2f} | |")
    return mine * 3 <= trick and mine * 500 <= slow


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
