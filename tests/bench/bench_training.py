#!/usr/bin/python3
# bench_training.py: measures training steps of the C engine against PyTorch, side by side.
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a Markdown table of images/s and peak memory, ours and PyTorch's, with versions and machine.

A step is forward pass (dropout 0.5), cross-entropy, ws loss with matched rho 0.2, backward pass and Adam
on a batch that lies in memory. Each measurement is a process of its own; the sides take turns, so that a
change of the machine's mood meets all. The first steps of each process warm up and do not count; the
median over all others does. PyTorch runs in its default layout and in channels_last; the better one is
compared with. Our side is the program `bench_step ARCH BATCH --steps N`, which prints one line
{"arch": .., "batch": .., "seconds": [one per step], "peak_rss_kb": ..}; `--peer` does the same here.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CASES = (("resnet18", 64, 5), ("shallowcnn", 64, 40), ("shallowcnn", 512, 8))  # arch, batch, counted steps
LAYOUTS = ("default", "channels_last")
WARM_UP = 2
KEEP_MEMORY = {"MALLOC_TOP_PAD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "4000000000",
               "MALLOC_TRIM_THRESHOLD_": "8000000000"}


# PyTorch's side, in the child process

def make_peer(arch, batch, layout):
    """A function that does one training step in PyTorch."""
    sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
    import networks
    import torch

    torch.manual_seed(0)
    encoder = {"resnet18": networks.ResNet18, "shallowcnn": networks.ShallowCNN}[arch]()
    model, images = networks.Classifier(encoder), torch.randn(batch, 3, 32, 32)
    if layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch) % 10
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    balance = networks.MatchedBalance(0.2)

    def step():
        optimiser.zero_grad(set_to_none=True)
        _, logits = model(images)
        networks.backward(model, torch.nn.functional.cross_entropy(logits, labels), balance)
        optimiser.step()

    return step


def peak_rss_kb():
    """Peak resident memory of this process since its exec."""
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def run_peer(arch, batch, layout, steps, threads):
    """Measures PyTorch and prints the line that the contract asks for."""
    import torch

    torch.set_num_threads(threads)
    step, seconds = make_peer(arch, batch, layout), []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"arch": arch, "batch": batch, "seconds": seconds, "peak_rss_kb": peak_rss_kb()}))


# Both sides, from the parent process

def measure(command, environment):
    """Runs one measurement; returns the seconds of the counted steps and the peak memory in KB."""
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed with status {done.returncode}")
    found = json.loads(done.stdout)
    return found["seconds"][WARM_UP:], found["peak_rss_kb"]


def commands(options, arch, batch, steps):
    """The commands of one round by side: ours, and PyTorch in each layout."""
    steps = ["--steps", str(steps + WARM_UP)]
    sides = {"ours": [options.program, arch, str(batch)] + steps}
    for layout in LAYOUTS:
        sides[layout] = [sys.executable, os.path.abspath(__file__), "--peer", arch, str(batch), layout,
                         "--threads", str(options.threads)] + steps
    return sides


def measure_case(options, arch, batch, steps):
    """Images/s (of the median step) and peak memory in MB by side, over all rounds."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads))
    peer_environment = dict(environment, **(KEEP_MEMORY if options.keep_memory else {}))
    sides = commands(options, arch, batch, options.steps or steps)
    seconds, memory = {side: [] for side in sides}, {side: 0 for side in sides}
    for _ in range(options.rounds):
        for side, command in sides.items():
            found, peak = measure(command, environment if side == "ours" else peer_environment)
            seconds[side] += found
            memory[side] = max(memory[side], peak)
    return {side: (batch / statistics.median(seconds[side]), memory[side] / 1024) for side in sides}


def table_row(arch, batch, found):
    """One line of the table; ratios are against PyTorch's faster layout."""
    speed, memory = found["ours"]
    best = max(LAYOUTS, key=lambda layout: found[layout][0])
    peer_speed, peer_memory = found[best]
    cells = [arch, batch, f"{speed:,.0f}"] + [f"{found[layout][0]:,.0f}" for layout in LAYOUTS]
    cells += [f"{speed / peer_speed:.2f}", f"{memory:,.0f}", f"{peer_memory:,.0f} ({best})",
              f"{memory / peer_memory:.2f}"]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def our_version():
    """The commit that the checkout stands on."""
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip() or "unknown"


def describe_machine():
    """Processor, its cores and vector instructions, and the system."""
    with open("/proc/cpuinfo") as f:
        fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in f)}
    wide = [name for name in ("avx2", "avx512f") if name in fields.get("flags", "").split()]
    return f"{fields.get('model name', platform.machine())}, {os.cpu_count()} cores, {' '.join(wide)}, " \
           f"{platform.system()} {platform.release()}"


def describe_peer():
    """PyTorch's version and that of the oneDNN inside it, asked of a child process."""
    code = "import torch, re; print(torch.__version__, 'with oneDNN', " \
           "re.search(r'MKL-DNN v([0-9.]+)', torch.__config__.show()).group(1))"
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True).stdout.strip()


def print_report(options):
    """Measures every case and prints the table as it grows."""
    print(f"workbench {our_version()}; PyTorch {describe_peer()}; Python {platform.python_version()}  ")
    print(f"{describe_machine()}; {options.threads} threads; load before: {os.getloadavg()[0]:.1f}\n")
    print("| network | batch | ours images/s | PyTorch default | PyTorch channels_last | ratio "
          "| ours peak MB | PyTorch peak MB | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for arch, batch, steps in CASES:
        print(table_row(arch, batch, measure_case(options, arch, batch, steps)), flush=True)


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--program", default=os.path.join(ROOT, "build", "release", "bin", "bench_step"))
    add("--threads", type=int, default=2)
    add("--rounds", type=int, default=3, help="how often each side is measured (default %(default)s)")
    add("--steps", type=int, help="counted steps a process (default: 5 to 40, by network and batch)")
    add("--keep-memory", action="store_true",
        help="tell PyTorch's allocator (glibc) to keep freed memory: faster, at more memory")
    add("--peer", nargs=3, metavar=("ARCH", "BATCH", "LAYOUT"), help="one measurement of PyTorch")
    return parser.parse_args()


def main():
    options = parse_options()
    if options.peer:
        arch, batch, layout = options.peer
        run_peer(arch, int(batch), layout, options.steps or 10, options.threads)
    elif not os.access(options.program, os.X_OK):
        sys.exit(f"{options.program}: not there; build it (cmake --build --preset release) or give --program")
    else:
        print_report(options)


if __name__ == "__main__":
    main()
