#!/usr/bin/python3
"""tsne as people run it, against scikit-learn and plain NumPy.

usage: test_tsne.py BUILD        as a test

SPDX-License-Identifier: GPL-3.0-or-later
"""
import unittest

import h5py
import numpy as np
from sklearn import manifold, metrics

import support
from support import Result, here, noise, refusal, write_run


def groups(stimuli, units, classes, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, stimuli)
    return np.float32(rng.standard_normal((stimuli, units)) + 4 * rng.standard_normal((classes, units))[labels]), labels


def distances(x):
    return metrics.pairwise_distances(np.float64(x), metric="sqeuclidean")


def probabilities(x, perplexity, neighbours):
    """p_ij over the nearest `neighbours` of each point, by bisection for each."""
    d, n = distances(x), len(x)
    p = np.zeros((n, n))
    for i in range(n):
        near = np.argsort(d[i] + np.where(np.arange(n) == i, np.inf, 0), kind="stable")[:neighbours]
        row, low, high = d[i, near] - d[i, near].min(), 1e-12, 1e12
        for _ in range(200):
            beta = np.sqrt(low * high)
            q = np.exp(-beta * row)
            q /= q.sum()
            entropy = -(q[q > 0] * np.log(q[q > 0])).sum()
            low, high = (beta, high) if entropy > np.log(perplexity) else (low, beta)
        p[i, near] = q
    return (p + p.T) / (2 * n)


def divergence(p, xy):
    q = 1 / (1 + distances(xy))
    np.fill_diagonal(q, 0)
    q /= q.sum()
    return (p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum()


class Tsne(unittest.TestCase):
    def check(self, got, x, labels, superclass, perplexity=30):
        """Whatever the map is, what is said of it must hold."""
        np.testing.assert_allclose(got["divergence"], divergence(probabilities(x, perplexity, int(3 * perplexity)),
                                                                 got["map"]), rtol=1e-5)
        for name, values in (("class", labels), ("superclass", superclass)):
            np.testing.assert_allclose(got[name], metrics.silhouette_score(np.float64(x), values), rtol=1e-6)
            np.testing.assert_allclose(got[name + "-map"], metrics.silhouette_score(np.float64(got["map"]), values),
                                       rtol=1e-6)

    def test_plain(self):
        """A map as good as scikit-learn's: divergence and trustworthiness, by either way of repulsion."""
        x, labels = groups(900, 40, 6, 1)
        path = write_run("tsne.h5", x, labels)
        with h5py.File(path, "a") as f:
            f["activations/test/labels"].attrs["classes"] = list("abcdef")
            f["activations/test/labels"].attrs["superclasses"] = ["even", "odd"] * 3
        peer = manifold.TSNE(perplexity=30, init="pca", learning_rate="auto", n_iter=1000, random_state=0)
        peer = peer.fit_transform(x)
        p = probabilities(x, 30, len(x) - 1)
        maps = {}
        for way in ("exact", "grid"):
            got = Result("tsne", path, "--repulsion", way).only()
            self.check(got, x, labels, labels % 2)
            maps[way] = got["map"]
            self.assertLess(divergence(p, got["map"]), divergence(p, peer) + 0.003)
            self.assertGreater(manifold.trustworthiness(x, got["map"], n_neighbors=12),
                               manifold.trustworthiness(x, peer, n_neighbors=12) - 0.005)
        self.assertFalse(np.array_equal(maps["exact"], maps["grid"]))

    def test_seed(self):
        """The same seed gives the same bits for any number of threads; another one another map."""
        path = write_run("seed.h5", noise(300, 20, 2))
        for way in ("exact", "grid"):
            options = ["--repulsion", way, "--iterations", 120, "--recompute"]
            first = Result("tsne", path, "--threads", 1, *options).only()
            again = Result("tsne", path, "--threads", 3, *options).only()
            other = Result("tsne", path, "--seed", 5, *options).only()
            np.testing.assert_array_equal(first["map"], again["map"])
            self.assertEqual(first["divergence"], again["divergence"])
            self.assertFalse(np.array_equal(first["map"], other["map"]))

    def test_stimuli(self):
        """So many as asked for, of all classes whether they alternate or come one after the other."""
        x = noise(4000, 8, 3)
        for name, labels in (("alternate.h5", np.arange(4000) % 10), ("sorted.h5", np.arange(4000) // 400)):
            path = write_run(name, x, labels)
            result = Result("tsne", path, "--stimuli", 500, "--iterations", 10)
            self.assertEqual(result.only()["map"].shape, (500, 2))
            with h5py.File(here.folder / "results/tsne/result.h5") as f:
                run, = f["runs"].values()
                count = np.bincount(run["map/classes"][()], minlength=10)
            self.assertGreater(count.min(), 25)
        self.assertEqual(Result("tsne", path, "--stimuli", 0, "--iterations", 5).only()["map"].shape, (4000, 2))

    def test_degenerate(self):
        """Duplicates, all points alike, one class, no labels, hardly enough points, one unit."""
        x, labels = groups(200, 10, 3, 4)
        x[100:] = x[:100]
        got = Result("tsne", write_run("twice.h5", x, labels)).only()
        self.assertTrue(np.isfinite(got["map"]).all())
        got = Result("tsne", write_run("alike.h5", np.full((120, 6), 0.3))).only()
        self.assertTrue(np.isfinite(got["map"]).all())
        got = Result("tsne", write_run("one-class.h5", x, np.zeros(200))).only()
        self.assertIn("one class", got["class"])
        self.assertIn("no superclasses", got["superclass"])
        with h5py.File(here.folder / "bare.h5", "w") as f:
            f["x"] = x
        got = Result("tsne", here.folder / "bare.h5", "--object", "activations=/x").only()
        self.assertIn("no labels", got["class-map"])
        got = Result("tsne", write_run("line.h5", noise(100, 1, 5)), "--perplexity", 5).only()
        self.assertTrue(np.isfinite(got["map"]).all())
        Result("tsne", write_run("just.h5", noise(91, 5, 6)))

    def test_refusals(self):
        path = write_run("few.h5", noise(90, 5, 7))
        refusal(self, 4, ["few.h5", "90 stimuli", "perplexity 30", "--perplexity 29"], "tsne", "--in", path)
        refusal(self, 4, ["few.h5", "20 stimuli"], "tsne", "--in", path, "--stimuli", 20)
        refusal(self, 2, ["perplexity"], "tsne", "--in", path, "--perplexity", 0.5)
        refusal(self, 4, ["two.h5", "2 stimuli", "at least 4"], "tsne", "--in", write_run("two.h5", noise(2, 3)))
        refusal(self, 4, ["big.h5", "20000 stimuli", "bytes", "--stimuli", "--memory"], "tsne", "--stimuli", 0,
                "--perplexity", 1000, "--memory", "2G", "--in", write_run("big.h5", np.zeros((20000, 1))))
        x = noise(200, 4, 8)
        x[77, 2] = np.nan
        refusal(self, 4, ["nan.h5", "[77, 2]"], "tsne", "--in", write_run("nan.h5", x))


if __name__ == "__main__":
    support.main(__doc__)
