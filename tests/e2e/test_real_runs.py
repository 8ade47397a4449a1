#!/usr/bin/python3
"""Every metric on networks trained on real images, against the same plain programs that made arrays are held against.

usage: test_real_runs.py BUILD

WORKBENCH_TEST_DATA names a folder with cifar-10-batches-bin; without it the test is skipped (exit 77). Four networks (rho 0 and
0.2, two seeds) are trained for an epoch on 2,000 of its images and tested on 1,000. SPDX-License-Identifier: GPL-3.0-or-later
"""
import os
import pathlib
import sys
import unittest

import h5py
import numpy as np
import torch
from scipy.spatial.distance import squareform

import representations
import support
import test_metrics
import test_rdm
import test_rsa
import test_spatial
import test_training_curves
import test_tsne
import test_tuning
import test_units
from support import Result, here, workbench

CIFAR = pathlib.Path(os.environ.get("WORKBENCH_TEST_DATA", ""), "cifar-10-batches-bin")
ROWS = COLS = 16
KEYS = [("ce", rho, seed) for rho in (0.0, 0.2) for seed in (0, 1)]
test_tuning.ROWS, test_tuning.COLS, test_tuning.UNITS = ROWS, COLS, ROWS * COLS


class Run:
    def __init__(self, path):
        self.path = path
        with h5py.File(path) as f:
            test = f["activations/test"]
            self.x, self.labels, self.logits, self.index = (test[name][()] for name in ("embedding", "labels", "logits", "index"))
            self.weight = f["roles/embedding_weight"][()]
            self.superclasses = np.unique(test["labels"].attrs["superclasses"].astype(str), return_inverse=True)[1]


runs = []


def train():
    for objective, rho, seed in KEYS:
        path = here.folder / f"{objective}-{rho}-{seed}.h5"
        done = workbench("run", f"train-{objective}", "--data", f"cifar10:{CIFAR},train=2000,test=1000", "--validation-per-class", 20,
                         "--epochs", 1, "--rho", rho, "--seed", seed, "--quiet", "--out", path)
        assert done.returncode == 0, done.stderr
        runs.append(Run(path))


def check(case):
    """The checks of another test's class, on results of ours."""
    return case("check")


class OneByOne(unittest.TestCase):
    """Metrics of single runs, on the first and the last."""

    def each(self, metric, *options):
        for run in runs[0], runs[-1]:
            yield run, Result(metric, run.path, *options).only()

    def test_accuracy(self):
        for run, got in self.each("accuracy"):
            check(test_metrics.Accuracy).check(got, run.logits, run.labels)

    def test_activation_map(self):
        for run, got in self.each("activation-map"):
            check(test_metrics.ActivationMap).check(got, run.x, run.labels, (ROWS, COLS), range(10))

    def test_activation_stats(self):
        for run, got in self.each("activation-stats"):
            check(test_units.ActivationStats).check(got, run.x, test_units.treves_rolls)

    def test_colocalization(self):
        for run, got in self.each("colocalization"):
            check(test_spatial.Colocalization).check(got, run.x, test_spatial.grid_positions(ROWS, COLS))

    def test_effective_dim(self):
        for run, got in self.each("effective-dim"):
            check(test_units.EffectiveDim).check(got, run.x, run.labels, run.weight)

    def test_expert_units(self):
        for run in runs[0], runs[-1]:
            check(test_tuning.Experts).check(run.path, run.x, run.labels, ROWS, COLS)

    def test_moran(self):
        for run, got in self.each("moran"):
            check(test_metrics.Moran).check(got, np.float64(run.x), test_metrics.grid_weights(ROWS, COLS),
                                            test_metrics.grid_positions(ROWS, COLS))

    def test_rdm(self):
        for distance in representations.DISTANCES:
            for run, got in self.each("rdm", "--distance", distance):
                check(test_rdm.Rdm).check(got, run.x, run.labels, distance)

    def test_similarity(self):
        for run, got in self.each("similarity"):
            check(test_rdm.Similarity).check(got, run.x, run.labels)

    def test_training_curves(self):
        for run in runs:
            check(test_training_curves.TrainingCurves).check(run.path)

    def test_tsne(self):
        for run, got in self.each("tsne", "--stimuli", 0):
            check(test_tsne.Tsne).check(got, run.x, run.labels, run.superclasses[run.labels])

    def test_unit_correlation(self):
        for run, got in self.each("unit-correlation", "--simulations", 9):
            check(test_units.UnitCorrelation).check(got, run.x, test_metrics.grid_weights(ROWS, COLS))

    def test_weights(self):
        for run in runs[0], runs[-1]:
            check(test_spatial.Weights).check(run.path, run.weight, ROWS, COLS)


