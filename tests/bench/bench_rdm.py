#!/usr/bin/python3
# bench_rdm.py: an RDM of many stimuli, ours against NumPy and SciPy. SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a Markdown table: the Pearson RDM of N x D float32 features, all on the same array in memory, taking turns in one
run, with the same number of threads; the median over the repeats counts:
  ours     the functions of `workbench run rdm` (bench_rdm), float32 in, the condensed RDM in double out
  corrcoef NumPy as people write it: 1 - np.corrcoef(x), which computes in float64; a full matrix
  product  NumPy with the rows normalised once and one matrix product, in float64; a full matrix
All must agree to 1e-6. The last column is how many times our time each takes.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("build", type=pathlib.Path, help="build folder with bin/bench_rdm")
arguments.add_argument("--stimuli", type=int, default=10000)
arguments.add_argument("--units", type=int, default=256)
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--repeats", type=int, default=3)
options = arguments.parse_args()
os.environ.update({name: str(options.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})
os.environ["GOMP_SPINCOUNT"] = "10000"  # as in the processes of plugins

import numpy as np  # noqa: E402 (after the number of threads is set)

INNER = 5  # repeats in each of our turns: like NumPy's, most are not in a process that has just begun to take memory


def corrcoef(x):
    return 1 - np.corrcoef(x)


def product(x):
    z = np.float64(x)
    z -= z.mean(1, keepdims=True)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    out = z @ z.T
    np.subtract(1, out, out=out)
    return out


def main():
    n, d = options.stimuli, options.units
    x = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    times = {"ours": [], "corrcoef": [], "product": []}
    with tempfile.TemporaryDirectory() as folder:
        features, written = pathlib.Path(folder, "features"), pathlib.Path(folder, "rdm")
        x.tofile(features)
        for _ in range(options.repeats):
            command = [options.build / "bin/bench_rdm", features, str(n), str(d), str(INNER), written]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            times["ours"] += map(float, done.stdout.split())
            for name, function in ("corrcoef", corrcoef), ("product", product):
                begin = time.perf_counter()
                full = function(x)
                times[name].append(time.perf_counter() - begin)
        ours = np.fromfile(written)
    row = 0
    for i in range(0, n - 1, max(1, n // 100)):  # some rows, each from its place in the triangle
        row = i * n - i * (i + 1) // 2
        worst = np.abs(ours[row:row + n - 1 - i] - full[i, i + 1:]).max()
        if worst > 1e-6:
            sys.exit(f"row {i} differs by {worst:.3g}")
    base = statistics.median(times["ours"])
    print(f"Pearson RDM of {n:,} x {d} float32, {options.threads} threads, NumPy {np.__version__}\n")
    print("| program | seconds (each) | median | times ours |\n|---|---|---|---|")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"| {name} | {', '.join(f'{v:.2f}' for v in values)} | {median:.3f} | {median / base:.2f} |")


if __name__ == "__main__":
    main()
