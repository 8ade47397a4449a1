# measuring.py: what bench_all.py and bench_builds.py share: the cases, single measurements, the machine.
# SPDX-License-Identifier: GPL-3.0-or-later
"""A case is one network at work; a measurement is one process that works and reports.

Ours is the program `bench_step ARCH BATCH --work WORK --steps N`, which prints one line of JSON with "seconds" of each
step and "peak_rss_kb". The first steps of each process warm up and do not count.
"""
import collections
import json
import os
import platform
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WARM_UP = 2

# steps: counted ones in a process of ours, of a peer's; target: ratio of speeds that is wanted
Case = collections.namedtuple("Case", "name arch work batch steps peer_steps target")
CASES = [
    Case("resnet18-64", "resnet18", "ce", 64, 6, 2, 3.3),
    Case("resnet18-128", "resnet18", "ce", 128, 4, 1, 3.3),
    Case("resnet18-supcon-64", "resnet18", "supcon", 64, 4, 1, 3.3),
    Case("resnet18-inference-256", "resnet18", "inference", 256, 4, 2, 3.5),
    Case("shallowcnn-64", "shallowcnn", "ce", 64, 60, 20, 3.5),
    Case("shallowcnn-512", "shallowcnn", "ce", 512, 10, 5, 4.5),
    Case("truong-mnist-64", "truong-mnist", "ce", 64, 200, 80, 3.0),
]
EPOCHS = {"truong-mnist-64": 48000}  # images of an epoch, where the time of one is wanted


def parse_cases(text):
    """The cases that a comma-separated list of names asks for."""
    names = [case.name for case in CASES]
    wanted = text.split(",") if text else names
    for name in wanted:
        if name not in names:
            sys.exit(f"there is no case {name}; there are {', '.join(names)}")
    return [case for case in CASES if case.name in wanted]


def bench_step(build):
    """The program of a build folder."""
    program = os.path.join(build, "bin", "bench_step")
    if not os.access(program, os.X_OK):
        sys.exit(f"{program}: not there; build it (cmake --build BUILD --target bench_step)")
    return program


def measure(command, threads):
    """Runs one process; returns the seconds of its counted steps and its peak memory in MB."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed with status {done.returncode}")
    found = json.loads(done.stdout)
    return found["seconds"][WARM_UP:], found["peak_rss_kb"] / 1024


def measure_ours(program, case, threads):
    return measure([program, case.arch, str(case.batch), "--work", case.work, "--steps", str(case.steps + WARM_UP)],
                   threads)


def describe_machine(threads):
    """Processor, its cores and vector instructions, the system, and how busy it is."""
    with open("/proc/cpuinfo") as f:
        fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in f)}
    wide = [name for name in ("avx2", "avx512f") if name in fields.get("flags", "").split()]
    return f"{fields.get('model name', platform.machine())}, {os.cpu_count()} cores, {' '.join(wide)}, " \
           f"{platform.system()} {platform.release()}; {threads} threads; load before: {os.getloadavg()[0]:.1f}"


def describe_build(build):
    """The commit that the sources of a build folder stand on."""
    source = ROOT
    with open(os.path.join(build, "CMakeCache.txt")) as f:
        found = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", f.read(), re.MULTILINE)
    if found:
        source = found.group(1)
    done = subprocess.run(["git", "-C", source, "describe", "--always", "--dirty"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip() or "unknown"


def print_row(cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def print_heading(cells):
    print_row(cells)
    print_row(["---"] * len(cells))
