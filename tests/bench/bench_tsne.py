#!/usr/bin/python3
# bench_tsne.py: t-SNE, ours against scikit-learn and openTSNE. SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a Markdown table: seconds from the points in memory to the map, and how good the map is.

All sides get the same float32 points, perplexity, 1,000 iterations (250 of them exaggerated 12 times), start (PCA) and
number of threads; principal components and neighbours count. ours is the function behind `workbench run tsne`
(bench_tsne); openTSNE's is its FFT method, with its default (approximate) neighbours. The divergence is exact, over all
pairs in double, by one program for all sides. Goals: at most 1/10 (2,000 points) and 1/18 (10,000) of scikit-learn's
time, 1/5 of openTSNE's, and a divergence no more than 0.003 above the better peer's.

A side may be run alone (--sides); with --keep FOLDER its maps and seconds stay there for the table of a later call, so
that no call need be long. Given a side several times, or several calls, the median counts.
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

SIDES = ("ours", "scikit-learn", "openTSNE")
GOALS = {"scikit-learn": {2000: 10, 10000: 18}, "openTSNE": {2000: 5, 10000: 5}}
PERPLEXITY, ITERATIONS, EXAGGERATED = 30, 1000, 250

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("build", type=pathlib.Path, help="build folder with bin/bench_tsne")
arguments.add_argument("--points", type=int, nargs="*", default=[2000, 10000])
arguments.add_argument("--features", help="FILE.h5:/OBJECT to take the points from, instead of made ones")
arguments.add_argument("--sides", nargs="*", choices=SIDES, default=SIDES, help="in this order; none: the table only")
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--keep", type=pathlib.Path, help="folder for maps and times")
options = arguments.parse_args()
os.environ.update({name: str(options.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})
os.environ["GOMP_SPINCOUNT"] = "10000"  # as in the processes of plugins

import numpy as np  # noqa: E402 (after the number of threads is set)


def make_points(n, d=256):
    """Ten classes in a space whose directions matter less and less."""
    rng = np.random.default_rng(n)
    scale = 1 / np.sqrt(1 + np.arange(d))
    centres = 2.5 * rng.standard_normal((10, d)) * scale
    return np.float32(centres[rng.integers(0, 10, n)] + rng.standard_normal((n, d)) * scale)


def read_points(n):
    if not options.features:
        return make_points(n)
    import h5py
    file, _, name = options.features.partition(":")
    with h5py.File(file) as f:
        return np.ascontiguousarray(f[name][:n], dtype=np.float32)


def ours(x, path):
    x.tofile(path.with_suffix(".x"))
    command = [options.build / "bin/bench_tsne", "map", path.with_suffix(".x"), *map(str, x.shape), str(PERPLEXITY),
               str(ITERATIONS), path]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def scikit_learn(x, path):
    from sklearn.manifold import TSNE
    start = time.perf_counter()
    xy = TSNE(perplexity=PERPLEXITY, n_iter=ITERATIONS, init="pca", learning_rate="auto", random_state=0,
              n_jobs=options.threads).fit_transform(x)
    seconds = time.perf_counter() - start
    np.float32(xy).tofile(path)
    return seconds


def open_tsne(x, path):
    from openTSNE import TSNE
    tsne = TSNE(perplexity=PERPLEXITY, early_exaggeration_iter=EXAGGERATED, n_iter=ITERATIONS - EXAGGERATED,
                initialization="pca", negative_gradient_method="fft", n_jobs=options.threads, random_state=0)
    start = time.perf_counter()
    xy = tsne.fit(x)
    seconds = time.perf_counter() - start
    np.float32(xy).tofile(path)
    return seconds


def divergences(x, paths, folder):
    x.tofile(folder / "points.x")
    command = [options.build / "bin/bench_tsne", "divergence", folder / "points.x", *map(str, x.shape), str(PERPLEXITY),
               *paths]
    return [float(line) for line in subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()]


def versions():
    import sklearn
    found = [f"scikit-learn {sklearn.__version__}"]
    try:
        import openTSNE
        found.append(f"openTSNE {openTSNE.__version__}")
    except ImportError:
        found.append("no openTSNE (it is on PyPI)")
    return ", ".join(found)


def measure(folder, n, side):
    """One run, added to what the folder holds of that side."""
    path, times = folder / f"{side}-{n}.map", folder / f"{side}-{n}.json"
    seconds = {"ours": ours, "scikit-learn": scikit_learn, "openTSNE": open_tsne}[side](read_points(n), path)
    times.write_text(json.dumps((json.loads(times.read_text()) if times.exists() else []) + [seconds]))


def print_table(folder, n):
    """Whether the goals are met, as far as sides were measured."""
    x, met = read_points(n), True
    there = [side for side in SIDES if (folder / f"{side}-{n}.json").exists()]
    if not there:
        return True
    seconds = {side: statistics.median(json.loads((folder / f"{side}-{n}.json").read_text())) for side in there}
    kl = dict(zip(there, divergences(x, [folder / f"{side}-{n}.map" for side in there], folder)))
    for side in there:
        ratio, goal = "", GOALS.get(side, {}).get(n)
        if side != "ours" and "ours" in there:
            ratio = f"1/{seconds[side] / seconds['ours']:.1f}" + (f" (goal 1/{goal})" if goal else "")
            met &= not goal or seconds[side] >= goal * seconds["ours"]
        print(f"| {n:,} x {x.shape[1]} | {side} | {seconds[side]:.2f} | {ratio} | {kl[side]:.4f} |")
    return met and ("ours" not in there or kl["ours"] <= min(kl.values()) + 0.003)


def main():
    options.build = options.build.resolve()
    with tempfile.TemporaryDirectory(prefix="bench-tsne-") as own:
        folder = options.keep or pathlib.Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        for n in options.points:
            for side in options.sides:
                measure(folder, n, side)
        print(f"t-SNE, perplexity {PERPLEXITY}, {ITERATIONS} iterations, {options.threads} threads, {versions()}\n")
        print("| points | | seconds | ours takes | exact divergence |\n|---|---|---|---|---|")
        return all([print_table(folder, n) for n in options.points])


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