class Together(unittest.TestCase):
    """Metrics of several runs."""

    def setUp(self):
        rows = representations.chosen(runs[0].labels)
        self.labels, self.xs = runs[0].labels[rows], [np.float64(run.x)[rows] for run in runs]
        self.paths = [run.path for run in runs]

    def test_rdm_consistency(self):
        for how in "pearson", "spearman", "cosine":
            got = Result("rdm-consistency", self.paths, "--compare", how, "--bootstrap", 0).conditions
            for condition, xs in zip(got, (self.xs[:2], self.xs[2:])):
                self.check_pair(condition, xs, how)

    def check_pair(self, got, xs, how):
        a, b = (representations.rdm(x, self.labels, "pearson") for x in xs)
        np.testing.assert_allclose(got["consistency"], test_rsa.compare(a, b, how), **representations.CLOSE)
        np.testing.assert_allclose(got["cka"], test_rsa.cka(*(x - x.mean(0) for x in xs)), **representations.CLOSE)

    def test_rsa_matrix(self):
        study = self.paths, self.xs, self.labels, [np.float64(run.weight) for run in runs], KEYS
        check(test_rsa.RsaMatrix).check(Result("rsa-matrix", self.paths).study, study)

    def test_rdm_target(self):
        """Another network's geometry as the target, over the first 60 stimuli."""
        target, first, rdms = here.folder / "target.npz", slice(60), []
        for run in runs[1:]:
            rdms.append(representations.rdm(np.float64(run.x[first]), None, "pearson"))
        np.savez(target, rdms=[squareform(values) for values in rdms], stimulus_id=runs[0].index[first])
        got = Result("rdm-target", self.paths[0], "--target", target, "--bootstrap", 10).only()
        check(test_rsa.RdmTarget).check(got, np.float64(runs[0].x[first]), rdms)

    def test_similarity_table(self):
        alone = Result("similarity", self.paths).runs
        table = Result("similarity-table", self.paths).study["table"]
        for row, seeds in zip(table, (self.paths[:2], self.paths[2:])):
            for column, name in enumerate(("within", "within-sd", "across", "across-sd")):
                np.testing.assert_allclose(row[column], np.mean([alone[path.name][name] for path in seeds]), rtol=1e-12)


class Driven(test_tuning.Driven):
    """orientation-tuning, symmetry and eccentricity: the last network's responses against PyTorch's."""

    test_symmetric_images = test_refusals = None  # of made images, and the same for any network

    @classmethod
    def setUpClass(cls):
        cls.path = runs[-1].path
        rows = np.fromfile(CIFAR / "test_batch.bin", np.uint8).reshape(-1, 3073)[runs[-1].index, 1:]
        cls.images = rows.reshape(-1, 3, test_tuning.SIDE, test_tuning.SIDE).transpose(0, 2, 3, 1)
        with h5py.File(cls.path) as f:
            cls.mean, cls.sd = (f["model"].attrs[name][:, None, None] for name in ("mean", "sd"))
            state = {name.removeprefix("encoder."): torch.from_numpy(value[()]) for name, value in f["model"].items()
                     if name.startswith("encoder.")}
        cls.net = test_tuning.networks.ShallowCNN(ROWS * COLS)
        cls.net.load_state_dict(state, strict=False)
        cls.net.double().eval()

    def test_symmetry(self):
        self.check_symmetry(20, False, "--images", 20)
        self.check_symmetry(len(self.images), True, "--images", 0, "--after-relu")


if __name__ == "__main__":
    if not CIFAR.is_dir():
        print(f"skipped: WORKBENCH_TEST_DATA has no {CIFAR.name}")
        sys.exit(77)
    support.main(__doc__, train)
