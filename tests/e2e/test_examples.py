#!/usr/bin/python3
"""scripts/examples on a very small study.

usage: test_examples.py WORKBENCH [-k NAME]      SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

WORKBENCH = pathlib.Path(sys.argv[1]).resolve()
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "scripts/examples"
SNAKEMAKE = shutil.which("snakemake")
TRAINING = "--validation-per-class 5 --width 8 --units 16"
STUDY = """\
plugins: [train-ce]
common: {data: "builtin,train=200,test=100", validation-per-class: 5, epochs: 1, width: 8, units: 16}
grid: {rho: [0, 0.2]}
analyses: [accuracy]
"""


class Examples(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.root.name)
        self.environment = dict(os.environ, WORKBENCH=str(WORKBENCH), WORKBENCH_CACHE_DIR=str(self.folder / "cache"),
                                HOME=str(self.folder), OMP_WAIT_POLICY="passive")

    def tearDown(self):
        self.root.cleanup()

    def call(self, *words, code=0):
        run = subprocess.run(words, cwd=self.folder, env=self.environment, text=True, capture_output=True, timeout=500)
        self.assertEqual(run.returncode, code, f"{words}: {run.stdout}{run.stderr}")
        return run

    def test_nightly_report(self):
        (self.folder / "study.yaml").write_text(STUDY)
        run = self.call(EXAMPLES / "nightly-report", "study.yaml")
        self.assertEqual(run.stdout.splitlines(), ["runs: 2 done", "analyses and report: 2 done",
                                                   "report: study/report/index.html"])

    def test_nightly_report_names_what_failed(self):
        (self.folder / "study.yaml").write_text(STUDY.replace("rho: [0, 0.2]", "grid: 8x8, units: [64, 60]"))
        run = self.call(EXAMPLES / "nightly-report", "study.yaml", code=1)
        self.assertIn("runs: 1 done, 1 failed", run.stdout)
        self.assertIn("failed: ce, units 60", run.stdout)

    def test_nightly_report_refuses_a_wrong_file(self):
        (self.folder / "study.yaml").write_text("plugins: []\n")
        self.call(EXAMPLES / "nightly-report", "study.yaml", code=2)

    @unittest.skipUnless(SNAKEMAKE, "needs snakemake")
    def test_snakefile(self):
        command = [SNAKEMAKE, "--snakefile", EXAMPLES / "Snakefile", "--directory", self.folder, "--cores", "2", "--config",
                   f"workbench={WORKBENCH}", "data=builtin,train=200,test=100", "epochs=1", "seeds=1",
                   f"options={TRAINING}"]
        self.call(*command)
        for metric in ("accuracy", "moran"):
            summary = json.loads((self.folder / f"results/{metric}/summary.json").read_text())
            self.assertEqual(len(summary["runs"]), 4)
        self.assertIn("Nothing to be done", "".join(self.call(*command).stderr.splitlines()))


if __name__ == "__main__":
    program = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2, exit=False)
    sys.exit(0 if program.result.wasSuccessful() and SNAKEMAKE else 77 if program.result.wasSuccessful() else 1)
