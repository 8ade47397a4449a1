#!/usr/bin/python3
# check_first_steps.py: whether training follows PyTorch step by step on real images.
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains shallowcnn with cross-entropy and the matched ws loss, rho 0 and 0.2, for 50 steps of 512 real CIFAR-10
images: `workbench run train-ce` and train_pytorch.py, from identical weights, on identical batches, without dropout
and augmentation. Prints the largest relative deviation of each quantity over the steps; exits 1 where a loss
deviates by more than 1%, 77 where there are no images.

Images: WORKBENCH_TEST_DATA or --data names the folder that holds cifar-10-batches-bin/.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
STEPS, LIMIT = 50, 0.01


def run(command):
    """Runs a command quietly; what it said is shown if it fails."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\n{command[0]} failed with status {done.returncode}")


def train_pytorch(images, rho, start, folder):
    """PyTorch's values of every step, by name."""
    report = folder / f"pytorch_{rho}.json"
    run([HERE / "train_pytorch.py", "--data", images, "--rho", rho, "--init", start, "--batches", start, "--steps", STEPS,
         "--dropout", 0, "--augment", "none", "--out", report])
    steps = json.loads(report.read_text())["steps"]
    return {ours: np.array([step[theirs] for step in steps])
            for ours, theirs in (("task", "task_loss"), ("topo", "topo_loss"), ("lambda", "lambda_hat"))}


def train_workbench(program, images, rho, start, folder):
    """Our values of every step, by name."""
    out = folder / f"workbench_{rho}.h5"
    run([program, "run", "train-ce", "--data", f"cifar10:{images}", "--rho", rho, "--init", start, "--batches", start,
         "--epochs", 1, "--max-steps", STEPS, "--log-steps", "--dropout", 0, "--augment", "none", "--out", out])
    with h5py.File(out) as f:
        steps = f["history/steps"]
        return {"task": steps["train_task_loss"][:], "topo": steps["train_topo_loss"][:], "lambda": steps["lambda"][:]}


def largest_deviation(ours, theirs):
    """max |ours - theirs| / |theirs|, zero where both are zero."""
    scale = np.where(theirs == 0, 1, np.abs(theirs))
    return float((np.abs(ours - theirs) / scale).max())


def compare(ours, theirs):
    """Largest relative deviations by name; `total` is task + lambda * topo."""
    for values in (ours, theirs):
        values["total"] = values["task"] + values["lambda"] * values["topo"]
    return {name: largest_deviation(ours[name], theirs[name]) for name in ("task", "topo", "lambda", "total")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("WORKBENCH_TEST_DATA"))
    parser.add_argument("--program", default=HERE.parents[1] / "build" / "release" / "bin" / "workbench")
    options = parser.parse_args()
    images = pathlib.Path(options.data or "") / "cifar-10-batches-bin"
    if not options.data or not (images / "test_batch.bin").exists():
        print("skipped: WORKBENCH_TEST_DATA names no folder with cifar-10-batches-bin")
        sys.exit(77)
    worst = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        start = folder / "start.h5"
        run([HERE / "train_pytorch.py", "--data", images, "--write-start", start, "--steps", STEPS])
        for rho in (0, 0.2):
            found = compare(train_workbench(options.program, images, rho, start, folder),
                            train_pytorch(images, rho, start, folder))
            print(f"rho {rho}, {STEPS} steps, largest relative deviation from PyTorch: "
                  + ", ".join(f"{name} {value:.2e}" for name, value in found.items()), flush=True)
            worst = max(worst, found["task"], found["total"])
    sys.exit(0 if worst <= LIMIT else f"a loss deviates by more than {LIMIT:.0%}")


if __name__ == "__main__":
    main()
