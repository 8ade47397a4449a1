#!/usr/bin/python3
"""workbench sweep --engine slurm, on a cluster of one node that this test starts.

usage: test_slurm.py WORKBENCH      exit code 77 (skipped) where there can be no cluster
SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from cluster import Cluster, missing
from models import digests

WORKBENCH = pathlib.Path(sys.argv[1]).resolve()
SPEC = """\
plugins: [PLUGINS]
threads: 1
common: {data: "builtin,train=300,test=100", validation-per-class: 5, epochs: EPOCHS, width: 8, patience: 0}
grid: {rho: [0, 0.2], seed: 0..1}
analyses: [accuracy, {moran: {permutations: 9}}]
report: no
"""


class Slurm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__()

    def setUp(self):
        self.root = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.root.name)

    def tearDown(self):
        self.cluster.call("scancel", "--user=root")
        self.cluster.wait_until_empty()
        self.root.cleanup()

    def write(self, epochs, plugins="train-ce"):
        (self.folder / "study.yaml").write_text(SPEC.replace("EPOCHS", str(epochs)).replace("PLUGINS", plugins))

    def call(self, *words, code=0):
        environment = dict(self.cluster.environment, WORKBENCH_CACHE_DIR=str(self.folder / "cache"),
                           OMP_WAIT_POLICY="passive")
        run = subprocess.run([WORKBENCH, "sweep", *words], cwd=self.folder, env=environment, text=True,
                             capture_output=True, timeout=500)
        self.assertEqual(run.returncode, code, f"{words}: {run.stdout}{run.stderr}")
        return run

    def states(self):
        status = json.loads(self.call("status", "study.yaml", "--json").stdout)
        return [part["state"] for part in status["runs"]], [part["state"] for part in status["analyses"]]

    def wait_for(self, condition, seconds=120):
        for _ in range(seconds * 5):
            if condition():
                return
            time.sleep(0.2)
        self.fail(f"it did not come to that: {self.states()}, {self.cluster.call('squeue')}")

    def test_the_same_models_as_on_this_machine(self):
        self.write(2, "train-ce, train-margin")
        self.call("run", "study.yaml", "--out", "here")
        run = self.call("run", "study.yaml", "--engine", "slurm", "--partition", "main", "--time", "10", "--mem", "500M",
                        "--cpus", "1", "--array-limit", "2")
        self.assertIn("workbench-runs: job", run.stderr)
        self.assertIn("workbench-analyses: job", run.stderr)
        again = self.call("run", "study.yaml", "--engine", "slurm")
        self.assertIn("in the queue already", again.stderr)
        self.cluster.wait_until_empty()
        self.assertEqual(self.states(), (["done"] * 8, ["done"] * 2))
        self.assertEqual(digests(self.folder / "here"), digests(self.folder / "study"))
        self.assertEqual(len(json.loads((self.folder / "study/results/moran/summary.json").read_text())["runs"]), 8)

    def test_killed_requeued_and_drained_it_ends_the_same(self):
        self.write(30)
        self.call("run", "study.yaml", "--out", "here")
        self.call("run", "study.yaml", "--engine", "slurm", "--cpus", "1")
        self.wait_for(lambda: list(self.folder.glob("study/runs/*.h5")))
        subprocess.run(["pkill", "-9", "-f", "sweep _work|_task"], check=False)  # a job dies midway
        job = self.cluster.call("squeue", "--noheader", "--array", "--states=running", "--format=%i").split()
        if job:
            self.cluster.call("scontrol", "requeue", job[0])  # as after preemption
        self.cluster.call("scontrol", "update", f"nodename={self.cluster.host}", "state=drain", "reason=test")
        time.sleep(3)
        self.cluster.call("scontrol", "update", f"nodename={self.cluster.host}", "state=resume")
        self.cluster.wait_until_empty()
        self.call("retry", "study.yaml", "--engine", "slurm", "--cpus", "1")
        self.cluster.wait_until_empty()
        self.assertEqual(self.states(), (["done"] * 4, ["done"] * 2))
        self.assertEqual(digests(self.folder / "here"), digests(self.folder / "study"))

    def test_a_time_limit_saves_and_queues_again(self):
        self.write(400)
        run = self.call("run", "study.yaml", "--engine", "slurm", "--cpus", "1")
        job = run.stderr.split("workbench-runs: job ")[1].split(",")[0]
        self.wait_for(lambda: list(self.folder.glob("study/runs/*.h5")))
        lock = next(path for path in self.folder.glob("study/state/ce*.lock"))
        before = lock.read_text()
        os.kill(int(before.split()[1]), signal.SIGUSR1)  # what --signal has Slurm send ahead of the limit
        log = self.folder / "study/logs" / (lock.stem + ".log")
        self.wait_for(lambda: "stopped after epoch" in log.read_text())
        self.wait_for(lambda: lock.read_text() not in ("", before))  # another process goes on with it
        self.assertIn(job, self.cluster.call("squeue", "--array", "--noheader", "--format=%F"))
        self.assertIn("took back", self.call("cancel", "study.yaml").stdout)
        self.cluster.wait_until_empty()
        self.assertNotIn("running", self.states()[0])


if __name__ == "__main__":
    why = missing()
    if why:
        print(why)
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
