#!/usr/bin/python3
# bench_units.py: correlations and distances of unit pairs, ours against NumPy. SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a Markdown table: Pearson's r of all pairs of units over the stimuli and, for six thresholds, the mean grid
distance of the pairs that reach it; both sides on the same float32 array in memory, taking turns. NumPy is corrcoef and
masks over all pairs; SciPy's pdist makes the distances. Both must agree. Ours is the median of seven calls in one process, so that
memory's first touch counts no more than in NumPy's, whose process stays. Goal: at most 1/2 of NumPy's time.
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
arguments.add_argument("build", type=pathlib.Path, help="build folder with bin/bench_units")
arguments.add_argument("--sizes", nargs="*", default=["10000x16x16", "10000x32x32"], help="stimuli x rows x columns")
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--repeats", type=int, default=5)
options = arguments.parse_args()
os.environ.update({name: str(options.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})
os.environ["GOMP_SPINCOUNT"] = "10000"  # as in the processes of plugins

import numpy as np  # noqa: E402 (after the number of threads is set)
from scipy.spatial.distance import pdist  # noqa: E402

THRESHOLDS = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8)


def by_numpy(x, rows, cols):
    units = rows * cols
    r = np.corrcoef(x, rowvar=False)[np.triu_indices(units, 1)]
    distance = pdist(np.stack(np.divmod(np.arange(units), cols), 1).astype(float))
    return [distance[r >= threshold].mean() for threshold in THRESHOLDS]


def make_units(stimuli, rows, cols):
    """Units that share waves over the grid, so that near ones correlate, up to 0.9."""
    rng = np.random.default_rng(0)
    row, col = np.divmod(np.arange(rows * cols), cols)
    waves = np.stack([np.sin(row / 3 + k) * np.cos(col / 4 + 2 * k) for k in range(4)])
    return np.float32(rng.standard_normal((stimuli, 4)) @ waves + 0.3 * rng.standard_normal((stimuli, rows * cols)))


def main():
    met = True
    print(f"correlations and distances of unit pairs, {options.threads} threads, NumPy {np.__version__}\n")
    print("| stimuli x units | NumPy, s | ours, s | ours takes |\n|---|---|---|---|")
    for size in options.sizes:
        stimuli, rows, cols = map(int, size.split("x"))
        x, mine, peer = make_units(stimuli, rows, cols), [], []
        with tempfile.TemporaryDirectory(prefix="bench-units-") as folder:
            path = pathlib.Path(folder) / "x.f32"
            x.tofile(path)
            command = [options.build.resolve() / "bin/bench_units", path, str(stimuli), str(rows), str(cols), "7"]
            for _ in range(options.repeats):
                ours = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
                mine.append(statistics.median(ours["seconds"]))
                start = time.perf_counter()
                distance = by_numpy(x, rows, cols)
                peer.append(time.perf_counter() - start)
        np.testing.assert_allclose(ours["distance"], distance, rtol=1e-9)
        mine, peer = statistics.median(mine), statistics.median(peer)
        met &= peer >= 2 * mine
        print(f"| {stimuli:,} x {rows * cols:,} | {peer:.4f} | {mine:.4f} | 1/{peer / mine:.1f} (goal 1/2) |", flush=True)
    return met


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
