#!/usr/bin/python3
"""training-curves as people run it, against what h5py reads from /history.

usage: test_training_curves.py BUILD

SPDX-License-Identifier: GPL-3.0-or-later
"""
import unittest

import h5py
import numpy as np

import support
from support import Result, here, refusal, workbench, write_run

SERIES = {"train-loss": "train_task_loss", "val-loss": "val_task_loss", "train-accuracy": "train_accuracy",
          "val-accuracy": "val_accuracy", "weight-norm": "weight_norm", "topo-loss": "train_topo_loss", "lambda": "lambda",
          "topo-loss-ws": "train_topo_loss_ws", "lambda-ws": "lambda_ws", "topo-loss-as": "train_topo_loss_as",
          "lambda-as": "lambda_as", "topo-loss-global": "train_topo_loss_global", "lambda-global": "lambda_global"}


class TrainingCurves(unittest.TestCase):
    def train(self, objective, name, *options):
        path = here.folder / name
        done = workbench("run", f"train-{objective}", "--data", "builtin,train=100,test=20", "--width", "8", "--units", "16",
                         "--batch", "20", "--out", path, "--overwrite", "--quiet", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def check(self, path):
        """Every series that the file has, and none that it does not; returns the names of those."""
        found = Result("training-curves", path).only()
        with h5py.File(path) as f:
            history = {name: f["history"][name][:] for name in f["history"] if name != "steps"}
        for output, series in SERIES.items():
            if series not in history:
                self.assertIsInstance(found[output], str, output)
                continue
            x, y = found[output]
            np.testing.assert_array_equal(x, np.arange(len(y)) + 1)
            np.testing.assert_array_equal(y, history[series])
        self.assertEqual(found["epochs"], len(history["train_task_loss"]))
        self.assertEqual(found["last-loss"], history["train_task_loss"][-1])
        if "val_accuracy" in history:
            self.assertEqual(found["last-accuracy"], history["val_accuracy"][-1])
        else:
            self.assertIsInstance(found["last-accuracy"], str)
        return {output for output, series in SERIES.items() if series in history}

    def test_runs_of_every_kind(self):
        held = ("--validation-per-class", "2")
        self.assertEqual(self.check(self.train("ce", "ce.h5", "--epochs", "3", *held)), set(list(SERIES)[:7]))
        self.assertEqual(self.check(self.train("supcon", "supcon.h5", "--epochs", "2", *held)),
                         {"train-loss", "val-loss", "weight-norm", "topo-loss", "lambda"})
        self.assertEqual(self.check(self.train("ce", "bare.h5", "--epochs", "1", "--topo", "none", "--validation-per-class", "0")),
                         {"train-loss", "train-accuracy", "weight-norm"})
        several = self.check(self.train("ce", "several.h5", "--epochs", "2", "--topo", "ws:0.2,as:0.1", *held))
        self.assertTrue({"topo-loss-ws", "lambda-as"} <= several and "topo-loss" not in several, several)

    def test_runs_of_unequal_length(self):
        runs = [self.train("ce", f"{n}.h5", "--epochs", str(n), "--seed", str(n), "--validation-per-class", "2") for n in (2, 4)]
        result = Result("training-curves", runs)
        self.assertEqual([len(run["train-loss"][0]) for run in result.runs.values()], [2, 4])
        for suffix in "svg", "png":
            self.assertTrue((here.folder / "results/training-curves" / f"training-curves.{suffix}").stat().st_size > 1000)

    def test_histories_that_cannot_be_drawn(self):
        features = write_run("features.h5", np.ones((4, 4)))
        refusal(self, 4, ["features.h5", "/history/train_task_loss"], "training-curves", "--in", features)
        broken = write_run("broken.h5", np.ones((4, 4)))
        with h5py.File(broken, "a") as f:
            f["history/train_task_loss"] = np.array([1.0, np.nan, 2.0])
        refusal(self, 4, ["broken.h5", "/history/train_task_loss", "1"], "training-curves", "--in", broken)
        with h5py.File(broken, "a") as f:
            f["history/train_task_loss"][1] = 1
            f["history/lambda"] = np.ones(2)
        refusal(self, 4, ["broken.h5", "epoch"], "training-curves", "--in", broken)


if __name__ == "__main__":
    support.main(__doc__)
