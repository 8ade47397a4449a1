#!/usr/bin/python3
"""workbench sweep on this machine: what a file asks for, what is done, what happens when it is killed.

usage: test_sweep.py WORKBENCH [-k NAME]      SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "slurm"))
from models import digests  # noqa: E402

WORKBENCH = pathlib.Path(sys.argv[1]).resolve()
SPEC = """\
plugins: [train-ce, train-supcon]
common: {data: "builtin,train=300,test=100", validation-per-class: 5, epochs: 2, width: 8}
train-supcon: {readout-epochs: 5}
grid: {rho: [0, 0.2], seed: 0..1}
extra: [{dropout: 0, seed: 0, rho: 0.2}]
analyses: [accuracy, {moran: {neighbours: queen, name: moran-queen, permutations: 9, where: {rho: 0.2}}}]
report: no
"""


class Sweep(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.root.name)
        self.environment = dict(os.environ, WORKBENCH_CACHE_DIR=str(self.folder / "cache"), OMP_WAIT_POLICY="passive")
        self.write(SPEC)

    def tearDown(self):
        self.root.cleanup()

    def write(self, text):
        (self.folder / "study.yaml").write_text(text)

    def call(self, *words, code=0):
        run = subprocess.run([WORKBENCH, "sweep", *words], cwd=self.folder, env=self.environment, text=True,
                             capture_output=True, timeout=500)
        self.assertEqual(run.returncode, code, f"{words}: {run.stdout}{run.stderr}")
        return run

    def status(self):
        return json.loads(self.call("status", "study.yaml", "--json").stdout)

    def refused(self, text, message):
        self.write(text)
        self.assertIn(message, self.call("plan", "study.yaml", "--no-estimate", code=2).stderr)

    def test_every_combination_is_planned_once(self):
        plan = json.loads(self.call("plan", "study.yaml", "--json", "--no-estimate").stdout)
        self.assertEqual(len(plan["runs"]), 10)  # 2 plugins x (2 rho x 2 seeds + 1)
        names = [run["name"] for run in plan["runs"]]
        self.assertEqual(len(set(names)), 10)
        self.assertEqual(sum("dropout0_" in name for name in names), 2)
        self.assertTrue(all(run["state"] == "waiting" for run in plan["runs"]))
        self.assertFalse((self.folder / "study").exists())

    def test_an_extra_point_that_is_in_the_grid_is_one_run(self):
        self.write(SPEC.replace("{dropout: 0, seed: 0, rho: 0.2}", "{seed: 0}"))
        plan = json.loads(self.call("plan", "study.yaml", "--json", "--no-estimate").stdout)
        self.assertEqual(len(plan["runs"]), 8)

    def test_extra_can_be_for_one_plugin(self):
        self.write(SPEC.replace("{dropout: 0, seed: 0, rho: 0.2}", "{plugins: [train-ce], seed: 2..4}"))
        plan = json.loads(self.call("plan", "study.yaml", "--json", "--no-estimate").stdout)
        self.assertEqual(len(plan["runs"]), 8 + 6)

    def test_errors_have_a_place(self):
        self.refused("plugins: [train-ec]\n", "study.yaml:1:11: train-ec is no plugin that trains; did you mean train-ce?")
        self.refused("plugins: [train-ce]\ngrid:\n  rho: [0, -1]\n", "study.yaml:3:12: train-ce: --rho is -1")
        self.refused("plugins: [train-ce]\ngrid:\n  rhoo: [0]\n", "study.yaml:3:3: no plugin of this sweep has a parameter rhoo; did you mean rho?")
        self.refused("plugins: [train-ce]\ncomon: {}\n", "study.yaml:2:1: a sweep has no comon; did you mean common?")
        self.refused("plugins: [train-ce]\ntrain-supcon: {}\n", "study.yaml:2:1: train-supcon is not among this sweep's plugins")
        self.refused("plugins: [train-ce]\nanalyses: [morn]\n", "study.yaml:2:12: morn is no plugin that measures; did you mean moran?")
        self.refused("plugins: [train-ce]\nanalyses: [moran, moran]\n", "study.yaml:2:19: a second analysis is called moran")
        self.refused("plugins: [train-ce]\nanalyses: [{moran: {neighbors: queen}}]\n", "study.yaml:2:21: moran has no parameter neighbors")
        self.refused("plugins: [train-ce]\npreset: contop\n", "study.yaml:2:1: there is no preset contop; did you mean contopo?")
        head = "plugins: [train-ce]\nreport:\n"
        self.refused(head + "  titel: A\n", "study.yaml:3:3: a report has a title, a paper and changes, no titel")
        self.refused(head + "  paper: beyond\n", "study.yaml:3:3: paper must be contrastive-topography or beyond-topography")
        self.refused(head + "  title: [A]\n", "study.yaml:3:3: title must be a text")
        self.refused(head + "  changes: 10 epochs\n", "study.yaml:3:3: changes must be a list")
        self.refused(head + "  changes:\n    - 10 epochs\n    - a: b\n", "study.yaml:5:7: a change must be a text")
        self.refused("plugins: [train-ce]\nreport: yes\n", "study.yaml:2:1: report must be \"no\" or hold lines")
        self.refused("plugins: []\n", "study.yaml:1:1: a sweep needs a list of plugins")
        self.refused("grid: {}\n", "study.yaml: a sweep needs a list of plugins")
        self.write("plugins: [train-ce\n")
        self.assertIn("study.yaml, line", self.call("plan", "study.yaml", code=4).stderr)
        self.assertIn("nothing.yaml", self.call("plan", "nothing.yaml", code=4).stderr)
        self.assertIn("did you mean workbench sweep status?", self.call("staus", "study.yaml", code=2).stderr)

    def test_run_does_everything_and_again_nothing(self):
        self.write(SPEC.replace("report: no", "report: {title: A <small> study, changes: [\"2 epochs, not 10\", --json]}"))
        self.call("run", "study.yaml")
        page = self.folder / "study/report/index.html"
        self.assertIn("<h1>A &lt;small&gt; study</h1>", page.read_text())
        self.assertIn("<li>2 epochs, not 10</li>\n<li>--json</li>", page.read_text())
        before = {path: path.stat().st_mtime_ns for path in self.folder.glob("study/runs/*.h5")}
        self.assertEqual(len(before), 10)
        status = self.status()
        self.assertTrue(all(part["state"] == "done" for part in status["runs"] + status["analyses"]), status)
        summary = json.loads((self.folder / "study/results/moran-queen/summary.json").read_text())
        self.assertEqual(len(summary["runs"]), 6)  # those of rho 0.2
        self.assertEqual(len(json.loads((self.folder / "study/results/accuracy/summary.json").read_text())["runs"]), 10)
        self.call("run", "study.yaml")
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in self.folder.glob("study/runs/*.h5")})
        made = page.stat().st_mtime_ns
        self.call("run", "study.yaml")
        self.assertEqual(page.stat().st_mtime_ns, made)
        self.write(SPEC.replace("report: no", "report: {title: Another}"))
        self.assertEqual(self.status()["analyses"][-1]["state"], "waiting")
        self.call("run", "study.yaml")
        self.assertIn("<h1>Another</h1>", page.read_text())
        self.write(SPEC.replace("report: no", "report: {title: Another}").replace("[accuracy,", "[accuracy, weight-norm,"))
        self.call("run", "study.yaml")
        self.assertIn("id=\"weight-norm\"", page.read_text())
        self.assertTrue(all(part["state"] == "done" for part in self.status()["analyses"]))
        self.write(SPEC.replace("neighbours: queen, ", ""))
        self.assertEqual([part["state"] for part in self.status()["analyses"]], ["done", "waiting"])
        self.call("run", "study.yaml")
        summary = json.loads((self.folder / "study/results/moran-queen/summary.json").read_text())
        self.assertEqual(summary["parameters"]["neighbours"], "rook")
        self.write(SPEC.replace("neighbours: queen, ", "").replace("where: {rho: 0.2}", "where: {rho: 0}"))
        self.assertEqual([part["state"] for part in self.status()["analyses"]], ["done", "waiting"])
        self.call("run", "study.yaml")
        summary = json.loads((self.folder / "study/results/moran-queen/summary.json").read_text())
        self.assertEqual({run["factors"]["rho"] for run in summary["runs"]}, {"0"})
        self.write(SPEC.replace("neighbours: queen, ", "").replace(", where: {rho: 0.2}", ""))
        self.assertEqual([part["state"] for part in self.status()["analyses"]], ["done", "waiting"])
        self.call("run", "study.yaml")
        self.assertEqual([part["state"] for part in self.status()["analyses"]], ["done", "done"])
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in self.folder.glob("study/runs/*.h5")})

    def test_killed_at_any_moment_it_ends_the_same(self):
        self.call("run", "study.yaml", "--out", "whole")
        whole = digests(self.folder / "whole")
        generator = random.Random(3)
        for latest in (0.1, 0.1, 0.3, 0.3, 3, 3, 3, 3):  # while its children are being started, and while they train
            process = subprocess.Popen([WORKBENCH, "sweep", "run", "study.yaml", "--quiet"], cwd=self.folder,
                                       env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(generator.uniform(latest / 10, latest))
            process.send_signal(signal.SIGKILL)
            process.wait()
            if not (self.folder / "study").exists():
                continue
            runs = self.status()["runs"]
            self.assertFalse([run for run in runs if run["state"] == "failed"])
            done = {run["file"]: (self.folder / run["file"]).stat().st_mtime_ns for run in runs if run["state"] == "done"}
        self.call("run", "study.yaml")
        self.assertEqual(whole, digests(self.folder / "study"))
        for file, when in done.items():
            self.assertEqual((self.folder / file).stat().st_mtime_ns, when, f"{file} was done again")

    def test_one_failure_stops_nothing_else_and_can_be_retried(self):
        self.write(SPEC.replace("rho: [0, 0.2], seed: 0..1", "rho: 0, grid: 8x8, units: [64, 60], seed: 0").replace(
            "extra: [{dropout: 0, seed: 0, rho: 0.2}]\n", "").replace("where: {rho: 0.2}", "where: {rho: 0}"))
        run = self.call("run", "study.yaml", code=1)
        states = {part["label"]: part for part in self.status()["runs"]}
        failed = [part for part in states.values() if part["state"] == "failed"]
        self.assertEqual(len(failed), 2, states)
        self.assertTrue(all("units 60" in part["label"] and part["reason"] for part in failed), failed)
        self.assertIn(failed[0]["reason"].splitlines()[0], run.stderr)
        again = self.call("run", "study.yaml", code=1)
        self.assertIn("2 failed before and are left alone: workbench sweep retry study.yaml", again.stderr)
        self.call("retry", "study.yaml", "--failed", code=1)

    def test_ctrl_c_saves_and_says_how_to_go_on(self):
        self.write(SPEC.replace("epochs: 2", "epochs: 200"))
        process = subprocess.Popen([WORKBENCH, "sweep", "run", "study.yaml"], cwd=self.folder, env=self.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not list(self.folder.glob("study/runs/*.h5")):
            time.sleep(0.1)
        running = [part for part in self.status()["runs"] if part["state"] == "running"]
        self.assertTrue(running)
        self.assertIn("is being run by process", self.call("run", "study.yaml", code=1).stderr)
        process.send_signal(signal.SIGINT)
        _, text = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 130, text)
        self.assertIn("continue with: workbench sweep run study.yaml", text)
        self.assertEqual({part["state"] for part in self.status()["runs"]}, {"waiting"})

    def test_cancel(self):
        self.write(SPEC.replace("epochs: 2", "epochs: 200"))
        process = subprocess.Popen([WORKBENCH, "sweep", "run", "study.yaml"], cwd=self.folder, env=self.environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not list(self.folder.glob("study/runs/*.h5")):
            time.sleep(0.1)
        self.assertIn("stops as soon as its runs are saved", self.call("cancel", "study.yaml").stdout)
        self.assertEqual(process.wait(timeout=120), 130)
        self.assertIn("nothing of study is running here", self.call("cancel", "study.yaml").stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
