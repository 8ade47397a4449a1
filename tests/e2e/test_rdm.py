#!/usr/bin/python3
"""RDMs and similarities of single runs as people run them, against plain NumPy, SciPy and scikit-learn.

usage: test_rdm.py BUILD [PUBLISHED.h5]        as a test; PUBLISHED holds values of the papers' own code

SPDX-License-Identifier: GPL-3.0-or-later
"""
import json
import unittest

import h5py
import numpy as np
from scipy.spatial import distance as spatial

import support
from representations import CLOSE, DISTANCES, chosen, whitened, rdm, population
from support import Result, here, noise, refusal, workbench, write_run


class Rdm(unittest.TestCase):
    def check(self, got, x, labels, distance, per_class=100):
        rows = chosen(labels, per_class)
        x, labels = np.float64(np.float32(x))[rows], np.asarray(labels)[rows]
        right = rdm(x, labels, distance)
        np.testing.assert_allclose(got["pairs"].ravel(), right, **CLOSE)
        same = spatial.squareform(labels[:, None] == labels[None], checks=False)
        np.testing.assert_allclose(got["mean"], right.mean(), **CLOSE)
        for name, which in ("within", same), ("across", ~same):
            if which.any():
                np.testing.assert_allclose(got[name], right[which].mean(), **CLOSE)
            else:
                self.assertIsInstance(got[name], str)
        self.assertEqual(got["stimuli"], len(rows))
        square, step = spatial.squareform(right), -(-len(rows) // 200)
        np.fill_diagonal(square, np.nan)
        for r, c in [(0, 0), (0, len(got["map"]) - 1), (3 % len(got["map"]), 1)]:
            block = square[r * step:(r + 1) * step, c * step:(c + 1) * step]
            mean = np.nanmean(block) if np.isfinite(block).any() else 0
            np.testing.assert_allclose(got["map"][r, c], mean, **CLOSE)
        np.testing.assert_array_equal(got["map"], got["map"].T)
        return x, labels

    def test_distances(self):
        x, labels = population(700, classes=5)
        path = write_run("rdm.h5", x, labels)
        for distance in DISTANCES:
            for per_class in 100, 7, 0:
                with self.subTest(distance=distance, per_class=per_class):
                    got = Result("rdm", path, "--distance", distance, "--per-class", per_class).only()
                    used, classes = self.check(got, x, labels, distance, per_class)
                    if distance == "mahalanobis":
                        np.testing.assert_allclose(got["shrinkage"], whitened(used, classes)[1], rtol=1e-8)
        got = Result("rdm", path, "--after-relu").only()
        self.check(got, np.maximum(x, 0), labels, "pearson")

    def test_many(self):
        """More stimuli than one strip and one block of the file; without the pairs the rest is the same."""
        x, labels = population(2500, 12, classes=3)
        path = write_run("rdm-many.h5", x, labels)
        got = Result("rdm", path, "--per-class", 0).only()
        self.check(got, x, labels, "pearson", 0)
        self.assertEqual(len(got["map"]), 193)
        brief = Result("rdm", path, "--per-class", 0, "--no-keep-pairs").only()
        self.assertIn("--no-keep-pairs", brief["pairs"])
        self.assertEqual((brief["mean"], brief["within"]), (got["mean"], got["within"]))
        np.testing.assert_array_equal(brief["map"], got["map"])

    def test_threads(self):
        x, labels = population(600, 30)
        path = write_run("rdm-threads.h5", x, labels)
        one, two = (Result("rdm", path, "--threads", n, "--recompute").only()["pairs"] for n in (1, 2))
        np.testing.assert_allclose(one, two, rtol=1e-12)

    def test_foreign(self):
        """Without labels all stimuli are one class; labels of any name."""
        x, labels = population(150)
        with h5py.File(here.folder / "rdm-foreign.h5", "w") as f:
            f["fc"], f["y"] = np.float64(x), labels
        path, role = here.folder / "rdm-foreign.h5", ("--object", "activations=/fc")
        self.check(Result("rdm", path, *role).only(), x, np.zeros(150), "pearson")
        self.check(Result("rdm", path, *role, "--labels", "/y").only(), x, labels, "pearson")

    def test_degenerate(self):
        x, labels = population(30, 6)
        x[4], x[9] = 0.1, 0
        for distance, flat in ("pearson", 2), ("spearman", 2), ("cosine", 1), ("euclidean", 0):
            got = Result("rdm", write_run("rdm-flat.h5", x, labels), "--distance", distance).only()
            self.check(got, x, labels, distance)
            self.assertEqual(got["flat"], flat)
        x = noise(30, 6, 3)
        x[:, 2] = 5  # a constant unit
        x[7] = x[3]
        got = Result("rdm", write_run("rdm-unit.h5", x, np.zeros(30))).only()
        self.check(got, x, np.zeros(30), "pearson")
        self.assertEqual(spatial.squareform(got["pairs"].ravel())[3, 7], 0)
        self.assertIn("one class", got["across"])
        self.check(Result("rdm", write_run("rdm-two.h5", x[:2], [0, 1])).only(), x[:2], [0, 1], "pearson")
        self.check(Result("rdm", write_run("rdm-negative.h5", x, np.arange(30) % 3 - 1)).only(), x,
                   np.arange(30) % 3 - 1, "pearson")

    def test_refusals(self):
        x = noise(20, 6, 3)
        refusal(self, 4, ["rdm-one.h5", "at least 2"], "rdm", "--in", write_run("rdm-one.h5", x[:1], [0]))
        refusal(self, 4, ["rdm-single.h5", "within any class"], "rdm", "--distance", "mahalanobis", "--in",
                write_run("rdm-single.h5", x, np.arange(20)))
        refusal(self, 4, ["rdm-none.h5", "0 stimuli", "negative"], "rdm", "--in",
                write_run("rdm-none.h5", x, -np.ones(20)))
        refusal(self, 4, ["rdm-pair.h5", "too few different stimuli"], "rdm", "--distance", "mahalanobis", "--in",
                write_run("rdm-pair.h5", x[:2], [0, 0]))
        x[13, 2] = np.nan
        refusal(self, 4, ["rdm-nan.h5", "/activations/test/embedding", "[13, 2]", "NaN"], "rdm", "--in",
                write_run("rdm-nan.h5", x, np.zeros(20)))
        big = write_run("rdm-big.h5", np.zeros((20000, 1)), np.zeros(20000))
        refusal(self, 4, ["rdm-big.h5", "bytes", "--no-keep-pairs", "--memory"], "rdm", "--in", big, "--per-class", 0,
                "--memory", "2G")
        got = Result("rdm", big, "--per-class", 0, "--memory", "2G", "--no-keep-pairs").only()
        self.assertEqual((got["stimuli"], got["flat"], got["mean"]), (20000, 20000, 1))

    def test_published(self):
        if not here.published.exists():
            self.skipTest(f"{here.published} is not here")
        with h5py.File(here.published) as f:
            row, mean, labels = (f["analysis"][k][()] for k in ("rdm_first_row", "rdm_mean_upper", "labels"))
        self.assertTrue((np.diff(labels) >= 0).all(), "the stimuli are in class order")
        got = Result("rdm", here.published, "--object", "activations=/analysis/embedding", "--labels",
                     "/analysis/labels", "--per-class", 0).only()
        np.testing.assert_allclose(got["pairs"][0, :999], row[1:], atol=2e-6)
        np.testing.assert_allclose(got["mean"], mean, rtol=1e-6)


class Similarity(unittest.TestCase):
    def check(self, got, x, labels, per_class=100):
        rows = chosen(labels, per_class)
        x, labels = np.float64(np.float32(x))[rows], np.asarray(labels)[rows]
        cosine = 1 - rdm(x, labels, "cosine")
        same = spatial.squareform(labels[:, None] == labels[None], checks=False)
        for name, which in ("within", same), ("across", ~same):
            if not which.any():
                self.assertIsInstance(got[name], str)
                continue
            np.testing.assert_allclose(got[name], cosine[which].mean(), **CLOSE)
            np.testing.assert_allclose(got[name + "-sd"], cosine[which].std(), rtol=1e-7, atol=1e-9)
            edges, counts = got[name + "-distribution"]
            self.assertEqual(counts.sum(), which.sum())
            inner = np.abs(cosine[which][:, None] - edges[None]).min(1) > 1e-9  # else rounding decides
            right = np.histogram(cosine[which][inner], edges)[0]
            self.assertLessEqual(np.abs(counts - right).sum(), (~inner).sum())

    def test_plain(self):
        x, labels = population(900, 16, 3)
        path = write_run("similarity.h5", x, labels)
        self.check(Result("similarity", path).only(), x, labels)
        self.check(Result("similarity", path, "--per-class", 0, "--after-relu").only(), np.maximum(x, 0), labels, 0)

    def test_degenerate(self):
        x, labels = population(30, 6)
        x[4] = 0
        got = Result("similarity", write_run("similarity-zero.h5", x, labels)).only()
        self.check(got, x, labels)
        self.assertEqual(got["zero"], 1)
        self.check(Result("similarity", write_run("similarity-class.h5", x, np.zeros(30))).only(), x, np.zeros(30))
        self.check(Result("similarity", write_run("similarity-two.h5", x[:2], [0, 1])).only(), x[:2], [0, 1])
        got = Result("similarity", write_run("similarity-same.h5", np.ones((9, 4)), np.arange(9) % 2)).only()
        self.assertEqual((got["within"], got["within-sd"], got["across"]), (1, 0, 1))
        x[3, 1] = np.inf
        refusal(self, 4, ["similarity-inf.h5", "[3, 1]", "infinity"], "similarity", "--in",
                write_run("similarity-inf.h5", x, labels))

    def test_published(self):
        if not here.published.exists():
            self.skipTest(f"{here.published} is not here")
        with h5py.File(here.published) as f:
            right = {k: f["analysis"]["cosine_" + k][()] for k in ("within", "across")}
        got = Result("similarity", here.published, "--object", "activations=/analysis/embedding", "--labels",
                     "/analysis/labels", "--per-class", 0).only()
        for name, (mean, sd) in right.items():
            np.testing.assert_allclose([got[name], got[name + "-sd"]], [mean, sd], atol=1e-6)



class SimilarityTable(unittest.TestCase):
    def test_terminal(self):
        """What is printed is the table itself, the published values beside those measured."""
        x, labels = population(40, 10, 4, 0, 1)
        plain, topographic = (write_run(f"shown-{rho}.h5", x, labels, rho=rho) for rho in (0.0, 0.2))
        printed = workbench("run", "similarity-table", "--in", plain, topographic, "--quiet").stdout.splitlines()
        self.assertRegex(printed[0], "condition +within +within sd +across +across sd +bold +published within")
        self.assertRegex(printed[1], r"ce rho 0 .* - +0\.77 +0\.23 +-0\.01 +0\.21$")
        self.assertRegex(printed[2], r"ce rho 0\.2 .* 1 +0\.82 +0\.26 +-0\.05 +0\.32$")

    def test_plain(self):
        paths, alone = [], {}
        for rho in 0.0, 0.2, 0.3:
            for seed in range(2):
                x, labels = population(40, 10, 4, seed, 1 + rho)
                paths.append(write_run(f"table-{rho}-{seed}.h5", x, labels, rho=rho, seed=seed))
        for path, got in Result("similarity", paths).runs.items():
            alone.setdefault(path[6:9], []).append([got[k] for k in ("within", "within-sd", "across", "across-sd")])
        means = np.array([np.mean(alone[rho], 0) for rho in ("0.0", "0.2", "0.3")])
        got = Result("similarity-table", paths).study["table"]
        np.testing.assert_allclose(got[:, :4], means, rtol=1e-12)
        bold = (means[:, 0] >= means[0, 0]) & (means[:, 2] <= means[0, 2])
        self.assertTrue(np.isnan(got[0, 4]))
        np.testing.assert_array_equal(got[1:, 4], bold[1:])
        np.testing.assert_array_equal(got[:, 5:], [[.77, .23, -.01, .21], [.82, .26, -.05, .32], [np.nan] * 4])

    def test_what_was_published_had_dropout_and_weight_similarity(self):
        x, labels = population(40, 10, 4, 0, 1)
        for factors, published in (({"dropout": 0.5, "topo": "ws"}, True), ({"dropout": 0.0, "topo": "ws"}, False),
                                   ({"dropout": 0.5, "topo": "as"}, False)):
            name = "-".join(str(value) for value in factors.values())
            got = Result("similarity-table", write_run(f"kind-{name}.h5", x, labels, rho=0.2, **factors)).study["table"]
            self.assertEqual(np.isfinite(got[0, 5:]).tolist(), [published] * 4, factors)

    def test_a_run_of_one_class_costs_no_other(self):
        x, labels = population(40, 10, 4, 0, 1)
        good = [write_run(f"classes-{rho}.h5", x, labels, rho=rho) for rho in (0.0, 0.2)]
        single = write_run("classes-single.h5", x, np.zeros(40, int), rho=0.2, seed=1)
        out = here.folder / "classes"
        done = workbench("run", "similarity-table", "--in", *good, single, "--out", out, "--quiet")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("needs similarity/across, which is missing for this run: there is only one class", done.stderr)
        summary = json.loads((out / "summary.json").read_text())
        self.assertEqual([failed["file"] for failed in summary["failed"]], [str(single)])
        self.assertEqual(len(summary["values"]["table"]["data"]), 2)
        self.assertEqual(workbench("run", "similarity-table", "--in", single, "--out", out).returncode, 4)


if __name__ == "__main__":
    support.main(__doc__)
