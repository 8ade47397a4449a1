#!/usr/bin/python3
"""The papers' studies, cut to seconds: every run and every analysis of scripts/reproduce-* at --scale tiny.

usage: test_reproduce.py WORKBENCH [-k NAME]      SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

WORKBENCH = pathlib.Path(sys.argv[1]).resolve()
SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
SHORTER = {"train=2000,test=1000": "train=200,test=200", "validation-per-class: 10": "validation-per-class: 5",
           "epochs: 20": "epochs: 1", "readout-epochs: 50": "readout-epochs: 3"}
CUTS = {"contrastive-topography": {"[train-ce, train-supcon, train-simclr, train-margin]": "[train-ce, train-supcon]",
                                   "train-margin: {augment: none}\n": "", "rho: [0, 0.04, 0.2, 5]": "rho: [0, 0.2]"},
        "beyond-topography": {"lambda: [0.5, 2]": "lambda: [2]", "lambda: 0.5}": "lambda: 2}"}}


class Reproduce(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.root.name)
        self.environment = dict(os.environ, WORKBENCH=str(WORKBENCH), WORKBENCH_CACHE_DIR=str(self.folder / "cache"),
                                OMP_WAIT_POLICY="passive")

    def tearDown(self):
        self.root.cleanup()

    def call(self, *words, code=0):
        run = subprocess.run(words, cwd=self.folder, env=self.environment, text=True, capture_output=True, timeout=800)
        self.assertEqual(run.returncode, code, f"{words}: {run.stdout}{run.stderr}")
        return run

    def reproduce(self, paper, runs, letter, claims):
        """The script itself, in a copy of scripts/ whose study is shorter."""
        copy = self.folder / "checkout/scripts"
        (copy / "studies").mkdir(parents=True)
        for name in (f"reproduce-{paper}", "studies/reproduce"):
            (copy / name).write_bytes((SCRIPTS / name).read_bytes())
            (copy / name).chmod(0o755)
        study = (SCRIPTS / f"studies/{paper}-tiny.yaml").read_text()
        for old, new in {**SHORTER, **CUTS[paper]}.items():
            if old.startswith("readout") and old not in study:
                continue
            self.assertIn(old, study)
            study = study.replace(old, new)
        (copy / f"studies/{paper}-tiny.yaml").write_text(study)
        self.call(copy / f"reproduce-{paper}", "--scale", "tiny", "--out", "study", "--quiet")
        status = json.loads(self.call(WORKBENCH, "sweep", "status", "study/study.yaml", "--out", "study", "--json").stdout)
        self.assertEqual([part for part in status["runs"] + status["analyses"] if part["state"] != "done"], [])
        self.assertEqual(len(status["runs"]), runs)
        self.assertGreater(len(status["analyses"]), 10)
        self.assertTrue((self.folder / "study/report/index.html").stat().st_size > 10000)
        report = json.loads((self.folder / "study/report/data/report.json").read_text())
        self.assertEqual([claim["id"] for claim in report["claims"]], [f"{letter}{i + 1}" for i in range(claims)])
        changes = study[study.index("  changes:\n"):].splitlines()[1:]
        self.assertGreater(len(changes), 5)
        self.assertEqual([f"    - {change}" for change in report["overview"]["changes"]], changes)
        for part in status["analyses"]:
            if part["name"] != "report":
                summary = json.loads((self.folder / f"study/results/{part['name']}/summary.json").read_text())
                self.assertEqual(summary["failed"], [], part["name"])

    def test_contrastive_topography(self):
        self.reproduce("contrastive-topography", 2 * (2 * 3 + 2), "A", 20)

    def test_beyond_topography(self):
        self.reproduce("beyond-topography", 2 * 3 + 3, "B", 11)

    def test_every_study_can_be_planned(self):
        for file in sorted((SCRIPTS / "studies").glob("*.yaml")):
            text = file.read_text().replace("@DATA@", "cifar10:/nowhere").replace("@PRESET@", "truong-cifar")
            (self.folder / file.name).write_text(text)
            plan = json.loads(self.call(WORKBENCH, "sweep", "plan", file.name, "--no-estimate", "--json").stdout)
            runs = {"contrastive-topography-tiny": 4 * 4 * 4, "contrastive-topography-small": 4 * 6 * 4,
                    "contrastive-topography-paper": 4 * 6 * 11, "beyond-topography-tiny": 5 * 3,
                    "beyond-topography-small": 13 * 3, "beyond-topography-paper": 13 * 10}
            self.assertEqual(len(plan["runs"]), runs[file.stem])

    def test_wrong_words_are_refused(self):
        script = SCRIPTS / "reproduce-contrastive-topography"
        for words, message in ((["--scale", "huge", "--out", "x"], "--scale must be"), (["--scale", "tiny"], "--out says"),
                               (["--scale", "small", "--out", "x"], "--data-dir must name"),
                               (["--scale", "small", "--out", "x", "--data-set", "mnist"], "none of this paper's")):
            self.assertIn(message, self.call(script, *words, code=2).stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
