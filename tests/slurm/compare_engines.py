#!/usr/bin/python3
"""Whether Slurm makes the models of a sweep that this machine made.

usage: compare_engines.py WORKBENCH STUDY.yaml FOLDER      FOLDER: where `workbench sweep run STUDY.yaml --out FOLDER` has run

Starts a cluster of one node, runs the sweep on it into a folder of its own, without analyses and report, and compares the
digests of all /model. Exit code 1 where they differ, 77 where there can be no cluster. Too long for a test where STUDY is
a whole study; test_slurm.py does the same with a small one. SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

from cluster import Cluster, missing
from models import digests


def run_on_cluster(workbench, study, folder):
    spec = yaml.safe_load(pathlib.Path(study).read_text())
    spec.update(analyses=[], report="no", threads=1)
    (folder / "study.yaml").write_text(yaml.safe_dump(spec))
    with Cluster() as cluster:
        environment = dict(cluster.environment, OMP_WAIT_POLICY="passive")
        subprocess.run([workbench, "sweep", "run", "study.yaml", "--engine", "slurm", "--cpus", "1", "--mem", "1G"],
                       cwd=folder, env=environment, check=True)
        cluster.wait_until_empty(seconds=6000)
    return digests(folder / "study")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    if missing():
        print(missing())
        sys.exit(77)
    local = digests(sys.argv[3])
    with tempfile.TemporaryDirectory(prefix="workbench-slurm-") as folder:
        there = run_on_cluster(os.path.abspath(sys.argv[1]), sys.argv[2], pathlib.Path(folder))
    different = sorted(name for name in local.keys() | there.keys() if local.get(name) != there.get(name))
    print(f"{len(local)} models here, {len(there)} by Slurm, {len(different)} differ", *different, sep="\n")
    sys.exit(1 if different or not local else 0)


main()
