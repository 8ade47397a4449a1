#!/usr/bin/python3
# bench_all.py: training steps and inference of the C engine beside PyTorch's, as a Markdown table.
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints images/s and peak memory, ours and PyTorch's, with versions and machine, as Markdown.

A training step is forward pass (dropout 0.5), loss (cross-entropy, or supcon over two views of each image), ws loss with
matched rho 0.2, backward pass and Adam, on a batch that lies in memory; inference is embeddings and logits of a batch.
Each measurement is a process of its own; sides take turns, so that a change of the machine's mood meets all. Rates are of
the median counted step of all rounds. PyTorch runs in its default layout and in channels_last; the faster one counts, in
speed and in memory.

PyTorch is that of /usr/bin/python3 and, if it is there, that of the virtual environment --current (a current release).
--install makes that environment first, from PyPI: some 3 GB to load and 5.5 GB on disk, for the wheels on PyPI bring
CUDA along. All cases take about ten minutes on two free cores; --cases names fewer.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import measuring
from measuring import CASES, EPOCHS, ROOT, WARM_UP

LAYOUTS = ("default", "channels_last")


# PyTorch's side, in the child process

def make_peer(arch, work, batch, layout):
    """A function that does one step in PyTorch."""
    sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
    import types

    import networks
    import torch

    torch.manual_seed(0)
    images = torch.randn(2 * batch if work == "supcon" else batch, *((1, 28, 28) if "mnist" in arch else (3, 32, 32)))
    labels = torch.arange(batch) % 10
    if arch == "truong-mnist":
        model = networks.TruongMNIST()
        model.encoder = types.SimpleNamespace(fc=model.fc1)  # the embedding layer, for the topographic loss
    else:
        encoder = {"resnet18": networks.ResNet18, "shallowcnn": networks.ShallowCNN}[arch]()
        model = networks.Projector(encoder) if work == "supcon" else networks.Classifier(encoder)
    if layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    balance = networks.MatchedBalance(0.2)

    def train():
        optimiser.zero_grad(set_to_none=True)
        _, output = model(images)
        task = networks.supcon(output, torch.cat([labels, labels])) if work == "supcon" \
            else torch.nn.functional.cross_entropy(output, labels)
        networks.backward(model, task, balance)
        optimiser.step()

    def infer():
        with torch.inference_mode():
            model(images)

    if work != "inference":
        return train
    model.eval()
    return infer


def peak_rss_kb():
    """Peak resident memory of this process since its exec."""
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def run_peer(arch, work, batch, layout, steps, threads):
    """Measures PyTorch and prints the line that measuring.py asks for."""
    import torch

    torch.set_num_threads(threads)
    step, seconds = make_peer(arch, work, batch, layout), []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "peak_rss_kb": peak_rss_kb()}))


# The parent process

def install_current(folder):
    """A virtual environment with PyTorch from PyPI."""
    subprocess.run(["/usr/bin/python3", "-m", "venv", folder], check=True)
    subprocess.run([os.path.join(folder, "bin", "pip"), "install", "--quiet", "--no-cache-dir", "numpy", "torch"],
                   check=True)


def find_peers(options):
    """The interpreters whose PyTorch is measured, by its version."""
    code = "import torch, re; print(torch.__version__, 'with oneDNN', " \
           "re.search(r'MKL-DNN v([0-9.]+)', torch.__config__.show()).group(1))"
    peers = {}
    for python in (sys.executable, os.path.join(options.current, "bin", "python")):
        if not os.path.exists(python):
            continue
        done = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if done.returncode == 0:
            peers[done.stdout.strip()] = python
    return peers


def measure_case(options, program, case, peers):
    """(images/s, MB) by side, over all rounds: "ours", and (version, layout)."""
    seconds, memory = {}, {}

    def add(side, found):
        seconds.setdefault(side, []).extend(found[0])
        memory[side] = max(memory.get(side, 0), found[1])

    for _ in range(options.rounds):
        add("ours", measuring.measure_ours(program, case, options.threads))
        for version, python in peers.items():
            for layout in LAYOUTS:
                command = [python, os.path.abspath(__file__), "--peer", case.name, layout, "--threads",
                           str(options.threads)]
                add((version, layout), measuring.measure(command, options.threads))
    return {side: (case.batch / statistics.median(seconds[side]), memory[side]) for side in seconds}


def describe_rate(case, rate):
    epoch = f", epoch {EPOCHS[case.name] / rate:.1f} s" if case.name in EPOCHS else ""
    return f"{rate:,.0f}{epoch}"


def case_row(case, peers, found):
    """The cells of one line: ours, each PyTorch's faster layout, the ratios to the fastest of all."""
    speed, memory = found["ours"]
    best = [max(((version, layout) for layout in LAYOUTS), key=lambda side: found[side][0]) for version in peers]
    cells = [case.name, describe_rate(case, speed)]
    cells += [f"{describe_rate(case, found[side][0])} ({side[1]})" for side in best]
    cells += [" / ".join(f"{speed / found[side][0]:.2f}" for side in best), f"{case.target}", f"{memory:,.0f}"]
    cells += [" / ".join(f"{found[side][1]:,.0f}" for side in best),
              " / ".join(f"{memory / found[side][1]:.2f}" for side in best)]
    return cells


def print_report(options):
    """Measures every case and prints the table as it grows."""
    peers, program = find_peers(options), measuring.bench_step(options.build)
    if not peers:
        sys.exit("no PyTorch: neither /usr/bin/python3 nor --current has one")
    print(f"workbench {measuring.describe_build(options.build)}; "
          + "; ".join(f"PyTorch {version}" for version in peers) + f"; Python {platform.python_version()}  ")
    print(measuring.describe_machine(options.threads) + "  ")
    print("Speeds in images/s, memory in MB; ratios ours to PyTorch's, in the order of the versions.\n")
    short = [version.split()[0] for version in peers]
    measuring.print_heading(["work", "ours", *(f"PyTorch {version}" for version in short), "speed ratio",
                             "wanted", "ours MB", "PyTorch MB", "memory ratio"])
    for case in measuring.parse_cases(options.cases):
        measuring.print_row(case_row(case, peers, measure_case(options, program, case, peers)))


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--build", default=os.path.join(ROOT, "build", "release"), help="build folder (default %(default)s)")
    add("--cases", default="", help="comma-separated: " + ", ".join(case.name for case in CASES))
    add("--threads", type=int, default=2)
    add("--rounds", type=int, default=2, help="how often each side is measured (default %(default)s)")
    add("--current", default=os.path.join(ROOT, "build", "bench-venv"), help="virtual environment with a current "
        "PyTorch (default %(default)s)")
    add("--install", action="store_true", help="make that environment from PyPI first, unless it is there")
    add("--peer", nargs=2, metavar=("CASE", "LAYOUT"), help="one measurement of this interpreter's PyTorch")
    return parser.parse_args()


def main():
    options = parse_options()
    if options.peer:
        case = measuring.parse_cases(options.peer[0])[0]
        run_peer(case.arch, case.work, case.batch, options.peer[1], case.peer_steps + WARM_UP, options.threads)
        return
    if options.install and not os.path.exists(options.current):
        install_current(options.current)
    print_report(options)


if __name__ == "__main__":
    main()
