#!/usr/bin/python3
"""Images a second that are shown to a network with noise, beside PyTorch's inference on the same network.

usage: bench_robustness.py BUILD RUN.h5 [--images N] [--threads N] [--noise KIND]

Ours is the whole of `workbench run noise-logits` at five levels, less the same command on 256 images (start, data,
figure): noise is drawn, added and clamped, which PyTorch is spared. RUN.h5 is a run of shallowcnn trained by ce.
SPDX-License-Identifier: GPL-3.0-or-later
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import h5py
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "reference"))
import networks  # noqa: E402

LEVELS, BATCH = "0.01,0.05,0.1,0.15,0.2", 256


def seconds_of_ours(options, images, folder):
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder), "OMP_NUM_THREADS": str(options.threads),
                   "WORKBENCH_PLUGIN_PATH": str(options.build / "plugins")}
    command = [options.build / "bin/workbench", "run", "noise-logits", "--in", options.run, "--noise", options.noise,
               "--levels", LEVELS, "--images", str(images), "--threads", str(options.threads), "--recompute", "--quiet"]
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def torch_rate(options):
    torch.set_num_threads(options.threads)
    with h5py.File(options.run) as f:
        width, units = int(f["model"].attrs["width"]), int(f["model"].attrs["units"])
        weights = {name: torch.tensor(f[f"model/{name}"][()]) for name in f["model"]}
    model = networks.Classifier(networks.ShallowCNN(units, width=width), weights["fc.bias"].numel())
    model.load_state_dict(weights, strict=False)
    model.eval()
    images = torch.rand(BATCH, 3, 32, 32)
    with torch.no_grad():
        for _ in range(3):
            model(images)
        turns, start = 0, time.perf_counter()
        while time.perf_counter() - start < options.seconds:
            model((images - 0.5) / 0.25)
            turns += 1
        return turns * BATCH / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("run", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--noise", default="white")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-robustness-") as folder:
        seconds_of_ours(options, BATCH, pathlib.Path(folder))  # the data set is read into the page cache
        few = seconds_of_ours(options, BATCH, pathlib.Path(folder))
        many = seconds_of_ours(options, options.images, pathlib.Path(folder))
    shown = (options.images - BATCH) * len(LEVELS.split(","))
    ours, peer = shown / (many - few), torch_rate(options)
    print(f"{options.noise} noise, {options.threads} threads, images a second: ours {ours:,.0f}, "
          f"PyTorch {torch.__version__} {peer:,.0f}: {ours / peer:.2f} times (goal: 1.5); start {few:.1f} s")
    return ours >= 1.5 * peer


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
